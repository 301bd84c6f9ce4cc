//! Keys of calls that leave no value behind are not kept, whatever became of the call: a function that fails for each of many different keys
//! takes no memory for them.

use std::{
    hash::{Hash, Hasher},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicIsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use speedup::cache;

/// How many keys there are in all.
static KEYS: AtomicIsize = AtomicIsize::new(0);
/// One test at a time, since they count together.
static ONE: Mutex<()> = Mutex::new(());

/// A key that is counted as long as it lives.
#[derive(Debug)]
struct Counted(u64);

impl Counted {
    fn new(n: u64) -> Self {
        KEYS.fetch_add(1, SeqCst);
        Self(n)
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        KEYS.fetch_sub(1, SeqCst);
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Counted {}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

const CALLS: u64 = 1_000;
/// So many keys may be on their way out: what has been taken out is freed later.
const ON_THEIR_WAY: isize = 400;

/// How many keys are left of those that this makes.
fn left_of(calls: impl FnOnce()) -> isize {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = KEYS.load(SeqCst);
    calls();
    // Helpers may be on their way out.
    let begun = Instant::now();
    while KEYS.load(SeqCst) - before > ON_THEIR_WAY && begun.elapsed() < Duration::from_secs(5) {
        thread::yield_now();
    }
    KEYS.load(SeqCst) - before
}

fn caught<T>(call: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

fn work() {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_micros(20) {}
}

#[test]
fn of_calls_that_panic() {
    #[cache]
    fn unbounded(key: Counted) -> u64 {
        panic!("{key:?}")
    }
    #[cache(capacity = 100)]
    fn bounded(key: Counted) -> u64 {
        panic!("{key:?}")
    }
    #[cache(ttl = "1h")]
    fn aging(key: Counted) -> u64 {
        panic!("{key:?}")
    }
    let left = left_of(|| {
        for n in 0..CALLS {
            assert!(caught(|| unbounded(Counted::new(n))));
            assert!(caught(|| bounded(Counted::new(n))));
            assert!(caught(|| aging(Counted::new(n))));
        }
    });
    assert!(left <= ON_THEIR_WAY, "{left} keys are left");
}

#[test]
fn of_calls_whose_calls_panic() {
    #[cache]
    fn deep(key: Counted) -> u64 {
        if key.0.is_multiple_of(4) {
            panic!("{key:?}");
        }
        deep(Counted::new(key.0 - 1)) + 1
    }
    let left = left_of(|| {
        for n in 0..CALLS {
            assert!(caught(|| deep(Counted::new(4 * n + 3))));
        }
    });
    assert!(left <= ON_THEIR_WAY, "{left} keys are left");
}

#[test]
fn of_calls_side_by_side() {
    #[cache]
    fn pairs(key: Counted) -> u64 {
        work();
        if key.0 % 16 < 2 {
            panic!("{key:?}");
        }
        let left = pairs(Counted::new(key.0 - 1));
        let right = pairs(Counted::new(key.0 - 2));
        left + right
    }
    #[cache]
    fn fallible(key: Counted) -> Result<u64, u64> {
        work();
        if key.0 % 16 < 2 {
            return Err(key.0);
        }
        let left = fallible(Counted::new(key.0 - 1));
        let right = fallible(Counted::new(key.0 - 2));
        Ok(left? + right?)
    }
    let left = left_of(|| {
        for n in 0..CALLS / 4 {
            assert!(caught(|| pairs(Counted::new(16 * n + 10))));
        }
    });
    assert!(left <= ON_THEIR_WAY, "{left} keys of calls that panic are left");
    let left = left_of(|| {
        for n in 0..CALLS / 4 {
            assert!(fallible(Counted::new(16 * n + 10)).is_err());
        }
    });
    assert!(left <= ON_THEIR_WAY, "{left} keys of errors are left");
}

#[test]
fn of_many_at_once() {
    #[cache]
    fn failing(key: Counted) -> Result<u64, u64> {
        work();
        Err(key.0)
    }
    let left = left_of(|| {
        for n in 0..10 {
            let keys = (0..CALLS).map(|at| (Counted::new(n * CALLS + at),));
            assert!(FAILING.get_all(keys).iter().all(Result::is_err));
        }
    });
    assert!(left <= ON_THEIR_WAY, "{left} keys are left");
}

#[test]
fn of_functions_that_are_awaited() {
    #[cache]
    async fn panics(key: Counted) -> u64 {
        panic!("{key:?}")
    }
    #[cache(capacity = 100)]
    async fn fails(key: Counted) -> Result<u64, u64> {
        Err(key.0)
    }
    #[cache(ttl = "1h")]
    async fn none(key: Counted) -> Option<u64> {
        let _ = key;
        None
    }
    #[cache(ttl = "1h", capacity = 100)]
    async fn never(key: Counted) -> u64 {
        std::future::pending::<()>().await;
        key.0
    }
    let left = left_of(|| {
        for n in 0..CALLS {
            assert!(caught(|| pollster::block_on(panics(Counted::new(n)))));
            assert!(pollster::block_on(fails(Counted::new(n))).is_err());
            assert!(pollster::block_on(none(Counted::new(n))).is_none());
            drop(NEVER.spawn((Counted::new(n),)));
        }
    });
    assert!(left <= ON_THEIR_WAY, "{left} keys are left");
}
