//! `scoped` with type parameters in keys and results, which may stand for what borrows.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use speedup::cache;

/// How often a name was counted. Tests have names of their own, and may run at once.
static COUNTS: Mutex<Option<HashMap<&'static str, usize>>> = Mutex::new(None);

fn count(name: &'static str) {
    *COUNTS.lock().unwrap().get_or_insert_default().entry(name).or_default() += 1;
}

fn counted(name: &'static str) -> usize {
    COUNTS.lock().unwrap().get_or_insert_default().remove(name).unwrap_or(0)
}

/// The longest sequence from a place on whose items do not fall.
#[cache(scoped)]
fn rising<T: Ord + Hash + Clone + Send + Sync>(items: &[T], at: usize, last: Option<T>) -> Vec<T> {
    count("rising");
    let Some(item) = items.get(at) else { return last.into_iter().collect() };
    let without = rising(items, at + 1, last.clone());
    if last.as_ref().is_some_and(|last| last > item) {
        return without;
    }
    let mut with: Vec<T> = last.into_iter().collect();
    with.extend(rising::<T>(items, at + 1, Some(item.clone())));
    if with.len() > without.len() { with } else { without }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Piece<'a>(&'a str, u8);

#[test]
fn a_type_parameter_stands_for_what_borrows() {
    let text = "d a b e c f a g b".to_owned();
    let words: Vec<&str> = text.split(' ').collect();
    let found = rising(&words, 0, None);
    assert_eq!(found, ["a", "b", "c", "f", "g"]);
    assert_eq!(found[0].as_ptr(), text[2..].as_ptr(), "the very part of the text");
    assert!(counted("rising") < 100, "with its types or without, a call goes on in the table");
    let pieces: Vec<Piece<'_>> = words.iter().map(|word| Piece(word, 1)).collect();
    assert_eq!(rising(&pieces, 0, None).last(), Some(&Piece("g", 1)));
    assert_eq!(rising(&[3, 1, 2], 0, None), [1, 2]);
}

/// No key and no result: what is passed on may be anything.
#[cache(scoped)]
fn longest<T: Ord + Sync>(items: &[T], from: usize, to: usize) -> usize {
    if to == items.len() {
        return 0;
    }
    let skipped = longest(items, from, to + 1);
    if from < items.len() && items[to] <= items[from] {
        return skipped;
    }
    skipped.max(1 + longest(items, to, to + 1))
}

#[test]
fn what_is_passed_on_may_borrow() {
    let text = "d a b e c f".to_owned();
    let words: Vec<&str> = text.split(' ').collect();
    assert_eq!(longest(&words, words.len(), 0), 4);
}

struct Rows<T>(Vec<T>);

impl<T: Clone + Ord + Hash + Send + Sync> Rows<T> {
    #[cache(scoped)]
    fn last(&self, n: usize) -> Option<T> {
        if n == self.0.len() { None } else { self.last(n + 1).or(Some(self.0[n].clone())) }
    }

    #[cache(scoped)]
    fn up_to(&self, n: usize, limit: T) -> usize {
        count("up_to");
        let Some(item) = self.0.get(n) else { return 0 };
        let (one, other) = (self.up_to(n + 1, limit.clone()), self.up_to(n + 1, item.clone()));
        if *item > limit { one } else { 1 + one.max(other) }
    }

    #[cache(scoped)]
    fn greatest(items: Vec<T>) -> Option<T> {
        let (left, right) = items.split_at(items.len() / 2);
        if left.is_empty() {
            right.first().cloned()
        } else {
            Self::greatest(left.to_vec()).max(Self::greatest(right.to_vec()))
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// What is left behind the first so many.
    #[cache(scoped)]
    fn behind(self, n: usize) -> Self {
        if n == 0 { self } else { Rest(self.behind(n - 1).0.split_first().map_or(&[], |(_, rest)| rest)) }
    }
}

#[test]
fn parameters_of_an_impl_may_borrow_and_self_may() {
    let text = "pear apple fig quince plum cherry".to_owned();
    let rows = Rows(text.split(' ').collect());
    assert_eq!((rows.last(0), rows.up_to(0, "z")), (Some("cherry"), 6));
    assert!(counted("up_to") < 60);
    assert_eq!(Rows::greatest(rows.0.clone()), Some("quince"));
    let bytes = text.into_bytes();
    assert_eq!(Rest(&bytes).behind(5).0, b"apple fig quince plum cherry");
}

/// Calls itself about what lives no longer than its body, by way of another function; its types are the same but for the lifetime.
#[cache(scoped)]
fn labels<T: AsRef<str> + Clone + Hash + Eq + Send + Sync>(of: T, n: usize) -> Vec<usize> {
    if n == 0 {
        return vec![of.as_ref().len()];
    }
    let own = format!("{}{n}", of.as_ref());
    let shorter = elsewhere(&own, n - 1);
    let by_path = self::labels(own.as_str(), n - 1);
    assert_eq!(shorter, by_path);
    let mut all = labels(of, n - 1);
    all.extend(shorter);
    all
}

fn elsewhere(of: &str, n: usize) -> Vec<usize> {
    labels(of, n)
}

fn plain_labels(of: &str, n: usize) -> Vec<usize> {
    if n == 0 {
        return vec![of.len()];
    }
    let mut all = plain_labels(of, n - 1);
    all.extend(plain_labels(&format!("{of}{n}"), n - 1));
    all
}

#[test]
fn a_shorter_lifetime_has_a_table_of_its_own() {
    let text = "a".to_owned();
    assert_eq!(labels(text.as_str(), 5), plain_labels("a", 5));
    assert_eq!(labels(text, 5), plain_labels("a", 5));
}

/// Calls itself about another type.
#[cache(scoped)]
fn sizes<T: Clone + Hash + Eq + Debug + Send + Sync>(of: T, n: u64) -> (T, u64) {
    count("sizes");
    if n == 0 {
        return (of, size_of::<T>() as u64);
    }
    let (_, small) = sizes::<u8>(7, 0);
    let (_, here) = sizes::<T>(of.clone(), n - 1);
    (of, small + here)
}

#[test]
fn other_types_have_a_table_of_their_own() {
    let text = "text".to_owned();
    assert_eq!(sizes(text.as_str(), 9), ("text", 9 + 16));
    assert_eq!(counted("sizes"), 10 + 9);
    assert_eq!(sizes([1_u64; 4], 2), ([1; 4], 2 + 32));
}

/// Says so when it is dropped, by what it borrows.
#[derive(Debug)]
struct Told<'a>(&'a AtomicUsize, u64);

impl<'a> Told<'a> {
    fn new(there: &'a AtomicUsize, value: u64) -> Self {
        there.fetch_add(1, Ordering::Relaxed);
        Told(there, value)
    }
}

impl Clone for Told<'_> {
    fn clone(&self) -> Self {
        Told::new(self.0, self.1)
    }
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl PartialEq for Told<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.1 == other.1
    }
}

impl Eq for Told<'_> {}

impl Hash for Told<'_> {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        self.1.hash(hasher);
    }
}

/// For so long it computes, so that calls are shared.
fn busy() {
    let began = Instant::now();
    while began.elapsed() < Duration::from_micros(20) {
        std::hint::spin_loop();
    }
}

#[cache(scoped)]
fn pairs<T: Clone + Hash + Eq + Send + Sync>(make: &(dyn Fn(u64) -> T + Sync), n: u64, of: T) -> (T, u64) {
    busy();
    let own = make(n);
    if n < 2 {
        return (own, n);
    }
    let (one, two) = (pairs(make, n - 1, own.clone()), pairs(make, n - 2, of));
    (own, (one.1 + two.1) % 1_000)
}

#[test]
fn all_that_was_kept_has_gone_when_the_call_returns_or_panics() {
    for stop in [u64::MAX, 3] {
        for _ in 0..5 {
            let there = AtomicUsize::new(0);
            let make = |n| {
                assert!(n != stop, "as asked");
                Told::new(&there, n)
            };
            let ended = catch_unwind(AssertUnwindSafe(|| pairs(&make, 14, Told::new(&there, 0)).1));
            assert_eq!(ended.is_ok(), stop == u64::MAX);
            assert_eq!(there.load(Ordering::Relaxed), 0);
        }
    }
    let there = AtomicUsize::new(0);
    let (value, _) = pairs(&|n| Told::new(&there, n), 12, Told::new(&there, 0));
    assert_eq!((value.1, there.load(Ordering::Relaxed)), (12, 1), "the one that was returned");
}

#[test]
fn many_threads_have_scopes_of_their_own() {
    std::thread::scope(|scope| {
        for by in 0..4 {
            scope.spawn(move || {
                let words: Vec<String> = (0..12).map(|n| format!("{}", (n * 7 + by) % 12)).collect();
                let lent: Vec<&str> = words.iter().map(String::as_str).collect();
                assert_eq!(rising(&lent, 0, None), rising(&words, 0, None));
            });
        }
    });
}

/// An error that cannot be cloned.
#[derive(Debug, PartialEq)]
struct Unknown<T>(T);

#[cache(scoped, move_err)]
fn all_short<T: AsRef<str> + Clone + Hash + Eq + Send + Sync>(
    items: &[T],
    last: T,
    at: usize,
) -> Result<T, Unknown<T>> {
    let Some(item) = items.get(at) else { return Ok(last) };
    if item.as_ref().len() > 3 {
        return Err(Unknown(item.clone()));
    }
    all_short(items, item.clone(), at + 1)
}

#[cache(scoped, sequential)]
fn chain<T: Clone + Hash + Eq + Send + Sync, const N: usize>(items: &[T; N], at: usize) -> Option<Rc<(T, usize)>> {
    if at == N {
        return None;
    }
    let rest = chain::<T, N>(items, at + 1).map_or(0, |rest| rest.1);
    Some(Rc::new((items[at].clone(), rest + 1)))
}

#[cache(scoped)]
fn summed<T>(weigh: &(impl Fn(T) -> u64 + Sync), items: &[T], at: usize, last: T) -> u64
where
    T: Copy + Hash + Eq + Send + Sync,
{
    let here = weigh(last);
    if at == items.len() { here } else { here + summed(weigh, items, at + 1, items[at]) }
}

#[test]
fn errors_are_moved_results_stay_on_their_thread_and_callables_are_context() {
    let text = "a bb cccc".to_owned();
    let words: Vec<&str> = text.split(' ').collect();
    assert_eq!(all_short(&words[..2], "", 0), Ok("bb"));
    assert_eq!(all_short(&words, "", 0), Err(Unknown("cccc")));
    assert_eq!(chain(&[words[0], words[1]], 0).as_deref(), Some(&("a", 2)));
    assert_eq!(summed(&|word: &str| word.len() as u64, &words, 0, "x"), 8);
}
