//! Waiting for those who may be looking at what is no longer in use.

use std::time::{Duration, Instant};

use crate::{
    cache::{
        memory::{epoch::Garbage, garbage},
        thread::registry,
    },
    sync::{Arc, AtomicBool, Ordering},
};

/// Waits until nobody looks any more at what has been taken out of use so far; whether that came to pass in a reasonable time.
pub(in crate::cache) fn wait() -> bool {
    const LONGEST: Duration = Duration::from_millis(200);
    let (gone, since) = (Arc::new(AtomicBool::new(false)), Instant::now());
    garbage::retire(Garbage::dropped(Gone(gone.clone())));
    while !gone.load(Ordering::Acquire) && since.elapsed() < LONGEST {
        registry::collect();
        std::thread::yield_now();
    }
    gone.load(Ordering::Acquire)
}

/// Tells when it is freed.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
