//! Calls that pass on a part of a slice or string that they were given.

use std::collections::HashMap;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use proptest::prelude::*;
use speedup::cache;

macro_rules! functions {
    ($(#[$attribute:meta])?) => {
        $(#[$attribute])?
        pub(super) fn common(a: &[u8], b: &[u8]) -> usize {
            match (a, b) {
                ([], _) | (_, []) => 0,
                ([x, a @ ..], [y, b @ ..]) if x == y => 1 + common(a, b),
                ([_, rest_a @ ..], [_, rest_b @ ..]) => common(rest_a, b).max(common(a, rest_b)),
            }
        }

        $(#[$attribute])?
        pub(super) fn palindrome(text: &str) -> usize {
            let mut inner = text.chars();
            match (inner.next(), inner.next_back()) {
                (None, _) => 0,
                (_, None) => 1,
                (first, last) if first == last => 2 + palindrome(inner.as_str()),
                (Some(first), Some(last)) => {
                    let without_first = palindrome(&text[first.len_utf8()..]);
                    let without_last = palindrome(&text[..text.len() - last.len_utf8()]);
                    without_first.max(without_last)
                }
            }
        }

        $(#[$attribute])?
        pub(super) fn ways(words: &[&'static str], text: &str, most: u8) -> u64 {
            if text.is_empty() {
                return 1;
            }
            if most == 0 {
                return 0;
            }
            words.iter().filter_map(|word| text.strip_prefix(word)).map(|rest| ways(words, rest, most - 1)).sum()
        }

        $(#[$attribute])?
        pub(super) fn fewest(weights: &[f64], room: f64) -> Option<u32> {
            let (first, rest) = weights.split_first()?;
            let without = fewest(rest, room);
            let with = if *first >= room { Some(1) } else { fewest(rest, room - first).map(|others| others + 1) };
            match (without, with) {
                (Some(without), Some(with)) => Some(without.min(with)),
                (one, other) => one.or(other),
            }
        }

        $(#[$attribute])?
        pub(super) fn halves(values: &[u64], depth: u32) -> u64 {
            if depth == 0 || values.len() < 2 {
                return values.iter().sum();
            }
            let (left, right) = values.split_at(values.len() / 2);
            // Made anew: no part of what the outermost call was given.
            let doubled: Vec<u64> = right.iter().map(|value| value * 2 % 1000).collect();
            halves(left, depth - 1) ^ halves(right, depth - 1).rotate_left(3) ^ halves(&doubled, depth - 1)
        }
    };
}

mod plain {
    functions!();
}

mod cached {
    use super::cache;

    functions!(#[cache]);
}

const WORDS: [&str; 6] = ["a", "ab", "ba", "bab", "ö", "--------"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn results_are_those_of_the_function_without_it(
        a in proptest::collection::vec(0..4_u8, 0..9),
        b in proptest::collection::vec(0..4_u8, 0..9),
        start in 0..60_usize,
        text in "[abö]{0,10}",
        weights in proptest::collection::vec(0.0..2.0, 0..9),
        depth in 0..5_u32,
    ) {
        // Long enough not to be known by their contents, of which the first calls see to the rest.
        let long = |part: &[u8]| [part, &[9; 60]].concat();
        prop_assert_eq!(cached::common(&long(&a), &long(&b)), plain::common(&a, &b) + 60);
        let padded = "-".repeat(30) + &text + &"-".repeat(30);
        prop_assert_eq!(cached::palindrome(&padded), 60 + plain::palindrome(&text));
        let ended = text.clone() + &"-".repeat(48);
        prop_assert_eq!(cached::ways(&WORDS, &ended, 12), plain::ways(&WORDS, &ended, 12));
        let room = weights.iter().sum::<f64>() / 2.0;
        prop_assert_eq!(cached::fewest(&weights, room), plain::fewest(&weights, room));
        let values: Vec<u64> = (start as u64..start as u64 + 40).collect();
        prop_assert_eq!(cached::halves(&values, depth), plain::halves(&values, depth));
    }
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[cache]
fn counted(text: &[u8], skipped: u8) -> u64 {
    RUNS.fetch_add(1, Relaxed);
    match text {
        [] => u64::from(skipped),
        [first, rest @ ..] if skipped < 3 => {
            counted(rest, skipped).wrapping_mul(31) ^ u64::from(*first) ^ counted(rest, skipped + 1)
        }
        [_, rest @ ..] => counted(rest, skipped),
    }
}

#[test]
fn a_key_is_computed_once_a_place_and_calls_from_outside_share() {
    let text: Vec<u8> = (0..=255).collect();
    let mut expected = HashMap::new();
    fn plain(text: &[u8], at: usize, skipped: u8, memo: &mut HashMap<(usize, u8), u64>) -> u64 {
        if let Some(value) = memo.get(&(at, skipped)) {
            return *value;
        }
        let value = match &text[at..] {
            [] => u64::from(skipped),
            [first, ..] if skipped < 3 => {
                let same = plain(text, at + 1, skipped, memo);
                same.wrapping_mul(31) ^ u64::from(*first) ^ plain(text, at + 1, skipped + 1, memo)
            }
            _ => plain(text, at + 1, skipped, memo),
        };
        memo.insert((at, skipped), value);
        value
    }
    assert_eq!(counted(&text, 0), plain(&text, 0, 0, &mut expected));
    let runs = RUNS.load(Relaxed);
    // Those whose rest is of no length are one each.
    assert!(runs <= expected.len(), "{runs} of {}", expected.len());
    for at in 0..text.len() {
        assert_eq!(counted(&text[at..], 0), expected[&(at, 0)]);
    }
    assert_eq!(RUNS.load(Relaxed), runs, "the ends of what the last outermost call was about are known");
    COUNTED.clear();
    RUNS.store(0, Relaxed);
    for at in (0..text.len()).rev() {
        assert_eq!(counted(&text[at..], 3), plain(&text, at, 3, &mut expected));
    }
    assert!(RUNS.load(Relaxed) <= text.len() + 50, "each needs the one before: {}", RUNS.load(Relaxed));
}

#[cache]
fn joined(text: &str) -> String {
    match text.split_once(' ') {
        None => text.to_owned(),
        Some((first, rest)) => joined(rest) + first,
    }
}

#[test]
fn the_handle_sees_what_calls_from_outside_were_given() {
    let text = "one two three four five six seven eight nine ten eleven twelve";
    let key = (text.to_owned(),);
    let value = joined(text);
    assert_eq!(JOINED.peek(&key), Some(value.clone()));
    assert_eq!(JOINED.len(), 1);
    assert_eq!(JOINED.remove(&key), Some(value.clone()));
    assert_eq!((joined(text), JOINED.refresh(key.clone())), (value.clone(), value.clone()));
    // What is put in by hand counts in calls inside, too.
    let (_, rest) = text.split_once(' ').unwrap();
    JOINED.clear();
    JOINED.insert(((rest.split_once(' ').unwrap().1).to_owned(),), "end".to_owned());
    assert_eq!(joined(text), "endtwoone");
    JOINED.clear();
    assert_eq!(joined(text), value);
    assert_eq!(JOINED.get_all([key]), [value]);
}

#[cache]
fn circle(text: &str, back: bool) -> usize {
    if back { circle(text, false) } else { circle(text.get(1..).unwrap_or(text), text.len() == 60) }
}

#[cache]
fn parsed(digits: &str) -> Result<u64, String> {
    match digits.split_once(',') {
        None => digits.parse().map_err(|_| format!("`{digits}` is no number")),
        Some((first, rest)) => Ok(parsed(first)? + parsed(rest)?),
    }
}

#[cache]
fn broken(values: &[u64]) -> u64 {
    match values {
        [] => panic!("nothing left"),
        [_, rest @ ..] => broken(rest),
    }
}

#[test]
fn cycles_errors_and_panics_are_as_ever() {
    let chain = catch_unwind(|| circle(&"x".repeat(70), false)).expect_err("a circle");
    let chain = *chain.downcast::<String>().expect("a message");
    assert!(chain.contains("circle(\"\", false)"), "{chain}");
    let numbers = vec!["7"; 40].join(",");
    assert_eq!(parsed(&numbers), Ok(280));
    assert_eq!(parsed(&(numbers.clone() + ",seven")), Err("`seven` is no number".to_owned()));
    assert_eq!(PARSED.len(), 1);
    for _ in 0..2 {
        assert!(catch_unwind(|| broken(&[1; 20])).is_err());
    }
}

struct Line;

impl Line {
    #[cache]
    fn longest(steps: &[u32], mut least: u32) -> usize {
        least += 1;
        let Some((first, rest)) = steps.split_first() else { return 0 };
        let without = Self::longest(rest, least - 1);
        if *first < least { without } else { without.max(1 + Self::longest(rest, *first)) }
    }
}

#[test]
fn several_threads_share_it_in_an_impl() {
    let steps: Vec<u32> = (0..120_u32).map(|n| n * 7919 % 101 + 1).collect();
    let mut best = vec![0_usize; steps.len()];
    for at in 0..steps.len() {
        best[at] = 1 + (0..at).filter(|other| steps[*other] < steps[at]).map(|other| best[other]).max().unwrap_or(0);
    }
    let longest = *best.iter().max().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(Line::longest(&steps, 0), longest));
        }
    });
}

#[cache]
fn dear(text: &str) -> u64 {
    let work = (0..20_000_u64).fold(text.len() as u64, |sum, n| std::hint::black_box(sum ^ n.wrapping_mul(sum | 1)));
    let (mut halves, mut sum) = ([0; 3], work & 1);
    for (at, half) in halves.iter_mut().enumerate() {
        *half = text.get(at + 1..).map_or(0, dear);
        sum += *half;
    }
    sum & 0xffff
}

#[test]
fn dear_calls_run_side_by_side() {
    fn plain(text: &str, memo: &mut HashMap<usize, u64>) -> u64 {
        if let Some(value) = memo.get(&text.len()) {
            return *value;
        }
        let work =
            (0..20_000_u64).fold(text.len() as u64, |sum, n| std::hint::black_box(sum ^ n.wrapping_mul(sum | 1)));
        let sum = (1..=3).map(|at| text.get(at..).map_or(0, |rest| plain(rest, memo))).sum::<u64>() + (work & 1);
        memo.insert(text.len(), sum & 0xffff);
        sum & 0xffff
    }
    let text = "abcdefghij".repeat(30);
    assert_eq!(dear(&text), plain(&text, &mut HashMap::new()));
    assert_eq!(DEAR.stats().len, 1);
}

#[cache]
fn letters(text: &str) -> usize {
    let Some(first) = text.chars().next() else { return 0 };
    1 + letters(&text[first.len_utf8()..])
}

#[test]
fn each_call_is_counted_once() {
    let text = "0123456789".repeat(10);
    assert_eq!(letters(&text), 100);
    let stats = LETTERS.stats();
    assert_eq!((stats.misses, stats.computed, stats.hits), (101, 101, 0));
    // Found by its contents.
    assert_eq!(letters(&text), 100);
    // Found by its place in what that was about.
    assert_eq!(letters(&text[50..]), 50);
    let stats = LETTERS.stats();
    assert_eq!((stats.misses, stats.computed, stats.hits), (101, 101, 2));
}
