//! What the compiler says about mistakes; `TRYBUILD=overwrite cargo test --test ui` writes the expected texts anew.

// Messages name types by what else is in scope.
#![cfg(all(feature = "macros", feature = "disk"))]

#[test]
fn mistakes_are_explained() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/cache/*.rs");
    cases.compile_fail("tests/ui/buffer/*.rs");
    cases.compile_fail("tests/ui/key/*.rs");
    cases.compile_fail("tests/ui/lints/*.rs");
}
