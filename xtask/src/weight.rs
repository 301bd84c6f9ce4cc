//! What a crate that uses `#[cache]` alone has to build.

use std::collections::BTreeSet;
use std::fs;

use crate::run::{Done, Failure, cargo, root, run, timed};
use crate::say;

/// So many crates may be built, that of the user among them.
const MOST: usize = 25;

/// Counts the crates; with `--build` it also builds them, in an empty folder and in the release profile, and tells how long that took.
pub(crate) fn weight(arguments: &[String]) -> Result<Done, Failure> {
    let mut tree = cargo(&["tree", "--package", "speedup", "--no-default-features", "--features", "macros"]);
    let output =
        tree.args(["--edges", "normal,build", "--prefix", "none"]).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let crates: BTreeSet<&str> = text.lines().filter_map(name).collect();
    let count = crates.len() + 1;
    if count > MOST {
        return Err(format!("a crate that uses `#[cache]` alone builds {count} crates, more than {MOST}: {crates:?}"));
    }
    say(&format!("{count} crates, at most {MOST}"));
    if arguments.iter().any(|argument| argument == "--build") { build() } else { Ok(Done::Passed) }
}

/// The name and the version in a line of `cargo tree`.
fn name(line: &str) -> Option<&str> {
    let end = line.match_indices(' ').nth(1).map_or(line.len(), |(at, _)| at);
    line.contains(" v").then(|| &line[..end])
}

/// Builds a crate that uses the attribute alone.
fn build() -> Result<Done, Failure> {
    let told = |error: std::io::Error| error.to_string();
    let folder = root().join("target/weight");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(told)?;
    }
    fs::create_dir_all(folder.join("src")).map_err(told)?;
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).map_err(told)?;
    let manifest = "[package]\nname = \"user\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
                    speedup = { path = \"../..\", default-features = false, features = [\"macros\"] }\n\n[workspace]\n";
    fs::write(folder.join("Cargo.toml"), manifest).map_err(told)?;
    let program = "#[speedup::cache]\nfn fibonacci(n: u64) -> u64 {\n    if n < 2 { n } else { fibonacci(n - 1) + fibonacci(n - 2) }\n}\n\n\
                   fn main() {\n    assert_eq!(fibonacci(90), 2_880_067_194_370_816_120);\n}\n";
    fs::write(folder.join("src/main.rs"), program).map_err(told)?;
    let path = folder.join("Cargo.toml").display().to_string();
    let target = folder.join("target").display().to_string();
    let words = ["--release", "--quiet", "--manifest-path", &path, "--target-dir", &target];
    // What is not in the registry's folder yet is no part of building.
    run(&mut cargo(&["fetch", "--quiet", "--manifest-path", &path]))?;
    let (by_clock, used) = timed(|| run(cargo(&["build"]).args(words)))?;
    let [by_clock, used] = [by_clock, used].map(|time| time.as_secs_f64());
    say(&format!("built in {by_clock:.1} s; {used:.1} s of a processor, so at least {:.1} s on two", used / 2.0));
    run(cargo(&["run"]).args(words))
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn a_crate_is_told_by_name_and_version_wherever_it_comes_from() {
        assert_eq!(name("syn v3.0.9"), Some("syn v3.0.9"));
        assert_eq!(name("speedup v0.1.0 (/somewhere)"), Some("speedup v0.1.0"));
        assert_eq!(name("syn v3.0.9 (*)"), Some("syn v3.0.9"));
        assert_eq!(name("[build-dependencies]"), None);
    }
}
