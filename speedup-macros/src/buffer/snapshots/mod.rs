//! What `#[buffer]` writes, one snapshot for each shape of function; `UPDATE_EXPECT=1 cargo test` writes them anew.

mod iterators;
mod settings;
mod yields;

use expect_test::Expect;

use crate::expansion::testing;
use crate::place::Place;

/// Asserts what a function in a module or a block becomes.
fn check(options: &str, function: &str, expected: &Expect) {
    expected.assert_eq(&testing::pretty(super::attribute_at(
        testing::tokens(options),
        testing::tokens(function),
        |_| Place::Free,
    )));
}

/// Asserts what a function in `impl Point` becomes.
fn check_in_impl(options: &str, function: &str, expected: &Expect) {
    let place = Place::Inherent { ty: Some("Point".to_owned()), generic: false, lasting: None, open: Vec::new() };
    let expansion = super::attribute_at(testing::tokens(options), testing::tokens(function), |_| place);
    expected.assert_eq(&testing::pretty(quote::quote!(impl Point { #expansion })));
}
