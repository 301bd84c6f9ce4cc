//! `trace::record`, in a process of its own: it records what all threads do.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Barrier, LazyLock, Mutex},
    thread,
};

use speedup_runtime::{
    AsyncCache, Cache,
    cache::{Function, State},
    trace::{self, Trace, What},
};

/// One test at a time: each looks at all that is recorded.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> impl Drop {
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn calls(trace: &Trace, what: What) -> Vec<&str> {
    let mut calls: Vec<&str> =
        trace.spans.iter().filter(|span| span.what == what).map(|span| span.call.as_str()).collect();
    calls.sort_unstable();
    calls
}

static STEPS: State<(u64,), u64> = State::new();
static CHAIN: LazyLock<Cache<(u64,), u64>> = LazyLock::new(|| {
    let body = |&(n,): &(u64,)| if n == 0 { 0 } else { CHAIN.get((n - 1,)) + 1 };
    Cache::of(&STEPS, Function::new("chain", body).show(std::fmt::Debug::fmt))
});

#[test]
fn each_call_is_a_span_that_lies_in_the_one_that_led_to_it() {
    let _alone = alone();
    CHAIN.clear();
    CHAIN.get((1,));
    let trace = trace::record(|| CHAIN.get((4,)));
    assert_eq!(calls(&trace, What::Call), ["chain(2)", "chain(3)", "chain(4)"], "hits are no spans");
    assert_eq!((trace.threads.len(), trace.left_out), (1, 0));
    for pair in trace.spans.windows(2) {
        assert!(pair[1].began <= pair[0].began && pair[0].began + pair[0].took <= pair[1].began + pair[1].took);
        assert!(pair[1].began + pair[1].took <= trace.took);
    }
    assert!(trace.svg().contains("<title>chain(4): "));
    let json: serde_json::Value = serde_json::from_str(&trace.chrome_json()).expect("it is JSON");
    assert_eq!(json["traceEvents"].as_array().map(Vec::len), Some(1 + 3));
}

#[test]
fn nothing_is_recorded_before_or_after() {
    let _alone = alone();
    CHAIN.clear();
    CHAIN.get((5,));
    assert!(trace::record(|| CHAIN.get((5,))).spans.is_empty());
    let end = catch_unwind(AssertUnwindSafe(|| trace::record(|| -> u64 { panic!("the closure's own") })));
    assert!(end.is_err());
    CHAIN.clear();
    CHAIN.get((5,));
    assert!(trace::record(|| ()).spans.is_empty());
}

#[test]
fn who_waits_is_seen_to() {
    let _alone = alone();
    let (begun, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (at, on) = (begun.clone(), go.clone());
    let cache = Cache::from_fn(move |n: u64| {
        at.wait();
        on.wait();
        n
    });
    let trace = trace::record(|| {
        thread::scope(|scope| {
            scope.spawn(|| cache.get((1,)));
            begun.wait();
            scope.spawn(|| cache.get((1,)));
            while cache.stats().waits == 0 {
                thread::yield_now();
            }
            go.wait();
        });
    });
    assert_eq!((calls(&trace, What::Call).len(), calls(&trace, What::Wait).len()), (1, 1));
    assert_eq!(trace.threads.len(), 2);
    assert!(trace.svg().contains("url(#waits)"));
}

#[test]
fn helpers_have_lanes_of_their_own() {
    let _alone = alone();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("a pool");
    // Only a second thread lets the first member end.
    let both = Arc::new(Barrier::new(2));
    let cache = Cache::from_fn(move |n: u64| {
        if n < 2 {
            both.wait();
        }
        n
    });
    let trace = trace::record(|| pool.install(|| cache.get_all([(0,), (1,)])));
    assert_eq!(calls(&trace, What::Call).len(), 2);
    let threads: HashSet<u32> =
        trace.spans.iter().filter(|span| span.what == What::Call).map(|span| span.thread).collect();
    assert_eq!(threads.len(), 2);
    // The helpers are home before the next test looks.
    pool.broadcast(|_| ());
}

#[test]
fn a_call_that_panics_is_a_span_as_well() {
    let _alone = alone();
    let cache = Cache::from_fn(|n: u64| -> u64 { panic!("call {n}") });
    let trace = trace::record(|| catch_unwind(AssertUnwindSafe(|| cache.get((1,)))).is_err());
    assert_eq!(trace.spans.len(), 1);
}

#[test]
fn each_turn_of_an_async_call_is_a_span() {
    let _alone = alone();
    let cache = AsyncCache::from_fn(|n: u64| async move {
        let mut turns = 0;
        std::future::poll_fn(|context| {
            turns += 1;
            context.waker().wake_by_ref();
            if turns < 3 { std::task::Poll::Pending } else { std::task::Poll::Ready(n) }
        })
        .await
    });
    let trace = trace::record(|| pollster::block_on(cache.get((1,))));
    assert_eq!(calls(&trace, What::Call).len(), 3);
}

#[test]
fn a_trace_is_saved_as_two_files() {
    let _alone = alone();
    CHAIN.clear();
    let folder = tempfile::tempdir().expect("a folder");
    let trace = trace::record(|| CHAIN.get((3,)));
    trace.save(folder.path().join("new")).expect("it is written");
    let read = |name| std::fs::read_to_string(folder.path().join("new").join(name)).expect("it is there");
    assert_eq!((read("timeline.svg"), read("trace.json")), (trace.svg(), trace.chrome_json()));
}

#[test]
fn a_record_in_a_record_is_refused() {
    let _alone = alone();
    let end = catch_unwind(AssertUnwindSafe(|| trace::record(|| trace::record(|| 1))));
    let payload = end.expect_err("it panics");
    assert!(payload.downcast_ref::<&str>().is_some_and(|text| text.contains("cannot record itself")));
}
