//! The example `word_count` under a memory limit smaller than its text.

#![cfg(target_os = "linux")]

use std::process::Command;

#[allow(dead_code)]
#[path = "../examples/word_count.rs"]
mod word_count;

/// Set in the child that counts.
const CHILD: &str = "SPEEDUP_WORD_COUNT";
/// Virtual memory in KiB, and text in bytes.
const LIMIT: u64 = 96 << 10;
const TEXT: u64 = 100 << 20;

#[test]
fn a_text_larger_than_the_memory_limit_is_counted() {
    if let Ok(folder) = std::env::var(CHILD) {
        word_count::run(folder.as_ref(), TEXT, 1).expect("it counts");
        return;
    }
    const { assert!(TEXT > LIMIT << 10) };
    let folder = tempfile::tempdir().expect("a folder");
    let this = std::env::current_exe().expect("a path");
    let output = Command::new("sh")
        .arg("-c")
        .arg(format!(
            "ulimit -v {LIMIT} && exec {} --exact a_text_larger_than_the_memory_limit_is_counted",
            this.display()
        ))
        .env(CHILD, folder.path())
        // Each arena of glibc's allocator would reserve 64 MiB of addresses.
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .expect("sh runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
