//! What leaves no value behind: results that are not kept, and panics, of calls that were computed ahead.

use std::{
    hint::spin_loop,
    panic::catch_unwind,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use rayon::ThreadPoolBuilder;
use speedup::cache;

use super::meeting::{begin, meet, pool};

const LEVELS: usize = 30;

/// How often each call of `fails_at_the_bottom` has run.
static RUNS: [AtomicU64; LEVELS + 1] = [const { AtomicU64::new(0) }; LEVELS + 1];
static FAILS: AtomicBool = AtomicBool::new(true);

#[cache]
fn fails_at_the_bottom(n: u64) -> u64 {
    RUNS[n as usize].fetch_add(1, Ordering::Relaxed);
    let since = Instant::now();
    // Dear, so that helpers come.
    while since.elapsed() < Duration::from_micros(20) {
        spin_loop();
    }
    if n == 0 {
        assert!(!FAILS.load(Ordering::Relaxed), "the bottom");
        return 1;
    }
    fails_at_the_bottom(n - 1) + fails_at_the_bottom(n.saturating_sub(2))
}

static ATTEMPTS: AtomicU64 = AtomicU64::new(0);

/// Fails a few times, however it is asked for.
#[cache]
fn flickers(n: u64) -> u64 {
    begin("flickers");
    match n {
        0 => {
            assert!(ATTEMPTS.fetch_add(1, Ordering::Relaxed) >= 3, "not yet");
            1
        }
        30 => loop {
            if let Ok(value) = catch_unwind(|| flickers(29) + flickers(28)) {
                return value;
            }
        },
        _ => flickers(n - 1) + flickers(n.saturating_sub(2)),
    }
}

static TRIED: AtomicU64 = AtomicU64::new(0);

/// Every leaf is `None`, which is not kept, and two of them meet, so that they are computed ahead.
#[cache]
fn tries(n: u64) -> Option<u64> {
    begin("tries");
    TRIED.fetch_add(1, Ordering::Relaxed);
    if n < 100 {
        meet("tries");
        return None;
    }
    let all: Vec<Option<u64>> = (0..5).map(tries).collect();
    Some(all.iter().flatten().count() as u64)
}

/// A panic leaves nothing behind that others could find. Without care each level that it passes has its members begun anew, each
/// of which doubles them.
#[test]
fn a_panic_is_met_once_a_level_by_pools_of_any_size() {
    let _one = pool();
    for threads in [1, 2, 4, 8] {
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        for _ in 0..20 {
            FAILS.store(true, Ordering::Relaxed);
            RUNS.iter().for_each(|runs| runs.store(0, Ordering::Relaxed));
            let end =
                pool.install(|| catch_unwind(|| fails_at_the_bottom(LEVELS as u64))).expect_err("the bottom fails");
            assert_eq!(end.downcast_ref::<&str>(), Some(&"the bottom"));
            // Once for the call; and once for each helper that is still inside a call when all has ended.
            let most = RUNS.iter().map(|runs| runs.load(Ordering::Relaxed)).max();
            assert!(most <= Some(threads as u64), "{most:?} with {threads} threads");
            FAILS.store(false, Ordering::Relaxed);
            assert_eq!(pool.install(|| fails_at_the_bottom(LEVELS as u64)), 2_178_309, "the next call tries again");
            FAILS_AT_THE_BOTTOM.clear();
        }
    }
}

#[test]
fn a_body_that_catches_a_panic_may_try_again() {
    let _one = pool();
    assert_eq!(flickers(30), 2_178_309);
}

#[test]
fn results_that_are_not_kept_are_computed_once() {
    let _one = pool();
    assert_eq!(tries(100), Some(0));
    let runs = TRIED.load(Ordering::Relaxed);
    // A call that ends just now may be begun once more.
    assert!((6..12).contains(&runs), "{runs}");
    assert_eq!(TRIES.len(), 1);
    assert_eq!(tries(2), None);
    assert_eq!(TRIED.load(Ordering::Relaxed), runs + 1, "what was handed over is gone with the call");
}

/// The line before that of the sum.
static BEFORE: AtomicU64 = AtomicU64::new(0);

#[cache]
fn overflows(n: u8) -> u8 {
    if n < 2 {
        return 100;
    }
    BEFORE.store(u64::from(line!()), Ordering::Relaxed);
    n + overflows(n - 1) + overflows(n - 2)
}

#[cfg(debug_assertions)]
#[test]
fn an_overflow_is_told_at_its_own_line() {
    static TOLD: AtomicU64 = AtomicU64::new(0);
    let _one = pool();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| match panic.location() {
        Some(place) if panic.to_string().contains("attempt to add with overflow") => {
            assert!(place.file().ends_with("ends.rs"));
            TOLD.store(u64::from(place.line()), Ordering::Relaxed);
        }
        _ => before(panic),
    }));
    assert!(catch_unwind(|| overflows(60)).is_err());
    assert_eq!(TOLD.load(Ordering::Relaxed), BEFORE.load(Ordering::Relaxed) + 1);
}
