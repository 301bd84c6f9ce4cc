//! What Miri runs of the forms a function can take: calls by place, tables for what calls pass on, errors and results that stay on
//! their thread, renewals, groups that are shown late. `cargo xtask miri`.
//!
//! Small, as `cache_miri.rs`. Here the tests run as well, so that they stay true.

use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Arc, Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use speedup_runtime::{
    Cache,
    cache::{
        AsyncFallible, AtParts, AtPlaceHere, Fallible, Function, GivenPart, Handed, Here, InItsScope, InScope, InTable,
        Moved, Outermost, Scoped, Spans, State, Tables, TablesState, elsewhere, place_of, span_end, span_given,
        span_like, span_of, span_reaches, span_size,
    },
};

/// Where the letters `b` are in the beginning of a text, up to its last 46 letters: as `#[cache]` writes it.
fn marks(text: &str) -> u64 {
    let inside = SPANS.get(|| (text,), |own| Some((span_of(text, &own.key().0)?,)));
    inside.unwrap_or_else(|| MARKS.get_ref((text,)))
}

const MARKS: &Cache<(String,), u64> = {
    static STATE: State<(String,), u64> = State::new();
    let body = |key: &(String,)| match SPANS.enter(&(), key) {
        Some(value) => value,
        None => body(None, &key.0),
    };
    &Cache::of(&STATE, Function::new("marks", body).show(std::fmt::Debug::fmt))
};

const SPANS: &Spans<(), (String,), (u64,), u64> = &Spans::of_here(
    "marks",
    |key: &(String,), own: &(String,)| Some((span_like::<str, _>(&key.0, &own.0)?,)),
    |key: &(String,)| span_size::<str, _>(&key.0),
    |own: &Outermost<(), (String,), u64>, (text,): &(u64,), inside: InMarks<'_>| {
        let given = (span_given(&own.key().0, *text),);
        if span_reaches::<str, _>(&own.key().0, *text) {
            body(Some(inside.with(given, true)), given.0.part())
        } else {
            body(Some(inside.with(given, false)), given.0.part())
        }
    },
)
.last(|key: &(String,)| (span_end::<str, _>(&key.0),));

type InMarks<'c> = AtPlaceHere<'c, (), (String,), (u64,), u64>;
type Running<'c> = AtParts<InMarks<'c>, (GivenPart<'c, str, String>,)>;

fn body(running: Option<Running<'_>>, text: &str) -> u64 {
    let marks = |text: &str| {
        let Some((inside, given, reach)) = running.map(AtParts::parts) else { return marks(text) };
        let place = if reach && given.0.ends_with(text) {
            (given.0.number_of_end(text),)
        } else {
            let far = || Some((given.0.number_of(text)?,));
            let Some(far) = far() else { return elsewhere(|| marks(text)) };
            far
        };
        inside.get(place, || (text,))
    };
    if text.len() <= 46 {
        return 0;
    }
    if AtParts::may_look_ahead(&running) {
        SPANS.ahead(MARKS, |call| {
            call.ask(
                |own: &Outermost<(), (String,), u64>| Some((span_of(&text[1..], &own.key().0)?,)),
                || (text[1..].to_owned(),),
            );
        });
    }
    2 * marks(&text[1..]) + u64::from(text.starts_with('b'))
}

#[test]
fn parts_of_strings_are_known_by_their_place() {
    // Long enough to go by places, so that the table of an outermost call is made, kept, looked through and let go.
    let text = format!("bab{}", "-".repeat(46));
    assert_eq!((marks(&text), marks(&text[1..])), (5, 2), "the second in the table that is kept");
    assert_eq!(MARKS.insert((text.clone(),), 70), Some(5));
    assert_eq!((marks(&text), marks(&text[1..])), (70, 2));
    assert_eq!(MARKS.remove(&(text.clone(),)), Some(70));
    MARKS.clear();
    assert_eq!(marks(&text), 5);
}

#[test]
fn two_threads_go_by_places_at_once() {
    thread::scope(|scope| {
        for by in 0..2 {
            scope.spawn(move || {
                let text = format!("bb{by}{}", "+".repeat(46));
                assert_eq!((marks(&text), marks(&text)), (3, 3));
            });
        }
    });
}

const PATHS: &Tables<(Vec<u64>,), (usize,), u64> = {
    static STATE: TablesState<(Vec<u64>,), (usize,), u64> = TablesState::new();
    let body = |(costs,): &(Vec<u64>,), (at,): &(usize,), inside: InTable<'_, (usize,), u64>| {
        let given = costs.as_slice();
        let paths = |costs: &[u64], at: usize| inside.get(std::ptr::eq(costs, given), (at,), |(at,)| paths(costs, at));
        match at {
            0 => costs[0],
            // Every other call passes on what lies elsewhere.
            at if at % 2 == 0 => costs[*at] + paths(&costs.clone(), at - 1),
            at => costs[*at] + paths(costs, at - 1),
        }
    };
    &Tables::of_inside(&STATE, "paths", body).limit(2)
};

fn paths(costs: &[u64], at: usize) -> u64 {
    PATHS.get((costs,), |own: &(Vec<u64>,)| std::ptr::eq(costs, own.0.as_slice()), (at,))
}

#[test]
fn tables_for_what_calls_pass_on_come_and_go() {
    // Of four sets two are kept.
    for round in 0..4 {
        let costs = vec![round; 6];
        assert_eq!(paths(&costs, 5), 6 * round);
        assert_eq!(paths(&costs, 3), 4 * round);
    }
    thread::scope(|scope| {
        for by in 0..2 {
            scope.spawn(move || assert_eq!(paths(&[by, 1, 2], 2), by + 3));
        }
    });
}

fn sums(values: &[u64], at: usize) -> u64 {
    static SCOPES: Scoped = Scoped::new();
    let body = InItsScope(|(at,): &(usize,), inside: InScope<'_, (usize,), u64>| {
        let given = [place_of(values)];
        let sums = |values: &[u64], at: usize| inside.get(given, [place_of(values)], (at,), |(at,)| sums(values, at));
        if *at == 0 { values[0] } else { sums(values, at - 1) + sums(values, at / 2) }
    });
    Scoped::get(&SCOPES, [place_of(values)], (at,), || Function::of_context("sums"), body)
}

#[test]
fn calls_of_a_body_go_on_in_its_scope() {
    assert_eq!(sums(&[1, 2, 3], 6), 20);
    thread::scope(|scope| {
        for by in 1..3 {
            scope.spawn(move || assert_eq!(sums(&[by], 4), 10 * by));
        }
    });
}

#[test]
fn what_stays_on_its_thread_is_touched_by_no_other() {
    /// Tells when it is dropped, and would be a race on another thread.
    #[derive(Clone)]
    struct Local(Rc<Cell<u32>>);
    impl Drop for Local {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let drops = Rc::new(Cell::new(0));
    let local = || Local(drops.clone());
    // Dropped elsewhere it stays, here it goes; each of the three holders.
    let failed: Moved<Local> = Fallible::share(Err::<u8, _>(local())).unwrap_err();
    let other = failed.clone();
    thread::spawn(move || drop(other)).join().unwrap();
    drop(failed.take());
    assert_eq!(drops.get(), 1);
    let here = Here::of(local);
    drop(here.clone());
    drop(here.get().clone());
    thread::scope(|scope| scope.spawn(|| drop(here)).join().unwrap());
    assert_eq!(drops.get(), 3, "the value itself stays");
    let unused: Moved<Local> = Fallible::share(Err::<u8, _>(local())).unwrap_err();
    thread::spawn(move || drop(unused)).join().unwrap();
    assert_eq!(drops.get(), 3);
    drop(Here::of(local).into_inner());
    assert_eq!(drops.get(), 4);
}

#[test]
fn an_error_for_the_first_who_takes_it_goes_once() {
    let error: Handed<Box<u8>> = AsyncFallible::share(Err::<u8, _>(Box::new(3))).unwrap_err();
    let taken: usize = thread::scope(|scope| {
        let takers =
            [error.clone(), error.clone()].map(|error| scope.spawn(move || usize::from(error.take().is_some())));
        takers.map(|taker| taker.join().unwrap()).iter().sum()
    });
    assert_eq!((taken, error.take()), (1, None));
}

#[test]
fn two_threads_renew_a_value() {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    let cache = Cache::from_fn(move |text: String| format!("{text}{}", counted.fetch_add(1, Ordering::Relaxed)));
    assert_eq!(cache.get(("a".to_owned(),)), "a0");
    let (both, cache_of_both) = (Barrier::new(2), &cache);
    let renewed = thread::scope(|scope| {
        let renew = || {
            both.wait();
            cache_of_both.refresh(("a".to_owned(),))
        };
        [scope.spawn(renew), scope.spawn(renew)].map(|thread| thread.join().unwrap())
    });
    let kept = cache.peek(&("a".to_owned(),)).unwrap();
    assert!(renewed.contains(&kept) && kept != "a0", "{renewed:?}, {kept}");
    drop(cache);
    assert!((2..=3).contains(&runs.load(Ordering::Relaxed)));
}
