//! The attributes of the `speedup` crate; depend on `speedup`, not on this crate.
//!
//! Each attribute has the same stages in files of the same names: `model` reads the invocation, `validate` reports its
//! faults, `expand` writes the code. `cache/groups` finds calls that can run side by side, `buffer/yields` turns a body
//! with `yield_!` into a generator.

mod attributes;
mod buffer;
mod cache;
mod errors;
mod expansion;
mod options;
mod place;
mod signature;

use proc_macro::TokenStream;

/// Documented at `speedup::cache`.
#[proc_macro_attribute]
pub fn cache(options: TokenStream, item: TokenStream) -> TokenStream {
    cache::attribute(options.into(), item.into()).into()
}

/// Documented at `speedup::buffer`.
#[proc_macro_attribute]
pub fn buffer(options: TokenStream, item: TokenStream) -> TokenStream {
    buffer::attribute(options.into(), item.into()).into()
}

/// Hands the next value out of the body of a `#[buffer]` function.
///
/// It needs no import there. Anywhere else it is a compile error.
#[proc_macro]
pub fn yield_(value: TokenStream) -> TokenStream {
    buffer::yield_outside(value.into()).into()
}
