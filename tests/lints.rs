//! The expansions are silent, whatever a user denies, in the editions that users have.

#![cfg(feature = "macros")]

use std::{env, fs, path::Path, process::Command};

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
