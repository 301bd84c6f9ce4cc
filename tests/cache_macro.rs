//! `#[cache]` as a user meets it: names, places, arguments, results, and that it changes nothing but the time.

#![cfg(feature = "macros")]

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use speedup::cache;

/// How often a body has run.
static RUNS: AtomicUsize = AtomicUsize::new(0);

#[cache]
fn counted(n: u64) -> u64 {
    RUNS.fetch_add(1, Ordering::Relaxed);
    n * 2
}

#[test]
fn a_key_is_computed_once_and_the_handle_shows_it() {
    assert_eq!(COUNTED.peek(&(21,)), None);
    assert_eq!((counted(21), counted(21), COUNTED.get((21,))), (42, 42, 42));
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
    assert_eq!(COUNTED.peek(&(21,)), Some(42));
    assert!(COUNTED.contains(&(21,)) && COUNTED.len() == 1 && !COUNTED.is_empty());
}

mod names {
    use speedup::cache;

    #[cache(name = TABLE)]
    pub(super) fn renamed(n: u64) -> u64 {
        n
    }

    #[cache]
    pub(crate) fn r#match(r#type: u64) -> u64 {
        r#type
    }

    #[cache]
    pub(crate) fn _hidden(_n: u64) -> u64 {
        7
    }

    #[cache]
    #[allow(non_snake_case)]
    pub(crate) fn parseUrl2(n: u64) -> u64 {
        n
    }
}

#[test]
fn handles_are_named_after_their_functions() {
    assert_eq!((names::renamed(1), names::r#match(2), names::_hidden(3), names::parseUrl2(4)), (1, 2, 7, 4));
    assert_eq!((names::TABLE.len(), names::MATCH.len(), names::_HIDDEN.len(), names::PARSE_URL2.len()), (1, 1, 1, 1));
}

struct Grid;

impl Grid {
    const STEP: u64 = 1;

    #[cache]
    pub(crate) fn paths(x: u64, y: u64) -> u64 {
        if x == 0 || y == 0 { 1 } else { Self::paths(x - Self::STEP, y) + Grid::paths(x, y - 1) }
    }

    // Nothing in this function tells that it stands in an `impl`.
    #[cache]
    fn area(width: u64, height: u64) -> u64 {
        width * height
    }

    fn local(n: u64) -> u64 {
        #[cache]
        fn double(n: u64) -> u64 {
            if n == 0 { 0 } else { double(n - 1) + 2 }
        }
        double(n) + DOUBLE.get((n,))
    }
}

#[test]
fn impl_blocks_and_bodies_have_room_for_a_handle() {
    assert_eq!((Grid::paths(16, 16), Grid::area(2, 3), Grid::local(5)), (601_080_390, 6, 20));
    assert_eq!((Grid::PATHS.peek(&(1, 1)), Grid::AREA.len()), (Some(2), 1));
}

macro_rules! squares {
    ($name:ident, $argument:ident) => {
        #[cache]
        fn $name($argument: u64) -> u64 {
            if $argument < 2 { $argument } else { $name($argument - 1) + $name($argument - 2) }
        }
    };
}

squares!(generated, value);

struct Generated;

impl Generated {
    squares!(inside, value);
}

fn inside(value: u64) -> u64 {
    value
}

#[test]
fn functions_made_by_a_macro_are_cached_too() {
    assert_eq!((generated(30), Generated::inside(3)), (832_040, 3));
    assert_eq!(GENERATED.len(), 31);
}

#[cache]
fn pattern((a, b): (u64, u64), [c, ..]: [u64; 3], mut d: u64, _: bool, _unused: String) -> u64 {
    d += a + b + c;
    d
}

#[cache]
fn borrowed<'a>(text: &'a str, list: &[u64], path: &std::path::Path, one: &u64, fixed: &'static str) -> String
where
    u64: Copy,
{
    format!("{text} {list:?} {} {one} {fixed}", path.display())
}

#[test]
fn arguments_may_be_patterns_and_references() {
    assert_eq!(pattern((1, 2), [3, 0, 0], 4, true, "x".to_owned()), 10);
    let path = std::path::PathBuf::from("p");
    let text = String::from("text");
    for _ in 0..2 {
        assert_eq!(borrowed(&text, &[1, 2], &path, &3, "fixed"), "text [1, 2] p 3 fixed");
    }
    assert_eq!(BORROWED.len(), 1);
    assert!(BORROWED.contains(&("text".to_owned(), vec![1, 2], path, 3, "fixed")));
}

type Answer = Result<u64, String>;

#[cache]
fn checked(n: u64) -> Result<u64, String> {
    if n > 9 { Err("large".to_owned()) } else { Ok(n) }
}

#[cache]
fn aliased(n: u64) -> Answer {
    checked(n)
}

#[cache(cache_err)]
fn errors_too(n: u64) -> Answer {
    checked(n)
}

#[cache]
fn found(n: u64) -> Option<u64> {
    (n < 10).then_some(n)
}

#[cache(cache_none)]
fn nothing_too(n: u64) -> Option<u64> {
    found(n)
}

#[test]
fn only_ok_and_some_are_kept_unless_told_otherwise() {
    for n in [1, 10] {
        let _ = (checked(n), aliased(n), errors_too(n), found(n), nothing_too(n));
    }
    assert_eq!((CHECKED.len(), ALIASED.len(), ERRORS_TOO.len(), FOUND.len(), NOTHING_TOO.len()), (1, 1, 2, 1, 2));
}

#[cfg(any())]
#[cache]
fn absent(n: u64) -> Missing {
    n
}

#[cache]
#[cfg(any())]
fn absent(n: u64) -> Missing {
    n
}

#[cache]
#[deprecated]
fn old(n: u64) -> u64 {
    if n == 0 { 0 } else { old(n - 1) }
}

#[cache]
#[cfg(all())]
#[must_use]
#[inline]
#[expect(clippy::let_and_return, unused_mut, reason = "to see that lints of the body stay quiet")]
fn present(n: u64) -> u64 {
    let mut m = n;
    m
}

#[test]
fn attributes_keep_their_meaning() {
    #[expect(deprecated)]
    let old = old(3);
    assert_eq!((old, present(2)), (0, 2));
    assert_eq!((OLD.len(), PRESENT.len()), (4, 1));
}

#[cache]
fn even(n: u64) -> bool {
    n == 0 || odd(n - 1)
}

#[cache]
fn odd(n: u64) -> bool {
    n != 0 && even(n - 1)
}

#[cache(sequential)]
fn sequential(n: u64) -> u64 {
    if n < 2 { n } else { sequential(n - 1) + sequential(n - 2) }
}

#[test]
fn functions_may_call_one_another() {
    assert!(even(1_000) && !odd(1_000));
    assert_eq!(sequential(50), 12_586_269_025);
}

// Each function twice, as it is and cached: their results must be the same.

fn trinary(n: u64) -> u64 {
    if n < 3 { n } else { trinary(n - 1) ^ trinary(n / 2).wrapping_mul(3) ^ trinary(n / 3) }
}

#[cache]
fn trinary_cached(n: u64) -> u64 {
    if n < 3 { n } else { trinary_cached(n - 1) ^ trinary_cached(n / 2).wrapping_mul(3) ^ trinary_cached(n / 3) }
}

fn distance(a: &str, b: &str) -> usize {
    let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else { return a.len() + b.len() };
    if x == y {
        distance(&a[1..], &b[1..])
    } else {
        1 + distance(&a[1..], b).min(distance(a, &b[1..])).min(distance(&a[1..], &b[1..]))
    }
}

#[cache]
fn distance_cached(a: &str, b: &str) -> usize {
    let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else { return a.len() + b.len() };
    if x == y {
        distance_cached(&a[1..], &b[1..])
    } else {
        1 + distance_cached(&a[1..], b).min(distance_cached(a, &b[1..])).min(distance_cached(&a[1..], &b[1..]))
    }
}

const WEIGHTS: [usize; 8] = [3, 4, 5, 9, 14, 2, 7, 1];
const VALUES: [u64; 8] = [3, 4, 4, 10, 15, 1, 8, 2];

fn knapsack(item: usize, room: usize) -> u64 {
    if item == WEIGHTS.len() {
        return 0;
    }
    let without = knapsack(item + 1, room);
    if WEIGHTS[item] > room {
        return without;
    }
    without.max(VALUES[item] + knapsack(item + 1, room - WEIGHTS[item]))
}

#[cache]
fn knapsack_cached(item: usize, room: usize) -> u64 {
    if item == WEIGHTS.len() {
        return 0;
    }
    let without = knapsack_cached(item + 1, room);
    if WEIGHTS[item] > room {
        return without;
    }
    without.max(VALUES[item] + knapsack_cached(item + 1, room - WEIGHTS[item]))
}

fn splits(low: u64, high: u64) -> Vec<u64> {
    if high - low < 2 {
        return vec![low];
    }
    let middle = (low + high) / 2;
    let left = splits(low, middle);
    let right = splits(middle, high);
    let sum = left.iter().chain(&right).sum();
    [left, right, vec![sum]].concat()
}

#[cache]
fn splits_cached(low: u64, high: u64) -> Vec<u64> {
    if high - low < 2 {
        return vec![low];
    }
    let middle = (low + high) / 2;
    let left = splits_cached(low, middle);
    let right = splits_cached(middle, high);
    let sum = left.iter().chain(&right).sum();
    [left, right, vec![sum]].concat()
}

fn trees(n: u64) -> u64 {
    if n < 2 { 1 } else { (0..n).map(|k| trees(k) * trees(n - 1 - k)).sum() }
}

#[cache]
fn trees_cached(n: u64) -> u64 {
    if n < 2 { 1 } else { (0..n).map(|k| trees_cached(k) * trees_cached(n - 1 - k)).sum() }
}

fn ackermann(m: u64, n: u64) -> u64 {
    match (m, n) {
        (0, n) => n + 1,
        (m, 0) => ackermann(m - 1, 1),
        (m, n) => ackermann(m - 1, ackermann(m, n - 1)),
    }
}

#[cache]
fn ackermann_cached(m: u64, n: u64) -> u64 {
    match (m, n) {
        (0, n) => n + 1,
        (m, 0) => ackermann_cached(m - 1, 1),
        (m, n) => ackermann_cached(m - 1, ackermann_cached(m, n - 1)),
    }
}

fn parsed(text: &str) -> Result<i64, String> {
    match text.split_once('+') {
        Some((left, right)) => Ok(parsed(left)? + parsed(right)?),
        None => text.parse().map_err(|_| text.to_owned()),
    }
}

#[cache]
fn parsed_cached(text: &str) -> Result<i64, String> {
    match text.split_once('+') {
        Some((left, right)) => Ok(parsed_cached(left)? + parsed_cached(right)?),
        None => text.parse().map_err(|_| text.to_owned()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_attribute_changes_no_result(
        n in 0_u64..24,
        a in "[ab]{0,6}",
        b in "[abc]{0,6}",
        room in 0_usize..40,
        (low, length) in (0_u64..100, 1_u64..40),
        (m, k) in (0_u64..3, 0_u64..6),
        sum in "[0-9]{1,3}(\\+([0-9]{1,3}|x)){0,5}",
    ) {
        prop_assert_eq!(trinary_cached(n), trinary(n));
        prop_assert_eq!(distance_cached(&a, &b), distance(&a, &b));
        prop_assert_eq!(knapsack_cached(0, room), knapsack(0, room));
        prop_assert_eq!(splits_cached(low, low + length), splits(low, low + length));
        prop_assert_eq!(trees_cached(n.min(10)), trees(n.min(10)));
        prop_assert_eq!(ackermann_cached(m, k), ackermann(m, k));
        prop_assert_eq!(parsed_cached(&sum), parsed(&sum));
    }
}
