//! `scoped` with keys and results that borrow.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use speedup::cache;

static CALLS: AtomicUsize = AtomicUsize::new(0);

/// The longest word from a place on that follows the one before in the alphabet.
#[cache(scoped)]
fn longest<'a>(words: &'a [&'a str], at: usize, prev: &'a str) -> &'a str {
    CALLS.fetch_add(1, Ordering::Relaxed);
    let Some(word) = words.get(at) else { return prev };
    let without = longest(words, at + 1, prev);
    if *word < prev {
        return without;
    }
    let with = longest(words, at + 1, word);
    if with.len() > without.len() { with } else { without }
}

fn plain<'a>(words: &'a [&'a str], at: usize, prev: &'a str) -> &'a str {
    let Some(word) = words.get(at) else { return prev };
    let without = plain(words, at + 1, prev);
    if *word < prev {
        return without;
    }
    let with = plain(words, at + 1, word);
    if with.len() > without.len() { with } else { without }
}

#[test]
fn keys_and_results_borrow_what_the_outermost_call_was_given() {
    let text = "a bb aaa c ddddd bb abcdef e zz y".to_owned();
    let words: Vec<&str> = text.split(' ').collect();
    CALLS.store(0, Ordering::Relaxed);
    let found = longest(&words, 0, "");
    assert!(CALLS.load(Ordering::Relaxed) <= (words.len() + 1) * (words.len() + 1));
    assert_eq!(found, plain(&words, 0, ""));
    let place = text.find(found).expect("a part of the text");
    assert_eq!(found.as_ptr(), text[place..].as_ptr(), "the very part of the text");
}

#[cache(scoped)]
fn first(words: &[String], at: usize) -> &str {
    if at + 1 >= words.len() {
        return words.last().map_or("", |word| word.as_str());
    }
    first(words, at + 1).min(&words[at])
}

struct Names<'t> {
    names: Vec<&'t str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Piece<'a> {
    text: &'a str,
}

impl<'t> Names<'t> {
    #[cache(scoped)]
    fn chain(&self, at: usize, so_far: Option<&'t str>) -> Vec<&'t str> {
        let Some(name) = self.names.get(at) else { return so_far.into_iter().collect() };
        let skipped = self.chain(at + 1, so_far);
        if so_far.is_some_and(|last| last.as_bytes().last() != name.as_bytes().first()) {
            return skipped;
        }
        let mut taken = vec![];
        taken.extend(so_far);
        taken.extend(self.chain(at + 1, Some(name)));
        if taken.len() > skipped.len() { taken } else { skipped }
    }

    #[cache(scoped)]
    fn shortest(&self, at: usize) -> &str {
        let Some(name) = self.names.get(at) else { return "no name is as long as this one is" };
        let rest = self.shortest(at + 1);
        if rest.len() < name.len() { rest } else { name }
    }
}

#[cache(scoped)]
fn halves<'a>(piece: Piece<'a>) -> BTreeMap<&'a str, usize> {
    let (left, right) = piece.text.split_at(piece.text.len() / 2);
    if left.is_empty() {
        return BTreeMap::from([(right, 1)]);
    }
    let mut all = halves(Piece { text: left });
    for (part, times) in halves(Piece { text: right }) {
        *all.entry(part).or_default() += times;
    }
    all
}

#[test]
fn lifetimes_stand_in_structs_methods_and_results() {
    let words = ["pear", "apple", "fig"].map(str::to_owned);
    assert_eq!(first(&words, 0), "apple");
    let text = "anna alma adam mona arno otto".to_owned();
    let names = Names { names: text.split(' ').collect() };
    assert_eq!(
        names.chain(0, None),
        ["anna", "alma", "adam", "mona", "arno", "otto"].map(|name| &text[text.find(name).unwrap()..][..4])
    );
    assert_eq!(names.shortest(0), "anna");
    assert_eq!(halves(Piece { text: "abab" }), BTreeMap::from([("a", 2), ("b", 2)]));
    let rests: Vec<(&str, usize)> = halves(Piece { text: &text }).into_iter().collect();
    assert_eq!(rests.iter().map(|(_, times)| times).sum::<usize>(), text.len());
}

#[cache(scoped)]
fn shorter<'a>(words: &'a [&'a str], at: usize, prev: &'a str) -> &'a str {
    let Some(word) = words.get(at) else { return prev };
    let here = format!("{prev}{word}");
    // About what lives no longer than this body: it has a scope of its own.
    let length = elsewhere(words, at + 1, &here);
    let next = shorter(words, at + 1, word);
    if next.len() > length { next } else { prev }
}

fn elsewhere(words: &[&str], at: usize, prev: &str) -> usize {
    shorter(words, at, prev).len()
}

#[test]
fn calls_by_way_of_another_function_may_be_about_what_lives_shorter() {
    let words = ["x", "yy", "zzz", "x", "yy"];
    assert_eq!(shorter(&words, 0, "start"), "start");
}

/// Says so when it is dropped, by what it borrows.
struct Told<'a>(&'a AtomicUsize, usize);

impl<'a> Told<'a> {
    fn new(count: &'a AtomicUsize, value: usize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Told(count, value)
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

/// For so long it computes, so that calls are shared.
fn busy() {
    let began = Instant::now();
    while began.elapsed() < Duration::from_micros(20) {
        std::hint::spin_loop();
    }
}

#[cache(scoped)]
fn told<'a>(count: &'a AtomicUsize, stop: u64, n: u64) -> Told<'a> {
    busy();
    assert!(n != stop, "as asked");
    if n < 2 {
        return Told::new(count, n as usize);
    }
    let (one, two) = (told(count, stop, n - 1), told(count, stop, n - 2));
    Told::new(count, (one.1 + two.1) % 1000)
}

#[test]
fn all_that_was_kept_has_gone_when_the_call_returns() {
    for stop in [u64::MAX, 3] {
        for _ in 0..5 {
            let count = AtomicUsize::new(0);
            let ended = catch_unwind(AssertUnwindSafe(|| told(&count, stop, 40).1));
            assert_eq!(ended.is_ok(), stop == u64::MAX);
            assert_eq!(count.load(Ordering::Relaxed), 0);
        }
    }
    let count = AtomicUsize::new(0);
    let value = told(&count, u64::MAX, 30);
    assert_eq!(count.load(Ordering::Relaxed), 1, "the one that was returned");
    drop(value);
    assert_eq!(count.load(Ordering::Relaxed), 0);
}

#[cache(scoped)]
fn split<'a>(words: &'a [String], text: &'a str) -> Option<Vec<&'a str>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    words.iter().filter_map(|word| text.strip_prefix(word.as_str())).find_map(|rest| {
        let mut parts = split(words, rest)?;
        parts.insert(0, &text[..text.len() - rest.len()]);
        Some(parts)
    })
}

#[test]
fn what_is_none_is_not_kept_and_what_is_some_borrows() {
    let words = ["ab", "a", "cd", "bc", "d"].map(str::to_owned);
    assert_eq!(split(&words, "abcdd"), Some(vec!["ab", "cd", "d"]));
    assert_eq!(split(&words, "abx"), None);
}

#[test]
fn many_threads_have_scopes_of_their_own() {
    std::thread::scope(|scope| {
        for by in 0..4 {
            scope.spawn(move || {
                let text = format!("b{by} aa c{by}{by} dd");
                let words: Vec<&str> = text.split(' ').collect();
                assert_eq!(longest(&words, 0, ""), plain(&words, 0, ""));
            });
        }
    });
}

/// An error that cannot be cloned.
#[derive(Debug, PartialEq)]
struct Unknown<'a>(&'a str);

#[cache(scoped, move_err)]
fn parsed<'a>(words: &'a [&'a str], so_far: Vec<&'a str>, at: usize) -> Result<Vec<&'a str>, Unknown<'a>> {
    let Some(word) = words.get(at) else { return Ok(so_far) };
    if word.parse::<u32>().is_err() {
        return Err(Unknown(word));
    }
    let mut longer = so_far;
    longer.push(word);
    parsed(words, longer, at + 1)
}

#[test]
fn errors_are_moved_and_borrow() {
    assert_eq!(parsed(&["1", "2"], Vec::new(), 0), Ok(vec!["1", "2"]));
    assert_eq!(parsed(&["1", "two", "3"], Vec::new(), 0), Err(Unknown("two")));
}

#[cache(scoped, sequential)]
fn joined<'a>(words: &'a [&'a str], at: usize) -> Option<std::rc::Rc<Vec<&'a str>>> {
    let word = words.get(at)?;
    let mut all = joined(words, at + 1).map_or_else(Vec::new, |rest| rest.to_vec());
    all.push(word);
    Some(std::rc::Rc::new(all))
}

#[test]
fn results_may_borrow_and_stay_on_their_thread() {
    let text = "c b a".to_owned();
    let words: Vec<&str> = text.split(' ').collect();
    assert_eq!(joined(&words, 0).as_deref(), Some(&vec!["a", "b", "c"]));
}

/// Where it has been dropped after what it borrows was over.
static LATE: AtomicUsize = AtomicUsize::new(0);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Countdown<'a>(u64, &'a str, &'a Over);

/// Whether the call has returned.
#[derive(Debug, Default)]
struct Over(std::sync::atomic::AtomicBool);

impl PartialEq for Over {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Over {}

impl std::hash::Hash for Over {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

impl Drop for Countdown<'_> {
    fn drop(&mut self) {
        LATE.fetch_add(usize::from(self.2.0.load(Ordering::SeqCst)), Ordering::SeqCst);
    }
}

#[cache(scoped)]
fn lifts_off<'a>(from: Countdown<'a>) -> &'a str {
    assert!(from.0 > 0, "zero");
    let next = Countdown(from.0 - 1, from.1, from.2);
    lifts_off(next)
}

/// Calls that others help with remember what has panicked as long as they run, and what a scope was given is over before.
#[cache]
fn launches(count: u64) -> usize {
    let busy = |_| {
        let since = Instant::now();
        while since.elapsed() < Duration::from_millis(1) {
            std::hint::spin_loop();
        }
    };
    speedup::map(0..4, busy);
    let failed = (0..count).filter(|from| {
        // Lent to the call, and there for longer, so that who comes late finds it.
        let over: &'static Over = Box::leak(Box::default());
        let failed = catch_unwind(AssertUnwindSafe(|| lifts_off(Countdown(*from, "", over)).len())).is_err();
        over.0.store(true, Ordering::SeqCst);
        failed
    });
    failed.count()
}

#[test]
fn keys_of_calls_that_have_panicked_are_let_go_with_the_scope() {
    assert_eq!(launches(8), 8);
    assert_eq!(LATE.load(Ordering::SeqCst), 0);
}
