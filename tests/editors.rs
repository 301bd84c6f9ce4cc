//! What an editor shows of annotated functions: `rust-analyzer` is asked as editors ask it.
//!
//! Where it is not installed (`rustup component add rust-analyzer`), the test says so and looks at nothing.

mod editors {
    pub(crate) mod client;
}

use std::path::PathBuf;

use editors::client::Client;
use serde_json::Value;

/// A crate that uses the attribute. `|NAME|` marks a spot, and is taken out.
const SOURCE: &str = "use speedup::cache;

/// How many ways there are to a cell.
#[cache]
fn |own|ways(row: u64, column: u64) -> u64 {
    if row == 0 || column == 0 {
        return 1;
    }
    let above = |inner|ways(|parameter|row - 1, column);
    let before = ways(row, column - 1);
    above.|method|checked_add(before).unwrap_or(0)
}

fn main() {
    let number = |outer|ways(3, 4);
    let known = |handle|WAYS.|peek|peek(&(3, 4));
    assert_eq!(known, Some(number));
}
";

#[test]
#[allow(clippy::print_stderr, reason = "who reads the tests' output sees what was left out")]
fn an_editor_completes_shows_finds_and_renames() {
    let Some(server) = editors::client::server() else {
        eprintln!("left out: rust-analyzer is not installed (`rustup component add rust-analyzer`)");
        return;
    };
    let (source, spots) = editors::client::spots(SOURCE);
    let at = |name: &str| spots[name];
    let mut editor = Client::open(&server, &krate(&source), &source);

    let own = editor.hover(at("own"));
    for shown in [editor.hover(at("outer")), editor.hover(at("inner")), own] {
        assert!(shown.contains("fn ways(row: u64, column: u64) -> u64"), "a call shows the function: {shown}");
        assert!(shown.contains("How many ways there are to a cell."), "with its documentation: {shown}");
    }
    let handle = editor.hover(at("handle"));
    assert!(handle.contains("WAYS") && handle.contains("Cache<(u64, u64), u64>"), "a handle shows its type: {handle}");
    let peek = editor.hover(at("peek"));
    assert!(peek.contains("fn peek"), "{peek}");

    let line = at("own").line;
    for call in ["outer", "inner", "handle"] {
        let found = editor.definition(at(call));
        assert!(found.contains(&line), "`{call}` leads to line {line}: {found:?}");
    }
    assert!(editor.completion(at("peek")).iter().any(|label| label.starts_with("get_all")), "methods of a handle");
    assert!(
        editor.completion(at("method")).iter().any(|label| label.starts_with("checked_mul")),
        "methods of a number that a recursive call gave"
    );

    // The definition, the call in `main` and two in the body.
    assert_eq!(editor.rename(at("outer"), "paths"), [4, 8, 9, 14]);
    // The parameter and where it is used.
    assert_eq!(editor.rename(at("parameter"), "line"), [4, 5, 8, 9]);
    editor.close();
}

/// A crate of its own, with this program.
fn krate(source: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/editors");
    std::fs::create_dir_all(folder.join("src")).expect("a folder");
    let manifest = "[package]\nname = \"edited\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
                    speedup = { path = \"../..\", default-features = false, features = [\"macros\"] }\n\n[workspace]\n";
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("the versions of the workspace");
    std::fs::write(folder.join("src/main.rs"), source).expect("a program");
    folder
}

/// The lines that something points at, in order.
pub(crate) fn lines(of: &[Value], range: &str) -> Vec<u64> {
    let mut lines: Vec<u64> = of.iter().filter_map(|one| one[range]["start"]["line"].as_u64()).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}
