//! A lock that is held for some ten instructions, none of them users' code.
//!
//! It is let go of by a plain store. That of `std`'s mutex is an atomic instruction, since somebody may sleep: it waits until all that was written under
//! the lock has reached the processor's cache, line by line where other threads have written them before. Here who waits looks again, and lets others run
//! if that lasts: its holder may have been put aside by the system.

use super::{AtomicBool, Ordering, spin_loop, thread};

/// So often somebody looks before others are let run, and so often until it sleeps in between.
const SPINS: u32 = if cfg!(loom) { 1 } else { 100 };
const YIELDS: u32 = SPINS + 100;

/// Open, or closed by one thread.
///
/// Acquire where it is closed, with the Release where it is opened: so who closes it sees what the one before has done.
#[cfg_attr(loom, allow(dead_code, reason = "models have a mutex in its place, but for its own"))]
pub(crate) struct Latch(AtomicBool);

#[cfg_attr(loom, allow(dead_code, reason = "as above"))]
impl Latch {
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn close(&self) {
        if !self.try_close() {
            self.wait();
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn try_close(&self) -> bool {
        self.0.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    #[inline(never)]
    fn wait(&self) {
        for look in 0_u32.. {
            // Relaxed: only who closes it goes on.
            if !self.0.load(Ordering::Relaxed) && self.try_close() {
                return;
            }
            match look {
                _ if look < SPINS => spin_loop(),
                _ if look < YIELDS || cfg!(loom) => thread::yield_now(),
                // Where threads have fixed priorities the holder may not be let run by less.
                #[cfg(not(loom))]
                _ => thread::sleep(std::time::Duration::from_micros(50)),
                #[cfg(loom)]
                _ => {}
            }
        }
    }

    /// By who has closed it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn open(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Something that one thread at a time has.
#[cfg(not(loom))]
pub(crate) struct Brief<T> {
    latch: Latch,
    value: std::cell::UnsafeCell<T>,
}

// SAFETY: the value is reached by one thread at a time.
#[cfg(not(loom))]
unsafe impl<T: Send> Sync for Brief<T> {}

#[cfg(not(loom))]
impl<T> Brief<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { latch: Latch::new(), value: std::cell::UnsafeCell::new(value) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn lock(&self) -> BriefGuard<'_, T> {
        self.latch.close();
        BriefGuard(self, std::marker::PhantomData)
    }
}

/// Has the value until it is dropped, by the thread that has it.
#[cfg(not(loom))]
pub(crate) struct BriefGuard<'a, T>(&'a Brief<T>, std::marker::PhantomData<*const ()>);

#[cfg(not(loom))]
impl<T> std::ops::Deref for BriefGuard<'_, T> {
    type Target = T;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn deref(&self) -> &T {
        // SAFETY: closed by this guard, so nobody else is here.
        unsafe { &*self.0.value.get() }
    }
}

#[cfg(not(loom))]
impl<T> std::ops::DerefMut for BriefGuard<'_, T> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        unsafe { &mut *self.0.value.get() }
    }
}

#[cfg(not(loom))]
impl<T> Drop for BriefGuard<'_, T> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn drop(&mut self) {
        self.0.latch.open();
    }
}

/// The same in a model, which has fewer ways to go where who waits does not look.
#[cfg(loom)]
pub(crate) struct Brief<T>(super::Mutex<T>);

#[cfg(loom)]
pub(crate) type BriefGuard<'a, T> = super::MutexGuard<'a, T>;

#[cfg(loom)]
impl<T> Brief<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(super::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> BriefGuard<'_, T> {
        super::lock(&self.0)
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::{cell::UnsafeCell, sync::Arc};

    use super::*;

    /// | threads 0 and 1 |
    /// |---|
    /// | close the latch, add one, open it; twice |
    #[test]
    fn loom_one_thread_at_a_time_has_closed_a_latch() {
        loom::model(|| {
            let shared = Arc::new((Latch::new(), UnsafeCell::new(0)));
            let adds = |(latch, number): &(Latch, UnsafeCell<u32>)| {
                for _ in 0..2 {
                    latch.close();
                    // SAFETY: what the model is to show.
                    number.with_mut(|number| unsafe { *number += 1 });
                    latch.open();
                }
            };
            let others = shared.clone();
            let other = thread::spawn(move || adds(&others));
            adds(&shared);
            other.join().unwrap();
            // SAFETY: as above.
            assert_eq!(shared.1.with(|number| unsafe { *number }), 4);
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_thread_at_a_time_has_the_value_also_when_another_has_panicked_with_it() {
        let brief = Brief::new(0_u64);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _held = brief.lock();
            panic!("with the value");
        }));
        assert!(panicked.is_err());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| *brief.lock() += 1));
            }
        });
        assert_eq!(*brief.lock(), 40_000);
    }

    #[test]
    fn who_waits_for_long_gets_it_in_the_end() {
        let brief = Brief::new(1);
        let held = brief.lock();
        let waits = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                waits.store(true, Ordering::SeqCst);
                *brief.lock() += 1;
            });
            while !waits.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            (0..3_000).for_each(|_| std::thread::yield_now());
            drop(held);
        });
        assert_eq!(*brief.lock(), 2);
    }
}
