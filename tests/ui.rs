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

/// The compiler shows lines of the standard library only where its source is installed, as it is for some editors; and it
/// writes out the whole path of a closure, and says less where that is long.
#[test]
fn no_expected_text_depends_on_what_is_installed_or_where() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let mut texts = 0;
    for folder in std::fs::read_dir(root).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|end| end == "stderr") {
                texts += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(!text.contains("$RUST"), "{} shows a line of the standard library", path.display());
                assert!(!text.contains("{closure@"), "{} shows the path of a closure: name a function", path.display());
            }
        }
    }
    assert!(texts > 30, "{texts}");
}
