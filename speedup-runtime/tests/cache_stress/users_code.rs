//! Results and keys whose traits call caches.

use std::{
    hash::{Hash, Hasher},
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::harness::{call_together, everywhere, watched, work};

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// A result that uses its own cache, and another, whenever it is cloned or dropped.
#[derive(Debug)]
struct Meddler(u64);

impl Meddler {
    fn new(n: u64) -> Self {
        LIVE.fetch_add(1, Ordering::Relaxed);
        Self(n)
    }

    fn meddle(n: u64) {
        PLAIN.get((n % 50,));
        if n.is_multiple_of(7) {
            MEDDLERS.contains(&(n,));
            MEDDLERS.contains(&(n << 32,));
        }
        if n > 0 && n.is_multiple_of(5) {
            // A value without an end of its own: its number is no multiple of five.
            MEDDLERS.get((n / 5 * 5 - 1,));
        }
    }
}

impl Clone for Meddler {
    fn clone(&self) -> Self {
        Self::meddle(self.0);
        Self::new(self.0)
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        Self::meddle(self.0);
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

cached! {
    const PLAIN(n: u64) -> u64 => {
        work(*n);
        if *n < 2 {
            1
        } else {
            let [a, b] = PLAIN.group([(n - 1,), (n - 2,)]);
            a + b
        }
    };
    const MEDDLERS(n: u64) -> Meddler => {
        let n = *n;
        work(n);
        if n > 10 && n < 1 << 32 {
            let [a, b] = MEDDLERS.group([(n - 3,), (n - 7,)]);
            drop((a, b));
        }
        Meddler::new(n)
    };
}

#[test]
fn clone_and_drop_may_call_the_cache() {
    watched(|| {
        everywhere(3, |pool, callers| {
            call_together(pool, callers, |caller| {
                for n in 0..40 {
                    assert_eq!(MEDDLERS.get((n,)).0, n);
                    assert_eq!(MEDDLERS.get((n << 32,)).0, n << 32);
                    if n as usize % (callers.count + 2) == caller {
                        MEDDLERS.remove(&(n,));
                        MEDDLERS.remove(&(n << 32,));
                        MEDDLERS.insert((n,), Meddler::new(n));
                        PLAIN.clear();
                    }
                }
            });
            MEDDLERS.clear();
        });
        // Dropping multiples of five computes smaller values, which are forgotten in turn until there are none.
        while LIVE.load(Ordering::Relaxed) > 0 {
            MEDDLERS.clear();
            std::thread::yield_now();
        }
    });
}

/// A key that calls its own cache, and another whose keys do so in turn, whenever it is cloned, compared or hashed.
#[derive(Debug)]
struct Busybody(u64);

impl Busybody {
    /// With smaller keys, so that it ends.
    fn meddle(n: u64) {
        if n > 0 && n.is_multiple_of(3) {
            KEYS.get((Busybody(n / 4),));
            OTHER_KEYS.get((Busybody(n / 5),));
        }
    }
}

impl Clone for Busybody {
    fn clone(&self) -> Self {
        Self::meddle(self.0);
        Self(self.0)
    }
}

impl PartialEq for Busybody {
    fn eq(&self, other: &Self) -> bool {
        Self::meddle(self.0);
        self.0 == other.0
    }
}

impl Eq for Busybody {}

impl Hash for Busybody {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Self::meddle(self.0);
        self.0.hash(state);
    }
}

impl Drop for Busybody {
    fn drop(&mut self) {
        Self::meddle(self.0);
    }
}

cached! {
    const KEYS(n: Busybody) -> u64 => {
        work(n.0);
        if n.0 < 2 { n.0 } else { KEYS.group([(Busybody(n.0 - 1),), (Busybody(n.0 / 2),)])[0] + 1 }
    };
    const OTHER_KEYS(n: Busybody) -> u64 => n.0 * 2;
}

#[test]
fn keys_may_call_the_cache() {
    watched(|| {
        everywhere(1, |pool, callers| {
            call_together(pool, callers, |caller| {
                for n in [7, 30, 150 + caller as u64 % 3] {
                    assert_eq!(KEYS.get((Busybody(n),)), n);
                    assert_eq!(OTHER_KEYS.get((Busybody(n),)), n * 2);
                }
                KEYS.remove(&(Busybody(9),));
                assert_eq!(KEYS.insert((Busybody(12),), 12), Some(12));
                assert!(KEYS.contains(&(Busybody(12),)));
            });
            KEYS.clear();
            OTHER_KEYS.clear();
        });
    });
}
