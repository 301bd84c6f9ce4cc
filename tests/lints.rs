//! The expansions are silent, whatever a user denies, in the editions that users have; and where something is missing, it is told once.

#![cfg(feature = "macros")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The compiler is asked about each function of `tests/lints/generic.rs`, and counts.
#[test]
fn what_the_context_of_a_generic_function_lacks_is_one_error() {
    let (folder, source) = package("generic");
    let output = cargo_of_package(&folder).arg("check").output().expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error[")).collect();
    assert_eq!(errors.len(), source.matches("#[cache(").count(), "{said}");
    assert!(errors.iter().all(|error| error.ends_with("what this call passes on cannot be shared between threads")));
    assert!(said.contains("`T: Sync + 'static`"), "{said}");
}

/// The handles of `tests/lints/documented.rs` are documented with the types of their functions, and with nothing that the expansion needs.
#[test]
fn documentation_shows_the_types_that_the_function_has() {
    let (folder, _) = package("documented");
    let output = cargo_of_package(&folder).args(["doc", "--no-deps"]).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let declared = |page: &str| {
        let page = fs::read_to_string(target().join("doc/documented").join(page)).expect("a page of this name");
        let (_, code) = page.split_once("item-decl\"><code>").expect("a declaration");
        let code = code.split_once("</code>").expect("its end").0;
        // Without links.
        let text: String = code.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    };
    assert_eq!(declared("constant.PATHS.html"), "pub const PATHS: &Cache<(Graph, usize), Path>;");
    assert_eq!(declared("constant.RECENT.html"), "pub const RECENT: &PolicyCache<(Graph,), u64>;");
    assert_eq!(declared("constant.PRICE.html"), "pub const PRICE: &Cache<(Graph,), u64>;");
    assert_eq!(declared("constant.LATER.html"), "pub const LATER: &AsyncCache<(Graph,), Path>;");
}

/// Lets clippy, or else the compiler, check `tests/lints/silent.rs` as a library of each edition.
#[test]
fn expansions_are_silent() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lints");
    let source = root.join("tests/lints/silent.rs");
    let editions = ["2021", "2024"];
    for edition in editions {
        let package = folder.join(edition);
        fs::create_dir_all(&package).expect("the target folder is writable");
        let manifest = format!(
            "[package]\nname = \"silent-{edition}\"\nversion = \"0.0.0\"\nedition = \"{edition}\"\n\n\
             [lib]\npath = {source:?}\n\n\
             [dependencies]\nspeedup = {{ path = {root:?}, default-features = false, features = [\"macros\", \"buffer\", \"async\"] }}\n"
        );
        fs::write(package.join("Cargo.toml"), manifest).expect("the target folder is writable");
    }
    fs::write(folder.join("Cargo.toml"), format!("[workspace]\nmembers = {editions:?}\nresolver = \"3\"\n"))
        .expect("the target folder is writable");
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock file is committed");

    let output = cargo(&folder).arg(checker(&folder)).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// `clippy` where it is installed.
fn checker(folder: &Path) -> &'static str {
    let clippy = cargo(folder).args(["clippy", "--version"]).output();
    if clippy.is_ok_and(|output| output.status.success()) { "clippy" } else { "check" }
}

/// A package of `tests/lints/{name}.rs` alone, and that source.
fn package(name: &str) -> (PathBuf, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (folder, path) =
        (Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), root.join(format!("tests/lints/{name}.rs")));
    fs::create_dir_all(&folder).expect("the target folder is writable");
    let manifest = format!(
        "[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[lib]\npath = {path:?}\n\n\
         [dependencies]\nspeedup = {{ path = {root:?}, default-features = false, features = [\"macros\", \"buffer\", \"async\"] }}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).expect("the target folder is writable");
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock file is committed");
    (folder, fs::read_to_string(path).expect("the source"))
}

/// With what the other tests have built.
fn cargo_of_package(folder: &Path) -> Command {
    let mut cargo = cargo(folder);
    cargo.env("CARGO_TARGET_DIR", target());
    cargo
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("lints").join("target")
}

fn cargo(folder: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The caller's own flags would build everything once more.
    cargo
        .current_dir(folder)
        .env_remove("RUSTFLAGS")
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", folder.join("target"));
    cargo
}
