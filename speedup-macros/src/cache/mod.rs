//! `#[cache]`: a function becomes a wrapper around its table, and the table a constant beside it.
//!
//! ```text
//! fn fibonacci(n: u64) -> u128 { .. }
//! ```
//!
//! becomes
//!
//! ```text
//! fn fibonacci(n: u64) -> u128 { ::speedup::Cache::get(FIBONACCI, (n,)) }      the wrapper
//! const FIBONACCI: &::speedup::Cache<(u64,), u128> = { .. };                   the handle
//! fn __fibonacci_uncached(n: u64) -> u128 { .. }                               the user's body, its calls foretold
//! ```
//!
//! An `async fn` becomes the same with an `AsyncCache` (`expand_async`), and its awaited calls are awaited together (`awaits`).

mod awaits;
mod borrowed;
mod checked;
mod closures;
#[cfg(test)]
mod combinations;
mod conflicts;
mod endless;
mod expand;
mod expand_async;
mod expand_async_context;
mod expand_context;
mod expand_spans;
mod expand_store;
mod expand_tables;
mod expand_types;
mod forecast;
mod form;
mod itself;
mod keep;
mod model;
mod moved;
mod others;
mod own_calls;
mod policies;
mod refused;
#[cfg(test)]
mod snapshots;
mod steady;
mod stored;
mod validate;
mod within_calls;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

use crate::errors::Errors;
use crate::expansion::{self, Field};
use crate::place::Place;
use crate::root;

/// The whole of the attribute.
pub(crate) fn attribute(options: TokenStream, item: TokenStream) -> TokenStream {
    attribute_at(options, item, Place::of)
}

/// The attribute with the place looked up by `place`, so that tests can choose it.
fn attribute_at(options: TokenStream, item: TokenStream, place: impl FnOnce(&ItemFn) -> Place) -> TokenStream {
    let mut errors = Errors::default();
    let options = model::options(options, &item, &mut errors);
    let Some(function) = expansion::function(&item, model::ATTRIBUTE, &mut errors) else {
        return expansion::with_faults(errors, item);
    };
    let place = place(&function);
    // Options that contradict each other say nothing about the function.
    let is_refused = options.contradictory || !validate::check(&function, &place, &options, &mut errors);
    if is_refused || options.field.as_ref().is_some_and(Field::is_empty) {
        return refused::expand(errors, function, &place, &options);
    }
    let root = options.root.clone();
    let model = model::Cached::new(function, place, options, &mut errors);
    let (items, warning) = (expand::expand(&model), endless::warning(&model));
    root::rename(root.as_ref(), expansion::with_faults(errors, quote!(#items #warning)))
}
