//! What becomes of the bodies that people write; `UPDATE_EXPECT=1 cargo test` writes it anew.

mod branches;
mod chains;
mod loops;
mod runs;
mod told;

use expect_test::Expect;
use quote::quote;
use syn::{Block, ItemFn};

use crate::cache::model::{Cached, Options};
use crate::errors::Errors;
use crate::place::Place;

/// The body of `function` with its forecasts.
fn formed(function: &str, place: Place) -> Block {
    super::form(&model_of(function, place))
}

fn model_of(function: &str, place: Place) -> Cached {
    let mut errors = Errors::default();
    let function: ItemFn = syn::parse_str(function).unwrap_or_else(|fault| panic!("{fault}: {function}"));
    let model = Cached::new(function, place, Options::default(), &mut errors);
    assert!(errors.into_tokens().is_empty());
    model
}

/// Asserts what a body becomes; its own lines stay as they are.
fn check(function: &str, expected: &Expect) {
    let block = formed(function, Place::Free);
    let file = syn::parse2(quote!(fn f() #block)).expect("a body with its forecasts is a body");
    expected.assert_eq(&prettyplease::unparse(&file));
}
