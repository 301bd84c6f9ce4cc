//! Scoped functions whose own calls go on in the scope of the running one without looking for it: which those are, and what their bodies
//! begin with.
//!
//! ```text
//! |(i, j): &(usize, usize), inside: ::speedup::cache::InScope<'_, ..>| -> u32 {
//!     let given = [::speedup::cache::place_of(a), ::speedup::cache::place_of(b)];
//!     let lcs = identity(#[inline(always)] |a: &[u8], b: &[u8], i: usize, j: usize| -> u32 {
//!         ::speedup::cache::InScope::get(inside, given, [place_of(a), place_of(b)], (i, j), |(i, j)| lcs(a, b, i, j))
//!     });
//!     { .. }
//! }
//! ```
//!
//! The closure has the function's name. Where the body does something with that which a closure could not do, there is none, and each call
//! looks for its scope.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::visit::{self, Visit};
use syn::{FnArg, ReturnType, Safety, Signature, Type};

use super::borrowed;
use super::expand_context;
use super::form::{Context, Home};
use super::itself;
use super::model::Cached;
use super::steady;
use crate::place::Place;
use crate::signature;

/// Whether the calls of a body go on in its scope by themselves.
pub(super) fn goes_on(model: &Cached, context: &Context) -> bool {
    let is_plain = !model.sequential && !model.moves_err && !model.stays_here && !model.policies.any();
    matches!((&context.home, &context.key, &model.within, &model.place), (Home::Scope, None, None, Place::Free))
        && is_plain
        && !expand_context::lends(model, context)
        && can_be_closure(&model.function.sig)
        && itself::calls_itself(&model.function)
        && Mentions::of(model).are_calls
}

/// Whether a closure can have this signature, and be called as the function is.
fn can_be_closure(signature: &Signature) -> bool {
    let Signature { constness, asyncness, safety, abi, generics, variadic, inputs, output, .. } = signature;
    let is_plain = constness.is_none() && asyncness.is_none() && matches!(safety, Safety::Default) && abi.is_none();
    let types = inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => Some(argument.ty.as_ref()),
        FnArg::Receiver(_) => None,
    });
    let result = match output {
        ReturnType::Type(_, ty) => Some(ty.as_ref()),
        ReturnType::Default => None,
    };
    is_plain
        && generics.params.is_empty()
        && variadic.is_none()
        && types.chain(result).all(|ty| !names_no_type(ty))
        && !result.is_some_and(borrowed::borrows)
}

/// Whether there is an `impl` or a macro in a type.
fn names_no_type(ty: &Type) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
            self.0 = true;
        }
        fn visit_type_macro(&mut self, _: &'ast syn::TypeMacro) {
            self.0 = true;
        }
    }
    let mut search = Search(false);
    search.visit_type(ty);
    search.0
}

/// Where a body mentions the function.
struct Mentions<'a> {
    name: &'a Ident,
    /// Whether it is called wherever it is mentioned, by its bare name, and not by an item, which sees no variables.
    are_calls: bool,
}

impl Mentions<'_> {
    fn of(model: &Cached) -> Mentions<'_> {
        let mut mentions = Mentions { name: &model.function.sig.ident, are_calls: true };
        mentions.are_calls = mentions.are_calls_in(model.function.block.to_token_stream());
        mentions.visit_block(&model.function.block);
        mentions
    }

    fn are_calls_in(&self, tokens: TokenStream) -> bool {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_bare = |at: usize| {
            let before = at.checked_sub(1).map(|before| &tokens[before]);
            !matches!(before, Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '.' | ':' | '$'))
        };
        let is_called = |at: usize| {
            let behind = tokens.get(at + 1);
            matches!(behind, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
        };
        tokens.iter().enumerate().all(|(at, token)| match token {
            TokenTree::Ident(ident) if ident == self.name => is_bare(at) && is_called(at),
            TokenTree::Group(group) => self.are_calls_in(group.stream()),
            _ => true,
        })
    }
}

impl<'ast> Visit<'ast> for Mentions<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        self.are_calls &= !steady::mentions(item.to_token_stream(), &self.name.to_string());
        visit::visit_item(self, item);
    }
}

/// What a body begins with whose calls go on in its scope.
pub(super) fn own_calls(model: &Cached, context: &Context) -> TokenStream {
    let at = model.shown_at();
    let name = &model.function.sig.ident;
    let (given, inside) = (Ident::new("given", Span::mixed_site()), expand_context::inside());
    let names: Vec<Ident> = model.arguments.iter().map(expand_context::outer_name).collect();
    let parameters = model.arguments.iter().map(expand_context::in_wrapper);
    let (output, places) = (&model.function.sig.output, expand_context::places(model, context));
    let key = expand_context::key(model, context, false);
    let again = expand_context::keyed(model, context).map(|argument| {
        let name = expand_context::outer_name(argument);
        if argument.by_bits { quote!(::speedup::cache::Bits(#name)) } else { quote!(#name) }
    });
    let again = signature::tuple(at, again);
    quote_spanned! {at=>
        let #given = [#(#places),*];
        #[allow(unused_variables, non_snake_case, clippy::redundant_closure, clippy::shadow_unrelated, clippy::too_many_arguments)]
        let #name = ::core::convert::identity(#[inline(always)] |#(#parameters),*| #output {
            ::speedup::cache::InScope::get(#inside, #given, [#(#places),*], #key, |#again| #name(#(#names),*))
        });
    }
}
