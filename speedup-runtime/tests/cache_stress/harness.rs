//! Watchdog, pools, callers, counts, and caches made the way the attribute makes them.

use std::{
    panic::{resume_unwind, set_hook, take_hook},
    sync::{
        Barrier, LazyLock, Once,
        atomic::{AtomicU32, Ordering},
        mpsc::{RecvTimeoutError, sync_channel},
    },
    thread,
    time::{Duration, SystemTime},
};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// A test that has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// Pool sizes to be tried.
pub(crate) const POOLS: [usize; 4] = [1, 2, 4, 8];

/// Runs a test in a thread of its own; fails if it does not end, with the seed that it ran with.
///
/// Panics are part of many tests: only the one that makes a test fail is reported.
pub(crate) fn watched(test: impl FnOnce() + Send + 'static) {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |info| {
            // The test runner names its threads after their tests; all others are ours.
            if thread::current().name().is_some_and(|name| name.contains("::")) {
                report(info);
            }
        }));
    });
    let (sender, receiver) = sync_channel::<()>(0);
    let thread = thread::spawn(move || {
        let _ended = sender;
        test();
    });
    // The sender is dropped at the end, whichever way the test ends.
    match receiver.recv_timeout(PATIENCE * rounds(1)) {
        Err(RecvTimeoutError::Timeout) => panic!("the test hangs; SPEEDUP_SEED={}", seed()),
        _ => thread.join().unwrap_or_else(|payload| panic!("{}; SPEEDUP_SEED={}", message(&*payload), seed())),
    }
}

/// How many times as long as the short form the long one is.
const LONG: u32 = 30;

/// So many rounds in the short form, more in the long one or if the environment says so.
pub(crate) fn rounds(short: u32) -> u32 {
    static FACTOR: LazyLock<u32> = LazyLock::new(|| {
        let given = std::env::var("SPEEDUP_STRESS_ROUNDS").ok().and_then(|text| text.parse().ok());
        given.unwrap_or(if is_long() { LONG } else { 1 })
    });
    short * *FACTOR
}

fn is_long() -> bool {
    std::env::var_os("SPEEDUP_LONG").is_some()
}

/// What the random graphs, and the places where threads stop for each other, are made of: the same each time in the short
/// form, another one in each run of the long one, or the one that the environment gives.
pub(crate) fn seed() -> u64 {
    static SEED: LazyLock<u64> = LazyLock::new(|| {
        let given = std::env::var("SPEEDUP_SEED").ok().and_then(|text| text.parse().ok());
        let now =
            || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
        given.unwrap_or_else(|| if is_long() { now() } else { 0 })
    });
    *SEED
}

/// A pool of so many threads.
pub(crate) fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

/// How many threads call at the same moment, and from where.
#[derive(Clone, Copy)]
pub(crate) struct Callers {
    pub(crate) count: usize,
    place: Place,
}

/// Where threads call from.
#[derive(Clone, Copy)]
enum Place {
    /// Every other one from inside the pool.
    Mixed,
    Outside,
    Inside,
}

impl Callers {
    /// Whether this one of them calls from inside the pool.
    fn is_inside(self, caller: usize) -> bool {
        match self.place {
            Place::Mixed => caller % 2 == 1,
            Place::Outside => false,
            Place::Inside => true,
        }
    }

    /// How many of them can be in the middle of a call at the same time.
    pub(crate) fn at_once(self, pool: &ThreadPool) -> usize {
        let inside = (0..self.count).filter(|caller| self.is_inside(*caller)).count();
        self.count - inside + inside.min(pool.current_num_threads())
    }

    /// From the same places, but not fewer than so many.
    pub(crate) fn at_least(self, count: usize) -> Self {
        Self { count: self.count.max(count), ..self }
    }
}

impl From<usize> for Callers {
    fn from(count: usize) -> Self {
        Self { count, place: Place::Mixed }
    }
}

/// Calls from so many threads at the same moment.
pub(crate) fn call_together<T: Send>(
    pool: &ThreadPool,
    callers: impl Into<Callers>,
    call: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let callers = callers.into();
    let start = Barrier::new(callers.count);
    let (start, call) = (&start, &call);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..callers.count)
            .map(|caller| {
                scope.spawn(move || {
                    start.wait();
                    if callers.is_inside(caller) { pool.install(|| call(caller)) } else { call(caller) }
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|payload| resume_unwind(payload))).collect()
    })
}

/// Runs a round for every pool size and several numbers of callers, up to eight; in the long form for every number and place.
pub(crate) fn everywhere(short: u32, mut round: impl FnMut(&ThreadPool, Callers)) {
    for (size, threads) in POOLS.into_iter().enumerate() {
        let pool = pool(threads);
        for at in 0..rounds(short) as usize {
            for (which, count) in [1, 2, 3 + (at + 2 * size) % 6].into_iter().enumerate() {
                // In the next six rounds each of the numbers meets another place.
                let place = [Place::Outside, Place::Mixed, Place::Inside][(at / 6 + at + which) % 3];
                round(&pool, Callers { count, place });
            }
        }
    }
}

/// How often each key was computed.
pub(crate) struct Counts<const N: usize>([AtomicU32; N]);

impl<const N: usize> Counts<N> {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self([const { AtomicU32::new(0) }; N])
    }

    /// Counts a computation.
    pub(crate) fn count(&self, key: usize) {
        self.0[key].fetch_add(1, Ordering::Relaxed);
    }

    /// Asserts that no key was computed twice, forgets the counts and returns how many keys were computed.
    pub(crate) fn once(&self) -> usize {
        let counts: Vec<_> = self.0.iter().map(|count| count.swap(0, Ordering::Relaxed)).collect();
        for (key, count) in counts.iter().enumerate() {
            assert!(*count <= 1, "key {key} was computed {count} times");
        }
        counts.iter().filter(|count| **count == 1).count()
    }

    /// Forgets the counts and returns how often the key was computed that was computed most often.
    pub(crate) fn most(&self) -> u32 {
        self.0.iter().map(|count| count.swap(0, Ordering::Relaxed)).max().unwrap_or(0)
    }

    /// Forgets the counts and returns how many keys were computed, and how many computations there were.
    pub(crate) fn take(&self) -> (usize, u32) {
        let counts: Vec<_> = self.0.iter().map(|count| count.swap(0, Ordering::Relaxed)).collect();
        (counts.iter().filter(|count| **count > 0).count(), counts.iter().sum())
    }
}

/// A scrambled number.
pub(crate) fn scramble(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Does a little work, and lets other threads go first now and then, with the same seed always at the same keys.
pub(crate) fn work(key: u64) {
    let mut sum = key ^ seed();
    for _ in 0..scramble(sum) % 32 {
        sum = std::hint::black_box(scramble(sum));
    }
    if sum.is_multiple_of(16) {
        thread::yield_now();
    }
}

/// The message of a panic.
pub(crate) fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_else(|| "no text".to_string())
}

/// Makes a cached function the way the attribute does: a handle in a constant, the values in a static.
macro_rules! cached {
    ($(const $name:ident($($arg:ident: $type:ty),*) -> $result:ty $(, $option:ident($($value:expr)?))* => $body:expr;)*) => {$(
        const $name: &speedup_runtime::Cache<($($type,)*), $result> = {
            static STATE: speedup_runtime::cache::State<($($type,)*), $result> = speedup_runtime::cache::State::new();
            &speedup_runtime::Cache::of(
                &STATE,
                speedup_runtime::cache::Function::new(stringify!($name), |($($arg,)*): &($($type,)*)| $body)
                    .show(|key, out| write!(out, "{key:?}"))
                    $(.$option($($value)?))*,
            )
        };
    )*};
}
