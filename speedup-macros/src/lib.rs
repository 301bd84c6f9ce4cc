//! The attributes of the `speedup` crate, and its derive; depend on `speedup`, not on this crate.
//!
//! Each attribute has the same stages in files of the same names: `model` reads the invocation, `validate` reports its
//! faults, `expand` writes the code. `cache/forecast` foretells calls that can run side by side, `buffer/yields` turns a body
//! with `yield_!` into a generator. `key` is the derive for keys on disk.

#![forbid(unsafe_code)]

mod attributes;
mod buffer;
mod cache;
mod clashes;
mod errors;
mod expansion;
mod fingerprint;
mod foreign;
#[cfg(test)]
mod fuzz;
mod key;
mod open;
mod options;
mod place;
mod root;
mod signature;

use proc_macro::TokenStream;

// The guides to the attributes stand in the facade, `src/guide`, and these words below them.

/// # Limits
///
/// An argument that is `&mut`, one of type `impl Trait` that is part of the key, a result that borrows, `&mut self`, and a function in a
/// trait's definition are compile errors that say what to write instead; so is an `async fn` with `self` or type parameters.
///
/// A `Result` or an `Option` under another name is recognised by its type; there `cache_err` and `cache_none` work too.
///
/// `#[expect]` becomes `#[allow]`, as there are two functions where there was one.
#[proc_macro_attribute]
pub fn cache(options: TokenStream, item: TokenStream) -> TokenStream {
    cache::attribute(options.into(), item.into()).into()
}

/// # Limits
///
/// Generators and values move between threads: the iterator, or what a body holds over a `yield_!`, is `Send`, values are
/// `Send + Sync + 'static`. `yield_!` inside of a closure or an `async` block, a body that yields nothing, arguments that
/// borrow, generic and `async` functions and `self` are compile errors that say what to write instead.
///
/// The function gives back its declared type where clones of the values can make it: `impl Iterator`, `impl IntoIterator`,
/// `Box<dyn Iterator + Send>`, `Vec` and the other collections of the standard library. In all other cases, also with `yield_!`,
/// it returns `impl Iterator<Item = T>`.
#[proc_macro_attribute]
pub fn buffer(options: TokenStream, item: TokenStream) -> TokenStream {
    buffer::attribute(options.into(), item.into()).into()
}

/// Hands the next value out of the body of a [`#[buffer]`](macro@buffer) function.
///
/// It needs no import there. Anywhere else it is a compile error.
///
/// ```text
/// #[buffer]
/// fn squares() -> u64 {
///     for n in 0.. {
///         yield_!(n * n);
///     }
/// }
/// ```
#[proc_macro]
pub fn yield_(value: TokenStream) -> TokenStream {
    buffer::yield_outside(value.into()).into()
}

/// Structs are ordered by their fields from first to last, enums by the place of the variant, then by its fields. Other types,
/// another order of fields, or other variants make another key: a folder that was written with the old one is refused.
///
/// # Limits
///
/// `#[key(crate = my::speedup)]` on the type says where the crate is, if it is not at `::speedup`.
///
/// A type that borrows, a union, an enum without variants or with more than 256, and discriminants that are not in ascending order are
/// compile errors that say what to write instead.
#[proc_macro_derive(Key, attributes(key))]
pub fn key(item: TokenStream) -> TokenStream {
    key::derive(item.into()).into()
}
