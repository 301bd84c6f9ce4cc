//! The life of a buffer: panics among many readers, drops, idleness and the end of the process.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use speedup_runtime::buffer::{Buffer, Function, Gone, Source, State, Window};

const PATIENCE: Duration = Duration::from_secs(30);

/// Work of some microseconds.
fn toil(seed: u64) -> u64 {
    (0..2_000).fold(seed, |state: u64, _| state.wrapping_mul(6_364_136_223_846_793_005).rotate_left(7) ^ 1)
}

/// Says when it is dropped.
struct Told(mpsc::Sender<&'static str>);

impl Drop for Told {
    fn drop(&mut self) {
        // The test may be over.
        let _ = self.0.send("dropped");
    }
}

#[test]
fn a_panic_reaches_all_who_wait() {
    let readers = 6;
    let together = Arc::new(Barrier::new(readers));
    let buffer = Buffer::from_iter((0..).inspect(|&n| {
        toil(n);
        assert!(n < 50, "no more than fifty");
    }));
    thread::scope(|scope| {
        for _ in 0..readers {
            let (together, buffer) = (&together, &buffer);
            scope.spawn(move || {
                together.wait();
                let mut seen = 0;
                let end = catch_unwind(AssertUnwindSafe(|| buffer.iter().for_each(|_| seen += 1)));
                let payload = end.expect_err("the generator panics");
                assert_eq!(payload.downcast_ref::<&str>(), Some(&"no more than fifty"));
                assert_eq!(seen, 50, "everything before the panic was read");
            });
        }
    });
    assert_eq!(buffer.ready().flatten().count(), 50);
}

#[test]
fn a_generator_that_panics_when_it_is_made_or_dropped_is_a_failed_one() {
    let buffer = Buffer::<u32>::from_source(|| panic!("never made"));
    assert!(catch_unwind(AssertUnwindSafe(|| buffer.get(0).copied())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| buffer.get(0).copied())).is_err());

    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(thread::panicking(), "a bad end");
        }
    }
    let bomb = Bomb;
    let buffer = Buffer::from_iter((0..3).inspect(move |_| {
        let _ = &bomb;
    }));
    assert_eq!(buffer.iter().take(3).count(), 3);
    assert!(catch_unwind(AssertUnwindSafe(|| buffer.get(3).copied())).is_err());
    assert_eq!(buffer.get(2), Some(&2));
}

#[test]
fn dropping_a_buffer_drops_the_generator_and_every_value() {
    let (told, tells) = mpsc::channel();
    let alive = Arc::new(());
    let (token, value) = (Told(told), Arc::clone(&alive));
    let buffer = Buffer::from_iter((0_u64..).map(move |n| {
        let _ = &token;
        toil(n);
        Arc::clone(&value)
    }))
    .size(1_000_000);
    assert_eq!(buffer.iter().take(200).count(), 200);
    drop(buffer);
    assert_eq!(tells.recv_timeout(PATIENCE), Ok("dropped"), "the generator stops although it was far from its limit");
    let deadline = Instant::now() + PATIENCE;
    while Arc::strong_count(&alive) > 1 {
        assert!(Instant::now() < deadline, "values are left");
        thread::yield_now();
    }
}

#[test]
fn a_generator_is_dropped_when_it_has_ended() {
    let (told, tells) = mpsc::channel();
    let token = Told(told);
    let buffer = Buffer::from_iter((0..3).inspect(move |_| {
        let _ = &token;
    }));
    assert_eq!(buffer.iter().count(), 3);
    assert_eq!(tells.recv_timeout(PATIENCE), Ok("dropped"));
}

#[test]
fn nobody_goes_further_ahead_than_size() {
    for (size, batches) in [(1, false), (4, false), (16, false), (16, true)] {
        let made = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&made);
        let buffer = Buffer::from_iter((0..).map(move |n| {
            counted.fetch_add(1, Ordering::SeqCst);
            // Cheap values in batches, dear ones by helpers.
            if batches { n } else { toil(n) }
        }))
        .size(size);
        let buffer = if batches { buffer.in_batches() } else { buffer };
        for read in 1..200 {
            let _ = buffer[read - 1];
            let made = made.load(Ordering::SeqCst);
            assert!(made <= read + size, "{made} values for {read} reads");
        }
        assert_eq!(buffer.iter().take(1_000).count(), 1_000);
        assert!(made.load(Ordering::SeqCst) <= 1_000 + size);
    }
}

#[test]
fn idle_buffers_need_no_threads() {
    let buffers: Vec<_> = (0..100).map(|seed| Buffer::from_iter((seed..).map(toil))).collect();
    for buffer in &buffers {
        assert_eq!(buffer.iter().take(40).count(), 40);
    }
    let cores = thread::available_parallelism().expect("a count").get();
    let deadline = Instant::now() + PATIENCE;
    while buffers[0].stats().helper_threads > cores {
        assert!(Instant::now() < deadline, "helper threads are left");
        thread::yield_now();
    }
    let made: Vec<_> = buffers.iter().map(Buffer::len_ready).collect();
    assert!(made.iter().all(|made| *made <= 40 + 16));
}

#[test]
fn the_process_exits_at_once() {
    const ENDLESS: &Buffer<u64> = {
        static STATE: State<u64> = State::new();
        &Buffer::of(&STATE, Function::new("endless", || Source::from_iter((0..).map(toil))).size(1_000_000_000))
    };
    if std::env::var_os("SPEEDUP_TEST_CHILD").is_some() {
        assert_eq!(ENDLESS.iter().take(100).count(), 100);
        return;
    }
    let mut child = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "the_process_exits_at_once"])
        .env("SPEEDUP_TEST_CHILD", "1")
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the test runs itself");
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            assert!(status.success());
            return;
        }
        assert!(Instant::now() < deadline, "the process does not end");
        thread::yield_now();
    }
}

#[test]
fn a_window_serves_several_readers_and_says_what_is_gone() {
    let window = Window::from_iter((0..2_000_u64).map(|n| (n, toil(n))), 64).size(8);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut expected = 0;
                for item in &window {
                    match item {
                        Ok((n, value)) => {
                            assert!(n >= expected && value == toil(n));
                            expected = n + 1;
                        }
                        Err(Gone::Left { index, first, .. }) => assert!(index < first),
                        Err(other) => panic!("{other}"),
                    }
                }
                assert_eq!(expected, 2_000);
            });
        }
    });
}

#[test]
fn zero_sized_and_large_values_are_kept() {
    let units = Buffer::from_iter(std::iter::repeat_n((), 1_000));
    assert_eq!(units.iter().count(), 1_000);
    let blocks = Buffer::from_iter((0..300_usize).map(|n| [n; 64]));
    assert!(blocks.iter().enumerate().all(|(n, block)| *block == [n; 64]));
    assert_eq!(blocks[299], [299; 64]);
}
