//! Helper threads: how many there are, what they survive, what they keep alive.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use speedup_runtime::buffer::Buffer;

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `done` holds, and fails if it never does.
fn until(what: &str, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The tests take turns: each counts or blocks the process's helpers.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> impl Drop {
    ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Buffers whose helpers are blocked for as long as the sender lives.
fn blocked(count: usize) -> (mpsc::Sender<()>, Vec<Buffer<u64>>) {
    let (end, wait) = mpsc::channel::<()>();
    let wait = Arc::new(Mutex::new(wait));
    let begun = Arc::new(AtomicUsize::new(0));
    let block = |_| {
        let (wait, begun) = (Arc::clone(&wait), Arc::clone(&begun));
        let buffer = Buffer::from_iter(std::iter::from_fn(move || {
            begun.fetch_add(1, Ordering::SeqCst);
            // Only the end of the sender ends it.
            let _ = wait.lock().map(|wait| wait.recv());
            None
        }));
        buffer.prefetch(1);
        buffer
    };
    let buffers: Vec<_> = (0..count).map(block).collect();
    until("the generators begin", || begun.load(Ordering::SeqCst) == count);
    (end, buffers)
}

#[test]
fn helpers_that_are_blocked_make_room_for_others() {
    let _alone = alone();
    let cores = thread::available_parallelism().expect("a count").get();
    let (_end, _buffers) = blocked(cores);
    let other = Buffer::from_iter(0..100);
    other.prefetch(100);
    until("a buffer is made ahead beside generators that are blocked", || other.len_ready() == 100);
}

#[test]
fn there_is_a_bound_to_blocked_helpers() {
    let _alone = alone();
    let (end, buffers) = blocked(40);
    assert!(buffers[0].stats().helper_threads <= 64);
    drop(end);
    until("the helpers go", || buffers[0].stats().helper_threads == 0);
}

#[test]
fn a_chain_of_buffers_works_side_by_side() {
    let _alone = alone();
    // How many of the generators are at work at the moment, and the most that ever were.
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let work = {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        move |value: u64| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // The work of one that waits for a disk or for a network.
            thread::sleep(Duration::from_millis(1));
            now.fetch_sub(1, Ordering::SeqCst);
            value
        }
    };
    let first = Arc::new(Buffer::from_iter((0..).map(work.clone())));
    let (before, step) = (Arc::clone(&first), work.clone());
    let second = Arc::new(Buffer::from_iter((0..).map(move |n| step(before[n]))));
    let before = Arc::clone(&second);
    let third = Buffer::from_iter((0..).map(move |n| work(before[n])));
    let deadline = Instant::now() + PATIENCE;
    for (n, value) in third.iter().enumerate() {
        assert_eq!(*value, n as u64);
        if most.load(Ordering::SeqCst) == 3 {
            break;
        }
        assert!(Instant::now() < deadline, "at most {} generators at work", most.load(Ordering::SeqCst));
    }
}

#[test]
fn dropped_buffers_are_gone_although_all_helpers_are_busy() {
    let _alone = alone();
    let (_end, _buffers) = blocked(64);
    let alive = Arc::new(());
    for _ in 0..1_000 {
        let item = Arc::clone(&alive);
        let buffer = Buffer::from_iter((0..10).map(move |_| Arc::clone(&item)));
        assert!(buffer.get(0).is_some());
        buffer.prefetch(5);
    }
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_generator_that_panics_when_it_is_dropped_costs_no_helper() {
    struct Bomb(mpsc::Sender<()>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            self.0.send(()).expect("the test waits");
            assert!(thread::panicking(), "a bad end");
        }
    }
    let _alone = alone();
    for _ in 0..10 {
        let ((begin, begun), (end, wait), (told, tells)) = (mpsc::channel(), mpsc::channel::<()>(), mpsc::channel());
        let bomb = Bomb(told);
        let buffer = Buffer::from_iter((0..).inspect(move |_| {
            let _ = &bomb;
            // The test may be over.
            let _ = begin.send(());
            let _ = wait.recv();
        }));
        buffer.prefetch(1);
        begun.recv_timeout(PATIENCE).expect("a helper has begun");
        // The helper is the last to hold the generator.
        drop(buffer);
        drop(end);
        tells.recv_timeout(PATIENCE).expect("the generator is dropped");
    }
    let buffer = Buffer::from_iter(0..100);
    buffer.prefetch(100);
    until("a helper is left", || buffer.len_ready() == 100);
    until("the helpers go", || buffer.stats().helper_threads == 0);
}

/// Uses a kilobyte of stack a level, at least.
fn recurse(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 128]);
    if depth == 0 { 0 } else { recurse(depth - 1) + std::hint::black_box(room)[127] / depth }
}

#[test]
fn a_helper_has_room_for_a_deep_generator() {
    let _alone = alone();
    let buffer = Buffer::from_iter((10_000..).map(recurse));
    buffer.prefetch(3);
    until("the values are made", || buffer.len_ready() == 3);
    assert_eq!(buffer[2], 10_002);
}

#[test]
fn buffers_may_read_each_other_thousands_deep() {
    let _alone = alone();
    let mut last = Buffer::from_iter(0_u64..);
    for _ in 0..5_000 {
        let before = last;
        last = Buffer::from_iter((0..).map(move |n| before[n] + 1));
    }
    assert_eq!(last[0], 5_000);
    assert_eq!(last[2], 5_002);
    drop(last);
}
