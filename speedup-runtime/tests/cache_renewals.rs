//! One renewal at a time, and one for each end: whoever comes late finds what others have renewed meanwhile. All tests set the clock, so they run
//! one after the other.
//!
//! | test | while | what happens |
//! |---|---|---|
//! | expired, awaited | a thread has seen that a value has expired | another one renews it from the beginning to the end |
//! | ahead | a renewal ahead of the end is queued | the value expires and is computed |
//! | swept, put out | a value is being renewed | it is let go of, and asked for |

use std::{
    cell::RefCell,
    hash::{Hash, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use speedup_runtime::{Cache, clock::Mock};

const SECOND: Duration = Duration::from_secs(1);

/// After how many of these steps something is done.
type Hook = (Step, u32, Box<dyn FnOnce()>);

thread_local! {
    /// What is done once on this thread.
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// What is done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Hash,
    Clone,
}

/// A key in whose hash or clone something may happen.
#[derive(PartialEq, Eq)]
struct Hooked(u64);

impl Hash for Hooked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        step(Step::Hash);
        self.0.hash(state);
    }
}

impl Clone for Hooked {
    fn clone(&self) -> Self {
        step(Step::Clone);
        Self(self.0)
    }
}

fn step(is: Step) {
    let hook = HOOK.with_borrow_mut(|hook| match hook.take() {
        Some((which, 0, run)) if which == is => Some(run),
        later => {
            *hook = later.map(|(which, left, run)| (which, left - u32::from(which == is), run));
            None
        }
    });
    if let Some(run) = hook {
        run();
    }
}

/// More steps than there are on the way to a renewal.
const STEPS: u32 = 12;

/// Has `run` happen on another thread when this one has come so far: that has ended, or waits for this one, before this one goes on. `ask` is what
/// this one does. What both have got.
fn meanwhile(
    (step, count): (Step, u32),
    run: impl FnOnce() -> u64 + Send + 'static,
    waits: impl Fn() -> u64 + 'static,
    ask: impl FnOnce() -> u64,
) -> (u64, Option<u64>) {
    let (started, other) = mpsc::channel();
    let hook = move || {
        let before = waits();
        let other = thread::spawn(run);
        while !other.is_finished() && waits() == before {
            thread::yield_now();
        }
        started.send(other).unwrap();
    };
    HOOK.set(Some((step, count, Box::new(hook))));
    let value = ask();
    HOOK.set(None);
    (value, other.try_recv().ok().map(|other| other.join().unwrap()))
}

/// A body that counts its runs, and returns the count.
fn counting<T>() -> (Arc<AtomicU64>, impl Fn(T) -> u64 + Send + Sync + 'static) {
    let runs = Arc::new(AtomicU64::new(0));
    let counted = runs.clone();
    (runs, move |_: T| counted.fetch_add(1, Ordering::SeqCst) + 1)
}

/// Too short for what has expired to be let go of when it does.
const SHORT: Duration = Duration::from_millis(10);

#[test]
fn who_has_seen_an_expired_value_finds_that_it_was_renewed_meanwhile() {
    for at in 0..STEPS {
        let clock = Mock::new();
        let (runs, body) = counting();
        let cache = Arc::new(Cache::from_fn(move |key: Hooked| body(key)).ttl(SHORT));
        assert_eq!(cache.get((Hooked(1),)), 1);
        clock.advance(SHORT);
        assert_eq!(cache.len(), 1);
        let (other, seen) = (cache.clone(), cache.clone());
        let got = meanwhile(
            (Step::Hash, at),
            move || other.get((Hooked(1),)),
            move || seen.stats().waits,
            || cache.get((Hooked(1),)),
        );
        assert_eq!((got.0, got.1.unwrap_or(2)), (2, 2), "after {at} hashes");
        assert_eq!(runs.load(Ordering::SeqCst), 2, "after {at} hashes");
    }
}

#[test]
fn a_renewal_ahead_that_comes_late_finds_that_there_is_nothing_to_do() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        let clock = Mock::new();
        let (runs, body) = counting();
        let cache = Cache::from_fn(move |n: u64| body(n)).ttl(30 * SECOND).refresh_ahead(5 * SECOND);
        assert_eq!(cache.get((1,)), 1);
        clock.advance(25 * SECOND);
        assert_eq!(cache.get((1,)), 1);
        // The pool's only thread is this one, so the renewal has not begun.
        clock.advance(5 * SECOND);
        assert_eq!(cache.get((1,)), 2);
        while rayon::yield_now() == Some(rayon::Yield::Executed) {}
        assert_eq!((runs.load(Ordering::SeqCst), cache.peek(&(1,))), (2, Some(2)));
    });
}

/// A body whose runs but the first wait at a gate.
struct Gated {
    runs: Arc<AtomicU64>,
    /// Told of each run that waits.
    entered: mpsc::Receiver<()>,
    gate: Arc<Mutex<()>>,
}

impl Gated {
    fn new() -> (Self, impl Fn(u64) -> u64 + Send + Sync + 'static) {
        let (runs, body) = counting();
        let (told, entered) = mpsc::channel();
        let gate = Arc::new(Mutex::new(()));
        let (told, held) = (Mutex::new(told), gate.clone());
        let gated = move |n: u64| {
            let run = body(n);
            if run > 1 {
                told.lock().unwrap().send(()).unwrap();
                drop(held.lock());
            }
            run
        };
        (Self { runs, entered, gate }, gated)
    }
}

#[test]
fn a_value_that_is_swept_while_it_is_renewed_is_not_computed_beside_that() {
    let clock = Mock::new();
    let (gated, body) = Gated::new();
    let cache = Cache::from_fn(body).ttl(10 * SECOND);
    assert_eq!(cache.get((1,)), 1);
    clock.advance(9 * SECOND);
    let closed = gated.gate.lock().unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| cache.refresh((1,)));
        gated.entered.recv().unwrap();
        clock.advance(20 * SECOND);
        assert_eq!(cache.len(), 0, "it was let go of");
        let one = scope.spawn(|| cache.get((1,)));
        let several = scope.spawn(|| cache.get_all([(1,)]));
        while cache.stats().waits < 2 && gated.runs.load(Ordering::SeqCst) == 2 {
            thread::yield_now();
        }
        drop(closed);
        assert_eq!((first.join().unwrap(), one.join().unwrap(), several.join().unwrap()), (2, 2, vec![2]));
    });
    assert_eq!(gated.runs.load(Ordering::SeqCst), 2);
    assert_eq!(cache.peek(&(1,)), Some(2));
}

#[test]
fn a_value_that_is_put_out_while_it_is_renewed_is_not_computed_beside_that() {
    let _clock = Mock::new();
    let (gated, body) = Gated::new();
    let cache = Cache::from_fn(body).capacity(1);
    assert_eq!(cache.get((1,)), 1);
    let closed = gated.gate.lock().unwrap();
    thread::scope(|scope| {
        let first = scope.spawn(|| cache.refresh((1,)));
        gated.entered.recv().unwrap();
        cache.insert((2,), 7);
        cache.insert((3,), 7);
        assert_eq!(cache.peek(&(1,)), None, "it was put out");
        let second = scope.spawn(|| cache.get((1,)));
        while cache.stats().waits == 0 && gated.runs.load(Ordering::SeqCst) == 2 {
            thread::yield_now();
        }
        drop(closed);
        assert_eq!((first.join().unwrap(), second.join().unwrap()), (2, 2));
    });
    assert_eq!(gated.runs.load(Ordering::SeqCst), 2);
}

#[cfg(feature = "async")]
#[test]
fn an_awaited_value_that_was_renewed_meanwhile_is_found_too() {
    use speedup_runtime::AsyncCache;
    // Keys are hashed under a lock, too, and cloned under none.
    for at in 0..STEPS {
        let clock = Mock::new();
        let (runs, body) = counting();
        let body = Arc::new(body);
        let cache = AsyncCache::from_fn(move |key: Hooked| {
            let body = body.clone();
            async move { body(key) }
        });
        let cache = Arc::new(cache.ttl(SHORT));
        assert_eq!(pollster::block_on(cache.get((Hooked(1),))), 1);
        clock.advance(SHORT);
        assert_eq!(cache.len(), 1);
        let (other, seen) = (cache.clone(), cache.clone());
        let got = meanwhile(
            (Step::Clone, at),
            move || pollster::block_on(other.get((Hooked(1),))),
            move || seen.stats().waits,
            || pollster::block_on(cache.get((Hooked(1),))),
        );
        assert_eq!((got.0, got.1.unwrap_or(2)), (2, 2), "after {at} clones");
        assert_eq!(runs.load(Ordering::SeqCst), 2, "after {at} clones");
    }
}
