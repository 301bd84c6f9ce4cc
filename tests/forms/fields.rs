//! `field`: the table lives and dies with `self`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use speedup::{AsyncMemo, Memo, cache};

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

struct Steps(u64, Memo<(u64,), u64>, (u8, Inner));

#[derive(Default)]
struct Inner {
    memo: Memo<(u64,), u64>,
}

impl Steps {
    #[cache(field = 1)]
    fn counted(&self, n: u64) -> u64 {
        if n < 2 { self.0 } else { self.counted(n - 1) + self.counted(n - 2) }
    }

    #[cache(field = 2.1.memo, capacity = 100)]
    fn within(&self, n: u64) -> u64 {
        if n == 0 { self.0 } else { self.within(n - 1) + 1 }
    }
}

#[test]
fn a_field_may_have_a_number_or_lie_in_another() {
    let steps = Steps(1, Memo::new(), (0, Inner::default()));
    assert_eq!((steps.counted(30), steps.within(9)), (1_346_269, 10));
    assert_eq!((steps.1.len(), steps.2.1.memo.len()), (31, 10));
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

/// A function with a bound, one that keeps errors of none, and one that awaits: each with values that were put in before its first call.
#[derive(Default)]
struct Shop {
    prices: Memo<(u64,), Result<u64, String>>,
    bounded: Memo<(u64,), u64>,
    later: AsyncMemo<(u64,), u64>,
    bounded_later: AsyncMemo<(u64,), u64>,
}

impl Shop {
    #[cache(field = prices)]
    fn price(&self, article: u64) -> Result<u64, String> {
        if article == 0 { Err("no article".to_owned()) } else { Ok(article) }
    }

    #[cache(field = bounded, capacity = 4)]
    fn bounded(&self, article: u64) -> u64 {
        article
    }

    #[cache(field = later)]
    async fn later(self: Arc<Self>, article: u64) -> u64 {
        article
    }

    #[cache(field = bounded_later, capacity = 4)]
    async fn bounded_later(self: Arc<Self>, article: u64) -> u64 {
        article
    }
}

#[test]
fn what_is_put_in_before_the_first_call_is_found_by_it() {
    let shop = Arc::new(Shop::default());
    assert_eq!(shop.prices.insert((7,), Ok(70)), None);
    assert_eq!((shop.prices.peek(&(7,)), shop.prices.contains(&(7,)), shop.prices.len()), (Some(Ok(70)), true, 1));
    assert_eq!(shop.prices.insert((7,), Ok(71)), Some(Ok(70)));
    assert_eq!((shop.price(7), shop.price(8), shop.price(0).is_err()), (Ok(71), Ok(8), true));
    assert_eq!(
        (shop.prices.len(), shop.prices.contains(&(0,))),
        (2, false),
        "errors are not kept, as the function has it"
    );
    assert_eq!((shop.prices.insert((8,), Ok(80)), shop.price(8)), (Some(Ok(8)), Ok(80)));
    assert_eq!((shop.prices.remove(&(8,)), shop.price(8)), (Some(Ok(80)), Ok(8)));

    (0..3).for_each(|article| assert_eq!(shop.bounded.insert((article,), 100 + article), None));
    assert_eq!((shop.bounded(1), shop.bounded(9), shop.bounded.len()), (101, 9, 4));
    (0..100).for_each(|article| assert!(shop.bounded(article) % 100 == article));
    assert!(shop.bounded.len() <= 4 && shop.bounded.age(&(99,)).is_some());

    assert_eq!(
        (shop.later.insert((7,), 70), shop.later.insert((6,), 60), shop.later.remove(&(6,))),
        (None, None, Some(60))
    );
    assert_eq!(shop.bounded_later.insert((7,), 70), None);
    pollster::block_on(async {
        assert_eq!((shop.clone().later(7).await, shop.clone().later(6).await), (70, 6));
        assert_eq!((shop.clone().bounded_later(7).await, shop.clone().bounded_later(6).await), (70, 6));
    });
    assert_eq!((shop.later.len(), shop.bounded_later.len()), (2, 2));
    assert_eq!((shop.later.insert((7,), 1), shop.bounded_later.insert((7,), 1)), (Some(70), Some(70)));
    shop.later.clear();
    assert!(shop.later.is_empty());
}

#[test]
fn nothing_is_lost_that_is_put_in_while_the_first_call_is_made() {
    for round in 0..200 {
        let shop = Shop::default();
        let both = std::sync::Barrier::new(2);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                both.wait();
                (0..8).for_each(|article| _ = shop.prices.insert((article,), Ok(100)));
            });
            both.wait();
            assert_eq!(shop.price(50), Ok(50));
        });
        (0..8).for_each(|article| assert_eq!(shop.price(article), Ok(100), "{article} in round {round}"));
        assert_eq!(shop.prices.len(), 9);
    }
}

/// Neither the type nor what makes it says what its results are.
#[derive(Clone, Debug, Default)]
struct Rated<T> {
    rate: T,
    now: Memo<(u64,), T>,
    later: AsyncMemo<(u64,), T>,
}

impl<T> Rated<T> {
    fn of(rate: T) -> Self {
        Self { rate, now: Memo::new(), later: AsyncMemo::new() }
    }
}

impl<T: Clone + Send + Sync + 'static> Rated<T> {
    #[cache(field = now)]
    fn now(&self, n: u64) -> T {
        if n == 0 { self.rate.clone() } else { self.now(n - 1) }
    }

    #[cache(field = later)]
    async fn later(self: Arc<Self>, n: u64) -> T {
        if n == 0 { self.rate.clone() } else { self.clone().later(n - 1).await }
    }
}

#[test]
fn a_type_with_memos_needs_no_bounds() {
    let one_thread = Rated::of(std::rc::Rc::new(3));
    assert_eq!(format!("{:?}", one_thread.clone()), "Rated { rate: 3, now: Memo { .. }, later: AsyncMemo { .. } }");
    let rated = Arc::new(Rated::of(7_u8));
    assert_eq!((rated.now(2), pollster::block_on(rated.clone().later(3))), (7, 7));
    assert_eq!((rated.now.len(), rated.later.len()), (3, 4));
    assert_eq!(size_of::<AsyncMemo<(u64,), u8>>(), size_of::<usize>());
}
