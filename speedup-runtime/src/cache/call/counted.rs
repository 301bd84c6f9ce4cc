//! Cores that live as long as something keeps them: those of caches that are no statics.
//!
//! Who lets go of one retires its count, since boards may still name the core. One that is [lent](Core::is_lent) alone, to guests, goes at
//! once.

use std::{
    mem::ManuallyDrop,
    ptr::{NonNull, null_mut},
};

use crate::cache::{
    call::state::Core,
    memory::{epoch::Garbage, garbage},
    table::key::{Key, Output},
    thread::engine::Kept,
};
use crate::{
    panics,
    sync::{Arc, Ordering, Weak},
};

impl<K: Key, R: Output> Core<K, R> {
    /// Makes the core one that lives as long as something keeps it.
    pub(in crate::cache) fn into_counted(self) -> (NonNull<Self>, Kept) {
        let core = Arc::into_raw(Arc::new(self));
        // SAFETY: alive, and counted once: for what is returned.
        unsafe {
            (*core).counted.store(core.cast_mut(), Ordering::Relaxed);
            (NonNull::new_unchecked(core.cast_mut()), Self::kept(core))
        }
    }

    /// # Safety
    /// The core is counted by `Arc`, and once for what is returned.
    unsafe fn kept(counted: *const Self) -> Kept {
        unsafe fn at_once<K: Key, R: Output>(counted: *const ()) {
            // SAFETY: by the contract of `kept`. A destructor's panic belongs to nobody here.
            panics::contain(|| unsafe { Arc::decrement_strong_count(counted.cast::<Core<K, R>>()) });
        }
        unsafe fn later<K: Key, R: Output>(counted: *const ()) {
            // SAFETY: once, as this.
            garbage::retire(unsafe { Garbage::new(counted, null_mut(), release::<K, R>) });
        }
        unsafe fn release<K: Key, R: Output>(counted: *const (), _: *mut ()) {
            // SAFETY: by the contract of `kept`; the count is not changed.
            let core = ManuallyDrop::new(unsafe { Arc::from_raw(counted.cast::<Core<K, R>>()) });
            // Garbage is freed by one thread at a time. Who comes by a `Weak` has it counted by a `Kept` before it leaves.
            if Arc::strong_count(&core) == 1 {
                // What was removed from its tables lies in them, and goes first.
                // SAFETY: once, as this.
                garbage::retire_behind_all(unsafe { Garbage::new(counted, null_mut(), release_last::<K, R>) });
            } else {
                // SAFETY: by the contract of `kept`.
                unsafe { Arc::decrement_strong_count(counted.cast::<Core<K, R>>()) };
            }
        }
        unsafe fn release_last<K: Key, R: Output>(counted: *const (), _: *mut ()) {
            // SAFETY: by the contract of `kept`.
            unsafe { Arc::decrement_strong_count(counted.cast::<Core<K, R>>()) };
        }
        // SAFETY: the core is alive.
        let release = if unsafe { &*counted }.is_lent { at_once::<K, R> } else { later::<K, R> };
        // SAFETY: cores are dropped on any thread.
        unsafe { Kept::new(counted.cast(), release) }
    }

    /// Keeps the core alive, if it is counted.
    pub(in crate::cache) fn keep_alive(&self) -> Option<Kept> {
        let counted = self.counted()?.as_ptr();
        // SAFETY: it came from `Arc::into_raw`, and is alive since it is borrowed; counted once for what is returned.
        unsafe {
            Arc::increment_strong_count(counted);
            Some(Self::kept(counted))
        }
    }

    /// The core for who may come when it has gone; `None` if it is not counted.
    pub(in crate::cache) fn weak(&self) -> Option<Weak<Self>> {
        // SAFETY: it came from `Arc::into_raw`, and is alive since it is borrowed; the count is not changed.
        let counted = self.counted().map(|counted| ManuallyDrop::new(unsafe { Arc::from_raw(counted.as_ptr()) }));
        counted.map(|counted| Arc::downgrade(&counted))
    }

    /// What `Arc` counts the core by, if it does.
    pub(in crate::cache) fn counted(&self) -> Option<NonNull<Self>> {
        NonNull::new(self.counted.load(Ordering::Relaxed))
    }
}
