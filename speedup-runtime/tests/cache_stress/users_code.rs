//! Results whose `Clone` and `Drop` call caches.

use std::sync::atomic::{AtomicUsize, Ordering};

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
