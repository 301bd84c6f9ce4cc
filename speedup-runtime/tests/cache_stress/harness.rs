//! Watchdog, pools, callers, counts, and caches made the way the attribute makes them.

use std::{
    panic::{resume_unwind, set_hook, take_hook},
    sync::{
        Barrier, Once,
        atomic::{AtomicU32, Ordering},
        mpsc::{RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// A test that has not ended by then hangs.
const PATIENCE: Duration = Duration::from_secs(90);

/// Pool sizes to be tried.
pub(crate) const POOLS: [usize; 4] = [1, 2, 4, 8];

/// Runs a test in a thread of its own; fails if it does not end.
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
        Err(RecvTimeoutError::Timeout) => panic!("the test hangs"),
        _ => thread.join().unwrap_or_else(|payload| panic!("{}", message(&*payload))),
    }
}

/// So many rounds in the short form, more if the environment says so.
pub(crate) fn rounds(short: u32) -> u32 {
    let factor = std::env::var("SPEEDUP_STRESS_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    short * factor
}

/// A pool of so many threads.
pub(crate) fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

/// Calls from so many threads at the same moment, every other one from inside the pool.
pub(crate) fn call_together<T: Send>(pool: &ThreadPool, callers: usize, call: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(callers);
    let (start, call) = (&start, &call);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..callers)
            .map(|caller| {
                scope.spawn(move || {
                    start.wait();
                    if caller % 2 == 0 { call(caller) } else { pool.install(|| call(caller)) }
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|payload| resume_unwind(payload))).collect()
    })
}

/// Runs a round for every pool size and several numbers of callers.
pub(crate) fn everywhere(short: u32, mut round: impl FnMut(&ThreadPool, usize)) {
    for threads in POOLS {
        let pool = pool(threads);
        for at in 0..rounds(short) as usize {
            for callers in [1, 2, 3 + at % 6] {
                round(&pool, callers);
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

/// Does a little work, and lets other threads go first now and then, always at the same keys.
pub(crate) fn work(key: u64) {
    let mut sum = key;
    for _ in 0..scramble(key) % 32 {
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
