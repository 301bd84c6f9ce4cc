//! What weighs much for its bound and has gone is freed soon. Alone in its program: what another thread may be reading waits for it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use speedup_runtime::Cache;

/// A value that is alive, and the most that ever were.
#[derive(Clone)]
struct Heavy(#[expect(dead_code, reason = "counts")] Arc<Living>);

struct Living(Arc<[AtomicUsize; 2]>);

impl Living {
    fn new(counts: Arc<[AtomicUsize; 2]>) -> Self {
        let [now, most] = &*counts;
        most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        Self(counts)
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.0[0].fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn what_weighs_much_is_freed_when_it_has_gone() {
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let counted = counts.clone();
    let heavy = move || Heavy(Arc::new(Living::new(counted.clone())));
    let make = heavy.clone();
    let cache = Cache::from_fn(move |_: u64| make()).weight(|_: &Heavy| 16).capacity(64);
    for n in 0..200 {
        cache.get((n,));
        cache.refresh((n,));
        cache.insert((n,), heavy());
        cache.get((n + 1_000,));
        cache.remove(&(n + 1_000,));
    }
    // Four that are kept, what comes in, and what has just gone.
    assert!(counts[1].load(Ordering::Relaxed) <= 8, "{} lived at a time", counts[1].load(Ordering::Relaxed));
}
