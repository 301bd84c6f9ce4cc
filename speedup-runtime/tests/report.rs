//! The report of all caches and buffers, in a process of its own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use speedup_runtime::{
    AsyncCache, Buffer, Cache, Memo, Window,
    cache::{Function, State},
    report,
    seeing::{Kind, Report, Row, Verdict},
};

fn rows(of: &str) -> Vec<Row> {
    report().rows.into_iter().filter(|row| row.name == of).collect()
}

fn named(name: &str) -> Row {
    let mut rows = rows(name);
    assert_eq!(rows.len(), 1, "{name}: {rows:?}");
    rows.remove(0)
}

fn twice(n: u64) -> u64 {
    n * 2
}

#[test]
fn a_static_cache_is_listed_when_it_is_used() {
    static STATE: State<(u64,), u64> = State::new();
    let cache = Cache::of(&STATE, Function::new("a_static_one", |(n,): &(u64,)| twice(*n)));
    assert!(rows("a_static_one").is_empty());
    (0..20).for_each(|n| _ = cache.get((n,)));
    let row = named("a_static_one");
    assert_eq!((row.kind, row.stats.misses, row.verdict), (Kind::Cache, 20, Verdict::NeverHit));
    cache.clear();
    cache.get((1,));
    assert_eq!(named("a_static_one").stats.entries, 1);
}

#[test]
fn an_owned_cache_is_listed_until_it_is_dropped() {
    fn owned_one(n: u64) -> u64 {
        n
    }
    let cache = Cache::from_fn(owned_one);
    cache.get((1,));
    assert_eq!(named("owned_one").stats.misses, 1);
    drop(cache);
    // Freed when nobody is looking at it: other tests of this process may be.
    while !rows("owned_one").is_empty() {
        Cache::from_fn(twice).get((1,));
        thread::yield_now();
    }
}

#[test]
fn closures_are_named_by_where_they_are() {
    let cache = Cache::from_fn(|n: u64| n + 1);
    cache.get((1,));
    assert_eq!(named("closure in closures_are_named_by_where_they_are").stats.misses, 1);
}

#[test]
fn memos_of_one_name_are_one_row() {
    let memos: Vec<Memo<(u64,), u64>> = (0..5).map(|_| Memo::new()).collect();
    for memo in &memos {
        let describe = || Function::of_context("area_of_grid");
        (0..3).for_each(|n| _ = memo.get_as((n,), describe, |(n,): &(u64,)| *n));
    }
    let row = named("area_of_grid");
    assert_eq!((row.kind, row.instances, row.stats.misses, row.stats.entries), (Kind::Memo, 5, 15, 15));
    drop(memos);
}

#[test]
fn an_async_cache_is_listed() {
    async fn fetch_one(n: u64) -> u64 {
        n
    }
    let cache = AsyncCache::from_fn(fetch_one);
    pollster::block_on(cache.get((1,)));
    let row = named("fetch_one");
    assert_eq!((row.kind, row.stats.computed), (Kind::AsyncCache, 1));
}

#[test]
fn a_buffer_is_listed_with_what_it_made_and_has_not_forgotten() {
    let buffer = Buffer::from_iter(0..10_u64);
    assert!(!report().rows.iter().any(|row| row.kind == Kind::Buffer));
    assert_eq!(buffer[7], 7);
    let row = report().rows.into_iter().find(|row| row.kind == Kind::Buffer).expect("it was read");
    assert_eq!((row.stats.entries, row.stats.computed), (8, 8));
    drop(buffer);
    assert!(!report().rows.iter().any(|row| row.kind == Kind::Buffer));
    let window = Window::from_iter(0..1_000_u64, 4);
    assert_eq!(window.get(899), Ok(899));
    let stats = report().rows.into_iter().find(|row| row.kind == Kind::Buffer).expect("it was read").stats;
    assert!(stats.computed >= 900 && (4..=4 + 16).contains(&stats.entries), "{stats:?}");
    assert_eq!((stats.len, stats.estimated_bytes), (stats.entries, 8 * stats.entries));
}

#[test]
fn what_panics_is_listed_as_well() {
    fn always_panics(_: u64) -> u64 {
        panic!("always")
    }
    let cache = Cache::from_fn(always_panics);
    let end = catch_unwind(AssertUnwindSafe(|| cache.get((1,))));
    assert!(end.is_err());
    assert_eq!(named("always_panics").stats.panics, 1);
}

#[test]
fn many_threads_may_ask_while_caches_come_and_go() {
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for n in 0..200 {
                    let cache = Cache::from_fn(twice);
                    cache.get((n,));
                    cache.get((n,));
                }
            });
        }
        scope.spawn(|| (0..50).for_each(|_| _ = report().to_string()));
    });
}

#[cfg(feature = "serde")]
#[test]
fn a_report_is_data() {
    let cache = Cache::from_fn(twice);
    cache.get((1,));
    let report = report();
    let text = serde_json::to_string(&report).expect("it is plain data");
    let again: Report = serde_json::from_str(&text).expect("it is what was written");
    assert_eq!(again, report);
}

#[test]
fn an_empty_report_says_so() {
    assert_eq!(Report::default().to_string(), "no cache and no buffer has been used");
}
