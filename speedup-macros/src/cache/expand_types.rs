//! The code of a generic function: one cache for each set of types.
//!
//! ```text
//! fn count<T: Hash + Eq + ..>(items: Vec<T>) -> usize { ::speedup::Cache::get(COUNT::<T>(), (items,)) }
//! fn COUNT<T: Hash + Eq + ..>() -> &'static ::speedup::Cache<(Vec<T>,), usize> where Vec<T>: Argument { ::speedup::cache::of_types(..) }
//! fn __count_uncached<T: Hash + Eq + ..>(items: Vec<T>) -> usize { .. }
//! ```

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;

use super::expand::{self, cache_type, call, function_of, rules, show_if_it_can};
use super::form::Form;
use super::model::Cached;
use super::{checked, expand_store};
use crate::expansion;
use crate::place::Place;
use crate::signature;

/// `COUNT::<T>()`
pub(super) fn cache(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let handle = expansion::with_types(&model.place, &model.function.sig, &model.handle);
    let handle = at_one_place(handle, at);
    quote_spanned!(at=> #handle())
}

/// A path with type parameters, whose spans are one: names of types are known whatever their spans say, and of one span the compiler reports once.
fn at_one_place(path: TokenStream, at: Span) -> TokenStream {
    let token = |mut token: TokenTree| {
        token.set_span(at);
        token
    };
    path.into_iter().map(token).collect()
}

/// The handle of a function of its own body.
pub(super) fn handle_of_body(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let key = signature::key_type(at, &model.arguments);
    let title = model.function.sig.ident.unraw().to_string();
    let names: Vec<_> = model.arguments.iter().map(|argument| expansion::in_closure(&argument.name)).collect();
    let pattern = signature::tuple(at, names.iter().map(ToTokens::to_token_stream));
    let passed = model.arguments.iter().zip(&names).map(|(argument, name)| argument.passed(name));
    let inner = expansion::with_types(&model.place, &model.function.sig, &model.inner);
    let call = call(model, &inner, passed);
    let sequential = model.sequential.then(|| quote!(.sequential()));
    let uses_rayon = model.uses_rayon.then(|| quote!(.uses_rayon()));
    let computing = expand_store::computing(model, &key, &pattern, &call);
    let behind = expand_store::behind(model, &key);
    let show = show_if_it_can();
    let function = function_of(model, &title, &computing);
    let function = quote_spanned! {at=>
        #function #show #sequential #uses_rayon #behind
    };
    handle(model, &key, &of_types(model, &key, &function))
}

/// `::speedup::cache::of_types(count::<T>, || function)`, with rules where there are policies.
pub(super) fn of_types(model: &Cached, key: &TokenStream, function: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    let marker = expansion::with_types(&model.place, &model.function.sig, &model.function.sig.ident);
    let is_async = model.function.sig.asyncness.is_some();
    let name = match (is_async, model.policies.any()) {
        (false, false) => "of_types",
        (false, true) => "of_types_with_policies",
        (true, false) => "of_async_types",
        (true, true) => "of_async_types_with_policies",
    };
    let name = Ident::new(name, at);
    let rules = rules(model, key).map(|rules| quote_spanned!(at=> || #rules,));
    let marker = at_one_place(marker, at);
    quote_spanned!(at=> ::speedup::cache::#name(#marker, #rules || #function))
}

/// The function's own bounds, and what its types need to be kept: what they lack is then told of the function alone, and not of the handle.
fn bounds(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let own = model.function.sig.generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let own = own.map(ToTokens::to_token_stream);
    let keyed = model
        .arguments
        .iter()
        .zip(model.keyed())
        .filter(|(argument, keyed)| *keyed && checked::is_open(&argument.owned));
    let keyed = keyed.map(|(argument, _)| {
        let part = argument.key_part(at);
        quote_spanned!(at=> #part: ::speedup::cache::Argument)
    });
    let result = &model.result;
    let result = checked::is_open(result).then(|| quote_spanned!(at=> #result: ::speedup::cache::Output));
    let all: Vec<TokenStream> = own.chain(lasting(model)).chain(keyed).chain(result).collect();
    if all.is_empty() { TokenStream::new() } else { quote!(where #(#all),*) }
}

/// `Self: 'static, T: 'static`: the table of a function outlives what is no part of its key, which says so nowhere else.
fn lasting(model: &Cached) -> impl Iterator<Item = TokenStream> {
    let at = model.shown_at();
    let has_context = matches!(model.form, Form::Context(_));
    let own = matches!(model.place, Place::Inherent { generic: true, .. }).then(|| quote!(Self));
    let parameters = model.function.sig.generics.type_params().map(|parameter| parameter.ident.to_token_stream());
    let types = own.into_iter().chain(parameters).filter(move |_| has_context);
    types.map(move |ty| quote_spanned!(at=> #ty: 'static))
}

/// `fn COUNT<T: ..>() -> &'static ::speedup::Cache<K, R> where Vec<T>: Argument { cache }`, of the type of its form
pub(super) fn handle(model: &Cached, key: &TokenStream, cache: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.handle;
    let docs = expand::docs(model);
    let visibility = &model.function.vis;
    let name = &model.handle;
    let result = &model.result;
    let generics = &model.function.sig.generics;
    let bounds = bounds(model);
    let cache_type = cache_type(model);
    // A type of the function may have bounds of its own where it is declared.
    let twice = (!bounds.is_empty()).then(|| quote_spanned!(at=> , clippy::multiple_bound_locations));
    quote_spanned! {at=>
        #(#attributes)*
        #[doc = #docs]
        #[allow(non_snake_case, dead_code, trivial_bounds #twice)]
        #[inline]
        #visibility fn #name #generics () -> &'static #cache_type<#key, #result> #bounds {
            #cache
        }
    }
}
