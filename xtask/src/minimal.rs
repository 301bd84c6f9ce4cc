//! Whether the crates that are released build with the oldest versions of what they depend on that their manifests allow.

use std::fs;
use std::path::Path;

use crate::run::{Done, Failure, cargo, is_there, nightly, root, run};

/// What is released, by its folder.
const CRATES: [&str; 3] = ["", "speedup-macros", "speedup-runtime"];
/// Parts of a manifest that a user of the crate never meets.
const LEFT_OUT: [&str; 2] = ["[dev-dependencies]", "[[test]]"];

/// Has cargo choose those versions for copies of the crates, and checks them. It asks the registry.
pub(crate) fn minimal(_: &[String]) -> Result<Done, Failure> {
    if !is_there(nightly().arg("--version")) {
        return Ok(Done::Skipped("only a nightly toolchain can choose the oldest versions".to_owned()));
    }
    let folder = root().join("target/minimal");
    for name in CRATES {
        copy_crate(&root().join(name), &folder.join(name)).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let manifest = folder.join("Cargo.toml");
    let lock = folder.join("Cargo.lock");
    if lock.exists() {
        fs::remove_file(&lock).map_err(|error| error.to_string())?;
    }
    let mut choose = nightly();
    choose.args(["generate-lockfile", "-Z", "direct-minimal-versions", "--quiet", "--manifest-path"]).arg(&manifest);
    run(&mut choose)?;
    let mut check = cargo(&["check", "--locked", "--package", "speedup", "--lib", "--all-features", "--manifest-path"]);
    run(check.arg(&manifest).arg("--target-dir").arg(folder.join("target")))
}

/// The sources of a crate, and of its manifest what users meet.
fn copy_crate(from: &Path, to: &Path) -> std::io::Result<()> {
    copy(&from.join("src"), &to.join("src"))?;
    for file in ["README.md", "CHANGELOG.md"] {
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file))?;
        }
    }
    fs::write(to.join("Cargo.toml"), released(&fs::read_to_string(from.join("Cargo.toml"))?))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

/// A manifest without what is for tests, whose workspace has the released crates alone.
fn released(manifest: &str) -> String {
    let mut text = String::new();
    let mut is_kept = true;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_kept = !LEFT_OUT.contains(&line);
        }
        let line = match line.split_once(" = ") {
            Some(("members", _)) => "members = [\".\", \"speedup-macros\", \"speedup-runtime\"]",
            Some(("default-members" | "exclude", _)) => continue,
            _ => line,
        };
        if is_kept {
            text = text + line + "\n";
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::released;

    #[test]
    fn what_is_for_tests_is_left_out() {
        let manifest = "[workspace]\nmembers = [\".\", \"xtask\"]\nexclude = [\"benches\"]\n\n[dependencies]\nsyn = \"3\"\n\n\
                        [dev-dependencies]\nproptest = \"1\"\n\n[lints]\nworkspace = true\n";
        let released = released(manifest);
        assert!(released.contains("syn") && released.contains("[lints]\nworkspace = true"), "{released}");
        assert!(!released.contains("proptest") && !released.contains("xtask") && !released.contains("benches"));
    }
}
