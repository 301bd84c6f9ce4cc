//! Processes that a test starts to kill them: the test's own program, of which they run `child`.

use std::process::{Child, Command, Stdio};

/// Starts one that finds its task in a variable. What it says is for its parent.
pub(crate) fn start(variable: &str, task: String) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(variable, task)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}
