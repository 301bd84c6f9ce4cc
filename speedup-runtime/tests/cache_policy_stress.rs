//! Recursions through bounded and aging caches while values go in every way there is, at several sizes of the pool.
//!
//! | thread | what it does |
//! |---|---|
//! | two callers, and the pool | compute the recursion from its top, again and again |
//! | the test | takes values out meanwhile: by name, by `retain`, by `clear`, by time, by computing them again |
//!
//! Results stay right, what is kept stays within the bound, the queue knows of all that is kept; and but for `clear`, after which
//! who waits asks anew, no key has two computations at a time.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use speedup_runtime::{Cache, PolicyCache, clock::Mock};

const MODULUS: u64 = 1_000_007;

type Node = (u64, u64);
type Nodes = PolicyCache<Node, u64>;

/// A recursion: its top, and which nodes a node needs.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    top: Node,
    needs: fn(Node) -> Vec<Node>,
    /// Room in which it is no dearer than a few times as dear.
    room: u64,
}

const SHAPES: [Shape; 3] = [
    Shape { name: "grid", top: (12, 12), needs: grid, room: 100 },
    Shape { name: "chain", top: (200, 0), needs: chain, room: 40 },
    Shape { name: "DAG", top: (60, 0), needs: graph, room: 45 },
];

fn grid((x, y): Node) -> Vec<Node> {
    if x == 0 || y == 0 { vec![] } else { vec![(x - 1, y), (x, y - 1)] }
}

fn chain((n, _): Node) -> Vec<Node> {
    if n == 0 { vec![] } else { vec![(n - 1, 0)] }
}

/// A node needs three of the twelve before it.
fn graph((n, _): Node) -> Vec<Node> {
    (1..=3).filter_map(|k| Some((n.checked_sub(1 + (n * k * 7 + k) % 12)?, 0))).collect()
}

fn combined(node: Node, values: impl Iterator<Item = u64>) -> u64 {
    values.fold(node.0 * 31 + node.1 + 1, |sum, value| (sum * 3 + value) % MODULUS)
}

/// The value of a node, without a cache of ours.
fn plain(shape: Shape, node: Node, known: &mut HashMap<Node, u64>) -> u64 {
    if let Some(value) = known.get(&node) {
        return *value;
    }
    let values: Vec<u64> = (shape.needs)(node).into_iter().map(|node| plain(shape, node, known)).collect();
    let value = combined(node, values.into_iter());
    known.insert(node, value);
    value
}

/// Which nodes are being computed, and how often one was that was already.
#[derive(Default)]
struct Runs {
    now: Mutex<HashMap<Node, usize>>,
    twice: AtomicUsize,
}

impl Runs {
    fn begin(&self, node: Node) -> Run<'_> {
        let mut now = self.now.lock().unwrap();
        let running = now.entry(node).or_default();
        *running += 1;
        self.twice.fetch_add(usize::from(*running > 1), Ordering::Relaxed);
        Run { runs: self, node }
    }
}

struct Run<'a> {
    runs: &'a Runs,
    node: Node,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        *self.runs.now.lock().unwrap().get_mut(&self.node).unwrap() -= 1;
    }
}

fn cached(shape: Shape, runs: &Arc<Runs>, with: impl FnOnce(Cache<Node, u64>) -> Nodes) -> Arc<Nodes> {
    let runs = runs.clone();
    Arc::new_cyclic(|nodes: &Weak<Nodes>| {
        let nodes = nodes.clone();
        with(Cache::from_fn(move |x: u64, y: u64| {
            let _run = runs.begin((x, y));
            let nodes = nodes.upgrade().unwrap();
            let needs = (shape.needs)((x, y));
            nodes.ahead(|name| needs.iter().copied().for_each(name));
            combined((x, y), needs.iter().map(|node| nodes.get(*node)))
        }))
    })
}

/// Has two threads ask for the top while `disturb` does something forty times; then looks at what is kept.
fn stress(shape: Shape, threads: usize, nodes: &Arc<Nodes>, bound: u64, disturb: impl Fn(&Nodes, u64)) {
    let expected = plain(shape, shape.top, &mut HashMap::new());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let goes_on = AtomicBool::new(true);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while goes_on.load(Ordering::Relaxed) {
                    let value = pool.install(|| nodes.get(shape.top));
                    assert_eq!(value, expected, "{}, {threads} threads", shape.name);
                    nodes.remove(&shape.top);
                }
            });
        }
        for n in 0..40 {
            disturb(nodes, n);
            // What is kept, and what each thread is just putting in.
            assert!(nodes.len() as u64 <= bound.saturating_add(threads as u64 + 3));
            thread::yield_now();
        }
        goes_on.store(false, Ordering::Relaxed);
    });
    // Helpers come home before it is looked at what is kept.
    pool.broadcast(|_| ());
    // Renewals ahead of time may still be on their way.
    let began = Instant::now();
    // What was taken out while it was being put in still counts, until it comes to the front of the queue.
    let is_home = || nodes.stats().in_flight == 0 && (nodes.len() as u64..=bound).contains(&nodes.stats().weight);
    while !is_home() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{}, {threads} threads: {} of {:?}",
            shape.name,
            nodes.len(),
            nodes.stats()
        );
        thread::yield_now();
    }
    assert!(nodes.len() as u64 <= bound);
}

/// A node of the shape, different for each number.
fn some_node(shape: Shape, n: u64) -> Node {
    (n * 17 % (shape.top.0 + 1), if shape.top.1 == 0 { 0 } else { n * 29 % (shape.top.1 + 1) })
}

#[test]
fn bounded_caches_stay_right_while_values_are_taken_out_and_put_in() {
    for shape in SHAPES {
        for threads in [1, 2, 4, 8] {
            let runs = Arc::default();
            let nodes = cached(shape, &runs, |cache| cache.capacity(shape.room));
            stress(shape, threads, &nodes, shape.room, |nodes, n| {
                let node = some_node(shape, n);
                match n % 4 {
                    0 => _ = nodes.remove(&node),
                    1 => nodes.retain(|key, _| key.0 % 5 != n % 5),
                    2 => assert_eq!(nodes.get(node), plain(shape, node, &mut HashMap::new())),
                    _ => _ = nodes.insert(node, plain(shape, node, &mut HashMap::new())),
                }
            });
            assert_eq!(runs.twice.load(Ordering::Relaxed), 0, "{}, {threads} threads", shape.name);
        }
    }
}

#[test]
fn bounded_caches_stay_right_while_they_are_cleared_and_renewed() {
    for shape in SHAPES {
        for threads in [1, 2, 4, 8] {
            let nodes = cached(shape, &Arc::default(), |cache| cache.capacity(shape.room));
            stress(shape, threads, &nodes, shape.room, |nodes, n| match n % 5 {
                0 => nodes.clear(),
                _ => _ = nodes.refresh(some_node(shape, n)),
            });
        }
    }
}

#[test]
fn aging_caches_stay_right_while_time_goes_by() {
    let clock = Mock::new();
    for shape in SHAPES {
        for threads in [1, 2, 4, 8] {
            let aging = |cache: Cache<Node, u64>| {
                let cache = cache.ttl(Duration::from_secs(10)).idle(Duration::from_secs(6));
                cache.refresh_ahead(Duration::from_secs(3)).capacity(shape.room)
            };
            let nodes = cached(shape, &Arc::default(), aging);
            stress(shape, threads, &nodes, shape.room, |nodes, n| {
                clock.advance(Duration::from_millis(700));
                nodes.peek(&some_node(shape, n));
            });
            clock.advance(Duration::from_secs(60));
            assert!(!nodes.contains(&shape.top) && nodes.entries().is_empty());
        }
    }
}
