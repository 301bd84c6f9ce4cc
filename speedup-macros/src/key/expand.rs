//! The code of the two traits.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{GenericParam, Generics, Member, Type, parse_quote};

use super::{Form, Model};

// Input:  enum Shape { None, Of(u8) }
// Output: impl EncodeKey for Shape { encode_key: the variant's place, then each of its fields }
//         impl Key for Shape { describe: the names of variants and the types; decode_key: the reverse }
pub(super) fn expand(model: &Model<'_>) -> TokenStream {
    let name = &model.input.ident;
    let generics = bounded(&model.input.generics);
    let (parameters, arguments, wheres) = generics.split_for_impl();
    let out = local("out");
    let encode = model.forms.iter().enumerate().map(|(place, form)| form.encode(place, &out));
    let describe = describe(model);
    let decode = decode(model);
    quote! {
        #[automatically_derived]
        impl #parameters ::speedup::disk::EncodeKey for #name #arguments #wheres {
            fn encode_key(&self, #out: &mut ::std::vec::Vec<u8>) {
                match self {
                    #(#encode)*
                }
            }
        }
        #[automatically_derived]
        impl #parameters ::speedup::disk::Key for #name #arguments #wheres {
            #describe
            #decode
        }
    }
}

/// A name that meets no name of the user.
fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Every type parameter is a key, too.
fn bounded(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for parameter in &mut generics.params {
        if let GenericParam::Type(parameter) = parameter {
            parameter.bounds.push(parse_quote!(::speedup::disk::Key));
        }
    }
    generics
}

/// A call on the type of a field. A type that is no key is reported there, with one complaint for all calls.
fn call(field: &Type, method: &str, argument: impl ToTokens) -> TokenStream {
    let method = format_ident!("{method}");
    quote_spanned!(field.span().resolved_at(Span::mixed_site())=> <#field as ::speedup::disk::Key>::#method(#argument))
}

impl Form<'_> {
    fn path(&self) -> TokenStream {
        self.variant.map_or_else(|| quote!(Self), |variant| quote!(Self::#variant))
    }

    fn members(&self) -> impl Iterator<Item = (Member, Ident, &Type)> {
        let fields = self.fields.iter().zip(self.fields.members()).enumerate();
        fields.map(|(index, (field, member))| (member, local(&format!("field_{index}")), &field.ty))
    }

    fn encode(&self, place: usize, out: &Ident) -> TokenStream {
        let path = self.path();
        let (members, names): (Vec<_>, Vec<_>) = self.members().map(|(member, name, _)| (member, name)).unzip();
        let parts = self.members().map(|(_, name, ty)| call(ty, "encode_part", quote!(#name, #out)));
        let place = place as u8;
        let place = self.variant.map(|_| quote!(#out.push(#place);));
        quote! {
            #path { #(#members: #names),* } => {
                #place
                #(#parts;)*
            }
        }
    }

    fn decode(&self, input: &Ident) -> TokenStream {
        let path = self.path();
        let fields = self.members().map(|(member, _, ty)| {
            let read = call(ty, "decode_key", input);
            quote!(#member: #read?)
        });
        quote!(::std::option::Option::Some(#path { #(#fields),* }))
    }
}

/// A struct is told apart by its types, as by `impl_key!`; an enum by the names of its variants, too.
fn describe(model: &Model<'_>) -> TokenStream {
    let out = local("out");
    let parts = model.forms.iter().map(|form| {
        let open = form.variant.map(|variant| format!("{variant}{{")).unwrap_or_else(|| "{".to_owned());
        let fields = form.members().map(|(_, _, ty)| call(ty, "describe", &out));
        quote! {
            #out.push_str(#open);
            #(#fields; #out.push(',');)*
            #out.push('}');
        }
    });
    quote! {
        fn describe(#out: &mut ::std::string::String) {
            #(#parts)*
        }
    }
}

fn decode(model: &Model<'_>) -> TokenStream {
    let input = local("input");
    let body = match &model.forms[..] {
        [form] if form.variant.is_none() => form.decode(&input),
        forms => {
            let places = (0..forms.len()).map(|place| place as u8);
            let values = forms.iter().map(|form| form.decode(&input));
            quote! {
                match <u8 as ::speedup::disk::Key>::decode_key(#input)? {
                    #(#places => #values,)*
                    #[allow(unreachable_patterns)]
                    _ => ::std::option::Option::None,
                }
            }
        }
    };
    quote! {
        fn decode_key(#input: &mut &[u8]) -> ::std::option::Option<Self> {
            #body
        }
    }
}
