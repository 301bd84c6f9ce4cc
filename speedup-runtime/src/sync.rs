//! The synchronisation primitives of the protocols that the model checker runs. What no model reaches may name `std`'s itself.
//!
//! Built with `--cfg loom` the same names come from `loom`, so that a model runs the very code that ships.

#[cfg(not(loom))]
#[allow(unused_imports)]
pub(crate) use std::{
    hint::spin_loop,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, Weak,
        atomic::{
            self, AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        },
    },
    thread,
};

#[cfg(loom)]
#[allow(unused_imports)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{
            self, AtomicBool, AtomicI64, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        },
    },
    thread,
};

/// What a thread has in such a cell, without a call: `get` of the key is one where units of code are optimized each by itself.
#[cfg(any(not(loom), feature = "buffer"))]
#[inline(always)]
pub(crate) fn of_thread<T: Copy>(local: &'static std::thread::LocalKey<std::cell::Cell<T>>) -> T {
    // What needs no destructor is there as long as the thread.
    local.try_with(std::cell::Cell::get).unwrap_or_else(|_| unreachable!("it needs no destructor"))
}

mod brief;

pub(crate) use self::brief::{Brief, BriefGuard};

/// What takes time: the clock, waiting, and the threads of the pool. Built with `--cfg speedup_simulated` the time is made up.
#[cfg(not(any(loom, speedup_simulated)))]
pub(crate) mod timed {
    pub(crate) use std::{hint::spin_loop, thread::yield_now, time::Instant};

    pub(crate) use rayon_core::{current_num_threads, spawn, spawn_broadcast};

    /// Something small has been done, of which a simulation says how long it takes.
    #[inline(always)]
    pub(crate) fn step() {}
}

/// The same in a simulation.
#[cfg(speedup_simulated)]
pub(crate) mod timed {
    pub(crate) use crate::simulation::{Instant, Parker, current_num_threads, spawn, spin_loop, step, yield_now};
    // No simulated body waits in rayon, so none comes to it.
    pub(crate) use rayon_core::spawn_broadcast;
}

/// A box that is made at first use; of several that are made at the same time, one stays.
#[cfg(not(loom))]
pub(crate) use once_cell::race::OnceBox;

/// The same in a model.
#[cfg(loom)]
pub(crate) struct OnceBox<T>(AtomicPtr<T>);

#[cfg(loom)]
impl<T> OnceBox<T> {
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: what is there stays until the end.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> Box<T>) -> &T {
        if let Some(there) = self.get() {
            return there;
        }
        let new = Box::into_raw(make());
        let kept = self.0.compare_exchange(std::ptr::null_mut(), new, Ordering::AcqRel, Ordering::Acquire);
        // SAFETY: as in `get`; who comes second drops its own, which nobody has seen.
        kept.map_or_else(|there| unsafe { (drop(Box::from_raw(new)), &*there).1 }, |_| unsafe { &*new })
    }
}

#[cfg(loom)]
impl<T> Drop for OnceBox<T> {
    fn drop(&mut self) {
        let there = self.0.load(Ordering::Relaxed);
        if !there.is_null() {
            // SAFETY: made by `Box::into_raw`, and nobody else looks.
            drop(unsafe { Box::from_raw(there) });
        }
    }
}

/// A cell whose reads and writes the model checker watches.
#[cfg(not(loom))]
pub(crate) struct WatchedCell<T>(std::cell::UnsafeCell<T>);

/// The same in a model.
#[cfg(loom)]
pub(crate) use loom::cell::UnsafeCell as WatchedCell;

#[cfg(not(loom))]
impl<T> WatchedCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Reads, while nobody writes.
    #[inline(always)]
    pub(crate) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    /// Writes, while nobody else looks.
    #[inline(always)]
    pub(crate) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}

/// Locks a mutex whose data stay valid whatever the holder was doing when it panicked.
///
/// Every mutex of the crate guards data that are consistent between any two statements of its holders, so a poisoned
/// lock is no reason to stop.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Primitives for process-wide statics, which no model reaches: `std`, whatever the build.
pub(crate) mod global {
    #![cfg_attr(
        any(loom, not(feature = "disk")),
        allow(unused_imports, dead_code, reason = "some of it is for the disk structures alone")
    )]

    pub(crate) use std::sync::{
        Arc, Condvar, Mutex, MutexGuard, TryLockError, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    };

    /// As [`lock`](super::lock).
    pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A `const fn`, except under the model checker, whose primitives cannot be made in a constant.
macro_rules! const_unless_loom {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($argument:ident : $type:ty),*) -> $result:ty $body:block) => {
        #[cfg(not(loom))]
        $(#[$meta])*
        $vis const fn $name($($argument: $type),*) -> $result $body

        #[cfg(loom)]
        $(#[$meta])*
        $vis fn $name($($argument: $type),*) -> $result $body
    };
}
pub(crate) use const_unless_loom;

/// The same for a mutex of `std`, in what no model reaches.
pub(crate) fn lock_std<T: ?Sized>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
