//! Bounds of values that live for an outermost call.

use std::{hint::black_box, rc::Rc};

use speedup::cache;

use crate::Count;

#[test]
fn a_scope_with_a_bound() {
    static RUNS: Count = Count::new();
    static GONE: Count = Count::new();

    #[cache(scoped, capacity = 40, on_evict = |_, _| assert!(GONE.up() < 1_000))]
    fn distance(a: &[u8], b: &[u8], i: usize, j: usize) -> usize {
        RUNS.up();
        if i == 0 || j == 0 {
            return i + j;
        }
        let differ = usize::from(a[i - 1] != b[j - 1]);
        (distance(a, b, i - 1, j) + 1).min(distance(a, b, i, j - 1) + 1).min(distance(a, b, i - 1, j - 1) + differ)
    }

    assert_eq!(distance(b"kitten", b"sitting", 6, 7), 3);
    assert!(RUNS.get() - GONE.get() <= 40, "{} of {}", GONE.get(), RUNS.get());
    let runs = RUNS.get();
    assert!(runs >= 55);
    assert_eq!(distance(b"kitten", b"sitting", 6, 7), 3);
    assert!(RUNS.get() >= runs + 55, "each outermost call begins anew");
}

#[test]
fn a_bound_with_room_computes_each_key_once() {
    static RUNS: Count = Count::new();

    #[cache(scoped, capacity = "1 MiB", weight = |value| value.len())]
    fn word(of: &[char], n: usize) -> String {
        RUNS.up();
        if n == 0 { String::new() } else { format!("{}{}", word(of, n - 1), of[n % of.len()]) }
    }

    assert_eq!(word(&['a', 'b'], 1_000).len(), 1_000);
    assert_eq!(RUNS.get(), 1_001);
}

#[test]
fn a_deep_scope_with_little_room() {
    #[cache(scoped, capacity = 100)]
    fn depth(step: u64, n: u64) -> u64 {
        if n == 0 { 0 } else { depth(step, n - 1) + step }
    }

    assert_eq!(depth(2, 50_000), 100_000);
}

#[test]
fn results_of_one_thread_and_borrowed_instances() {
    struct Tree(Vec<usize>);

    impl Tree {
        #[cache(scoped, sequential, capacity = 8)]
        fn path(&self, node: usize) -> Result<Rc<Vec<usize>>, String> {
            let Some(parent) = self.0.get(node) else { return Err(format!("no node {node}")) };
            let mut path = if *parent == node { Vec::new() } else { self.path(*parent)?.to_vec() };
            path.push(node);
            Ok(Rc::new(path))
        }
    }

    let tree = Tree((0..100_usize).map(|node| node.saturating_sub(1)).collect());
    assert_eq!(tree.path(99).map(|path| path.len()), Ok(100));
    assert_eq!(tree.path(100), Err("no node 100".to_owned()));
}

#[test]
fn bounded_scopes_that_helpers_take_part_in() {
    #[cache(scoped, capacity = 20)]
    fn paths(of: &[u64], x: usize, y: usize) -> u64 {
        // Dear enough to be shared.
        black_box((0..2_000_u64).fold(of[x % of.len()], |sum, n| black_box(sum ^ n.wrapping_mul(sum | 1))));
        if x == 0 || y == 0 { 1 } else { paths(of, x - 1, y) + paths(of, x, y - 1) }
    }

    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..60).for_each(|_| assert_eq!(paths(&[1, 2, 3], 6, 6), 924)));
        }
    });
}
