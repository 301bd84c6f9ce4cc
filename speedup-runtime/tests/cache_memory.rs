//! A cleared cache gives its memory back. One test in a process of its own: it looks at the memory of the process.
#![cfg(target_os = "linux")]

use std::sync::Arc;

use speedup_runtime::Cache;

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4096
}

#[test]
fn memory_is_given_back_after_a_clear() {
    // So large that the allocator gives each block back to the system, as long as none was freed before: hence the `Arc`.
    const BLOCK: usize = 1 << 20;
    let before = resident();
    let small = Cache::from_fn(|n: u64| Arc::new(vec![n as u8 + 1; BLOCK]));
    let large = Cache::from_fn(|n: String| Arc::new(vec![n.len() as u8; BLOCK]));
    for n in 0..48 {
        small.get((n,));
        large.get((n.to_string(),));
    }
    assert!(resident() - before > 90 * BLOCK, "the values are there");
    small.clear();
    large.clear();
    let left = resident().saturating_sub(before);
    assert!(left < 24 * BLOCK, "{left} bytes are still there");
}
