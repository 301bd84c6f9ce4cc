//! What both macros read out of a function's signature: its arguments as parts of a key, and what no attribute of this
//! crate can be put on.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::visit::Visit;
use syn::{
    Expr, FnArg, GenericArgument, GenericParam, ItemFn, Lifetime, Pat, PatType, PathArguments, ReturnType, Safety,
    Signature, Type, TypeImplTrait, parse_quote,
};

use crate::errors::Errors;

/// An argument of the function, as a part of the key.
#[derive(Clone)]
pub(crate) struct Argument {
    /// As declared, for the function that holds the user's body.
    pub(crate) declared: PatType,
    /// Its name in the wrapper, where patterns and `mut` would be in the way.
    pub(crate) name: Ident,
    /// The type that the key owns: `String` for `&str`.
    pub(crate) owned: Type,
    /// How the user's body gets it from a borrowed key.
    pub(crate) pass: Pass,
}

/// How an argument is made from the key's own value of it, which is borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// It is a reference: lend the key's value.
    Lend,
    /// It is a number, `bool` or `char`: read it.
    Copy,
    /// Anything else: clone it.
    Clone,
}

impl Argument {
    /// Reads `declared`, the argument at `position`.
    pub(crate) fn new(position: usize, declared: &PatType) -> Argument {
        let (owned, pass) = match borrowed(&declared.ty) {
            Some(element) => (owned_form(element), Pass::Lend),
            None if is_primitive(&declared.ty) => (declared.ty.as_ref().clone(), Pass::Copy),
            None => (declared.ty.as_ref().clone(), Pass::Clone),
        };
        Argument { declared: declared.clone(), name: plain_name(position, &declared.pat), owned, pass }
    }

    /// The argument of the wrapper: the same type and position, under a plain name.
    pub(crate) fn in_wrapper(&self) -> FnArg {
        let PatType { ty, colon_token, .. } = &self.declared;
        let name = &self.name;
        parse_quote!(#name #colon_token #ty)
    }

    /// The expression that hands the key's value, bound to `name` by reference, to the user's body.
    pub(crate) fn passed(&self, name: &Ident) -> TokenStream {
        match self.pass {
            Pass::Lend => quote!(#name),
            Pass::Copy => quote!(*#name),
            Pass::Clone => quote!(::core::clone::Clone::clone(#name)),
        }
    }
}

/// The arguments that have a type of their own, so all but `self`.
pub(crate) fn arguments(signature: &Signature) -> Vec<Argument> {
    let typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(declared) => Some(declared),
        FnArg::Receiver(_) => None,
    });
    typed.enumerate().map(|(position, declared)| Argument::new(position, declared)).collect()
}

/// `(u64, String)`: the key's type; each part keeps the span of the user's type.
pub(crate) fn key_type(at: Span, arguments: &[Argument]) -> TokenStream {
    tuple(at, arguments.iter().map(|argument| argument.owned.to_token_stream()))
}

/// A tuple expression, pattern or type, with its parentheses shown `at` a place; with one part it keeps its comma.
pub(crate) fn tuple(at: Span, parts: impl ExactSizeIterator<Item = TokenStream>) -> TokenStream {
    if parts.len() == 1 { quote_spanned!(at=> (#(#parts),*,)) } else { quote_spanned!(at=> (#(#parts),*)) }
}

fn plain_name(position: usize, pattern: &Pat) -> Ident {
    match pattern {
        Pat::Ident(binding) => {
            let written = binding.ident.to_string();
            match written.trim_start_matches('_') {
                "" => numbered(position),
                // A leading underscore says "unused", which the wrapper's argument is not.
                short if short.len() < written.len() => syn::parse_str::<Ident>(short)
                    .map_or_else(|_| numbered(position), |ident| Ident::new(&ident.to_string(), binding.ident.span())),
                _ => binding.ident.clone(),
            }
        }
        Pat::Paren(inner) => plain_name(position, &inner.pat),
        _ => numbered(position),
    }
}

fn numbered(position: usize) -> Ident {
    format_ident!("argument_{position}", span = Span::mixed_site())
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
            Some("Path") => parse_quote!(::std::path::PathBuf),
            Some("OsStr") => parse_quote!(::std::ffi::OsString),
            Some("CStr") => parse_quote!(::std::ffi::CString),
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

/// Is this a type of the standard library whose name tells that it has `Debug` and an order?
pub(crate) fn is_well_known(ty: &Type) -> bool {
    match ty {
        Type::Tuple(tuple) => tuple.elems.iter().all(is_well_known),
        Type::Array(array) => is_well_known(&array.elem),
        Type::Slice(slice) => is_well_known(&slice.elem),
        Type::Paren(inner) => is_well_known(&inner.elem),
        Type::Group(inner) => is_well_known(&inner.elem),
        Type::Reference(reference) => is_well_known(&reference.elem),
        Type::Path(path) if path.qself.is_none() => {
            let Some(last) = path.path.segments.last() else { return false };
            let name = last.ident.to_string();
            match &last.arguments {
                PathArguments::None => {
                    is_primitive(ty) || matches!(name.as_str(), "String" | "str" | "PathBuf" | "OsString")
                }
                PathArguments::AngleBracketed(arguments) => {
                    matches!(name.as_str(), "Vec" | "Option" | "Box")
                        && arguments
                            .args
                            .iter()
                            .all(|argument| matches!(argument, GenericArgument::Type(ty) if is_well_known(ty)))
                }
                PathArguments::Parenthesized(_) => false,
            }
        }
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
    struct Search(Option<TokenStream>);
    impl<'ast> Visit<'ast> for Search {
        fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
            if reference.lifetime.as_ref().is_some_and(is_static) {
                syn::visit::visit_type_reference(self, reference);
            } else {
                self.0.get_or_insert_with(|| reference.to_token_stream());
            }
        }
        fn visit_generic_argument(&mut self, argument: &'ast GenericArgument) {
            if let GenericArgument::Lifetime(lifetime) = argument
                && !is_static(lifetime)
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
    let mut search = Search(None);
    search.visit_type(ty);
    search.0
}

/// A key is a tuple, and tuples have what a key needs up to this length.
const MOST_ARGUMENTS: usize = 12;

/// Reports what neither attribute can be put on. `attribute` is its name as written, such as `#[cache]`.
pub(crate) fn check(function: &ItemFn, attribute: &str, errors: &mut Errors) {
    let signature = &function.sig;
    qualifiers(function, attribute, errors);
    generics(signature, attribute, errors);
    for input in &signature.inputs {
        match input {
            FnArg::Receiver(receiver) => errors.at(receiver, receiver_message(attribute)),
            FnArg::Typed(declared) => argument(declared, errors),
        }
    }
    number_of_arguments(signature, errors);
    self_in_signature(signature, errors);
}

fn number_of_arguments(signature: &Signature, errors: &mut Errors) {
    if let Some(extra) = signature.inputs.iter().nth(MOST_ARGUMENTS) {
        errors.at(
            extra,
            format!("a key has at most {MOST_ARGUMENTS} arguments: put some of them into a struct that derives `Hash` and `Eq`"),
        );
    }
}

fn receiver_message(attribute: &str) -> String {
    format!(
        "{attribute} cannot take `self`, its value is no part of the key: write a function without `self` that takes \
         what it needs, such as `fn area(width: u32) -> u64`, and call it as `Self::area(self.width)`"
    )
}

fn qualifiers(function: &ItemFn, attribute: &str, errors: &mut Errors) {
    let signature = &function.sig;
    if let Some(default) = &function.modifiers.defaultness {
        errors.at(default, format!("{attribute} does not work on a `default fn`: put it on a plain `fn`"));
    }
    if let Some(constness) = &signature.constness {
        errors.at(
            constness,
            format!("{attribute} does not work on a `const fn`, it runs code at run time: remove `const`"),
        );
    }
    if let Some(asyncness) = &signature.asyncness {
        errors.at(
            asyncness,
            format!(
                "{attribute} does not support `async fn` yet: put it on a plain `fn` and call that from async code"
            ),
        );
    }
    match &signature.safety {
        Safety::Unsafe(token) => errors.at(
            token,
            format!("{attribute} calls the function by itself and cannot keep an unsafe contract: remove `unsafe`"),
        ),
        Safety::Safe(token) => errors.at(token, format!("{attribute} goes on a plain `fn`: remove `safe`")),
        Safety::Default => {}
    }
    if let Some(abi) = &signature.abi {
        errors.at(
            abi,
            format!(
                "{attribute} goes on a Rust function: remove `extern`, and call this one from an `extern` function"
            ),
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(variadic, format!("{attribute} needs a fixed list of arguments: remove `...`"));
    }
}

fn generics(signature: &Signature, attribute: &str, errors: &mut Errors) {
    for parameter in &signature.generics.params {
        match parameter {
            GenericParam::Type(parameter) => errors.at(
                parameter,
                format!(
                    "{attribute} needs one type for each argument and the result: write a concrete type for `{}`, \
                     and one function for each type that is needed",
                    parameter.ident
                ),
            ),
            GenericParam::Const(parameter) => {
                errors.at(parameter, format!("{attribute} needs one function: make `{}` an argument", parameter.ident))
            }
            GenericParam::Lifetime(_) => {}
        }
    }
}

fn argument(declared: &PatType, errors: &mut Errors) {
    if let Some(conditional) = declared.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
        errors.at(conditional, "an argument that is there only sometimes changes the key: write two functions instead");
    }
    let ty = declared.ty.as_ref();
    if let Some(opaque) = opaque_in(ty) {
        errors.at(opaque, "the key needs a type with a name: write a concrete type instead of `impl Trait`");
        return;
    }
    match ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            let element = &reference.elem;
            let element = tidy(element);
            errors.at(
                ty,
                format!(
                    "a `&mut` argument can change and so is no key: take `{element}` by value and return what changes"
                ),
            );
        }
        Type::Slice(_) => errors.at(ty, "a slice argument needs a reference: write `&[T]`"),
        Type::Infer(_) => errors.at(ty, "write the type of the argument"),
        _ => {
            let element = borrowed(ty).unwrap_or(ty);
            if let Some(inner) = borrow_in(element) {
                errors.at(
                    &inner,
                    format!(
                        "the key owns its values, and cannot own `{}` inside of another type: write a type that owns \
                         it, such as `String` for `&str`",
                        tidy(&inner)
                    ),
                );
            } else if let Type::TraitObject(object) = element {
                errors.at(object, "a trait object cannot be part of a key: write a concrete type");
            }
        }
    }
}

/// `Self` cannot be named by the static that holds the state.
fn self_in_signature(signature: &Signature, errors: &mut Errors) {
    struct Search<'e>(&'e mut Errors);
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            if let Some(first) = path.segments.first().filter(|segment| segment.ident == "Self") {
                self.0.at(&first.ident, "write the type's name instead of `Self` in the arguments and the result");
            }
            syn::visit::visit_path(self, path);
        }
    }
    let mut search = Search(errors);
    for input in &signature.inputs {
        if let FnArg::Typed(declared) = input {
            search.visit_type(&declared.ty);
        }
    }
    if let ReturnType::Type(_, ty) = &signature.output {
        search.visit_type(ty);
    }
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
