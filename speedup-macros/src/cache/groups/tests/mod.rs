//! That groups are formed by the rules, and that they do not change what a body means.

mod interpreter;
mod meaning;
mod rules;

use syn::{Block, ItemFn};

use crate::cache::model::{Cached, Options};
use crate::errors::Errors;
use crate::place::Place;

/// The body of `function` with its groups formed.
fn formed(function: &str, place: Place) -> Block {
    let mut errors = Errors::default();
    let function: ItemFn = syn::parse_str(function).unwrap_or_else(|fault| panic!("{fault}: {function}"));
    let model = Cached::new(function, place, Options::default(), &mut errors);
    assert!(errors.into_tokens().is_empty());
    super::form(&model)
}
