//! An allocator that counts, for the rows that promise "no allocation" or state bytes an entry.
//!
//! The counters belong to the thread that allocates, so that counting costs a nanosecond and other threads do not
//! disturb a measurement. A bench installs it:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: speedup_benches::alloc::Counting = speedup_benches::alloc::Counting;
//! let (count, _) = speedup_benches::alloc::counted(|| Box::new(5));
//! assert_eq!(count.allocations, 1);
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

/// The system's allocator with two counters a thread.
pub struct Counting;

/// What one thread allocated during [`counted`].
#[derive(Clone, Copy, Debug)]
pub struct Count {
    /// Calls of the allocator that gave memory (a reallocation is one).
    pub allocations: u64,
    /// Bytes asked for and not given back by the end.
    pub bytes_kept: i64,
}

/// Runs `work` and says what this thread allocated meanwhile.
pub fn counted<T>(work: impl FnOnce() -> T) -> (Count, T) {
    let (allocations, live) = (ALLOCATIONS.get(), LIVE.get());
    let result = work();
    (Count { allocations: ALLOCATIONS.get() - allocations, bytes_kept: LIVE.get() - live }, result)
}

fn note(allocations: u64, bytes: i64) {
    // A thread that is ending has no counters any more, and nobody measures it.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + allocations));
    let _ = LIVE.try_with(|live| live.set(live.get() + bytes));
}

// SAFETY: every call goes to `System` unchanged, which keeps the contract; the counters allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as i64);
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(1, size as i64 - layout.size() as i64);
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, -(layout.size() as i64));
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
