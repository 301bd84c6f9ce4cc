//! Waits that outlast every bound: whether they end in a second computation, and whether they end at all.
//!
//! Bodies are held up until every waiting thread has looked on for longer than the last bound.

use std::{
    collections::HashMap,
    sync::{
        Arc, Barrier, Condvar, Mutex, MutexGuard,
        atomic::{AtomicU32, AtomicUsize, Ordering},
        mpsc::sync_channel,
    },
    thread,
    time::Duration,
};

use rayon_core::{ThreadPool, ThreadPoolBuilder};

use super::{UNTOLD, rayon_probe, registry};
use crate::cache::{Cache, Function, State};

/// Threads of pools that have looked on for longer than the last bound, by the thread that they wait for.
static PATIENT: Mutex<Vec<(u32, u32)>> = Mutex::new(Vec::new());

/// Called by the code under test: this thread has looked at another for so long.
pub(super) fn note(number: u32, quiet: Duration) {
    if quiet > UNTOLD * 2 {
        let seen = (registry::current().number, number);
        let mut patient = PATIENT.lock().expect("sound");
        if !patient.contains(&seen) {
            patient.push(seen);
        }
    }
}

/// One test at a time, since they count what threads wait for; and each is watched.
fn alone(test: impl FnOnce() + Send + 'static) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one: MutexGuard<'_, ()> = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    PATIENT.lock().expect("sound").clear();
    let (sender, receiver) = sync_channel::<()>(0);
    let thread = thread::spawn(move || {
        let _ended = sender;
        test();
    });
    match receiver.recv_timeout(Duration::from_secs(60)) {
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("the test hangs"),
        _ => thread.join().expect("no panic"),
    }
}

/// Waits until so many threads have looked on for longer than the last bound.
fn all_patient(threads: usize) {
    while PATIENT.lock().expect("sound").iter().map(|(who, _)| who).collect::<std::collections::HashSet<_>>().len()
        < threads
    {
        thread::sleep(Duration::from_millis(5));
    }
}

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

/// A gate that one thread opens for all.
#[derive(Default)]
struct Gate(Mutex<bool>, Condvar);

impl Gate {
    fn wait(&self) {
        drop(self.1.wait_while(self.0.lock().expect("sound"), |open| !*open).expect("sound"));
    }

    fn open(&self) {
        *self.0.lock().expect("sound") = true;
        self.1.notify_all();
    }
}

const POOLS: [usize; 4] = [1, 2, 4, 8];

/// | outside | the whole pool |
/// |---|---|
/// | computes 0, held up without using rayon | each thread computes a key of its own, which needs 0 |
#[test]
fn a_slow_body_outside_is_computed_once_though_a_whole_pool_waits_for_it() {
    alone(|| {
        for threads in POOLS {
            PATIENT.lock().expect("sound").clear();
            let counts: Arc<Mutex<HashMap<u64, u32>>> = Arc::default();
            let (gate, inside) = (Arc::new(Gate::default()), Arc::new(Barrier::new(2)));
            let cache: Arc<Cache<(u64,), u64>> = Arc::new_cyclic(|cache: &std::sync::Weak<Cache<(u64,), u64>>| {
                let (cache, counts) = (cache.clone(), counts.clone());
                let (gate, inside) = (gate.clone(), inside.clone());
                Cache::from_fn(move |n: u64| {
                    *counts.lock().expect("sound").entry(n).or_default() += 1;
                    if n > 0 {
                        return cache.upgrade().expect("alive").get((0,)) + n;
                    }
                    inside.wait();
                    gate.wait();
                    100
                })
            });
            let pool = pool(threads);
            thread::scope(|scope| {
                let first = scope.spawn(|| cache.get((0,)));
                inside.wait();
                // More jobs than threads: those that are queued must not be run on top of those that wait.
                let rest = scope.spawn(|| {
                    pool.scope(|scope| {
                        for n in 0..2 * threads as u64 {
                            let cache = &cache;
                            // Neighbours need the same keys.
                            scope.spawn(move |_| {
                                assert_eq!(cache.get((n % threads as u64 + 1,)), 101 + n % threads as u64)
                            });
                        }
                    });
                });
                all_patient(threads);
                gate.open();
                assert_eq!(first.join().expect("no panic"), 100);
                rest.join().expect("no panic");
            });
            let counts = counts.lock().expect("sound");
            assert!(counts.values().all(|count| *count == 1), "{threads} threads: {counts:?}");
        }
    });
}

/// | a thread of the pool | all others of the pool, and one outside |
/// |---|---|
/// | computes 0 below a body that uses rayon; 0 does not, and is held up | need 0 |
#[test]
fn a_slow_body_below_one_that_uses_rayon_is_computed_once() {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    static GATE: Mutex<Option<Arc<(Gate, Barrier)>>> = Mutex::new(None);
    const SLOW: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        &Cache::of(
            &STATE,
            Function::new("slow", |(n,)| {
                RUNS.fetch_add(1, Ordering::SeqCst);
                let gate = GATE.lock().expect("sound").clone().expect("set");
                gate.1.wait();
                gate.0.wait();
                n + 5
            }),
        )
    };
    const SUM: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        &Cache::of(
            &STATE,
            Function::new("sum", |(_,)| {
                let (a, b) = rayon_core::join(|| SLOW.get((0,)), || SLOW.get((0,)));
                a + b
            })
            .uses_rayon(),
        )
    };
    alone(|| {
        for threads in POOLS {
            PATIENT.lock().expect("sound").clear();
            RUNS.store(0, Ordering::SeqCst);
            let gate = Arc::new((Gate::default(), Barrier::new(2)));
            *GATE.lock().expect("sound") = Some(gate.clone());
            let pool = pool(threads);
            thread::scope(|scope| {
                let sum = scope.spawn(|| pool.install(|| SUM.get((1,))));
                gate.1.wait();
                let others: Vec<_> =
                    (0..threads - 1).map(|_| scope.spawn(|| pool.install(|| SLOW.get((0,))))).collect();
                // One of the pool is in the body.
                all_patient(threads - 1);
                gate.0.open();
                assert_eq!(sum.join().expect("no panic"), 10);
                others.into_iter().for_each(|other| assert_eq!(other.join().expect("no panic"), 5));
            });
            assert_eq!(RUNS.load(Ordering::SeqCst), 1, "{threads} threads");
            SLOW.clear();
            SUM.clear();
        }
    });
}

/// | outside | the whole pool |
/// |---|---|
/// | computes 0, whose body waits inside the pool, which nobody was told | all threads need 0 |
#[test]
fn a_body_outside_that_waits_for_the_very_pool_that_waits_for_it_ends() {
    alone(|| {
        for threads in POOLS {
            let pool = Arc::new(pool(threads));
            let (inside, waits) = (Arc::new(Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
            let cache: Cache<(u64,), u64> = {
                let (pool, inside, waits) = (pool.clone(), inside.clone(), waits.clone());
                let first = AtomicUsize::new(0);
                Cache::from_fn(move |n: u64| {
                    if first.fetch_add(1, Ordering::SeqCst) == 0 {
                        inside.wait();
                        while waits.load(Ordering::SeqCst) < threads {
                            thread::yield_now();
                        }
                    }
                    pool.install(|| n + 7)
                })
            };
            thread::scope(|scope| {
                let outside = scope.spawn(|| cache.get((0,)));
                inside.wait();
                let all = pool.broadcast(|_| {
                    waits.fetch_add(1, Ordering::SeqCst);
                    cache.get((0,))
                });
                assert_eq!(all, vec![7; threads]);
                assert_eq!(outside.join().expect("no panic"), 7);
            });
        }
    });
}

#[test]
fn a_thread_says_which_questions_it_has_answered() {
    alone(|| {
        let pool = pool(3);
        pool.broadcast(|_| registry::current().site.enter(registry::current().number));
        let question = pool.install(|| {
            let me = registry::current();
            rayon_probe::ask(me.site.pool(), me)
        });
        while !pool.broadcast(|_| registry::current().site.has_answered(question)).into_iter().all(|has| has) {
            thread::yield_now();
        }
    });
}
