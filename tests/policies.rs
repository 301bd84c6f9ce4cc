//! `#[cache]` with a bound, with ages, with renewals: every form of function that takes them.
//!
//! Tests that set the clock run one after the other, since there is one clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use speedup::{Cache, PolicyCache, cache, clock::Mock};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_bound_in_entries() {
    #[cache(capacity = 100)]
    fn square(n: u64) -> u64 {
        n * n
    }

    for n in 0..1_000 {
        assert_eq!(square(n), n * n);
        assert!(SQUARE.len() <= 100);
    }
    let _: &PolicyCache<(u64,), u64> = SQUARE;
    assert_eq!(SQUARE.stats().evictions, 900);
}

#[test]
fn a_bound_in_bytes_and_who_is_told() {
    static TOLD: AtomicU64 = AtomicU64::new(0);

    #[cache(capacity = "1 KiB", weight = |value| value.len(), on_evict = |key, value| {
        assert_eq!(key.1 as usize, value.len());
        TOLD.fetch_add(1, Ordering::Relaxed);
    })]
    fn letters(letter: &str, count: u32) -> String {
        letter.repeat(count as usize)
    }

    for count in 0..100 {
        assert_eq!(letters("x", count).len(), count as usize);
        assert!(LETTERS.stats().weight <= 1_024);
    }
    assert_eq!(TOLD.load(Ordering::Relaxed), LETTERS.stats().evictions);
    assert_eq!(letters("y", 2_000).len(), 2_000);
    assert!(!LETTERS.contains(&("y".to_owned(), 2_000)));
}

#[test]
fn a_recursion_with_little_room() {
    const ROOM: usize = 64;

    #[cache(capacity = ROOM)]
    fn fibonacci(n: u64) -> u128 {
        if n < 2 { u128::from(n) } else { fibonacci(n - 1) + fibonacci(n - 2) }
    }

    assert_eq!(fibonacci(150), 9_969_216_677_189_303_386_214_405_760_200);
    assert!(FIBONACCI.len() <= ROOM);
}

#[test]
fn what_is_passed_on_is_part_of_the_key() {
    #[cache(capacity = 1_000)]
    fn distance(a: &[u8], b: &[u8], i: usize, j: usize) -> usize {
        if i == 0 || j == 0 {
            return i + j;
        }
        let differ = usize::from(a[i - 1] != b[j - 1]);
        (distance(a, b, i - 1, j) + 1).min(distance(a, b, i, j - 1) + 1).min(distance(a, b, i - 1, j - 1) + differ)
    }

    assert_eq!(distance(b"kitten", b"sitting", 6, 7), 3);
    // A helper that has computed one is about to note it.
    rayon::broadcast(|_| ());
    assert_eq!(DISTANCE.len(), 7 * 8);
}

#[test]
fn a_life_in_text_by_expression_and_by_value() {
    static RUNS: AtomicU64 = AtomicU64::new(0);

    fn run() -> u64 {
        RUNS.fetch_add(1, Ordering::Relaxed) + 1
    }

    #[cache(ttl = "1m 30s")]
    fn by_text(_n: u64) -> u64 {
        run()
    }

    #[cache(ttl = Duration::from_secs(10) * 2)]
    fn by_expression(_n: u64) -> u64 {
        run()
    }

    #[cache(ttl = |value| Duration::from_secs(value.1))]
    fn by_value(n: u64) -> (u64, u64) {
        (run(), n)
    }

    let clock = Mock::new();
    assert_eq!((by_text(1), by_expression(1), by_value(5), by_value(50)), (1, 2, (3, 5), (4, 50)));
    clock.advance(19 * SECOND);
    assert_eq!((by_text(1), by_expression(1), by_value(5), by_value(50)), (1, 2, (5, 5), (4, 50)));
    clock.advance(SECOND);
    assert_eq!((by_text(1), by_expression(1), by_value(50)), (1, 6, (4, 50)));
    clock.advance(70 * SECOND);
    assert_eq!(by_text(1), 7);
    assert_eq!(BY_TEXT.age(&(1,)), Some(Duration::ZERO));
}

#[test]
fn idle_values_go() {
    #[cache(idle = "1m")]
    fn copy(n: u64) -> u64 {
        n
    }

    let clock = Mock::new();
    copy(1);
    copy(2);
    for _ in 0..3 {
        clock.advance(45 * SECOND);
        copy(1);
    }
    assert!(COPY.contains(&(1,)));
    assert!(!COPY.contains(&(2,)));
}

#[test]
fn the_last_ok_stays_in_service() {
    static DOWN: AtomicBool = AtomicBool::new(false);

    #[cache(ttl = "30s", refresh_ahead = "5s", stale_on_err)]
    fn rate(currency: &str) -> Result<usize, String> {
        if DOWN.load(Ordering::SeqCst) { Err("down".to_owned()) } else { Ok(currency.len()) }
    }

    let clock = Mock::new();
    assert_eq!(rate("euro"), Ok(4));
    DOWN.store(true, Ordering::SeqCst);
    clock.advance(31 * SECOND);
    assert_eq!(rate("euro"), Ok(4));
    assert_eq!(rate("pound"), Err("down".to_owned()));
}

#[test]
fn a_call_can_force_a_renewal() {
    static RUNS: AtomicU64 = AtomicU64::new(0);

    #[cache(force_refresh = |fresh| fresh, key = |page| -> u64 { page })]
    fn page(page: u64, fresh: bool) -> u64 {
        let _ = fresh;
        page * 100 + RUNS.fetch_add(1, Ordering::Relaxed)
    }

    assert_eq!([page(1, false), page(1, false), page(1, true), page(1, false)], [100, 100, 101, 101]);
    assert_eq!(PAGE.len(), 1);
}

#[test]
fn with_context_the_body_borrows() {
    struct Db(Vec<u64>);

    #[cache(skip(db), capacity = 10, ttl = "1h")]
    fn total(db: &Db, row: usize) -> u64 {
        if row == db.0.len() { 0 } else { db.0[row] + total(db, row + 1) }
    }

    let _clock = Mock::new();
    let db = Db((0..100).collect());
    assert_eq!(total(&db, 0), 4_950);
    assert!(TOTAL.len() <= 10);
}

#[test]
fn methods_have_them_too() {
    struct Shop;

    impl Shop {
        #[cache(capacity = 5)]
        fn price(article: u32) -> u32 {
            article * 3
        }

        #[cache(skip(self), capacity = 5, ttl = "10s")]
        fn offer(&self, article: u32) -> u32 {
            article * 2
        }
    }

    let _clock = Mock::new();
    for article in 0..20 {
        assert_eq!((Shop::price(article), Shop.offer(article)), (article * 3, article * 2));
    }
    assert_eq!((Shop::PRICE.len(), Shop::OFFER.len()), (5, 5));
}

#[test]
fn the_handle_shows_and_sorts_out_what_is_there() {
    #[cache(capacity = 1_000, ttl = "1h")]
    fn half(n: u32) -> u32 {
        n / 2
    }

    let _clock = Mock::new();
    HALF.get_all((0..10).map(|n| (n,)));
    HALF.retain(|(n,), _| n % 2 == 0);
    let mut entries = HALF.entries();
    entries.sort_unstable();
    assert_eq!(entries, [((0,), 0), ((2,), 1), ((4,), 2), ((6,), 3), ((8,), 4)]);
    assert_eq!(HALF.get_if_fresh(&(8,), Duration::from_secs(60)), Some(4));
    assert_eq!(HALF.spawn((20,)).join(), 10);
    HALF.clear();
    assert!(HALF.is_empty());
}

#[test]
fn async_functions_have_bounds_and_ages() {
    static RUNS: AtomicU64 = AtomicU64::new(0);

    #[cache(capacity = 10, ttl = "30s")]
    async fn double(n: u64) -> u64 {
        RUNS.fetch_add(1, Ordering::Relaxed);
        2 * n
    }

    let clock = Mock::new();
    pollster::block_on(async {
        for n in 0..100 {
            assert_eq!(double(n).await, 2 * n);
            assert!(DOUBLE.len() <= 10);
        }
        assert_eq!(DOUBLE.stats().evictions, 90);
        DOUBLE.clear();
        RUNS.store(0, Ordering::Relaxed);
        assert_eq!((double(1).await, double(1).await), (2, 2));
        clock.advance(29 * SECOND);
        assert_eq!((double(1).await, RUNS.load(Ordering::Relaxed)), (2, 1));
        clock.advance(SECOND);
        assert_eq!(DOUBLE.peek(&(1,)), None);
        assert_eq!((double(1).await, RUNS.load(Ordering::Relaxed)), (2, 2));
        assert_eq!(DOUBLE.get_all([(1,), (2,)]).await, [2, 4]);
        clock.advance(60 * SECOND);
        clock.advance(60 * SECOND);
        assert_eq!((DOUBLE.len(), DOUBLE.stats().weight), (0, 0));
    });
}

#[test]
fn an_async_recursion_with_little_room() {
    #[cache(capacity = 64)]
    async fn fibonacci(n: u64) -> u128 {
        if n < 2 {
            return u128::from(n);
        }
        fibonacci(n - 1).await + fibonacci(n - 2).await
    }

    assert_eq!(pollster::block_on(fibonacci(100)), 354_224_848_179_261_915_075);
    assert!(FIBONACCI.len() <= 64);
}

#[test]
fn the_last_ok_of_an_async_function_stays_in_service() {
    static DOWN: AtomicBool = AtomicBool::new(false);

    #[cache(ttl = "30s", stale_on_err, force_refresh = |again| again, capacity = 10)]
    async fn rate(currency: &str, again: bool) -> Result<usize, String> {
        let _ = again;
        if DOWN.load(Ordering::SeqCst) { Err("down".to_owned()) } else { Ok(currency.len()) }
    }

    let clock = Mock::new();
    pollster::block_on(async {
        assert_eq!(rate("euro", false).await, Ok(4));
        DOWN.store(true, Ordering::SeqCst);
        clock.advance(31 * SECOND);
        assert_eq!(rate("euro", false).await, Ok(4));
        assert_eq!(rate("pound", true).await, Err("down".to_owned()));
    });
}

/// How many keys are about when each of so many has been asked for, and what was let go has been freed: when nobody can be reading it.
fn keys_about(ask: impl Fn(u64, &Arc<()>)) -> usize {
    let counted = Arc::new(());
    (0..2_000).for_each(|n| ask(n, &counted));
    for _ in 0..10_000 {
        if Arc::strong_count(&counted) < FEW {
            break;
        }
        drop(Cache::from_fn(|n: u64| n));
        std::thread::yield_now();
    }
    Arc::strong_count(&counted)
}

const FEW: usize = 300;

#[test]
fn keys_of_results_that_are_not_kept_take_no_room() {
    #[cache(capacity = 10)]
    fn refused(n: u64, by: Arc<()>) -> Result<u64, u64> {
        if Arc::strong_count(&by) > 0 { Err(n) } else { Ok(n) }
    }

    #[cache]
    fn missing(n: u64, by: Arc<()>) -> Option<u64> {
        (Arc::strong_count(&by) == 0).then_some(n)
    }

    let all = [
        keys_about(|n, by| assert_eq!(refused(n, by.clone()), Err(n))),
        keys_about(|n, by| assert_eq!(missing(n, by.clone()), None)),
    ];
    assert!(all.iter().all(|about| *about < FEW), "{all:?}");
}

#[test]
fn keys_that_were_renewed_go_with_their_values() {
    #[cache(capacity = 10, ttl = "30s")]
    fn number(n: u64, by: Arc<()>) -> u64 {
        if Arc::strong_count(&by) > 0 { n } else { 0 }
    }

    let about = keys_about(|n, by| {
        assert_eq!(number(n, by.clone()), n);
        assert_eq!(NUMBER.refresh((n, by.clone())), n);
    });
    assert!(about < FEW, "{about}");
}
