//! Runs of this program as other processes.

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
};

/// Where a child finds its folder.
pub(crate) const FOLDER: &str = "SPEEDUP_TEST_FOLDER";
/// Says that this process is a child, and which of those of a test.
pub(crate) const ROLE: &str = "SPEEDUP_TEST_ROLE";

/// The role of this process, if it is a child.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// The folder of this child.
pub(crate) fn folder() -> std::path::PathBuf {
    std::env::var_os(FOLDER).expect("a child has a folder").into()
}

/// This program as a child that runs one test alone.
fn command(test: &str, role: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role).env(FOLDER, folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts a child.
pub(crate) fn start(test: &str, role: &str, folder: &Path) -> Child {
    command(test, role, folder).spawn().expect("the child starts")
}

/// Runs a child to its end. Returns what it told.
pub(crate) fn run(test: &str, role: &str, folder: &Path) -> String {
    let output = command(test, role, folder).output().expect("the child runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    told(&output)
}

/// What a child has told.
pub(crate) fn told(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().filter_map(|line| line.split_once("told: ")).map(|(_, told)| told).collect::<Vec<_>>().join("\n")
}

/// Tells the parent something.
#[allow(clippy::print_stdout)]
pub(crate) fn tell(what: impl std::fmt::Display) {
    println!("told: {what}");
}
