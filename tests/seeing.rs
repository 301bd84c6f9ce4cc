//! Counts, reports, profiles and timelines of what the attributes make, in a process of its own.

use std::{
    collections::HashSet,
    hash::Hash,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use speedup::{
    Memo, buffer, cache,
    profile::Off,
    report,
    seeing::{Kind, Row, Verdict},
    trace::{self, What},
};

/// One test at a time: a profile and a record are of the whole process.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> impl Drop {
    let alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    // Helpers that the test before has called come home first: a thread of the pool answers when it has nothing to do.
    rayon::broadcast(|_| ());
    alone
}

fn named(name: &str) -> Row {
    let mut rows: Vec<Row> = report().rows.into_iter().filter(|row| row.name == name).collect();
    assert_eq!(rows.len(), 1, "{name}: {rows:?}");
    rows.remove(0)
}

#[cache]
fn fibonacci(n: u64) -> u64 {
    if n < 2 { n } else { fibonacci(n - 1).wrapping_add(fibonacci(n - 2)) }
}

#[test]
fn a_function_is_listed_by_its_name() {
    let _alone = alone();
    FIBONACCI.clear();
    fibonacci(60);
    fibonacci(60);
    let row = named("fibonacci");
    assert_eq!((row.kind, row.stats.entries, row.instances), (Kind::Cache, 61, 1));
    assert_eq!(row.stats.hits, FIBONACCI.stats().hits);
    assert!(row.stats.call_cost.is_some());
}

#[test]
fn what_takes_for_ever_without_its_cache_is_given_up_and_comes_back() {
    let _alone = alone();
    FIBONACCI.clear();
    fibonacci(10);
    let before = FIBONACCI.stats();
    let profile = speedup::profile_within(Duration::from_millis(30), || fibonacci(80));
    assert_eq!(profile.off, Off::MoreThan(Duration::from_millis(30)));
    assert_eq!((profile.caches.len(), profile.caches[0].stats.misses), (1, 81));
    let after = FIBONACCI.stats();
    assert_eq!((after.entries, after.hits, after.misses), (11, before.hits, before.misses));
    assert_eq!(fibonacci(80), 23_416_728_348_467_685);
}

/// Text and word are passed on: each has a table of its own.
#[cache]
fn ways(text: &str, word: &str, at: usize, from: usize) -> u64 {
    if from == word.len() {
        return 1;
    }
    if at == text.len() {
        return 0;
    }
    let rest = ways(text, word, at + 1, from);
    if text.as_bytes()[at] == word.as_bytes()[from] { rest + ways(text, word, at + 1, from + 1) } else { rest }
}

#[test]
fn a_function_with_several_tables_is_one_row_and_survives_a_profile() {
    let _alone = alone();
    assert_eq!(ways("rabbbit", "rabbit", 0, 0), 3);
    assert_eq!(ways("babgbag", "bag", 0, 0), 5);
    let (row, before) = (named("ways"), WAYS.stats());
    assert_eq!((row.stats.entries, row.stats.misses), (WAYS.len(), before.misses));
    WAYS.get(("ab".to_owned(), "b".to_owned(), 0, 0));
    assert_eq!(named("ways").stats.entries, WAYS.len(), "the handle is no cache of its own");
    let before = WAYS.stats();
    let mut found = Vec::new();
    let profile = speedup::profile(|| found.push(ways("babgbag", "bag", 0, 0)));
    assert_eq!(found, [5, 5, 5]);
    assert_eq!(profile.caches[0].name, "ways");
    assert_eq!((WAYS.len(), WAYS.stats().misses), (before.entries, before.misses));
    assert_eq!(ways("rabbbit", "rabbit", 0, 0), 3);
    assert_eq!(WAYS.stats().misses, before.misses, "it is still there");
}

#[cache(scoped)]
fn parts(values: &[u64], at: usize, left: u64) -> u64 {
    match values.get(at) {
        None => u64::from(left == 0),
        Some(value) => {
            let without = parts(values, at + 1, left);
            if *value <= left { without + parts(values, at + 1, left - value) } else { without }
        }
    }
}

#[test]
fn a_scoped_function_is_listed_with_what_all_its_scopes_did() {
    let _alone = alone();
    assert_eq!(parts(&[1, 2, 3, 4], 0, 5), 2);
    let once = named("parts").stats.misses;
    assert_eq!(parts(&[1, 2, 3, 4], 0, 5), 2);
    let row = named("parts");
    assert_eq!((row.kind, row.stats.entries, row.stats.misses), (Kind::Scoped, 0, 2 * once));
    (0..20).for_each(|_| _ = parts(&[1, 2, 3, 4], 0, 5));
    assert_ne!(named("parts").verdict, Verdict::TooEarly, "hits and calls have been measured");
}

#[cache]
fn largest<T: Ord + Clone + Hash + Send + Sync + 'static>(of: Vec<T>) -> Option<T> {
    of.iter().max().cloned()
}

#[test]
fn a_generic_function_has_a_row_for_each_set_of_types() {
    let _alone = alone();
    largest(vec![1_u8, 2]);
    largest(vec!["a".to_owned()]);
    assert_eq!((named("largest<u8>").stats.misses, named("largest<String>").stats.misses), (1, 1));
}

#[derive(Default)]
struct Grid {
    width: u64,
    memo: Memo<(u64,), u64>,
}

impl Grid {
    #[cache(field = memo)]
    fn area(&self, height: u64) -> u64 {
        self.width * height
    }
}

#[test]
fn memos_in_fields_are_one_row() {
    let _alone = alone();
    let grids = [1, 2, 3].map(|width| Grid { width, ..Grid::default() });
    assert_eq!(grids.each_ref().map(|grid| grid.area(2)), [2, 4, 6]);
    let row = named("area");
    assert_eq!((row.kind, row.instances, row.stats.misses), (Kind::Memo, 3, 3));
}

#[buffer]
fn multiples(of: u64) -> u64 {
    let mut next = 0;
    loop {
        yield_!(next);
        next += of;
    }
}

#[test]
fn buffers_with_arguments_are_one_row() {
    let _alone = alone();
    assert_eq!((MULTIPLES.of((2,))[3], MULTIPLES.of((5,))[1]), (6, 5));
    let row = named("multiples");
    assert_eq!((row.kind, row.instances), (Kind::Buffer, 2));
    assert!(row.stats.entries >= 6);
}

#[cache]
async fn fetch(n: u64) -> u64 {
    if n == 0 { 0 } else { fetch(n - 1).await + 1 }
}

#[test]
fn an_async_function_is_listed_and_seen() {
    let _alone = alone();
    let timeline = trace::record(|| assert_eq!(pollster::block_on(fetch(3)), 3));
    let mut calls: Vec<&str> = timeline.spans.iter().map(|span| span.call.as_str()).collect();
    calls.sort_unstable();
    calls.dedup();
    assert_eq!(calls, ["fetch(0)", "fetch(1)", "fetch(2)", "fetch(3)"]);
    assert_eq!(named("fetch").stats.computed, 4);
}

#[test]
fn a_timeline_names_the_calls() {
    let _alone = alone();
    FIBONACCI.clear();
    let timeline = trace::record(|| fibonacci(20));
    assert_eq!(timeline.spans.iter().filter(|span| span.what == What::Call).count(), 21);
    assert!(timeline.svg().contains("fibonacci(20)"));
}

#[cache]
fn numbered(n: u64) -> u64 {
    n
}

#[test]
fn a_timeline_has_the_calls_of_a_thread_that_was_at_work_before() {
    let _alone = alone();
    let (stop, made) = (AtomicBool::new(false), AtomicU64::new(0));
    let wait_for = |calls: u64| {
        while made.load(Ordering::SeqCst) < calls {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                numbered(made.fetch_add(1, Ordering::SeqCst));
            }
        });
        wait_for(1_000);
        let mut seen = 0;
        let timeline = trace::record(|| {
            seen = made.load(Ordering::SeqCst);
            wait_for(seen + 10_000);
        });
        stop.store(true, Ordering::SeqCst);
        let calls: HashSet<&str> = timeline.spans.iter().map(|span| span.call.as_str()).collect();
        // It may take the other one a moment to see that it is looked at.
        let missing: Vec<u64> =
            (seen + 1_000..seen + 9_999).filter(|n| !calls.contains(format!("numbered({n})").as_str())).collect();
        assert!(missing.is_empty(), "{} calls were left out, the first of them {:?}", missing.len(), missing.first());
    });
}

#[cache]
fn seldom(n: u64) -> u64 {
    n
}

#[test]
fn the_verdict_is_in_the_report_and_in_its_data() {
    let _alone = alone();
    (0..100).for_each(|n| _ = seldom(n));
    assert_eq!(named("seldom").verdict, Verdict::NeverHit);
    let json = serde_json::to_value(report()).expect("it is data");
    let rows = json["rows"].as_array().expect("a list of rows");
    let row = rows.iter().find(|row| row["name"] == "seldom").expect("it is listed");
    assert_eq!((&row["verdict"], &row["stats"]["misses"]), (&"NeverHit".into(), &100.into()));
    assert!(report().markdown().contains("| seldom | cache | 0 | 100 |"));
}
