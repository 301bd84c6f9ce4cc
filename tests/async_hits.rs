//! A hit of a cached `async fn` allocates nothing.

#![cfg(feature = "macros")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    pin::pin,
    task::{Context, Poll, Waker},
};

use speedup::cache;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does all the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How many allocations it takes to have a future's value at its first poll.
fn allocations<T>(future: impl Future<Output = T>) -> usize {
    let before = ALLOCATIONS.get();
    assert!(pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    ALLOCATIONS.get() - before
}

#[cache]
async fn square(n: u64) -> u64 {
    n * n
}

#[cache]
async fn length(text: &str, parts: &[u32]) -> usize {
    text.len() + parts.len()
}

#[cache]
async fn fibonacci(n: u64) -> u64 {
    if n < 2 { n } else { fibonacci(n - 1).await + fibonacci(n - 2).await }
}

#[test]
fn a_hit_allocates_nothing() {
    let text = "a text that is too long to be kept in place of a pointer".to_owned();
    assert!(allocations(square(3)) > 0 && allocations(length(&text, &[1, 2])) > 0 && allocations(fibonacci(20)) > 0);
    assert_eq!(allocations(square(3)), 0);
    assert_eq!(allocations(length(&text, &[1, 2])), 0);
    assert_eq!(allocations(SQUARE.get((3,))), 0);
    assert_eq!(allocations(LENGTH.get_ref((text.as_str(), &[1_u32, 2][..]))), 0);
    assert_eq!(allocations(FIBONACCI.group([(20,), (19,), (5,)])), 0);
    // The list of results, of the members and of those that are to be polled, and what they share.
    assert!(allocations(FIBONACCI.get_all((0..20).map(|n| (n,)))) < 8);
    let Poll::Ready(value) = pin!(fibonacci(20)).poll(&mut Context::from_waker(Waker::noop())) else { panic!("a hit") };
    assert_eq!(value, 6_765);
}
