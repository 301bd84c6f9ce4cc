//! The table in use of one cache: made at the first claim, replaced by none when the cache is cleared.

use std::ptr::null_mut;

use super::Table;
#[cfg(not(loom))]
use crate::cache::thread::readers;
use crate::cache::{
    memory::{epoch::Garbage, garbage},
    table::key::{Key, Output},
    thread::registry::{self, Pinned},
};
use crate::sync::{AtomicPtr, Mutex, Ordering, const_unless_loom, lock};

/// The table in use, if there is one.
///
pub(in crate::cache) struct Current<K: Key, R: Output> {
    /// A table that was current during a pin lives as long as the pin. Release when replaced, Acquire by readers.
    table: AtomicPtr<Table<K, R>>,
    /// Tables that were given up, where those are there as long as this, and go with it.
    given_up: Option<Mutex<Vec<GivenUp<K, R>>>>,
    /// Whether this is part of a scope.
    is_of_scope: bool,
}

impl<K: Key, R: Output> Current<K, R> {
    const_unless_loom! {
        /// No table.
        pub(in crate::cache) fn none() -> Self {
            Self { table: AtomicPtr::new(null_mut()), given_up: None, is_of_scope: false }
        }
    }

    /// No table. Those that there will be are there as long as this.
    #[cfg(not(loom))]
    pub(in crate::cache) fn none_lasting() -> Self {
        Self { table: AtomicPtr::new(null_mut()), given_up: Some(Mutex::new(Vec::new())), is_of_scope: false }
    }

    /// The same in a scope: what tables outgrow goes with it, too, and not later, since it may borrow.
    #[cfg(not(loom))]
    pub(in crate::cache) fn none_of_scope() -> Self {
        let mut none = Self::none_lasting();
        none.is_of_scope = true;
        none
    }

    /// Whether it is that of a scope.
    #[cfg(not(loom))]
    pub(in crate::cache) fn is_of_scope(&self) -> bool {
        self.is_of_scope
    }

    /// Whether tables are there as long as this.
    #[cfg(not(loom))]
    pub(in crate::cache) fn is_lasting(&self) -> bool {
        self.given_up.is_some()
    }

    /// The table.
    #[inline]
    pub(in crate::cache) fn get<'pin>(&self, _pin: Pinned<'pin>) -> Option<&'pin Table<K, R>> {
        // SAFETY: a table that was current during a pin is not freed while the pin lasts.
        unsafe { self.table.load(Ordering::Acquire).as_ref() }
    }

    /// The table, made by this call or by another thread.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn get_or_make<'pin>(
        &self,
        make: impl Fn() -> Table<K, R>,
        pin: Pinned<'pin>,
    ) -> &'pin Table<K, R> {
        loop {
            if let Some(table) = self.get(pin) {
                return table;
            }
            #[allow(unused_mut, reason = "there are no scopes in models")]
            let mut new = Box::new(make());
            #[cfg(not(loom))]
            if self.is_of_scope() {
                new.keep_all();
            }
            let new = Box::into_raw(new);
            if self.table.compare_exchange(null_mut(), new, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                // SAFETY: made just above and seen by nobody else.
                drop(unsafe { Box::from_raw(new) });
            }
        }
    }

    /// Takes the table out of use; it is freed when nobody can be looking at it.
    pub(in crate::cache) fn clear(&self) {
        let old = self.table.swap(null_mut(), Ordering::AcqRel);
        if !old.is_null() {
            match &self.given_up {
                Some(given_up) if !self.is_of_scope => lock(given_up).push(GivenUp(old)),
                _ => Self::retire(old),
            }
        }
        registry::collect();
    }

    /// Takes the table out of use, to be put back later.
    #[cfg(not(loom))]
    pub(in crate::cache) fn set_aside(&self) -> Option<Aside<K, R>> {
        let old = self.table.swap(null_mut(), Ordering::AcqRel);
        // Not by `then_some`, which would make one of nothing, and drop it.
        (!old.is_null()).then(|| Aside(old))
    }

    /// Puts a table back, unless there is another one or somebody was computing something in it when it was set aside: nobody would
    /// ever give such a slot up.
    #[cfg(not(loom))]
    pub(in crate::cache) fn put_back(&self, table: Aside<K, R>) {
        if !readers::wait() {
            return;
        }
        // SAFETY: set aside, and so neither freed nor, since those who were looking at it have left, in use by anybody.
        let is_at_rest = unsafe { &*table.0 }.census(registry::current().pin().at()).claimed == 0;
        if is_at_rest && self.table.compare_exchange(null_mut(), table.0, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            std::mem::forget(table);
        }
    }

    /// Takes this table out of use, if it is.
    #[cold]
    pub(in crate::cache) fn give_up(&self, table: &Table<K, R>) {
        let table = std::ptr::from_ref(table).cast_mut();
        if self.table.compare_exchange(table, null_mut(), Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            match &self.given_up {
                Some(given_up) => lock(given_up).push(GivenUp(table)),
                None => Self::retire(table),
            }
        }
    }

    /// Frees a table that was taken out of use just now when nobody can be looking at it.
    fn retire(old: *mut Table<K, R>) {
        unsafe fn again<K: Key, R: Output>(_: *const (), table: *mut ()) {
            // SAFETY: as below.
            garbage::retire_behind_all(unsafe { Garbage::boxed(table.cast::<Table<K, R>>()) });
        }
        // A thread that removes a value at this moment may retire it only after the table. It was pinned when it
        // found the table, so it has done so when the first step runs; and the table is freed behind all.
        // SAFETY: made by `Box::into_raw`, unlinked just now, and freed when nobody can be looking at it.
        garbage::retire(unsafe { Garbage::new(std::ptr::null(), old.cast(), again::<K, R>) });
    }
}

/// A table that was taken out of use and may be put back. Dropped, it is freed when nobody can be looking at it.
#[cfg(not(loom))]
pub(in crate::cache) struct Aside<K: Key, R: Output>(*mut Table<K, R>);

// SAFETY: a table is shared among threads, and dropped on any.
#[cfg(not(loom))]
unsafe impl<K: Key, R: Output> Send for Aside<K, R> {}

#[cfg(not(loom))]
impl<K: Key, R: Output> Drop for Aside<K, R> {
    fn drop(&mut self) {
        Current::<K, R>::retire(self.0);
    }
}

/// A table that was given up. It is dropped with the core that it was one of.
struct GivenUp<K: Key, R: Output>(*mut Table<K, R>);

// SAFETY: a table is shared among threads, and dropped on any.
unsafe impl<K: Key, R: Output> Send for GivenUp<K, R> {}

impl<K: Key, R: Output> Drop for GivenUp<K, R> {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw` and taken out of use; nobody looks at the core any more when it is dropped.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

impl<K: Key, R: Output> Drop for Current<K, R> {
    fn drop(&mut self) {
        // Relaxed: nobody else looks.
        let table = self.table.load(Ordering::Relaxed);
        if !table.is_null() {
            // SAFETY: made by `Box::into_raw`; nobody looks at the core any more, which was retired before it was dropped.
            drop(unsafe { Box::from_raw(table) });
        }
    }
}
