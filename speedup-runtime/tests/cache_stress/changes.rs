//! Values that are inserted, removed, refreshed and cleared while others read and compute.

use std::sync::{
    Arc, Barrier, OnceLock, Weak,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use speedup_runtime::Cache;

use crate::harness::{POOLS, call_together, everywhere, pool, rounds, scramble, seed, watched, work};

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// A value that knows whether it is alive.
struct Checked {
    key: u64,
    // On the heap, and poisoned when dropped: whoever reads a dropped value finds out.
    echo: Box<u64>,
}

impl Checked {
    fn new(key: u64) -> Self {
        LIVE.fetch_add(1, Ordering::Relaxed);
        Self { key, echo: Box::new(!key) }
    }
}

impl Clone for Checked {
    fn clone(&self) -> Self {
        assert_eq!(!self.key, *self.echo);
        std::thread::yield_now();
        assert_eq!(!self.key, *self.echo, "dropped while it was read");
        Self::new(self.key)
    }
}

impl Drop for Checked {
    fn drop(&mut self) {
        assert_eq!(!self.key, *self.echo);
        *self.echo = self.key;
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

cached! {
    const SMALL(n: u64) -> Checked => checked(*n, |n| SMALL.group([(n - 1,), (n / 2,)]).map(|one| one.key));
    const LARGE(n: String) -> Checked => {
        let n = n.parse().expect("a number");
        let key = |n: u64| (n.to_string(),);
        checked(n, |n| LARGE.group([key(n - 1), key(n / 2)]).map(|one| one.key))
    };
}

fn checked(n: u64, below: impl Fn(u64) -> [u64; 2]) -> Checked {
    work(n);
    if n > 0 && !n.is_multiple_of(8) {
        assert_eq!(below(n), [n - 1, n / 2]);
    }
    Checked::new(n)
}

#[test]
fn everything_at_once() {
    watched(|| {
        let mut round = seed();
        everywhere(3, |pool, callers| {
            round = round.wrapping_add(1);
            call_together(pool, callers.at_least(2), |caller| {
                for step in 0..300_u64 {
                    let random = scramble(scramble(round).wrapping_add(step * 8 + caller as u64));
                    let (n, what) = (random % 48, random >> 32);
                    let text = (n.to_string(),);
                    match what % 16 {
                        0 if step % 8 == 0 => SMALL.clear(),
                        1 if step % 8 == 0 => LARGE.clear(),
                        0 | 2 => drop(SMALL.remove(&(n,)).inspect(|old| assert_eq!(old.key, n))),
                        1 | 3 => drop(LARGE.remove(&text).inspect(|old| assert_eq!(old.key, n))),
                        4 => drop(SMALL.insert((n,), Checked::new(n))),
                        5 => drop(LARGE.insert(text, Checked::new(n))),
                        6 => assert_eq!(SMALL.refresh((n,)).key, n),
                        7 => assert_eq!(LARGE.refresh(text).key, n),
                        8 => drop(SMALL.spawn((n,))),
                        9 => assert!(SMALL.get_all((0..n).map(|n| (n,))).iter().zip(0..).all(|(one, n)| one.key == n)),
                        // A key that comes and goes while others count may be counted twice.
                        10 => assert!(SMALL.len() + LARGE.len() <= 2 * 2 * 48),
                        11 => assert!(SMALL.peek(&(n,)).is_none_or(|one| one.key == n)),
                        12 => assert!(LARGE.peek(&text).is_none_or(|one| one.key == n)),
                        _ if step % 2 == 0 => assert_eq!(LARGE.get_ref((text.0.as_str(),)).key, n),
                        _ => assert_eq!(SMALL.get((n,)).key, n),
                    }
                }
            });
        });
        // What was spawned and nobody joined is still to come; after that everything is given back.
        for n in 0..48 {
            SMALL.spawn((n,)).join();
        }
        assert!(SMALL.len() <= 48 && LARGE.len() <= 48);
        while LIVE.load(Ordering::Relaxed) > 0 {
            SMALL.clear();
            LARGE.clear();
            std::thread::yield_now();
        }
    });
}

#[test]
fn removing_while_others_clear() {
    watched(|| {
        for threads in [1, 2, 4] {
            let caches = (Arc::new(Cache::from_fn(|n: u64| Arc::new(n))), Arc::new(Cache::from_fn(|n: String| n)));
            let pool = pool(threads);
            call_together(&pool, 4, |caller| {
                for step in 0..u64::from(rounds(2_000)) {
                    let (n, text) = (step % 4, (step % 4).to_string());
                    match caller {
                        0 => {
                            caches.0.clear();
                            caches.1.clear();
                        }
                        1 => {
                            assert_eq!(*caches.0.get((n,)), n);
                            assert_eq!(caches.1.get_ref((&text,)), text);
                        }
                        _ => {
                            caches.0.remove(&(n,));
                            caches.1.remove(&(text,));
                        }
                    }
                }
            });
        }
    });
}

/// Whether the values that were put in came out, each once.
fn each_came_out_once(mut out: Vec<u64>, put_in: u64) {
    out.sort_unstable();
    let twice = out.windows(2).filter(|pair| pair[0] == pair[1]).count();
    out.dedup();
    assert_eq!((twice, put_in - out.len() as u64), (0, 0), "values given out twice, and lost");
}

/// A value during whose copying others go on.
struct Slow(u64);

impl Clone for Slow {
    fn clone(&self) -> Self {
        std::thread::yield_now();
        Self(self.0)
    }
}

/// One thread puts values in, all different; three take them out.
fn one_inserts_and_three_remove(insert: impl Fn(u64) -> Option<u64> + Sync, remove: impl Fn() -> Option<u64> + Sync) {
    let values = u64::from(rounds(3_000));
    let done = AtomicBool::new(false);
    let out: Vec<u64> = call_together(&pool(1), 8, |caller| match caller {
        0 => {
            let displaced = (0..values).filter_map(&insert).collect();
            done.store(true, Ordering::SeqCst);
            displaced
        }
        2 | 4 | 6 => {
            let mut taken = Vec::new();
            while !done.load(Ordering::SeqCst) {
                taken.extend(remove());
            }
            taken
        }
        _ => Vec::new(),
    })
    .concat();
    each_came_out_once(out.into_iter().chain(remove()).collect(), values);
}

#[test]
fn every_value_that_is_removed_is_given_out_once() {
    watched(|| {
        let out = |value: Option<Slow>| value.map(|value| value.0);
        let small = Cache::from_fn(|n: u64| Slow(n));
        one_inserts_and_three_remove(|value| out(small.insert((1,), Slow(value))), || out(small.remove(&(1,))));
        let large = Cache::from_fn(|_: String| Slow(0));
        let key = ("one".to_string(),);
        one_inserts_and_three_remove(|value| out(large.insert(key.clone(), Slow(value))), || out(large.remove(&key)));
    });
}

#[test]
fn every_value_that_is_replaced_is_given_out_once_and_there_always_is_one() {
    fn two_insert<K: speedup_runtime::cache::Key<Args = K>>(cache: &Cache<K, u64>, key: &K) {
        let values = u64::from(rounds(3_000));
        cache.insert(key.clone(), 2 * values);
        let out = call_together(&pool(1), 5, |caller| match caller {
            0 | 2 => (0..values).filter_map(|n| cache.insert(key.clone(), n * 2 + caller as u64 / 2)).collect(),
            4 => {
                assert!((0..values).all(|_| cache.contains(key)), "a value that was being replaced was not there");
                Vec::new()
            }
            _ => Vec::new(),
        });
        each_came_out_once(out.concat().into_iter().chain(cache.remove(key)).collect(), 2 * values + 1);
    }
    watched(|| {
        two_insert(&Cache::from_fn(|n: u64| n), &(1,));
        two_insert(&Cache::from_fn(|_: String| 0_u64), &("one".to_string(),));
    });
}

#[test]
fn what_is_in_flight_at_a_clear_is_finished_and_not_kept() {
    static INSIDE: Barrier = Barrier::new(2);
    static GO_ON: Barrier = Barrier::new(2);
    static HELD: AtomicBool = AtomicBool::new(true);
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    cached! {
        const HELD_UP(n: u64) -> u64 => {
            RUNS.fetch_add(1, Ordering::SeqCst);
            if HELD.swap(false, Ordering::SeqCst) {
                INSIDE.wait();
                GO_ON.wait();
            }
            n + 1
        };
    }
    watched(|| {
        for _ in 0..rounds(20) {
            HELD.store(true, Ordering::SeqCst);
            RUNS.store(0, Ordering::SeqCst);
            std::thread::scope(|scope| {
                let first = scope.spawn(|| HELD_UP.get((5,)));
                INSIDE.wait();
                HELD_UP.clear();
                assert!(HELD_UP.is_empty() && HELD_UP.peek(&(5,)).is_none());
                // Who comes after the clear does not wait for what was before it.
                assert_eq!(HELD_UP.insert((5,), 60), None);
                assert_eq!(HELD_UP.get((5,)), 60);
                GO_ON.wait();
                assert_eq!(first.join().expect("finished"), 6);
            });
            assert_eq!(HELD_UP.peek(&(5,)), Some(60), "what was in flight is not kept");
            assert_eq!(RUNS.load(Ordering::SeqCst), 1);
            HELD_UP.clear();
        }
    });
}

#[test]
fn a_call_that_outlives_its_table_is_not_taken_for_one_that_gets_its_memory() {
    // One of the new table's pages is likely to lie where that of the old one lay: then a key there is where key 2 was.
    const PAGES: u64 = 8;
    const NEXT: u64 = 1_024;
    static TOGETHER: Barrier = Barrier::new(2);
    static PAGE: AtomicUsize = AtomicUsize::new(1);
    fn twin() -> u64 {
        PAGE.load(Ordering::SeqCst) as u64 * NEXT + 2
    }
    cached! {
        const REBORN(n: u64) -> u64 => {
            match *n {
                1 if REBORN.contains(&(1,)) => REBORN.get((2,)),
                2 => {
                    REBORN.clear();
                    (1..=PAGES).for_each(|page| _ = REBORN.get((page * NEXT,)));
                    TOGETHER.wait();
                    TOGETHER.wait();
                    // Another thread is computing it.
                    REBORN.get((twin(),)) + 1
                }
                n if n == twin() => {
                    TOGETHER.wait();
                    (0..2_000).for_each(work);
                    n
                }
                n => n,
            }
        };
    }
    watched(|| {
        for round in 0..rounds(24) as usize {
            PAGE.store(1 + round % PAGES as usize, Ordering::SeqCst);
            std::thread::scope(|scope| {
                let first = scope.spawn(|| {
                    REBORN.get((1,));
                    REBORN.refresh((1,))
                });
                TOGETHER.wait();
                assert_eq!(REBORN.get((twin(),)), twin());
                assert_eq!(first.join().expect("no cycle"), twin() + 1);
            });
            REBORN.clear();
        }
    });
}

#[test]
fn what_is_not_kept_is_not_given_to_those_who_ask_for_something_else() {
    // Memory of a cleared table is used again at once: a call in flight must not be taken for one of the new table.
    fn odd(n: u64) -> Result<u64, u64> {
        if n % 2 == 1 { Ok(n) } else { Err(n) }
    }
    cached! {
        const ODD(n: u64) -> Result<u64, u64>, keep(Result::is_ok) => {
            for step in 0..30 {
                work(n + step);
            }
            std::thread::yield_now();
            odd(*n)
        };
    }
    watched(|| {
        for threads in POOLS {
            let pool = pool(threads);
            call_together(&pool, 6, |caller| {
                for step in 0..u64::from(rounds(400)) {
                    let n = scramble(step * 4 + caller as u64 % 3) % 8;
                    assert_eq!(ODD.get((n,)), odd(n));
                    if step % 3 == 0 {
                        ODD.clear();
                    }
                }
            });
        }
    });
}

#[test]
fn keys_that_strayed_are_found_when_their_page_comes() {
    watched(|| {
        let cache = Cache::from_fn(|n: u64| n);
        // So sparse that pages are refused from some point on ...
        let sparse: Vec<u64> = (0..4_000).map(|n| n * 50_000 + 7).collect();
        for n in &sparse {
            cache.get((*n,));
        }
        // ... until so many of their neighbours have come that the first pages are full and more are made.
        for n in sparse[..300].iter().flat_map(|n| n + 1..n + 700) {
            cache.get((n,));
        }
        let missing: Vec<_> = sparse.iter().filter(|n| cache.peek(&(**n,)) != Some(**n)).collect();
        assert!(missing.is_empty(), "{} are gone: {missing:?}", missing.len());
        let len = cache.len();
        for n in &sparse {
            assert_eq!(cache.remove(&(*n,)), Some(*n));
            assert!(!cache.contains(&(*n,)));
        }
        assert_eq!(cache.len(), len - sparse.len());
    });
}

#[test]
fn caches_that_are_dropped_while_their_calls_run() {
    // Boards, invitations and background calls outlive the handle: what they name lives as long as they look at it.
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    /// A result that is counted when it is made and dropped.
    struct Counted(u64);
    impl Counted {
        fn new(n: u64) -> Self {
            STARTED.fetch_add(1, Ordering::SeqCst);
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
            ENDED.fetch_add(1, Ordering::SeqCst);
        }
    }
    /// The cache of a recursion as its closure knows it.
    type Own = OnceLock<Weak<Cache<(u64,), Counted>>>;
    fn tree(node: u64, own: &Own) -> Counted {
        work(node);
        if node >= 64 {
            return Counted::new(1);
        }
        let cache = own.get().and_then(Weak::upgrade).expect("alive while it is called");
        let [left, right] = cache.group([(node * 2,), (node * 2 + 1,)]);
        Counted::new(left.0 + right.0)
    }
    watched(|| {
        everywhere(6, |pool, callers| {
            call_together(pool, callers, |caller| {
                let own = Arc::new(Own::new());
                let inner = own.clone();
                let cache = Arc::new(Cache::from_fn(move |node: u64| tree(node, &inner)));
                own.set(Arc::downgrade(&cache)).expect("set once");
                let leaves = Cache::from_fn(|n: String| Counted::new(n.len() as u64));
                // Nobody joins these.
                leaves.spawn_all((0..20_u64).map(|n| (n.to_string(),)));
                let task = leaves.spawn(("last".to_string(),));
                assert_eq!(cache.get((1,)).0, 64);
                drop(cache);
                drop(leaves);
                if caller % 2 == 0 {
                    assert_eq!(task.join().0, 4);
                }
            });
        });
        // Late calls and their values go as well, as soon as somebody collects.
        let other = Cache::from_fn(|n: u64| n);
        while STARTED.load(Ordering::SeqCst) != ENDED.load(Ordering::SeqCst) {
            other.clear();
            std::thread::yield_now();
        }
    });
}
