//! `skip` and `key`: what is not in the key is passed on, and every caller passes its own.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use speedup::cache;

/// Neither `Clone` nor `Hash` nor `Debug`.
struct Db {
    rows: Vec<u64>,
    reads: AtomicUsize,
}

impl Db {
    fn new() -> Self {
        Self { rows: (0..100).collect(), reads: AtomicUsize::new(0) }
    }

    fn read(&self, row: u64) -> u64 {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.rows[row as usize]
    }
}

#[cache(skip(db, note))]
fn sum(db: &Db, row: u64, note: impl Fn(u64) + Sync + Copy) -> u64 {
    note(row);
    if row == 0 { 0 } else { db.read(row) + sum(db, row - 1, note) }
}

#[test]
fn what_is_skipped_borrows_and_is_no_part_of_the_key() {
    let (one, two) = (Db::new(), Db::new());
    let noted = AtomicUsize::new(0);
    let note = |_| {
        noted.fetch_add(1, Ordering::Relaxed);
    };
    assert_eq!(sum(&one, 10, note), 55);
    assert_eq!((one.reads.load(Ordering::Relaxed), noted.load(Ordering::Relaxed)), (10, 11));
    assert_eq!(sum(&two, 11, note), 66);
    assert_eq!(two.reads.load(Ordering::Relaxed), 1);
    assert_eq!((SUM.len(), SUM.peek(&(10,))), (12, Some(55)));
    assert_eq!(SUM.remove(&(10,)), Some(55));
    assert_eq!(SUM.insert((10,), 7), None);
    assert_eq!(sum(&one, 10, note), 7);
}

struct User {
    id: u64,
    #[expect(dead_code, reason = "no part of the key")]
    name: String,
}

#[cache(key = |user, page| -> (u64, u32) { (user.id, page) })]
fn view(user: &User, page: u32, calls: &AtomicUsize) -> String {
    calls.fetch_add(1, Ordering::Relaxed);
    format!("{}/{page}", user.id)
}

#[test]
fn a_key_is_made_of_what_it_names() {
    let calls = AtomicUsize::new(0);
    let user = |name: &str| User { id: 7, name: name.to_owned() };
    assert_eq!(view(&user("ada"), 1, &calls), "7/1");
    assert_eq!(view(&user("grace"), 1, &calls), "7/1");
    assert_eq!(view(&user("ada"), 2, &calls), "7/2");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(VIEW.peek(&(7, 2)), Some("7/2".to_owned()));
}

#[cache(key = |name| -> String { name.as_ref().to_lowercase() })]
fn greeting(name: impl AsRef<str>) -> String {
    format!("hello {}", name.as_ref())
}

#[test]
fn a_key_of_one_part_needs_no_tuple() {
    assert_eq!(greeting("Ada"), "hello Ada");
    assert_eq!(greeting(String::from("ADA")), "hello Ada");
    assert_eq!(GREETING.len(), 1);
}

struct Shape {
    sides: u64,
}

impl Shape {
    #[cache(skip(self))]
    fn square(&self, n: u64) -> u64 {
        n * n
    }

    #[cache(key = |self, n| -> (u64, u64) { (self.sides, n) })]
    fn corners(&self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.sides + self.corners(n - 1) }
    }
}

#[test]
fn methods_share_a_table_by_what_tells_them_apart() {
    let (triangle, other, square) = (Shape { sides: 3 }, Shape { sides: 3 }, Shape { sides: 4 });
    assert_eq!((triangle.square(3), square.square(3)), (9, 9));
    assert_eq!(Shape::SQUARE.len(), 1);
    assert_eq!((triangle.corners(5), other.corners(5), square.corners(5)), (15, 15, 20));
    assert_eq!(Shape::CORNERS.len(), 12);
}

#[cache(key = |name| -> String { name.clone().into() })]
fn shouted(name: impl Into<String> + Clone) -> String {
    let name: String = name.into();
    name.to_uppercase()
}

/// A method of the function's own name is no call of it, nor is a variable: nothing runs side by side, so the context need not be `Sync`.
#[cache(key = |name| -> String { name.clone().into() })]
fn into(name: impl Into<String> + Clone) -> usize {
    let name: String = name.into();
    name.len()
}

#[cache(skip(counts))]
fn count(counts: &[Cell<usize>], at: usize) -> usize {
    let count = counts[at].get();
    count + 1
}

#[test]
fn what_only_has_the_functions_name_is_no_call_of_it() {
    assert_eq!((into("four"), into(String::from("fours"))), (4, 5));
    assert_eq!(count(&[Cell::new(3), Cell::new(5)], 1), 6);
}

#[cache(skip(steps))]
fn walked(steps: Vec<u64>, from: u64) -> u64 {
    let mut at = from;
    for step in steps {
        at += step;
    }
    at
}

/// Is not `Clone`, and its method of a usual name takes a reference.
struct Rules(Vec<char>);

impl Rules {
    fn expect(&self, letter: char) -> bool {
        self.0.contains(&letter)
    }
}

#[cache(skip(rules))]
fn allowed(rules: Rules, letter: char) -> bool {
    rules.expect(letter)
}

#[test]
fn what_is_asked_alone_need_not_be_cloned() {
    assert_eq!((allowed(Rules(vec!['a']), 'a'), allowed(Rules(vec![]), 'b')), (true, false));
}

#[test]
fn what_is_passed_by_value_may_be_used_up() {
    assert_eq!((shouted("ada"), shouted("ada".to_owned())), ("ADA".to_owned(), "ADA".to_owned()));
    assert_eq!(SHOUTED.len(), 1);
    assert_eq!((walked(vec![1, 2], 3), walked(vec![1, 2], 3)), (6, 6));
}

#[cache(skip(fails))]
fn checked(n: u32, fails: &AtomicUsize) -> Result<u32, String> {
    if fails.fetch_add(1, Ordering::Relaxed) == 0 { Err("the first call fails".into()) } else { Ok(n) }
}

#[test]
fn only_successes_are_kept() {
    let fails = AtomicUsize::new(0);
    assert!(checked(1, &fails).is_err());
    assert_eq!(checked(1, &fails), Ok(1));
    assert_eq!(checked(1, &fails), Ok(1));
    assert_eq!(fails.load(Ordering::Relaxed), 2);
}

#[test]
#[should_panic(expected = "`sum` needs more than its key")]
fn the_handle_alone_cannot_compute() {
    SUM.get((77,));
}

#[cache(skip(table))]
fn deep(table: &[u64], n: usize) -> u64 {
    if n == 0 { 0 } else { table[n % table.len()] + deep(table, n - 1) }
}

#[test]
fn depth_is_bounded_by_memory() {
    assert_eq!(deep(&[1, 2, 3], 1_000_000), 2_000_000);
}

#[cache(skip(needs))]
#[allow(unconditional_recursion)]
fn circle(n: u32, needs: &[u32]) -> u32 {
    circle(needs[n as usize], needs)
}

#[test]
fn a_cycle_names_its_calls() {
    let cycle = std::panic::catch_unwind(|| circle(0, &[1, 2, 0])).expect_err("a cycle");
    let text = cycle.downcast_ref::<String>().expect("a text");
    assert!(text.contains("circle(0) -> circle(1) -> circle(2) -> circle(0)"), "{text}");
}
