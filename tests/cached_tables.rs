//! Arguments that every recursive call passes on: looked up once, by the outermost call.
#![cfg(feature = "macros")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use speedup::cache;

/// A graph that counts how often it is copied.
#[derive(Debug)]
struct Graph {
    edges: Vec<Vec<usize>>,
    copies: Arc<AtomicUsize>,
}

impl Clone for Graph {
    fn clone(&self) -> Self {
        self.copies.fetch_add(1, Ordering::Relaxed);
        Self { edges: self.edges.clone(), copies: self.copies.clone() }
    }
}

impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        self.edges == other.edges
    }
}

impl Eq for Graph {}

impl std::hash::Hash for Graph {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.edges.hash(state);
    }
}

#[cache]
fn longest(graph: &Graph, node: usize) -> usize {
    graph.edges[node].iter().map(|next| 1 + longest(graph, *next)).max().unwrap_or(0)
}

#[test]
fn what_is_passed_on_is_copied_once_whatever_the_depth() {
    let edges = (0..1_000).map(|node| if node == 0 { vec![] } else { vec![node - 1, node / 2] }).collect();
    let graph = Graph { edges, copies: Arc::default() };
    assert_eq!(longest(&graph, 999), 999);
    let copies = graph.copies.load(Ordering::Relaxed);
    assert_eq!(copies, 1);
    assert_eq!(LONGEST.len(), 1_000);
    assert_eq!(longest(&graph.clone(), 500), 500);
    assert_eq!(LONGEST.len(), 1_000);
    assert_eq!(LONGEST.peek(&(graph.clone(), 7)), Some(7));
}

#[cache]
fn distance(a: &[u8], b: &[u8], i: usize, j: usize) -> usize {
    if i == 0 || j == 0 {
        return i + j;
    }
    let same = usize::from(a[i - 1] != b[j - 1]);
    (distance(a, b, i - 1, j) + 1).min(distance(a, b, i, j - 1) + 1).min(distance(a, b, i - 1, j - 1) + same)
}

#[test]
fn texts_that_are_passed_on_cost_nothing_a_level() {
    let (a, b) = (vec![b'x'; 300], vec![b'y'; 200]);
    assert_eq!(distance(&a, &b, 300, 200), 300);
    assert_eq!(DISTANCE.len(), 301 * 201);
    assert_eq!(distance(b"kitten", b"sitting", 6, 7), 3);
    assert_eq!(DISTANCE.get((b"kitten".to_vec(), b"sitting".to_vec(), 6, 7)), 3);
    assert_eq!(DISTANCE.stats().len, DISTANCE.len());
}

struct Prices;

impl Prices {
    #[cache]
    fn best(prices: &[u64], text: &str, at: usize) -> Option<u64> {
        let price = *prices.get(at)?;
        let rest = Self::best(prices, &text[1..], at + 1).unwrap_or(0);
        (!text.is_empty()).then_some(price + rest)
    }
}

#[test]
fn associated_functions_and_varying_texts_have_tables_too() {
    assert_eq!(Prices::best(&[1, 2, 3], "abc", 0), Some(6));
    assert_eq!(Prices::best(&[1, 2, 3], "abc", 3), None);
    assert_eq!(Prices::BEST.len(), 3);
}

/// The calls of a helper pass on something else now and then.
#[cache]
fn weigh(weights: &[u32], n: usize) -> u32 {
    if n == 0 { 0 } else { weights[n % weights.len()] + through_a_helper(n) + weigh(weights, n - 1) }
}

fn through_a_helper(n: usize) -> u32 {
    if n == 2 { weigh(&[100, 200], 1) } else { 0 }
}

#[test]
fn a_call_that_passes_on_something_else_is_another_outermost_call() {
    assert_eq!(weigh(&[1, 2], 3), 2 + 1 + 2 + 200);
}

#[cache]
fn total(weights: &[u32], n: usize, times: u32) -> Option<u32> {
    if n == 0 { Some(0) } else { Some(weights[n - 1] * times + total(weights, n - 1, times)?) }
}

#[test]
fn all_tables_are_looked_through_as_one() {
    TOTAL.warm([(vec![1, 2], 2, 1), (vec![5], 1, 2)]).join();
    rayon::broadcast(|_| ());
    let mut entries = TOTAL.entries();
    entries.sort();
    assert_eq!(
        entries,
        [
            ((vec![1, 2], 0, 1), Some(0)),
            ((vec![1, 2], 1, 1), Some(1)),
            ((vec![1, 2], 2, 1), Some(3)),
            ((vec![5], 0, 2), Some(0)),
            ((vec![5], 1, 2), Some(10)),
        ]
    );
    TOTAL.retain(|(weights, n, _), _| weights.len() == 2 && *n > 0);
    assert_eq!((TOTAL.len(), TOTAL.peek(&(vec![1, 2], 1, 1)), TOTAL.peek(&(vec![5], 1, 2))), (2, Some(Some(1)), None));
}
