//! Depth is bounded by memory, whatever the form of the function, in debug builds too; and a recursion without an end ends.

use std::fmt::Debug;
use std::hash::Hash;
use std::panic::{AssertUnwindSafe, catch_unwind};

use speedup::cache::set_stack_limit;
use speedup::{Memo, cache};

/// A 256th of what a thread's calls may take unless told, ..
const LIMIT: usize = 32 << 20;
/// .. in which a 256th of a million calls have room.
const DEPTH: u64 = 1_000_000 / 256;

#[cache]
fn plain(n: u64) -> u64 {
    if n == 0 { 0 } else { 1 + plain(n - 1) }
}

#[cache]
fn passed_on(name: String, n: u64) -> u64 {
    if n == 0 { 0 } else { 1 + passed_on(name, n - 1) }
}

#[cache]
fn of_slice(table: &[u64], n: u64) -> u64 {
    if n == 0 { table[0] } else { 1 + of_slice(table, n - 1) }
}

#[cache]
fn parts(bytes: &[u8]) -> u64 {
    bytes.split_first().map_or(0, |(_, rest)| 1 + parts(rest))
}

#[cache]
fn hashed(key: (u64, String)) -> u64 {
    if key.0 == 0 { 0 } else { 1 + hashed((key.0 - 1, key.1)) }
}

#[cache]
fn generic<T: Clone + Hash + Eq + Debug + Send + Sync + 'static>(name: T, n: u64) -> u64 {
    if n == 0 { 0 } else { 1 + generic(name, n - 1) }
}

#[cache]
fn tried(n: u64) -> Result<u64, String> {
    if n == 0 { Ok(0) } else { Ok(1 + tried(n - 1)?) }
}

#[cache(skip(table))]
fn skipped(table: &[u64], n: u64) -> u64 {
    if n == 0 { table[0] } else { 1 + skipped(table, n - 1) }
}

#[cache(capacity = 100, ttl = "1h")]
fn bounded(n: u64) -> u64 {
    if n == 0 { 0 } else { 1 + bounded(n - 1) }
}

#[cache(scoped)]
fn scoped(table: &[u64], n: u64) -> u64 {
    if n == 0 { table[0] } else { 1 + scoped(table, n - 1) }
}

#[cache(scoped, capacity = 100)]
fn scoped_and_bounded(n: u64) -> u64 {
    if n == 0 { 0 } else { 1 + scoped_and_bounded(n - 1) }
}

#[cache(scoped)]
fn borrowing<'a>(text: &'a str, n: u64, last: &'a str) -> &'a str {
    if n == 0 { last } else { borrowing(text, n - 1, &text[1..]) }
}

#[derive(Default)]
struct Counter {
    memo: Memo<(u64,), u64>,
}

impl Counter {
    #[cache(field = memo)]
    fn in_field(&self, n: u64) -> u64 {
        if n == 0 { 0 } else { 1 + self.in_field(n - 1) }
    }

    #[cache(scoped)]
    fn in_scope(&self, n: u64) -> u64 {
        if n == 0 { 0 } else { 1 + self.in_scope(n - 1) }
    }
}

#[test]
fn a_million_calls_have_room_in_every_form() {
    set_stack_limit(LIMIT);
    assert_eq!(plain(DEPTH), DEPTH);
    assert_eq!(passed_on("name".to_owned(), DEPTH), DEPTH);
    assert_eq!(of_slice(&[0], DEPTH), DEPTH);
    assert_eq!(parts(&vec![0; DEPTH as usize]), DEPTH);
    assert_eq!(hashed((DEPTH, "name".to_owned())), DEPTH);
    assert_eq!(generic("name", DEPTH), DEPTH);
    assert_eq!(tried(DEPTH), Ok(DEPTH));
    assert_eq!(skipped(&[0], DEPTH), DEPTH);
    assert_eq!(bounded(DEPTH), DEPTH);
    assert_eq!(scoped(&[0], DEPTH), DEPTH);
    assert_eq!(scoped_and_bounded(DEPTH), DEPTH);
    assert_eq!(borrowing("text", DEPTH, ""), "ext");
    assert_eq!(Counter::default().in_field(DEPTH), DEPTH);
    assert_eq!(Counter::default().in_scope(DEPTH), DEPTH);
}

fn panic_of<T>(call: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(call)).err().expect("the call panics");
    *payload.downcast::<String>().expect("a text")
}

#[cache]
fn grid(x: i64, y: i64) -> i64 {
    if x == i64::MAX { 0 } else { grid(x - 1, y).wrapping_add(grid(x, y - 1)) }
}

#[cache(scoped)]
fn scoped_grid(x: i64, y: i64) -> i64 {
    if x == i64::MAX { 0 } else { scoped_grid(x - 1, y).wrapping_add(scoped_grid(x, y - 1)) }
}

/// Whoever helps goes another way down, on which one key after the other would be the last for which there is room.
#[test]
fn a_recursion_without_an_end_ends_for_those_who_help_too() {
    set_stack_limit(LIMIT);
    for text in [panic_of(|| grid(0, 0)), panic_of(|| scoped_grid(0, 0))] {
        assert!(text.contains("grid(0, 0) -> ") && text.contains("set_stack_limit"), "{text}");
    }
}

#[cache]
fn all(values: Vec<u64>, n: u64) -> u64 {
    if n == u64::MAX { 0 } else { all(values, n + 1) }
}

#[cache]
#[allow(unconditional_recursion)]
fn circle(values: Vec<u64>) -> u64 {
    circle(values)
}

#[test]
fn a_message_shows_the_beginning_of_a_long_key() {
    set_stack_limit(LIMIT);
    let values: Vec<u64> = (0..1_000).collect();
    for text in [panic_of(|| all(values.clone(), 0)), panic_of(|| circle(values.clone()))] {
        assert!(text.contains("([0, 1, 2, 3, ") || text.contains("all("), "{text}");
        assert!(text.len() < 4_000, "{} bytes", text.len());
    }
}
