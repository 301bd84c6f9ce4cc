//! `speedup::join` and `speedup::map` in bodies and in what they call: the promises hold.

use std::{
    panic::catch_unwind,
    sync::atomic::{AtomicU64, Ordering},
};

use speedup::{cache, store::MemoryStore};

use super::meeting::{begin, have_met, meet, pool};

fn both(n: u64) -> u64 {
    // A plain helper: no attribute sees its calls.
    let (a, b) = speedup::join(|| by_a_helper(n - 1), || by_a_helper(n - 2));
    a + b
}

#[cache]
fn by_a_helper(n: u64) -> u64 {
    begin("by_a_helper");
    if n < 2 {
        meet("by_a_helper");
        return n;
    }
    both(n)
}

#[cache]
fn by_map(n: u64) -> u64 {
    begin("by_map");
    if n < 4 {
        meet("by_map");
    }
    if n == 0 {
        return 1;
    }
    let items: Vec<u64> = (0..n).collect();
    speedup::map(&items, |k| by_map(*k) + 1).into_iter().sum()
}

#[cache(with(odd))]
fn even(i: u64, j: u64) -> u64 {
    begin("even and odd");
    if i == 0 || j == 0 {
        meet("even and odd");
        return 1;
    }
    odd(i - 1, j) + odd(i, j - 1)
}

#[cache(with(even))]
fn odd(i: u64, j: u64) -> u64 {
    begin("even and odd");
    if i == 0 || j == 0 {
        meet("even and odd");
        return 1;
    }
    even(i - 1, j) + even(i, j - 1)
}

#[test]
fn calls_of_other_functions_take_part() {
    let _one = pool();
    assert_eq!(even(4, 4), 70);
    assert!(have_met("even and odd"), "the calls ran one after the other");
}

/// Its groups are computed together, dear or not, since they are looked up together.
#[cache(key = |n| -> (u64,) { (n,) }, store = MemoryStore::new())]
fn needs_its_caller(n: u64) -> u64 {
    n
}

#[cache(with(needs_its_caller))]
fn sum_of_those(n: u64) -> u64 {
    if n == 0 { 0 } else { sum_of_those(n - 1) + needs_its_caller(n) + needs_its_caller(n + 1) }
}

#[test]
fn what_needs_its_caller_is_not_called_ahead_of_it() {
    assert_eq!(sum_of_those(9), 99);
}

static RUNS: AtomicU64 = AtomicU64::new(0);

#[cache]
fn once_each(i: u64, j: u64) -> u64 {
    RUNS.fetch_add(1, Ordering::Relaxed);
    if i == 0 || j == 0 {
        return 1;
    }
    let (up, left) = speedup::join(|| once_each(i - 1, j), || once_each(i, j - 1));
    up.wrapping_add(left)
}

#[cache]
fn around(n: u64) -> u64 {
    let (a, b) = speedup::join(|| around((n + 1) % 6), || u64::from(n == 9));
    a + b
}

#[cache]
fn fails_below(n: u64) -> u64 {
    assert!(n != 3, "three");
    if n == 0 { 0 } else { speedup::map(0..2, |k| if k == 0 { fails_below(n - 1) } else { n }).into_iter().sum() }
}

#[cache]
fn deep(n: u64) -> u64 {
    if n == 0 { 0 } else { speedup::join(|| deep(n - 1), || 1).0 + 1 }
}

#[test]
fn a_helper_shares_its_calls_out() {
    let _one = pool();
    assert_eq!(by_a_helper(12), 144);
    assert!(have_met("by_a_helper"), "the calls ran one after the other");
}

#[test]
fn map_shares_its_calls_out() {
    let _one = pool();
    assert_eq!(
        by_map(8),
        (0..8)
            .fold(Vec::<u64>::new(), |mut all, _| {
                all.push(if all.is_empty() { 1 } else { all.iter().map(|one| one + 1).sum() });
                all
            })
            .iter()
            .map(|one| one + 1)
            .sum::<u64>()
    );
    assert!(have_met("by_map"), "the calls ran one after the other");
}

#[test]
fn each_key_is_computed_once() {
    let _one = pool();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| once_each(12, 12));
        }
    });
    assert_eq!(RUNS.load(Ordering::Relaxed), 13 * 13 - 1);
}

#[test]
fn a_cycle_is_named() {
    let _one = pool();
    for _ in 0..5 {
        let end = catch_unwind(|| around(0)).expect_err("it needs itself");
        let text = end.downcast_ref::<String>().expect("a message");
        assert!(text.contains("cycle in cached calls") && text.contains("around("), "{text}");
    }
}

#[test]
fn a_panic_reaches_who_asked() {
    let _one = pool();
    let end = catch_unwind(|| fails_below(7)).expect_err("three fails");
    assert_eq!(end.downcast_ref::<&str>(), Some(&"three"));
    assert_eq!(FAILS_BELOW.len(), 0);
}

#[test]
fn depth_is_bounded_by_memory() {
    let _one = pool();
    assert_eq!(deep(4_000), 4_000);
}

#[test]
fn rayon_and_join_get_along() {
    let _one = pool();
    use rayon::prelude::*;
    let sums: Vec<u64> = (0..40u64).into_par_iter().map(|n| speedup::map(0..n, |k| k * n).into_iter().sum()).collect();
    assert_eq!(sums, (0..40u64).map(|n| (0..n).map(|k| k * n).sum()).collect::<Vec<u64>>());
}
