//! The synchronisation primitives of the crate: the only file that names `std` or the model checker.
//!
//! Built with `--cfg loom` the same names come from `loom`, so that a model runs the very code that ships.

#[cfg(not(loom))]
#[allow(unused_imports)]
pub(crate) use std::{
    hint::spin_loop,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{self, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

#[cfg(loom)]
#[allow(unused_imports)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{self, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

/// Locks a mutex whose data stay valid whatever the holder was doing when it panicked.
///
/// Every mutex of the crate guards data that are consistent between any two statements of its holders, so a poisoned
/// lock is no reason to stop.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Primitives for process-wide statics, which no model reaches: `std`, whatever the build.
pub(crate) mod global {
    pub(crate) use std::sync::{Arc, Condvar, Mutex, atomic::AtomicUsize};
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
