//! `#[derive(Key)]`: the fields one after the other, for an enum after the place of the variant.

mod expand;
mod validate;

use proc_macro2::TokenStream;
use syn::parse::ParseStream;
use syn::{Data, DeriveInput, Expr, Fields, Path, Token};

use crate::errors::Errors;
use crate::root;

/// What a value of the type can look like.
struct Form<'a> {
    /// Absent in a struct.
    variant: Option<&'a syn::Ident>,
    fields: &'a Fields,
}

/// A type that becomes a key: one form for a struct, one a variant for an enum.
struct Model<'a> {
    input: &'a DeriveInput,
    forms: Vec<Form<'a>>,
}

impl<'a> Model<'a> {
    fn of(input: &'a DeriveInput) -> Self {
        let forms = match &input.data {
            Data::Struct(data) => vec![Form { variant: None, fields: &data.fields }],
            Data::Enum(data) => {
                let form = |variant: &'a syn::Variant| Form { variant: Some(&variant.ident), fields: &variant.fields };
                data.variants.iter().map(form).collect()
            }
            // Refused by `validate`.
            Data::Union(_) => Vec::new(),
        };
        Model { input, forms }
    }
}

pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(fault) => return fault.to_compile_error(),
    };
    let mut errors = Errors::default();
    validate::check(&input, &mut errors);
    let root = root(&input, &mut errors);
    let faulty = errors.count() > 0;
    let faults = errors.into_tokens();
    if faulty { faults } else { root::rename(root.as_ref(), expand::expand(&Model::of(&input))) }
}

/// Reads `#[key(crate = my::speedup)]`.
fn root(input: &DeriveInput, errors: &mut Errors) -> Option<Path> {
    let attribute = input.attrs.iter().find(|attribute| attribute.path().is_ident("key"))?;
    let option = attribute.parse_args_with(|input: ParseStream<'_>| {
        input.parse::<Token![crate]>()?;
        input.parse::<Token![=]>()?;
        input.parse::<Expr>()
    });
    match option {
        Ok(path) => root::option(&path, errors),
        Err(_) => {
            errors
                .at(attribute, "the only option of a key says where the crate is: write `#[key(crate = my::speedup)]`");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    fn check(input: &str, expected: &Expect) {
        let output = super::derive(input.parse().unwrap());
        expected.assert_eq(&prettyplease::unparse(&syn::parse2(output).unwrap()));
    }

    #[test]
    fn a_struct_is_its_fields() {
        check(
            "struct Place { country: String, number: u32 }",
            &expect![[r##"
                #[automatically_derived]
                impl ::speedup::disk::EncodeKey for Place {
                    fn encode_key(&self, out: &mut ::std::vec::Vec<u8>) {
                        match self {
                            Self { country: field_0, number: field_1 } => {
                                <String as ::speedup::disk::Key>::encode_part(field_0, out);
                                <u32 as ::speedup::disk::Key>::encode_part(field_1, out);
                            }
                        }
                    }
                }
                #[automatically_derived]
                impl ::speedup::disk::Key for Place {
                    fn describe(out: &mut ::std::string::String) {
                        out.push_str("{");
                        <String as ::speedup::disk::Key>::describe(out);
                        out.push(',');
                        <u32 as ::speedup::disk::Key>::describe(out);
                        out.push(',');
                        out.push('}');
                    }
                    fn decode_key(input: &mut &[u8]) -> ::std::option::Option<Self> {
                        ::std::option::Option::Some(Self {
                            country: <String as ::speedup::disk::Key>::decode_key(input)?,
                            number: <u32 as ::speedup::disk::Key>::decode_key(input)?,
                        })
                    }
                }
            "##]],
        );
    }

    #[test]
    fn an_enum_is_its_place_and_its_fields() {
        check(
            "enum Shape<T> where T: Copy { None, Of(T, u8), At { x: i32 } }",
            &expect![[r##"
                #[automatically_derived]
                impl<T: ::speedup::disk::Key> ::speedup::disk::EncodeKey for Shape<T>
                where
                    T: Copy,
                {
                    fn encode_key(&self, out: &mut ::std::vec::Vec<u8>) {
                        match self {
                            Self::None {} => {
                                out.push(0u8);
                            }
                            Self::Of { 0: field_0, 1: field_1 } => {
                                out.push(1u8);
                                <T as ::speedup::disk::Key>::encode_part(field_0, out);
                                <u8 as ::speedup::disk::Key>::encode_part(field_1, out);
                            }
                            Self::At { x: field_0 } => {
                                out.push(2u8);
                                <i32 as ::speedup::disk::Key>::encode_part(field_0, out);
                            }
                        }
                    }
                }
                #[automatically_derived]
                impl<T: ::speedup::disk::Key> ::speedup::disk::Key for Shape<T>
                where
                    T: Copy,
                {
                    fn describe(out: &mut ::std::string::String) {
                        out.push_str("None{");
                        out.push('}');
                        out.push_str("Of{");
                        <T as ::speedup::disk::Key>::describe(out);
                        out.push(',');
                        <u8 as ::speedup::disk::Key>::describe(out);
                        out.push(',');
                        out.push('}');
                        out.push_str("At{");
                        <i32 as ::speedup::disk::Key>::describe(out);
                        out.push(',');
                        out.push('}');
                    }
                    fn decode_key(input: &mut &[u8]) -> ::std::option::Option<Self> {
                        match <u8 as ::speedup::disk::Key>::decode_key(input)? {
                            0u8 => ::std::option::Option::Some(Self::None {}),
                            1u8 => {
                                ::std::option::Option::Some(Self::Of {
                                    0: <T as ::speedup::disk::Key>::decode_key(input)?,
                                    1: <u8 as ::speedup::disk::Key>::decode_key(input)?,
                                })
                            }
                            2u8 => {
                                ::std::option::Option::Some(Self::At {
                                    x: <i32 as ::speedup::disk::Key>::decode_key(input)?,
                                })
                            }
                            #[allow(unreachable_patterns)]
                            _ => ::std::option::Option::None,
                        }
                    }
                }
            "##]],
        );
    }
}
