//! The checks that are our own: the promised compiler, and the size of files and functions.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::functions::functions;
use crate::run::{Done, Failure, is_there, root, run};

/// Files beyond this many lines hold two things.
const LONGEST_FILE: usize = 450;
/// The engine of caches is read most closely.
const ENGINE: &str = "speedup-runtime/src/cache/";
const LONGEST_OF_ENGINE: usize = 400;
/// Functions beyond this many lines hide their structure.
const LONGEST_FUNCTION: usize = 70;

/// The manifests that state the oldest compiler, and the compiler in use, agree.
///
/// With a newer compiler the promised one is asked to check the workspace, where rustup has it.
pub(crate) fn msrv(_: &[String]) -> Result<Done, Failure> {
    let promised = stated("Cargo.toml")?;
    let benches = stated("benches/Cargo.toml")?;
    if promised != benches {
        return Err(format!("Cargo.toml says rust-version {promised}, benches/Cargo.toml says {benches}"));
    }
    let output = Command::new("rustc").arg("--version").output().map_err(|error| format!("rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let used = text.split_whitespace().nth(1).unwrap_or_default();
    let (promised_minor, used_minor) = (minor(&promised)?, minor(used)?);
    if used_minor < promised_minor {
        return Err(format!("rust-version is {promised}, the compiler in use is only {used}"));
    }
    if used_minor == promised_minor {
        return Ok(Done::Passed);
    }
    let toolchain = format!("+{promised}");
    if !is_there(Command::new("cargo").args([&toolchain, "--version"])) {
        return Ok(Done::Skipped(format!("the compiler in use is {used}, and toolchain {promised} is not installed")));
    }
    run(Command::new("cargo").current_dir(root()).args([&toolchain, "check", "--workspace", "--all-targets"]))
}

/// The `rust-version` line of a manifest.
fn stated(manifest: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(root().join(manifest)).map_err(|error| format!("{manifest}: {error}"))?;
    text.lines()
        .find_map(|line| line.strip_prefix("rust-version = "))
        .map(|value| value.trim_matches('"').to_owned())
        .ok_or_else(|| format!("{manifest} states no rust-version"))
}

/// The 95 of 1.95.
fn minor(version: &str) -> Result<u32, Failure> {
    let minor = version.split(['.', '-']).nth(1).and_then(|part| part.parse().ok());
    minor.ok_or_else(|| format!("{version:?} is no version of Rust"))
}

/// No file and no function of the workspace is longer than a reader can hold.
pub(crate) fn sizes(_: &[String]) -> Result<Done, Failure> {
    let mut files = Vec::new();
    for folder in ["src", "speedup-macros/src", "speedup-runtime/src", "xtask/src", "benches/src", "benches/benches"] {
        collect(&root().join(folder), &mut files);
    }
    let mut faults = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
        let lines = text.lines().count();
        let longest = if name.starts_with(ENGINE) { LONGEST_OF_ENGINE } else { LONGEST_FILE };
        if lines > longest {
            faults.push(format!("{name} has {lines} lines, more than {longest}: what second thing moved in?"));
        }
        // A snapshot is as long as the code that it shows.
        let is_snapshots = file.components().any(|part| part.as_os_str() == "snapshots");
        for (line, length) in functions(&text) {
            if length > LONGEST_FUNCTION && !is_snapshots {
                faults.push(format!("{name}:{line} is a function of {length} lines, more than {LONGEST_FUNCTION}"));
            }
        }
    }
    if faults.is_empty() { Ok(Done::Passed) } else { Err(format!("\n{}", faults.join("\n"))) }
}

/// All Rust files under a folder.
pub(crate) fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{functions, minor};

    #[test]
    fn functions_are_measured_by_their_indentation() {
        let text = "impl X {\n    pub(crate) fn a() {\n        if x {\n        }\n    }\n\n    fn b() {}\n}\n";
        assert_eq!(functions(text), [(2, 4)]);
    }

    #[test]
    fn a_function_is_known_whoever_may_see_it() {
        let is_function = |line: &str| !functions(&format!("{line}\n    x\n}}\n")).is_empty();
        for qualifiers in ["", "pub ", "pub(in crate::cache) unsafe ", "pub(super) const ", "extern \"C\" "] {
            assert!(is_function(&format!("{qualifiers}fn a() {{")), "{qualifiers}");
        }
        for line in ["pub struct A {", "let f = a(|| {", "// fn a() {", "public fn a() {", "\"{ fn a() {"] {
            assert!(!is_function(line), "{line}");
        }
    }

    #[test]
    fn the_minor_version_counts() {
        assert_eq!(minor("1.95"), Ok(95));
        assert_eq!(minor("1.96.0-nightly"), Ok(96));
        assert!(minor("banana").is_err());
    }
}
