//! `scoped`: a table for each outermost call.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use speedup::cache;

static CALLS: AtomicUsize = AtomicUsize::new(0);

#[cache(scoped)]
fn lcs(a: &[u8], b: &[u8], i: usize, j: usize) -> usize {
    CALLS.fetch_add(1, Ordering::Relaxed);
    if i == a.len() || j == b.len() {
        0
    } else if a[i] == b[j] {
        1 + lcs(a, b, i + 1, j + 1)
    } else {
        lcs(a, b, i + 1, j).max(lcs(a, b, i, j + 1))
    }
}

#[test]
fn values_are_kept_within_a_call_and_gone_after_it() {
    let (a, b) = (b"the quick brown fox".to_vec(), b"jumps over the lazy dog".to_vec());
    let first = lcs(&a, &b, 0, 0);
    let cells = CALLS.swap(0, Ordering::Relaxed);
    assert!(cells <= (a.len() + 1) * (b.len() + 1), "{cells}");
    assert_eq!(lcs(&a, &b, 0, 0), first);
    assert_eq!(CALLS.load(Ordering::Relaxed), cells);
}

#[cache(scoped)]
fn walk<F: Fn(u64) -> u64 + Sync>(step: &F, n: u64) -> u64 {
    if n < 2 { n } else { step(n) + walk(step, n - 1) + walk(step, n - 2) }
}

#[test]
fn closures_and_generics_are_context() {
    let add = 3;
    assert_eq!(walk(&|n| n + add, 3), (3 + add) + ((2 + add) + 1) + 1);
    assert_eq!(walk(&|_| 0, 90), 2_880_067_194_370_816_120);
}

#[cache(scoped)]
fn nested(outer: &[u64], n: usize) -> u64 {
    let inner: Vec<u64> = outer.iter().map(|value| value + 1).collect();
    if n == 0 {
        return outer[0];
    }
    // Another table: what is passed on is something else.
    let others = if outer[0] < 3 { nested_by(&inner, n) } else { 0 };
    outer[n % outer.len()] + others + nested(outer, n - 1)
}

fn nested_by(values: &[u64], n: usize) -> u64 {
    nested(values, n - 1)
}

#[test]
fn outermost_calls_within_each_other_have_their_own_tables() {
    fn plain(outer: &[u64], n: usize) -> u64 {
        let inner: Vec<u64> = outer.iter().map(|value| value + 1).collect();
        if n == 0 {
            return outer[0];
        }
        let others = if outer[0] < 3 { plain(&inner, n - 1) } else { 0 };
        outer[n % outer.len()] + others + plain(outer, n - 1)
    }
    for n in 0..8 {
        assert_eq!(nested(&[0, 5, 7], n), plain(&[0, 5, 7], n));
    }
}

struct Graph {
    edges: Vec<Vec<usize>>,
}

impl Graph {
    #[cache(scoped)]
    fn longest(&self, node: usize) -> usize {
        self.edges[node].iter().map(|next| 1 + self.longest(*next)).max().unwrap_or(0)
    }

    #[cache(scoped)]
    fn counted(self: Arc<Self>, node: usize) -> usize {
        self.edges[node].iter().map(|next| 1 + self.clone().counted(*next)).max().unwrap_or(0)
    }
}

#[test]
fn methods_have_themselves_as_context() {
    let line = Graph { edges: (0..50).map(|n| if n < 49 { vec![n + 1] } else { vec![] }).collect() };
    let dense = Graph { edges: (0..50).map(|n| (n + 1..50).collect()).collect() };
    assert_eq!((line.longest(0), dense.longest(0)), (49, 49));
    assert_eq!(line.longest(40), 9);
    assert_eq!(Arc::new(dense).counted(10), 39);
}

#[test]
fn a_panic_leaves_nothing_behind() {
    #[cache(scoped)]
    fn fails(at: &[u32], n: u32) -> u32 {
        assert!(n != at[0], "as asked");
        if n == 0 { 0 } else { 1 + fails(at, n - 1) }
    }
    assert!(std::panic::catch_unwind(|| fails(&[3], 10)).is_err());
    assert_eq!(fails(&[11], 10), 10);
}

#[test]
fn many_outermost_calls_at_once_each_have_their_own() {
    let sums: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4_u64).map(|by| scope.spawn(move || walk(&move |n| n * by, 30))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let alone: Vec<u64> = (0..4_u64).map(|by| walk(&move |n| n * by, 30)).collect();
    assert_eq!(sums, alone);
}

#[derive(Debug, PartialEq)]
enum Tree {
    Leaf,
    Node(Rc<Tree>, Rc<Tree>),
}

#[cache(scoped, sequential)]
fn tree(depth: u32) -> Rc<Tree> {
    if depth == 0 {
        return Rc::new(Tree::Leaf);
    }
    Rc::new(Tree::Node(tree(depth - 1), tree(depth - 1)))
}

#[cache(scoped, sequential)]
fn shared(words: &[&str], at: usize) -> Option<Rc<String>> {
    let word = words.get(at)?;
    let rest = shared(words, at + 1).map_or_else(String::new, |rest| rest.to_string());
    Some(Rc::new(format!("{word}{rest}")))
}

#[test]
fn results_may_stay_on_their_thread() {
    let top = tree(20);
    let Tree::Node(left, right) = &*top else { panic!("a node") };
    assert!(Rc::ptr_eq(left, right));
    assert_eq!(Rc::strong_count(&top), 1, "the table has gone");
    assert_eq!(shared(&["a", "b", "c"], 0).as_deref(), Some(&"abc".to_owned()));
    assert_eq!(shared(&[], 0), None);
}

#[cache(scoped)]
fn last(xs: &[u64], n: usize) -> Option<u64> {
    if n == xs.len() { None } else { last(xs, n + 1).or(Some(xs[n])) }
}

/// Keeps what it is from whoever prints it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Silent(u64);

#[cache(scoped)]
fn steps(limit: &Silent, from: Silent) -> Option<u64> {
    if from == *limit { Some(0) } else { steps(limit, Silent(from.0 + 1)).map(|steps| steps + 1) }
}

#[test]
fn results_by_type_and_keys_without_debug_need_no_forecast() {
    assert_eq!(last(&[1, 2, 3], 0), Some(3));
    assert_eq!(steps(&Silent(4), Silent(1)), Some(3));
}

/// Helpers look at what lies on the stacks of those they help, again and again. Who waits until they have gone is not waited for in turn.
#[test]
fn with_helpers_that_come_and_go_each_key_is_computed_once_in_each_scope() {
    use std::sync::atomic::{AtomicU32, Ordering};

    const SIDE: usize = 12;

    #[cache(scoped)]
    fn paths(runs: &[AtomicU32], x: usize, y: usize) -> u64 {
        runs[x * SIDE + y].fetch_add(1, Ordering::Relaxed);
        (0..500).for_each(|_| std::hint::spin_loop());
        if x == 0 || y == 0 { 1 } else { paths(runs, x - 1, y) + paths(runs, x, y - 1) }
    }

    for _ in 0..300 {
        let runs: Vec<AtomicU32> = (0..SIDE * SIDE).map(|_| AtomicU32::new(0)).collect();
        assert_eq!(paths(&runs, SIDE - 1, SIDE - 1), 705_432);
        assert!(runs.iter().all(|runs| runs.load(Ordering::Relaxed) < 2), "{runs:?}");
    }
}

trait Shape: Sync {
    fn cost(&self) -> u64;
    fn inner(&self) -> Option<&dyn Shape> {
        None
    }
}

struct Plain(u64);

impl Shape for Plain {
    fn cost(&self) -> u64 {
        self.0
    }
}

/// Lies where its field lies, and is no larger.
struct Twice(Plain);

impl Shape for Twice {
    fn cost(&self) -> u64 {
        self.0.0 * 2
    }

    fn inner(&self) -> Option<&dyn Shape> {
        Some(&self.0)
    }
}

#[cache(scoped, skip(shape))]
fn total(shape: &dyn Shape, n: u64) -> u64 {
    if n == 0 {
        return shape.cost();
    }
    total(shape, n - 1) + shape.inner().map_or(0, |inner| 1_000 * total(inner, n - 1))
}

#[cache(scoped, skip(units))]
fn units_left(units: &[()], n: u64) -> u64 {
    match units {
        _ if n == 0 => units.len() as u64,
        [] => units_left(units, n - 1),
        [_, rest @ ..] => 10 * units_left(units, n - 1) + units_left(rest, n - 1),
    }
}

#[test]
fn what_lies_at_one_place_is_told_by_its_type_and_its_length() {
    assert_eq!((total(&Twice(Plain(3)), 1), total(&Twice(Plain(3)), 2)), (3_006, 6_006));
    assert_eq!((units_left(&[(), ()], 1), units_left(&[(), ()], 2)), (21, 220));
}
