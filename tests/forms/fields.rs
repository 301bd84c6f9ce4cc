//! `field`: the table lives and dies with `self`.

use std::sync::atomic::{AtomicUsize, Ordering};

use speedup::{Memo, cache};

#[derive(Clone, Default, Debug)]
struct Grid {
    walls: Vec<(usize, usize)>,
    memo: Memo<(usize, usize), u64>,
    names: Memo<(String,), usize>,
}

impl Grid {
    #[cache(field = memo)]
    fn paths(&self, x: usize, y: usize) -> u64 {
        if self.walls.contains(&(x, y)) {
            return 0;
        }
        match (x, y) {
            (0, 0) => 1,
            (0, _) => self.paths(0, y - 1),
            (_, 0) => self.paths(x - 1, 0),
            _ => self.paths(x - 1, y) + self.paths(x, y - 1),
        }
    }

    #[cache(field = names)]
    fn named(&self, name: &str) -> usize {
        name.len() + self.walls.len()
    }
}

#[test]
fn each_instance_has_its_own_values() {
    let open = Grid::default();
    let walled = Grid { walls: vec![(1, 1)], ..Grid::default() };
    assert_eq!((open.paths(3, 3), walled.paths(3, 3)), (20, 8));
    assert_eq!((open.memo.len(), open.memo.peek(&(3, 3))), (16, Some(20)));
    assert_eq!((open.named("four"), walled.named("four")), (4, 5));
    assert!(open.clone().memo.is_empty());
    open.memo.clear();
    assert!(open.memo.is_empty());
    assert_eq!(open.paths(2, 2), 6);
    assert_eq!(open.memo.stats().misses, 16 + 9);
}

#[test]
fn a_memo_is_one_pointer_and_can_be_sent() {
    fn sent<T: Send + Sync>(_: &T) {}
    let grid = Grid::default();
    sent(&grid);
    assert_eq!(size_of::<Memo<(u64,), u64>>(), size_of::<usize>());
    assert_eq!(format!("{:?}", grid.memo), "Memo { .. }");
}

struct Tree<T> {
    children: Vec<Vec<usize>>,
    weights: Vec<T>,
    memo: Memo<(usize,), T>,
}

impl<T: Copy + std::ops::Add<Output = T> + Send + Sync + 'static> Tree<T> {
    #[cache(field = memo)]
    fn weight(&self, node: usize) -> T {
        self.children[node].iter().fold(self.weights[node], |sum, child| sum + self.weight(*child))
    }
}

trait Area {
    fn area(&self, scale: u64) -> u64;
}

struct Square {
    side: u64,
    calls: AtomicUsize,
    memo: Memo<(u64,), u64>,
}

impl Area for Square {
    #[cache(field = memo)]
    fn area(&self, scale: u64) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.side * self.side * scale
    }
}

#[test]
fn generic_impls_and_traits_work() {
    let tree = Tree { children: vec![vec![1, 2], vec![2], vec![]], weights: vec![1.5, 2.0, 4.0], memo: Memo::new() };
    assert_eq!(tree.weight(0), 1.5 + (2.0 + 4.0) + 4.0);
    assert_eq!(tree.memo.len(), 3);
    let square = Square { side: 3, calls: AtomicUsize::new(0), memo: Memo::new() };
    assert_eq!((square.area(2), square.area(2)), (18, 18));
    assert_eq!(square.calls.load(Ordering::Relaxed), 1);
}
