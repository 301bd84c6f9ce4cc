//! What `#[cache]` writes, one snapshot for each shape of function; `UPDATE_EXPECT=1 cargo test` writes them anew.

mod arguments;
mod asynchronous;
mod awaited_together;
mod borrowed;
mod faults;
mod moved;
mod own_calls;
mod policies;
mod results;
mod stores;
mod surroundings;

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

/// The README shows what `#[cache]` writes, to the letter.
#[test]
fn readme() {
    let function = "fn fibonacci(n: u64) -> u64 { if n < 2 { n } else { fibonacci(n - 1) + fibonacci(n - 2) } }";
    let expansion = super::attribute_at(testing::tokens(""), testing::tokens(function), |_| Place::Free);
    // A release of this crate comes without it.
    let Ok(readme) = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")) else { return };
    let shown = testing::pretty(expansion);
    assert!(readme.contains(&format!("```text\n{shown}```")), "it is to show this:\n{shown}");
}
