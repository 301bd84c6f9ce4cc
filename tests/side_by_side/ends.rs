//! What leaves no value behind: results that are not kept, and panics, of calls that were computed ahead.

use std::{
    panic::catch_unwind,
    sync::atomic::{AtomicU64, Ordering},
};

use speedup::cache;

use super::meeting::{begin, meet, pool};

static FAILED: AtomicU64 = AtomicU64::new(0);

#[cache]
fn fails_at_the_bottom(n: u64) -> u64 {
    begin("fails_at_the_bottom");
    FAILED.fetch_add(1, Ordering::Relaxed);
    assert!(n > 0, "the bottom");
    fails_at_the_bottom(n - 1) + fails_at_the_bottom(n.saturating_sub(2))
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
    let all: Vec<Option<u64>> = (0..5).map(|k| tries(k)).collect();
    Some(all.iter().flatten().count() as u64)
}

#[test]
fn a_panic_is_met_once_a_level() {
    let _one = pool();
    let end = catch_unwind(|| fails_at_the_bottom(30)).expect_err("the bottom fails");
    assert_eq!(end.downcast_ref::<&str>(), Some(&"the bottom"));
    // Handed over from each forecast to its region; without that each level would double it, to more than a million.
    assert!(FAILED.load(Ordering::Relaxed) < 100_000, "{}", FAILED.load(Ordering::Relaxed));
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
