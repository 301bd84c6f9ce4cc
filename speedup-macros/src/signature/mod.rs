//! What both macros read out of a function's signature: its arguments as parts of a key. `types` tells what a type's name
//! tells, `rules` reports what no attribute of this crate can be put on.

mod rules;
mod types;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{FnArg, Pat, PatType, Signature, Token, Type, parse_quote};

pub(crate) use self::rules::{Allowed, check};
pub(crate) use self::types::{
    borrow_in, borrowed, cannot_clone_error, holds_floats, is_harmless, is_of_integers, is_primitive, is_stretch,
    is_well_known, last_segment, mentions_rc, opaque_in, owned_form, tidy, ungroup,
};

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
    /// What of `::speedup::cache` the key holds it in, if it does.
    pub(crate) wrapper: Option<Wrapper>,
    /// What the expansion writes for the type that the key owns, where that is checked.
    pub(crate) checked: Option<TokenStream>,
}

/// How an argument is made from the key's own value of it, which is borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// It is a reference: lend the key's value.
    Lend,
    /// It is a number, `bool` or `char`, or a few of these: read it.
    Copy,
    /// Anything else: clone it.
    Clone,
}

/// What a key holds an argument in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapper {
    /// It is made of floats.
    Bits,
    /// It is a tuple or an array of integers.
    Coordinates,
}

impl Wrapper {
    /// Of an argument of this type.
    fn of(ty: &Type) -> Option<Wrapper> {
        if holds_floats(ty) { Some(Wrapper::Bits) } else { is_of_integers(ty).then_some(Wrapper::Coordinates) }
    }

    /// Around a type or a value.
    fn path(self, at: Span) -> TokenStream {
        match self {
            Wrapper::Bits => quote_spanned!(at=> ::speedup::cache::Bits),
            Wrapper::Coordinates => quote_spanned!(at=> ::speedup::cache::Coordinates),
        }
    }
}

impl Argument {
    /// Reads `declared`, the argument at `position`.
    pub(crate) fn new(position: usize, declared: &PatType) -> Argument {
        let (owned, pass) = match borrowed(&declared.ty) {
            Some(element) => (owned_form(element), Pass::Lend),
            None if is_primitive(&declared.ty) || is_of_integers(&declared.ty) => {
                (declared.ty.as_ref().clone(), Pass::Copy)
            }
            None => (declared.ty.as_ref().clone(), Pass::Clone),
        };
        let wrapper = Wrapper::of(&owned);
        Argument {
            declared: declared.clone(),
            name: plain_name(position, &declared.pat),
            owned,
            pass,
            wrapper,
            checked: None,
        }
    }

    /// The name as declared, or none of a pattern.
    pub(crate) fn declared_name(&self) -> String {
        match self.declared.pat.as_ref() {
            Pat::Ident(binding) => binding.ident.to_string(),
            _ => String::new(),
        }
    }

    /// What its own value is borrowed as; it has no type where that has none.
    pub(crate) fn lent_as(&self) -> TokenStream {
        let element = borrowed(&self.declared.ty).unwrap_or(&self.owned);
        match &self.checked {
            Some(owned) if !self.is_wrapped() && is_stretch(element) => quote!(<#owned as ::core::ops::Deref>::Target),
            Some(owned) if !self.is_wrapped() => owned.clone(),
            _ => element.to_token_stream(),
        }
    }

    /// Whether the key holds it in something else.
    pub(crate) fn is_wrapped(&self) -> bool {
        self.wrapper.is_some()
    }

    /// A value of it as the key holds it.
    pub(crate) fn wrap(&self, value: &TokenStream) -> TokenStream {
        match self.wrapper {
            Some(wrapper) => {
                let path = wrapper.path(Span::call_site());
                quote!(#path(#value))
            }
            None => value.clone(),
        }
    }

    /// Its type as a part of a key.
    pub(crate) fn key_part(&self, at: Span) -> TokenStream {
        self.checked.clone().unwrap_or_else(|| wrapped(at, self.wrapper, &self.owned))
    }

    /// The argument of the wrapper: the same type and position, under a plain name.
    pub(crate) fn in_wrapper(&self) -> FnArg {
        let PatType { ty, colon_token, .. } = &self.declared;
        let name = &self.name;
        parse_quote!(#name #colon_token #ty)
    }

    /// The expression that hands the key's value, bound to `name` by reference, to the user's body.
    pub(crate) fn passed(&self, name: &Ident) -> TokenStream {
        // Named by what has no type where it is no key, so that nothing more is asked of it.
        let checked = self.checked.as_ref().map(|checked| quote!(<#checked as ::core::clone::Clone>::clone(#name)));
        match (self.pass, checked) {
            (Pass::Lend, _) if self.is_wrapped() => quote!(&#name.0),
            (Pass::Copy, _) if self.is_wrapped() => quote!(#name.0),
            (Pass::Clone, Some(clone)) if self.is_wrapped() => quote!(#clone.0),
            (Pass::Clone, None) if self.is_wrapped() => quote!(::core::clone::Clone::clone(&#name.0)),
            (Pass::Lend, _) => quote!(#name),
            (Pass::Copy, _) => quote!(*#name),
            (Pass::Clone, Some(clone)) => clone,
            (Pass::Clone, None) => quote!(::core::clone::Clone::clone(#name)),
        }
    }
}

/// The arguments that have a type of their own, so all but `self`.
pub(crate) fn arguments(signature: &Signature) -> Vec<Argument> {
    let typed = signature.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(declared) => Some(declared),
        FnArg::Receiver(_) => None,
    });
    let mut arguments: Vec<Argument> =
        typed.enumerate().map(|(position, declared)| Argument::new(position, declared)).collect();
    // `fn f(n: u64, _n: u64)`, and `fn f(n: u64, $n: u64)` where a macro is given an `n`.
    for position in 0..arguments.len() {
        let taken = |other: &Argument| other.name == arguments[position].name;
        let (before, after) = (&arguments[..position], &arguments[position + 1..]);
        if before.iter().any(taken) || !declares(&arguments[position]) && after.iter().any(taken) {
            arguments[position].name = numbered(position);
        }
    }
    arguments
}

/// `self` as the body can name it, shown at a place: a macro may have been given it.
pub(crate) fn receiver(signature: &Signature, at: Span) -> Option<Token![self]> {
    signature.receiver().map(|receiver| Token![self](receiver.self_token.span.located_at(at)))
}

/// `(u64, String)`: the type of the arguments in their owned forms; each part keeps the span of the user's type.
pub(crate) fn owned_type(at: Span, arguments: &[Argument]) -> TokenStream {
    tuple(at, arguments.iter().map(|argument| argument.owned.to_token_stream()))
}

/// `(u64, ::speedup::cache::Bits<f64>)`: the same as the type of a cache's key.
pub(crate) fn key_type(at: Span, arguments: &[Argument]) -> TokenStream {
    tuple(at, arguments.iter().map(|argument| argument.key_part(at)))
}

/// A type as a part of a key: `::speedup::cache::Bits<f64>` for `f64`.
pub(crate) fn key_part(at: Span, ty: &Type) -> TokenStream {
    wrapped(at, holds_floats(ty).then_some(Wrapper::Bits), ty)
}

fn wrapped(at: Span, wrapper: Option<Wrapper>, ty: &Type) -> TokenStream {
    match wrapper {
        Some(wrapper) => {
            let path = wrapper.path(at);
            quote_spanned!(at=> #path<#ty>)
        }
        None => ty.to_token_stream(),
    }
}

/// A tuple expression, pattern or type, with its parentheses shown `at` a place; with one part it keeps its comma.
pub(crate) fn tuple(at: Span, parts: impl ExactSizeIterator<Item = TokenStream>) -> TokenStream {
    if parts.len() == 1 { quote_spanned!(at=> (#(#parts),*,)) } else { quote_spanned!(at=> (#(#parts),*)) }
}

/// Whether an argument's name is as declared.
fn declares(argument: &Argument) -> bool {
    matches!(argument.declared.pat.as_ref(), Pat::Ident(binding) if binding.ident == argument.name)
}

fn plain_name(position: usize, pattern: &Pat) -> Ident {
    match pattern {
        Pat::Ident(binding) => {
            let written = binding.ident.to_string();
            match written.trim_start_matches('_') {
                "" => numbered(position),
                // A leading underscore says "unused", which the wrapper's argument is not.
                short if short.len() < written.len() && !short.starts_with(char::is_lowercase) => numbered(position),
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
