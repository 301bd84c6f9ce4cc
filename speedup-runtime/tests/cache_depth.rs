//! Depth is bounded by memory, not by the stack, and the memory is given back.

use std::thread;

use speedup_runtime::{
    Cache,
    cache::{Function, State},
};

const DEPTH: u64 = 1_000_000;

/// A chain of its own for each test: they run at the same time.
macro_rules! chain {
    ($name:ident) => {
        const $name: &Cache<(u64,), u64> = {
            static STATE: State<(u64,), u64> = State::new();
            &Cache::of(&STATE, Function::new("chain", |(n,)| if *n == 0 { 0 } else { $name.get((n - 1,)) + 1 }))
        };
    };
}

/// Runs on a thread with a stack of this size, in KiB.
fn on_a_stack_of<T: Send + 'static>(kib: usize, call: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(kib * 1024).spawn(call).expect("a thread").join().expect("no panic")
}

#[test]
fn a_million_calls_on_a_stack_of_eight_mebibytes() {
    chain!(CHAIN);
    assert_eq!(on_a_stack_of(8 * 1024, || CHAIN.get((DEPTH,))), DEPTH);
}

#[test]
fn a_million_calls_on_a_small_stack() {
    chain!(CHAIN);
    assert_eq!(on_a_stack_of(512, || CHAIN.get((DEPTH,))), DEPTH);
}

#[test]
fn a_million_calls_inside_a_pool() {
    chain!(CHAIN);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    assert_eq!(pool.install(|| CHAIN.get((DEPTH,))), DEPTH);
}

#[test]
fn threads_of_all_sizes_one_after_the_other() {
    // Each takes over what is known of the thread before it, whose stack lay at much the same place.
    chain!(CHAIN);
    for round in 0..40 {
        let kib = [4096, 256, 1024, 192][round % 4];
        assert_eq!(on_a_stack_of(kib, || CHAIN.get((5_000,))), 5_000);
        CHAIN.clear();
    }
}
