//! What is added to a function whose results outlive the process: the engine asks the store within the call that has claimed a key.
//!
//! ```text
//! const F: &::speedup::Cache<(u64,), u64> = {
//!     static __F_STORE: ::speedup::store::Dock<(u64,), u64> = ::speedup::store::Dock::new();
//!     &::speedup::Cache::of(
//!         &__F_STATE,
//!         ::speedup::cache::Function::new("f", |key: &(u64,)| ::speedup::Cache::stored(F, key, || { let (n,) = key; __f_uncached(*n) }))
//!             .behind(&__F_STORE, || ::speedup::store::opened::<(u64,), u64, _>(..), |key| ::speedup::Cache::forget(F, key)),
//!     )
//! };
//! ```

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;

use super::expand::cache_type;
use super::expand_types;
use super::form::Form;
use super::keep::Keep;
use super::model::Cached;
use super::stored::Store;
use crate::expansion;
use crate::place::Place;
use crate::signature;

fn dock_name(model: &Cached) -> Ident {
    format_ident!("__{}_STORE", model.handle.unraw(), span = model.shown_at())
}

/// The handle as the expansion's own closures name it.
fn handle(model: &Cached) -> TokenStream {
    match model.form {
        Form::Generic => expand_types::cache(model),
        _ => model.place.lasting_sibling(&model.handle),
    }
}

/// `static __F_STORE: ::speedup::store::Dock<(u64,), u64> = ::speedup::store::Dock::new();`
pub(super) fn dock(model: &Cached, key: &TokenStream) -> Option<TokenStream> {
    if !model.stored.is_on() || matches!(model.form, Form::Generic) {
        return None;
    }
    let (at, result, name) = (model.shown_at(), &model.result, dock_name(model));
    let (key, result) = held(model, key, result);
    Some(quote_spanned!(at=> static #name: ::speedup::store::Dock<#key, #result> = ::speedup::store::Dock::new();))
}

/// What the engine holds under what: with policies, values with what those know of them.
pub(super) fn held(model: &Cached, key: &TokenStream, result: &Type) -> (TokenStream, TokenStream) {
    if model.policies.any() {
        (quote!(::speedup::cache::Hashed<#key>), quote!(::speedup::cache::Stored<#result>))
    } else {
        (key.clone(), quote!(#result))
    }
}

/// `.behind(&__F_STORE, || .., |key| ..)`
pub(super) fn behind(model: &Cached, key: &TokenStream) -> Option<TokenStream> {
    let at = model.shown_at();
    let result = &model.result;
    let written = model.checked_result.as_ref().unwrap_or(result);
    let is_kept_in_part = matches!(signature::last_segment(written).as_deref(), Some("Result" | "Option"));
    let kept = model.moves_err || model.keep == Keep::ByType && is_kept_in_part;
    let open = match (kept, model.policies.any()) {
        (false, false) => "opened",
        (true, false) => "opened_kept",
        (false, true) => "opened_aged",
        (true, true) => "opened_aged_kept",
    };
    let open = Ident::new(open, at);
    let made = match model.stored.place.as_ref()? {
        Store::Made(made) => quote!(#made),
        Store::Disk(location) => {
            let value =
                if kept { quote_spanned!(at=> <#result as ::speedup::store::Kept>::Value) } else { quote!(#result) };
            let location = match location {
                Some(location) => {
                    quote_spanned!(at=> ::core::option::Option::Some(::core::convert::From::from(#location)))
                }
                None => quote_spanned!(at=> ::core::option::Option::None),
            };
            let version = model.stored.version_of(&model.fingerprint);
            let in_impl = !matches!(model.place, Place::Free);
            let function = match model.form {
                Form::Generic => expansion::with_types(&model.place, &model.function.sig, &model.function.sig.ident),
                _ => model.place.lasting_sibling(&model.function.sig.ident),
            };
            quote_spanned! {at=>
                ::speedup::store::on_disk::<#key, #value>(
                    ::speedup::store::Origin {
                        package: ::core::option_env!("CARGO_PKG_NAME").unwrap_or_default(),
                        module: ::core::module_path!(),
                        in_impl: #in_impl,
                        version: #version,
                    },
                    &#function,
                    #location,
                )
            }
        }
    };
    let dock = match model.form {
        Form::Generic => quote_spanned!(at=> ::speedup::store::Dock::leaked()),
        _ => {
            let name = dock_name(model);
            quote_spanned!(at=> &#name)
        }
    };
    let handle = handle(model);
    let cache = cache_type(model);
    let name = key_name(at);
    Some(quote_spanned! {at=>
        .behind(
            #dock,
            || ::speedup::store::#open::<#key, #result, _>(#made),
            |#name| #cache::forget(#handle, #name),
        )
    })
}

/// The name of the key in the closures of the expansion.
pub(super) fn key_name(at: Span) -> Ident {
    Ident::new("key", Span::mixed_site().located_at(at))
}

/// The closure that computes the value of a key: `|(n,): &(u64,)| __f_uncached(*n)`, or one that asks the store before.
pub(super) fn computing(model: &Cached, key: &TokenStream, pattern: &TokenStream, body: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    let given = key_name(at);
    let asked = model.stored.is_on().then(|| asked(model, &quote!(let #pattern = #given; #body)));
    match (asked, model.policies.any()) {
        (None, false) => quote_spanned!(at=> |#pattern: &#key| #body),
        (None, true) => quote_spanned! {at=>
            |::speedup::cache::Hashed(#pattern): &::speedup::cache::Hashed<#key>| ::speedup::cache::Stored::of(#body)
        },
        (Some(asked), false) => quote_spanned!(at=> |#given: &#key| #asked),
        (Some(asked), true) => {
            quote_spanned!(at=> |::speedup::cache::Hashed(#given): &::speedup::cache::Hashed<#key>| #asked)
        }
    }
}

/// `::speedup::Cache::stored`, and the handle. An error that cannot tell of a store's fault is shown at the option that wants it told.
fn stored(model: &Cached) -> (TokenStream, TokenStream) {
    let (cache, handle, at) = (cache_type(model), handle(model), model.shown_at());
    let Some(fails) = &model.stored.fails else { return (quote_spanned!(at=> #cache::stored), handle) };
    let at = expansion::generated_at(fails.span());
    let shown = |mut token: TokenTree| {
        token.set_span(token.span().located_at(at));
        token
    };
    (
        quote_spanned!(at=> #cache::stored_or_fail).into_iter().map(shown).collect(),
        handle.into_iter().map(shown).collect(),
    )
}

/// `::speedup::Cache::stored(F, key, || { body })`
pub(super) fn asked(model: &Cached, body: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    let (function, handle) = stored(model);
    let (given, result) = (key_name(at), &model.result);
    quote_spanned!(at=> #function(#handle, #given, || -> #result { #body }))
}

/// What a function of a key takes, and the future that it returns: `(n,): (u64,)` and `boxed(async move { body })`; with a store that of
/// `::speedup::AsyncCache::stored(F, key, |(n,): (u64,)| async move { body })`.
pub(super) fn awaited(
    model: &Cached,
    key: &TokenStream,
    pattern: &TokenStream,
    body: &TokenStream,
) -> (TokenStream, TokenStream) {
    let at = model.shown_at();
    let (held, _) = held(model, key, &model.result);
    if model.stored.is_on() {
        let (function, handle) = stored(model);
        let given = key_name(at);
        // What is no part of the key is the future's own.
        let moves = matches!(model.form, Form::Context(_)).then(|| quote!(move));
        let asked = quote_spanned!(at=> #function(#handle, #given, #moves |#pattern: #key| async move { #body }));
        return (quote_spanned!(at=> #given: #held), quote_spanned!(at=> ::speedup::cache::boxed(#asked)));
    }
    let (taken, body) = if model.policies.any() {
        (quote!(::speedup::cache::Hashed(#pattern)), quote_spanned!(at=> ::speedup::cache::Stored::of(#body)))
    } else {
        (pattern.clone(), body.clone())
    };
    (quote_spanned!(at=> #taken: #held), quote_spanned!(at=> ::speedup::cache::boxed(async move { #body })))
}
