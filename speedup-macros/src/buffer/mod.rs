//! `#[buffer]`: a generator becomes a wrapper around its buffer, and the buffer a constant beside it.
//!
//! ```text
//! fn count() -> impl Iterator<Item = u64> { 0.. }
//! ```
//!
//! becomes
//!
//! ```text
//! fn count() -> impl Iterator<Item = u64> { ::speedup::Buffer::values(COUNT) }     the wrapper
//! const COUNT: &::speedup::Buffer<u64> = { .. };                                  the handle
//! fn __count_generator() -> impl Iterator<Item = u64> { 0.. }                      the user's body
//! ```
//!
//! A body with `yield_!` is made into a generator by `yields`.

mod expand;
mod model;
mod prompt;
#[cfg(test)]
mod snapshots;
mod validate;
mod yields;

use proc_macro2::TokenStream;
use quote::quote;
use syn::ItemFn;

use crate::clashes;
use crate::errors::Errors;
use crate::expansion;
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
    let form = model::Form::of(&function);
    let faults = errors.count();
    validate::check(&function, &place, &form, &options, &mut errors);
    let block = match &form {
        model::Form::Yields { item } => yields::rewrite(&function.block, item, &mut errors),
        model::Form::Iterator { .. } | model::Form::Unclear => function.block.as_ref().clone(),
    };
    if errors.count() > faults {
        return refused(errors, &function, &place, &form, &options);
    }
    let root = options.root.clone();
    let model = model::Buffered::new(function, place, form, block, options, &mut errors);
    root::rename(root.as_ref(), expansion::with_faults(errors, expand::expand(&model)))
}

/// What is left of a function that is refused: neither who calls it, nor who uses its handle, adds an error.
fn refused(
    errors: Errors,
    function: &ItemFn,
    place: &Place,
    form: &model::Form,
    options: &model::Options,
) -> TokenStream {
    let handle = options.name.clone().unwrap_or_else(|| expansion::handle_name(&function.sig.ident));
    let mut faults = errors.into_tokens();
    if matches!(place, Place::Free | Place::Inherent { .. }) && !clashes::is_taken(&handle, function, place) {
        faults = expansion::refused_handle(&handle, function, false, &faults);
    }
    let function = expand::without_buffer(function, form);
    quote!(#faults #function)
}

/// `yield_!` where no `#[buffer]` function gives it a meaning.
pub(crate) fn yield_outside(_value: TokenStream) -> TokenStream {
    quote! {
        ::core::compile_error! {
            "`yield_!` hands a value out of the body of a `#[buffer]` function: put `#[buffer]` on the function around it"
        }
    }
}
