//! The table of a scoped call goes at once: all memory is back when the call returns, whatever other threads look at.
//!
//! A process of its own, with one test at a time: it counts what a thread allocates.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use speedup_runtime::{
    Cache,
    cache::{Function, Scoped, State},
};

/// Counts the bytes that a thread has taken and not given back: what the test runner's threads do meanwhile is no concern of ours.
struct Counting;

thread_local! {
    static IN_USE: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does all the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.set(IN_USE.get() + layout.size() as isize);
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        IN_USE.set(IN_USE.get() - layout.size() as isize);
        // SAFETY: passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A value in whose clone a thread stays, which so looks at a table until it may go on.
struct Gate;

static INSIDE: AtomicBool = AtomicBool::new(false);
static OPEN: AtomicBool = AtomicBool::new(true);

impl Clone for Gate {
    fn clone(&self) -> Self {
        while !OPEN.load(Ordering::SeqCst) {
            INSIDE.store(true, Ordering::SeqCst);
            thread::yield_now();
        }
        Self
    }
}

const LOOKED_AT: &Cache<(u64,), Gate> = {
    static STATE: State<(u64,), Gate> = State::new();
    &Cache::of(&STATE, Function::new("looked_at", |_| Gate))
};

/// One test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is left of a call in bytes while another thread looks at a table all the time.
fn left_of(call: impl Fn()) -> isize {
    LOOKED_AT.get((1,));
    // What is made once: what the engine knows of this thread and of the function.
    call();
    call();
    OPEN.store(false, Ordering::SeqCst);
    INSIDE.store(false, Ordering::SeqCst);
    thread::scope(|scope| {
        scope.spawn(|| LOOKED_AT.get((1,)));
        while !INSIDE.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let before = IN_USE.get();
        (0..10).for_each(|_| call());
        let left = IN_USE.get() - before;
        OPEN.store(true, Ordering::SeqCst);
        left
    })
}

static SUMS: Scoped = Scoped::new();

fn sum(weights: &[u64], at: usize) -> u64 {
    let describe = || Function::of_context("sum");
    let body = |(at,): &(usize,)| weights.get(*at).map_or(0, |weight| weight + sum(weights, at + 1));
    SUMS.get([speedup_runtime::cache::place_of(weights)], (at,), describe, body)
}

static TEXTS: Scoped = Scoped::new();

fn letters(weight: usize, text: &str) -> usize {
    let describe = || Function::of_context("letters");
    let body = |(text,): &(String,)| text.get(1..).map_or(0, |rest| weight + letters(weight, rest));
    TEXTS.get([speedup_runtime::cache::number_of(&weight)], (text.to_owned(),), describe, body)
}

#[test]
fn a_table_of_small_keys_goes_with_the_call() {
    let _one = alone();
    let weights: Vec<u64> = (0..3000).collect();
    assert_eq!(left_of(|| assert_eq!(sum(&weights, 0), 4_498_500)), 0);
}

#[test]
fn a_table_of_other_keys_that_has_grown_goes_with_the_call() {
    let _one = alone();
    let text = "x".repeat(3000);
    assert_eq!(left_of(|| assert_eq!(letters(2, &text), 6000)), 0);
}
