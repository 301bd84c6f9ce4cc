//! A cleared cache, and a deep recursion, give their memory back. A process of its own, and one test at a time: they look
//! at the memory of the process.
#![cfg(target_os = "linux")]

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use speedup_runtime::{
    Cache,
    cache::{Function, State},
};

static ONE: Mutex<()> = Mutex::new(());

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux has it");
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages") * 4096
}

#[test]
fn memory_is_given_back_after_a_clear() {
    // So large that the allocator gives each block back to the system, as long as none of the size was freed before (hence the
    // `Arc`), whatever memory of tables was.
    const BLOCK: usize = 8 << 20;
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = resident();
    let small = Cache::from_fn(|n: u64| Arc::new(vec![n as u8 + 1; BLOCK]));
    let large = Cache::from_fn(|n: String| Arc::new(vec![n.len() as u8; BLOCK]));
    for n in 0..6 {
        small.get((n,));
        large.get((n.to_string(),));
    }
    assert!(resident() - before > 11 * BLOCK, "the values are there");
    small.clear();
    large.clear();
    let left = resident().saturating_sub(before);
    assert!(left < 3 * BLOCK, "{left} bytes are still there");
}

#[test]
fn the_stack_of_a_million_calls_is_given_back() {
    static DEEPEST: AtomicUsize = AtomicUsize::new(0);
    const CHAIN: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        let function = Function::new("chain", |(n,)| {
            if *n == 0 {
                DEEPEST.store(resident(), Ordering::Relaxed);
                return 0;
            }
            CHAIN.get((n - 1,)) + 1
        });
        &Cache::of(&STATE, function)
    };
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = resident();
    assert_eq!(CHAIN.get((1_000_000,)), 1_000_000);
    CHAIN.clear();
    let (grown, left) = (DEEPEST.load(Ordering::Relaxed) - before, resident().saturating_sub(before));
    assert!(grown > 100 << 20, "a million frames take more than {grown} bytes");
    assert!(left < 48 << 20 && left < grown / 3, "{left} bytes of {grown} are still there");
}
