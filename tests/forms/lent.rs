//! `returns = ref`: results that are lent, not cloned. `tables`: how many tables are kept.

use std::panic::catch_unwind;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use speedup::{Cache, cache};

/// Neither `Clone` nor `Copy`.
#[derive(Debug, PartialEq)]
pub struct Row(Vec<u64>);

/// A row of Pascal's triangle.
#[cache(returns = ref)]
pub fn row(n: usize) -> Row {
    if n == 0 {
        return Row(vec![1]);
    }
    let above: &'static Row = row(n - 1);
    let inner = above.0.windows(2).map(|pair| pair[0] + pair[1]);
    Row([1].into_iter().chain(inner).chain([1]).collect())
}

#[test]
fn results_are_lent_for_ever_and_need_no_clone() {
    let fifth = row(5);
    assert_eq!(fifth.0, [1, 5, 10, 10, 5, 1]);
    let handle: &Cache<(usize,), &'static Row> = ROW;
    assert!(ptr::eq(fifth, row(5)) && ptr::eq(fifth, handle.get((5,))) && ptr::eq(fifth, handle.peek(&(5,)).unwrap()));
    assert_eq!(handle.len(), 6);
    handle.clear();
    assert_eq!(fifth, row(5));
    assert!(!ptr::eq(fifth, row(5)));
}

#[cache(returns = ref, cache_err)]
fn read(path: &str) -> Result<u64, std::num::ParseIntError> {
    Ok(path.trim().parse::<u64>()? + 1)
}

#[cache(returns = ref)]
fn words(text: &str) -> Vec<String> {
    match text.split_once(' ') {
        None => vec![text.to_owned()],
        Some((first, rest)) => [&[first.to_owned()], words(rest).as_slice()].concat(),
    }
}

#[cache(returns = ref)]
fn sums(values: &[u64], at: usize) -> Box<u64> {
    assert!(at <= values.len(), "beyond the end");
    Box::new(values.get(at).map_or(0, |value| value + **sums(values, at + 1)))
}

#[cache(returns = ref, skip(times))]
fn scaled(times: &AtomicUsize, n: u64) -> Box<u64> {
    times.fetch_add(1, Relaxed);
    if n == 0 {
        return Box::new(0);
    }
    Box::new(n + **scaled(times, n - 1))
}

#[cache(returns = ref)]
fn listed<T: Clone + std::hash::Hash + Eq + Send + Sync + 'static>(item: T, times: usize) -> Vec<T> {
    vec![item; times]
}

struct Alphabet;

impl Alphabet {
    #[cache(returns = ref)]
    fn letters(n: u8) -> String {
        if n == 0 { String::new() } else { format!("{}{}", Self::letters(n - 1), char::from(b'a' + n - 1)) }
    }
}

#[test]
fn every_form_in_a_static_can_lend() {
    assert_eq!(read("41"), &Ok(42));
    assert!(ptr::eq(read("x"), read("x")) && read("x").is_err());
    let text = "one two three four five six seven eight nine ten eleven twelve thirteen";
    assert_eq!(words(text).join(" "), text);
    assert_eq!(**sums(&[1, 2, 3], 0), 6);
    assert!(catch_unwind(|| sums(&[1], 7)).is_err());
    let times = AtomicUsize::new(0);
    assert_eq!((**scaled(&times, 4), **scaled(&times, 4), times.into_inner()), (10, 10, 5));
    assert_eq!(listed('x', 3), &['x'; 3]);
    assert!(ptr::eq(listed(1_u8, 2), listed(1_u8, 2)));
    assert_eq!(Alphabet::letters(5), "abcde");
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[cache(tables = 2)]
fn along(path: &[u64], at: usize) -> u64 {
    RUNS.fetch_add(1, Relaxed);
    if at == path.len() { 0 } else { path[at] + along(path, at + 1) }
}

#[test]
fn so_many_tables_are_kept() {
    let runs = |path: &[u64]| {
        RUNS.store(0, Relaxed);
        assert_eq!(along(path, 0), path.iter().sum());
        RUNS.load(Relaxed)
    };
    assert_eq!([runs(&[1]), runs(&[2]), runs(&[1]), runs(&[3])], [2, 2, 0, 2]);
    // One of the first two went.
    assert_eq!((ALONG.len(), runs(&[3])), (4, 0));
}
