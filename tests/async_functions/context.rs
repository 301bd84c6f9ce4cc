//! `async` functions whose bodies get more than their keys, and generic ones.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use pollster::block_on;
use speedup::{AsyncCache, AsyncMemo, cache};

async fn turn() {
    pending_once().await;
}

/// Pending once.
fn pending_once() -> impl Future<Output = ()> {
    let mut asked = false;
    std::future::poll_fn(move |context| {
        if std::mem::replace(&mut asked, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
}

#[derive(Default)]
struct Db {
    rows: Vec<u64>,
    reads: AtomicUsize,
}

impl Db {
    async fn read(&self, row: usize) -> Option<u64> {
        turn().await;
        self.reads.fetch_add(1, Relaxed);
        self.rows.get(row).copied()
    }
}

/// No `Hash`, no `Clone`: each call has another owner of it.
#[cache(skip(db))]
async fn total(db: &Arc<Db>, row: usize) -> u64 {
    match db.read(row).await {
        None => 0,
        Some(value) => value + total(db, row + 1).await,
    }
}

#[cache(key = |user, page| -> (u64, u32) { (user.id, page) })]
async fn view(user: &User, page: u32, times: &Arc<AtomicUsize>) -> String {
    turn().await;
    times.fetch_add(1, Relaxed);
    format!("{} on page {page}", user.name)
}

#[derive(Clone)]
struct User {
    id: u64,
    name: String,
}

#[test]
fn what_is_no_part_of_the_key_is_passed_on() {
    let db = Arc::new(Db { rows: vec![1, 2, 3], ..Db::default() });
    assert_eq!(block_on(total(&db, 0)), 6);
    assert_eq!((block_on(total(&db, 1)), db.reads.load(Relaxed)), (5, 4));
    assert_eq!((TOTAL.peek(&(2,)), TOTAL.len()), (Some(3), 4));
    assert_eq!(Arc::strong_count(&db), 1, "all calls are over");
    let (user, times) = (User { id: 7, name: "Ada".into() }, Arc::default());
    for _ in 0..2 {
        assert_eq!(block_on(view(&user, 1, &times)), "Ada on page 1");
    }
    assert_eq!(times.load(Relaxed), 1);
    let handle: &AsyncCache<(u64, u32), String> = VIEW;
    assert!(handle.contains(&(7, 1)));
}

#[test]
#[should_panic(expected = "`total` needs more than its key")]
fn the_handle_alone_cannot_compute() {
    block_on(TOTAL.get((99,)));
}

#[derive(Default)]
struct Shop {
    id: u64,
    asked: AtomicUsize,
    prices: AsyncMemo<(String,), Result<u64, String>>,
}

impl Shop {
    #[cache(field = prices)]
    async fn price(self: Arc<Self>, article: &str) -> Result<u64, String> {
        turn().await;
        self.asked.fetch_add(1, Relaxed);
        if article.is_empty() {
            return Err("no article".to_owned());
        }
        let rest = article.get(1..).unwrap_or("");
        let rest = if rest.is_empty() { 0 } else { Arc::clone(&self).price(rest).await? };
        Ok(self.id + rest)
    }

    #[cache(key = |self, n| -> (u64, u32) { (self.id, n) })]
    async fn report(self: Arc<Self>, n: u32) -> u64 {
        self.asked.fetch_add(1, Relaxed);
        if n == 0 { self.id } else { self.clone().report(n - 1).await + 1 }
    }
}

#[derive(Clone)]
struct Client(Arc<AtomicUsize>);

impl Client {
    #[cache(skip(self))]
    async fn fetch(&self, mut page: u32) -> u32 {
        page += 1;
        self.0.fetch_add(1, Relaxed);
        turn().await;
        if page > 5 { 0 } else { page + self.fetch(page).await }
    }
}

#[test]
fn methods_keep_their_values_in_a_field_or_share_them() {
    let shop = |id| Arc::new(Shop { id, ..Shop::default() });
    let (one, two) = (shop(1), shop(2));
    assert_eq!(block_on(one.clone().price("ink")), Ok(3));
    assert_eq!((block_on(one.clone().price("nk")), one.asked.load(Relaxed)), (Ok(2), 3));
    assert_eq!((block_on(two.clone().price("ink")), one.prices.len(), two.prices.len()), (Ok(6), 3, 3));
    assert!(block_on(one.clone().price("")).is_err() && one.prices.len() == 3);
    one.prices.clear();
    assert!(one.prices.is_empty() && !two.prices.is_empty());
    assert_eq!((block_on(one.clone().report(3)), block_on(two.clone().report(2))), (4, 4));
    assert_eq!(Shop::REPORT.len(), 7);
    let client = Client(Arc::default());
    assert_eq!((block_on(client.fetch(0)), block_on(client.fetch(0))), (15, 15));
    assert_eq!((client.0.load(Relaxed), Client::FETCH.peek(&(5,))), (6, Some(0)));
}

#[cache]
async fn sorted<T: Ord + Clone + Hash + Debug + Send + Sync + 'static>(items: Vec<T>) -> Vec<T> {
    turn().await;
    if items.len() < 2 {
        return items;
    }
    let (low, high) = items.split_at(items.len() / 2);
    let (low, high) = (low.to_vec(), high.to_vec());
    let (low, high) = (sorted(low).await, sorted(high).await);
    let mut all = [low, high].concat();
    all.sort();
    all
}

#[cache(skip(times))]
async fn power<const BASE: u64>(times: &Arc<AtomicUsize>, exponent: u32) -> u64 {
    times.fetch_add(1, Relaxed);
    if exponent == 0 { 1 } else { BASE * power::<BASE>(times, exponent - 1).await }
}

struct Pile<T>(T);

impl<T: Clone + Send + Sync + 'static> Pile<T> {
    #[cache(skip(self))]
    async fn height(self: Arc<Self>, n: u64) -> u64 {
        let _ = &self.0;
        if n == 0 { size_of::<T>() as u64 } else { 1 + self.height(n - 1).await }
    }
}

#[test]
fn each_set_of_types_has_a_cache_of_its_own() {
    assert_eq!(block_on(sorted(vec![3, 1, 2])), [1, 2, 3]);
    assert_eq!(block_on(sorted(vec!["b", "a"])), ["a", "b"]);
    let handle: &'static AsyncCache<(Vec<i32>,), Vec<i32>> = SORTED::<i32>();
    assert_eq!((handle.len(), SORTED::<&str>().len()), (5, 3));
    let times = Arc::default();
    assert_eq!((block_on(power::<3>(&times, 4)), block_on(power::<2>(&times, 4))), (81, 16));
    assert_eq!((times.load(Relaxed), POWER::<3>().len()), (10, 5));
    assert_eq!((block_on(Arc::new(Pile(1_u8)).height(3)), block_on(Arc::new(Pile(1_u64)).height(3))), (4, 11));
}

#[test]
fn a_call_goes_on_when_the_one_who_began_it_has_left() {
    static BEGAN: AtomicUsize = AtomicUsize::new(0);

    #[cache(skip(log))]
    async fn slow(log: &Arc<AtomicUsize>, n: u64) -> u64 {
        BEGAN.fetch_add(1, Relaxed);
        for _ in 0..4 {
            turn().await;
        }
        log.fetch_add(1, Relaxed);
        n * 2
    }

    let (first, second) = (Arc::default(), Arc::default());
    block_on(async {
        let mut left = Box::pin(slow(&first, 4));
        let mut stays = Box::pin(slow(&second, 4));
        std::future::poll_fn(|context| {
            assert!(left.as_mut().poll(context).is_pending() && stays.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(left);
        assert_eq!(stays.await, 8);
    });
    assert_eq!((BEGAN.load(Relaxed), first.load(Relaxed), second.load(Relaxed)), (1, 1, 0));
}

/// Methods with a `self` that a macro is given.
macro_rules! methods {
    ($t:ident { $($(#[$attribute:meta])* async fn $name:ident($this:ident, $n:ident) $body:block)* }) => {
        #[derive(Default)]
        struct $t {
            by: u64,
            memo: AsyncMemo<(u64,), u64>,
        }

        impl $t {
            $($(#[$attribute])*
            async fn $name($this: Arc<Self>, $n: u64) -> u64 $body)*
        }
    };
}

methods!(Given {
    #[cache(field = memo)]
    async fn kept(self, n) {
        if n < 2 { self.by } else { self.clone().kept(n - 1).await + self.clone().kept(n - 2).await }
    }

    #[cache(skip(self))]
    async fn shared(self, n) {
        if n < 2 { self.by } else { self.clone().shared(n - 1).await + self.clone().shared(n - 2).await }
    }
});

#[test]
fn a_macro_may_give_a_method_its_self() {
    let given = Arc::new(Given { by: 1, ..Given::default() });
    assert_eq!(block_on(given.clone().kept(10)), 89);
    assert_eq!(block_on(given.clone().shared(10)), 89);
    assert_eq!((given.memo.len(), Given::SHARED.len()), (11, 11));
}
