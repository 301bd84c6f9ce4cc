//! `#[cache]` from outside: where it can stand, what its handle does, and the promises.

use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use speedup::{Cache, Task, TimedOut, cache};

/// The text of a panic.
fn message<T>(work: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(work)).err().expect("a panic");
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => other.downcast_ref::<&str>().map_or_else(String::new, |text| (*text).to_owned()),
    }
}

mod places {
    use super::cache;

    /// Documented.
    #[cache]
    #[must_use]
    #[inline]
    pub(crate) fn in_a_module(n: u64) -> u64 {
        n + 1
    }

    pub(crate) struct Shape(pub(crate) u32);

    impl Shape {
        pub(crate) const SIDES: u32 = 4;

        #[cache]
        pub(crate) fn area(side: u32) -> u32 {
            side * side * Self::SIDES / 4
        }

        /// Calls itself by `Self`.
        #[cache]
        pub(crate) fn steps(n: u32) -> u32 {
            if n < 2 { n } else { Self::steps(n - 1) + Self::steps(n - 2) }
        }

        #[cache]
        pub(crate) fn steps_by_name(n: u32) -> u32 {
            if n < 2 { n } else { Shape::steps_by_name(n - 1) + Shape::steps_by_name(n - 2) }
        }
    }

    #[cache(name = RENAMED)]
    pub(crate) fn renamed(n: u8) -> u8 {
        n
    }

    #[cache]
    pub(crate) fn no_arguments() -> String {
        "once".to_owned()
    }

    #[cache]
    pub(crate) fn raw(r#type: u8, (a, mut b): (u8, u8), [c, ..]: [u8; 3], mut d: u8, _: u8) -> u8
    where
        u8: Copy,
    {
        b += 1;
        d += 1;
        r#type + a + b + c + d
    }
}

#[test]
fn it_stands_in_modules_bodies_and_impl_blocks() {
    #[cache]
    fn in_a_body(n: u64) -> u64 {
        if n == 0 { 0 } else { in_a_body(n - 1) + 1 }
    }
    assert_eq!(in_a_body(50), 50);
    assert_eq!(IN_A_BODY.len(), 51);
    assert_eq!(places::in_a_module(1), 2);
    assert!(places::IN_A_MODULE.contains(&(1,)));
    assert_eq!((places::Shape::area(3), places::Shape::AREA.len()), (9, 1));
    assert_eq!((places::Shape::steps(20), places::Shape::STEPS.len()), (6_765, 21));
    assert_eq!((places::Shape::steps_by_name(20), places::Shape::STEPS_BY_NAME.len()), (6_765, 21));
    assert_eq!(places::Shape(1).0, 1);
    assert_eq!((places::renamed(7), places::RENAMED.peek(&(7,))), (7, Some(7)));
    assert_eq!((places::no_arguments().as_str(), places::NO_ARGUMENTS.len()), ("once", 1));
    assert_eq!(places::raw(1, (2, 3), [4, 0, 0], 5, 6), 17);
}

#[test]
fn references_are_looked_up_without_owning_them() {
    #[derive(Clone, PartialEq, Eq, Hash, Debug)]
    struct User {
        id: u64,
    }
    #[cache]
    #[allow(clippy::needless_lifetimes, reason = "a declared lifetime is what is tested")]
    fn score<'a>(user: &'a User, tags: &[u8], name: &'static str, weight: u32) -> u64 {
        user.id + tags.len() as u64 + name.len() as u64 + u64::from(weight)
    }
    let user = User { id: 5 };
    assert_eq!(score(&user, &[1, 2], "abc", 4), 14);
    assert_eq!(score(&user, &[1, 2], "abc", 4), 14);
    assert_eq!(SCORE.len(), 1);
    assert_eq!(SCORE.peek(&(user, vec![1, 2], "abc", 4)), Some(14));
}

#[test]
fn the_handle_does_what_a_map_does() {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    #[cache]
    fn square(n: i64) -> i64 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        n * n
    }
    assert!(SQUARE.is_empty());
    assert_eq!(SQUARE.peek(&(-3,)), None);
    assert_eq!(square(-3), 9);
    assert_eq!((SQUARE.peek(&(-3,)), SQUARE.len()), (Some(9), 1));
    SQUARE.insert((2,), 5);
    assert_eq!(square(2), 5);
    assert_eq!(SQUARE.refresh((2,)), 4);
    assert_eq!((square(2), CALLS.load(Ordering::Relaxed)), (4, 2));
    assert_eq!(SQUARE.remove(&(2,)), Some(4));
    assert_eq!(SQUARE.remove(&(2,)), None);
    assert!(!SQUARE.contains(&(2,)));
    assert_eq!(SQUARE.get_all((0..5).map(|n| (n,))), [0, 1, 4, 9, 16]);
    assert_eq!(SQUARE.len(), 6);
    SQUARE.clear();
    assert!(SQUARE.is_empty());
    assert_eq!(square(-3), 9);
    let stats = SQUARE.stats();
    assert!(format!("{stats:?}").contains("Stats"));
}

#[test]
fn tasks_can_be_joined_asked_and_awaited() {
    static GATE: Mutex<()> = Mutex::new(());
    #[cache]
    fn gated(n: u32) -> u32 {
        let _open = GATE.lock();
        n + 1
    }
    let closed = GATE.lock().expect("nobody panics with the gate");
    let task: Task<u32> = GATED.spawn((1,));
    assert!(!task.is_finished());
    assert_eq!(task.try_get(), None);
    assert!(matches!(task.join_timeout(Duration::from_millis(1)), Err(TimedOut { .. })));
    drop(closed);
    assert_eq!(task.join(), 2);
    assert!(task.is_finished());
    assert_eq!(task.try_get(), Some(2));
    assert_eq!(task.join_timeout(Duration::ZERO).ok(), Some(2));
    assert_eq!(blocked_on(GATED.spawn((5,))), 6);
}

/// Waits for a future on this thread.
fn blocked_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn spawn_all_starts_what_is_missing() {
    #[cache]
    fn double(n: u32) -> u32 {
        n * 2
    }
    DOUBLE.spawn_all([(1,), (2,), (3,)]);
    assert_eq!(double(1) + double(2) + double(3), 12);
    assert_eq!(DOUBLE.len(), 3);
}

#[test]
fn errors_and_nothing_are_not_kept_unless_told() {
    type Answer = Result<u32, String>;
    static CALLS: AtomicU64 = AtomicU64::new(0);
    fn count() {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }
    #[cache]
    fn checked(n: u32) -> Result<u32, String> {
        count();
        if n > 9 { Err("large".to_owned()) } else { Ok(n) }
    }
    #[cache]
    fn aliased(n: u32) -> Answer {
        count();
        if n > 9 { Err("large".to_owned()) } else { Ok(n) }
    }
    #[cache]
    fn found(n: u32) -> Option<u32> {
        count();
        (n < 10).then_some(n)
    }
    #[cache(cache_err)]
    fn kept_err(n: u32) -> Result<u32, String> {
        count();
        Err(format!("{n}"))
    }
    #[cache(cache_none)]
    fn kept_none(n: u32) -> Option<u32> {
        count();
        (n > 1_000).then_some(n)
    }
    for _ in 0..2 {
        assert!(checked(1).is_ok() && checked(10).is_err());
        assert!(aliased(1).is_ok() && aliased(10).is_err());
        assert!(found(1).is_some() && found(10).is_none());
        assert!(kept_err(1).is_err() && kept_none(1).is_none());
    }
    let kept = (CHECKED.len(), ALIASED.len(), FOUND.len(), KEPT_ERR.len(), KEPT_NONE.len());
    assert_eq!(kept, (1, 1, 1, 1, 1));
    assert_eq!(CALLS.load(Ordering::Relaxed), 3 * 3 + 2);
}

#[test]
fn each_key_is_computed_once_by_many_callers() {
    static CALLS: Mutex<Option<HashMap<(u32, u32), u32>>> = Mutex::new(None);
    #[cache]
    fn paths(i: u32, j: u32) -> u64 {
        *CALLS.lock().expect("no panic").get_or_insert_default().entry((i, j)).or_default() += 1;
        // Long enough for the others to come by.
        (0..2_000u64).for_each(|n| _ = std::hint::black_box(n));
        if i == 0 || j == 0 { 1 } else { paths(i - 1, j) + paths(i, j - 1) }
    }
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for caller in 0..4 {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                for side in 0..20 {
                    assert!(paths(10 + side, 20 - caller) > 0);
                }
            });
        }
    });
    let calls = CALLS.lock().expect("no panic").take().expect("some calls");
    assert_eq!(calls.len(), PATHS.len());
    assert!(calls.values().all(|count| *count == 1));
}

#[cache]
fn chain(n: u64) -> u64 {
    if n == 0 { 0 } else { chain(n - 1) + 1 }
}

#[test]
fn a_chain_of_a_million_calls_fits_any_stack() {
    let small = thread::Builder::new().stack_size(512 * 1024).spawn(|| chain(1_000_000));
    assert_eq!(small.expect("a thread starts").join().expect("no overflow"), 1_000_000);

    #[cache]
    fn pair(n: u64) -> u64 {
        if n < 2 { n } else { pair(n - 1).wrapping_add(pair(n - 2)) }
    }
    let small = thread::Builder::new().stack_size(512 * 1024).spawn(|| pair(100_000));
    small.expect("a thread starts").join().expect("no overflow");
    assert_eq!(PAIR.len(), 100_001);
}

#[test]
#[allow(clippy::only_used_in_recursion, reason = "that is what a cycle is")]
fn a_cycle_is_an_error_that_names_its_keys() {
    #[cache]
    #[allow(unconditional_recursion)]
    fn direct(n: u32) -> u32 {
        direct((n + 1) % 3) + 1
    }
    let text = message(|| direct(0));
    for part in ["direct", "0", "1", "2"] {
        assert!(text.contains(part), "{part} in {text:?}");
    }
    assert!(DIRECT.is_empty());

    #[cache]
    fn even(n: u32) -> bool {
        odd(n % 4 + 1)
    }
    #[cache]
    fn odd(n: u32) -> bool {
        !even(n % 4 + 1)
    }
    let text = message(|| even(1));
    assert!(text.contains("even") && text.contains("odd"), "{text:?}");

    #[cache]
    fn spawned(n: u32) -> u32 {
        SPAWNED.spawn(((n + 1) % 3,)).join() + 1
    }
    let text = message(|| spawned(0));
    assert!(text.contains("spawned"), "{text:?}");
}

#[test]
fn a_cycle_across_threads_ends_on_both() {
    /// Both have begun before either goes on; who tries again meets nobody.
    fn meet() {
        static MET: AtomicU64 = AtomicU64::new(0);
        static MEETING: Barrier = Barrier::new(2);
        if MET.fetch_add(1, Ordering::Relaxed) < 2 {
            MEETING.wait();
        }
    }
    #[cache]
    fn left(n: u32) -> u32 {
        meet();
        right(n)
    }
    #[cache]
    fn right(n: u32) -> u32 {
        meet();
        left(n)
    }
    thread::scope(|scope| {
        let one = scope.spawn(|| message(|| left(1)));
        let two = scope.spawn(|| message(|| right(1)));
        for text in [one.join().expect("a message"), two.join().expect("a message")] {
            assert!(text.contains("left") && text.contains("right"), "{text:?}");
        }
    });
    assert!(LEFT.is_empty() && RIGHT.is_empty());
}

#[test]
fn a_panic_reaches_all_callers_and_harms_nothing_else() {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    #[cache]
    fn fragile(n: u32) -> u32 {
        if n == 3 && CALLS.fetch_add(1, Ordering::Relaxed) < 8 {
            panic!("three is broken");
        }
        if n == 0 { 0 } else { fragile(n - 1) + 1 }
    }
    thread::scope(|scope| {
        let callers: Vec<_> = (4..8).map(|n| scope.spawn(move || message(|| fragile(n)))).collect();
        for caller in callers {
            assert_eq!(caller.join().expect("a message"), "three is broken");
        }
    });
    assert_eq!(fragile(2), 2);
    CALLS.store(100, Ordering::Relaxed);
    assert_eq!(fragile(7), 7);
}

#[test]
fn a_cache_stands_alone_without_the_attribute() {
    let cubes = Cache::from_fn(|n: u64| n * n * n);
    assert_eq!(cubes.get((3,)), 27);
    assert_eq!(cubes.get_all([(1,), (2,)]), [1, 8]);
    assert_eq!(cubes.len(), 3);
    let sums = Cache::from_fn(|a: String, b: u8| a.len() + usize::from(b));
    assert_eq!(sums.get(("ab".to_owned(), 3)), 5);
}

#[test]
fn cleared_values_live_on_where_they_are_used() {
    #[cache]
    fn list(n: u64) -> Arc<Vec<u64>> {
        Arc::new((0..n).collect())
    }
    let kept = list(100);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..2_000).for_each(|n| assert_eq!(list(n % 50).len() as u64, n % 50)));
        }
        scope.spawn(|| (0..200).for_each(|_| LIST.clear()));
    });
    assert_eq!(kept.len(), 100);
}
