//! What a type's name tells about it; aliases stay unknown.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit::Visit;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, GenericArgument, Lifetime, PathArguments, Signature, Type, TypeImplTrait, TypeReference, parse_quote};

/// Takes the types of a signature out of the invisible groups around what a `macro_rules!` was given.
pub(crate) fn ungroup(signature: &mut Signature) {
    struct Ungroup;
    impl VisitMut for Ungroup {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            while let Type::Group(group) = ty {
                *ty = (*group.elem).clone();
            }
            visit_mut::visit_type_mut(self, ty);
        }

        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            match &mut *reference.elem {
                // `&$t` with `dyn A + B` needs its group.
                Type::Group(group) if matches!(*group.elem, Type::TraitObject(_) | Type::ImplTrait(_)) => {
                    visit_mut::visit_type_mut(self, &mut group.elem);
                }
                other => self.visit_type_mut(other),
            }
        }
    }
    Ungroup.visit_signature_mut(signature);
}

/// What a reference argument points to. `&'static T` is an ordinary value.
pub(crate) fn borrowed(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Reference(reference) if !reference.lifetime.as_ref().is_some_and(is_static) => Some(&reference.elem),
        Type::Paren(inner) => borrowed(&inner.elem),
        Type::Group(inner) => borrowed(&inner.elem),
        _ => None,
    }
}

fn is_static(lifetime: &Lifetime) -> bool {
    lifetime.ident == "static"
}

/// The type that owns what `element` borrows.
pub(crate) fn owned_form(element: &Type) -> Type {
    match element {
        Type::Slice(slice) => {
            let element = &slice.elem;
            parse_quote!(::std::vec::Vec<#element>)
        }
        Type::Paren(inner) => owned_form(&inner.elem),
        Type::Group(inner) => owned_form(&inner.elem),
        Type::Path(path) if path.qself.is_none() => match last_segment(element).as_deref() {
            Some("str") => parse_quote!(::std::string::String),
            // Those of the standard library, or types of the user's own.
            Some("Path" | "OsStr" | "CStr") => parse_quote!(<#element as ::std::borrow::ToOwned>::Owned),
            _ => element.clone(),
        },
        _ => element.clone(),
    }
}

/// The last word of a type's path, so `Result` for `std::io::Result<u8>`.
pub(crate) fn last_segment(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) if path.qself.is_none() => Some(path.path.segments.last()?.ident.to_string()),
        Type::Paren(inner) => last_segment(&inner.elem),
        Type::Group(inner) => last_segment(&inner.elem),
        _ => None,
    }
}

/// Numbers, `bool`, `char`: what is `Copy` by its name alone.
pub(crate) fn is_primitive(ty: &Type) -> bool {
    const PRIMITIVES: [&str; 16] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64", "bool",
        "char",
    ];
    let Type::Path(path) = ty else { return false };
    path.qself.is_none() && path.path.get_ident().is_some_and(|name| PRIMITIVES.iter().any(|known| name == known))
}

/// Is this a `Result` whose error, by its name, is not `Clone`?
pub(crate) fn cannot_clone_error(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let words = |path: &syn::Path| -> Vec<String> {
        path.segments.iter().rev().take(2).map(|segment| segment.ident.to_string()).collect()
    };
    let named = |path: &syn::Path, last: &str, of: &[&str]| {
        let words = words(path);
        words.len() == 2 && words[0] == last && of.iter().any(|name| words[1] == *name)
    };
    const ALIASES: [&str; 4] = ["io", "anyhow", "eyre", "color_eyre"];
    let Some(last) = path.path.segments.last().filter(|last| path.qself.is_none() && last.ident == "Result") else {
        return false;
    };
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return false };
    match arguments.args.iter().nth(1) {
        None => named(&path.path, "Result", &ALIASES),
        Some(GenericArgument::Type(Type::Path(error))) => {
            let boxed = |last: &syn::PathSegment| {
                last.ident == "Box"
                    && matches!(&last.arguments, PathArguments::AngleBracketed(of)
                    if matches!(of.args.first(), Some(GenericArgument::Type(Type::TraitObject(_)))))
            };
            named(&error.path, "Error", &ALIASES)
                || named(&error.path, "Report", &["eyre", "color_eyre"])
                || error.path.segments.last().is_some_and(boxed)
        }
        Some(_) => false,
    }
}

/// Is there an `Rc` in it, by its name?
pub(crate) fn mentions_rc(ty: &Type) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
            self.0 |= segment.ident == "Rc";
            syn::visit::visit_path_segment(self, segment);
        }
    }
    let mut search = Search(false);
    search.visit_type(ty);
    search.0
}

/// `str`, or a slice.
pub(crate) fn is_stretch(ty: &Type) -> bool {
    match ty {
        Type::Slice(_) => true,
        Type::Paren(inner) => is_stretch(&inner.elem),
        Type::Group(inner) => is_stretch(&inner.elem),
        Type::Path(path) => path.path.is_ident("str"),
        _ => false,
    }
}

/// Is this certainly a type with `Debug` and an order: made of numbers and strings alone? Other names may be those of types of the user's.
pub(crate) fn is_well_known(ty: &Type) -> bool {
    match ty {
        Type::Tuple(tuple) => tuple.elems.iter().all(is_well_known),
        Type::Array(array) => is_well_known(&array.elem),
        Type::Slice(slice) => is_well_known(&slice.elem),
        Type::Paren(inner) => is_well_known(&inner.elem),
        Type::Group(inner) => is_well_known(&inner.elem),
        Type::Reference(reference) => is_well_known(&reference.elem),
        Type::Path(path) if path.qself.is_none() => match path.path.segments.last() {
            // What `owned_form` writes.
            Some(last) if path.path.leading_colon.is_some() => match &last.arguments {
                PathArguments::None => last.ident == "String",
                PathArguments::AngleBracketed(arguments) => {
                    let is_known =
                        |argument: &GenericArgument| matches!(argument, GenericArgument::Type(ty) if is_well_known(ty));
                    last.ident == "Vec" && arguments.args.iter().all(is_known)
                }
                PathArguments::Parenthesized(_) => false,
            },
            _ => is_primitive(ty) || path.path.is_ident("str"),
        },
        _ => false,
    }
}

/// Is it made of floating-point numbers, so that it is a key by their bits? Where their names stand in another type
/// (`OrderedFloat<f64>`) it knows better what it is.
pub(crate) fn holds_floats(ty: &Type) -> bool {
    match ty {
        Type::Tuple(tuple) => tuple.elems.iter().any(holds_floats),
        Type::Array(array) => holds_floats(&array.elem),
        Type::Slice(slice) => holds_floats(&slice.elem),
        Type::Paren(inner) => holds_floats(&inner.elem),
        Type::Group(inner) => holds_floats(&inner.elem),
        Type::Path(path) if path.qself.is_none() => match path.path.segments.last() {
            Some(last) => match &last.arguments {
                PathArguments::None => is_primitive(ty) && (last.ident == "f32" || last.ident == "f64"),
                PathArguments::AngleBracketed(arguments) => {
                    matches!(last.ident.to_string().as_str(), "Vec" | "Option" | "Box" | "Arc")
                        && arguments
                            .args
                            .iter()
                            .any(|argument| matches!(argument, GenericArgument::Type(ty) if holds_floats(ty)))
                }
                PathArguments::Parenthesized(_) => false,
            },
            None => false,
        },
        _ => false,
    }
}

/// Is it a tuple of two to four integers, `bool`s or `char`s, or an array of one to four? Each is then a coordinate of the key.
pub(crate) fn is_of_integers(ty: &Type) -> bool {
    let is_integer = |part: &Type| is_primitive(part) && !holds_floats(part);
    match ty {
        Type::Tuple(tuple) => (2..=4).contains(&tuple.elems.len()) && tuple.elems.iter().all(is_integer),
        Type::Array(array) => {
            let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(length), .. }) = &array.len else { return false };
            length.base10_parse().is_ok_and(|length: usize| (1..=4).contains(&length)) && is_integer(&array.elem)
        }
        Type::Paren(inner) => is_of_integers(&inner.elem),
        Type::Group(inner) => is_of_integers(&inner.elem),
        _ => false,
    }
}

/// Is it, by its name, what both an argument and a result can be? What is left is where a fault in the types of a function must be.
pub(crate) fn is_harmless(ty: &Type) -> bool {
    const HARMLESS: [&str; 14] = [
        "String", "Vec", "Option", "Result", "Box", "Arc", "VecDeque", "BTreeMap", "BTreeSet", "PathBuf", "OsString",
        "CString", "Duration", "Ordering",
    ];
    match ty {
        Type::Tuple(tuple) => tuple.elems.iter().all(is_harmless),
        Type::Array(array) => is_harmless(&array.elem),
        Type::Slice(slice) => is_harmless(&slice.elem),
        Type::Paren(inner) => is_harmless(&inner.elem),
        Type::Reference(reference) => is_harmless(&reference.elem),
        Type::Path(path) if path.qself.is_none() => match path.path.segments.last() {
            Some(last) => match &last.arguments {
                PathArguments::None => {
                    is_primitive(ty) || HARMLESS.iter().any(|name| last.ident == name) || last.ident == "str"
                }
                PathArguments::AngleBracketed(arguments) => {
                    let is_harmless =
                        |argument: &GenericArgument| matches!(argument, GenericArgument::Type(ty) if is_harmless(ty));
                    HARMLESS.iter().any(|name| last.ident == name) && arguments.args.iter().all(is_harmless)
                }
                PathArguments::Parenthesized(_) => false,
            },
            None => false,
        },
        Type::Path(_) => true,
        _ => false,
    }
}

/// An `impl Trait` anywhere in `ty`.
pub(crate) fn opaque_in(ty: &Type) -> Option<&TypeImplTrait> {
    struct Search<'ast>(Option<&'ast TypeImplTrait>);
    impl<'ast> Visit<'ast> for Search<'ast> {
        fn visit_type_impl_trait(&mut self, opaque: &'ast TypeImplTrait) {
            self.0.get_or_insert(opaque);
        }
    }
    let mut search = Search(None);
    search.visit_type(ty);
    search.0
}

/// Does `ty` borrow from somewhere, other than `'static`? Gives the place.
pub(crate) fn borrow_in(ty: &Type) -> Option<TokenStream> {
    borrow_by(ty, |lifetime| !is_static(lifetime))
}

/// The same where the lifetime has no name.
pub(crate) fn unnamed_borrow_in(ty: &Type) -> Option<TokenStream> {
    borrow_by(ty, |lifetime| lifetime.ident == "_")
}

fn borrow_by(ty: &Type, such: fn(&Lifetime) -> bool) -> Option<TokenStream> {
    struct Search(Option<TokenStream>, fn(&Lifetime) -> bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
            if reference.lifetime.as_ref().is_none_or(self.1) {
                self.0.get_or_insert_with(|| reference.to_token_stream());
            } else {
                syn::visit::visit_type_reference(self, reference);
            }
        }
        fn visit_generic_argument(&mut self, argument: &'ast GenericArgument) {
            if let GenericArgument::Lifetime(lifetime) = argument
                && (self.1)(lifetime)
            {
                self.0.get_or_insert_with(|| lifetime.to_token_stream());
            }
            syn::visit::visit_generic_argument(self, argument);
        }
        // What a function takes and gives is not held by the pointer to it.
        fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
        fn visit_parenthesized_generic_arguments(&mut self, _: &'ast syn::ParenthesizedGenericArguments) {}
        fn visit_expr(&mut self, _: &'ast Expr) {}
    }
    let mut search = Search(None, such);
    search.visit_type(ty);
    search.0
}

/// Tokens as a person would write them, for messages.
pub(crate) fn tidy(tokens: impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, close) in [
        (" :: ", "::"),
        (":: ", "::"),
        ("& ", "&"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        ("' ", "'"),
        (" ,", ","),
        ("[ ", "["),
        (" ]", "]"),
        ("( ", "("),
        (" )", ")"),
    ] {
        text = text.replace(spaced, close);
    }
    text.trim_start_matches("::").to_owned()
}
