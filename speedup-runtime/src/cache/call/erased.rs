//! A cache whose key and result types are not known: what waiting and helping need.

use std::{
    any::TypeId,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::cache::{
    api::{
        function::{Callee, Show},
        key::{Key, Output},
    },
    block::block_on::Busy,
    call::{claim_guard::Flight, inner::Core},
    fork::leapfrog,
    table::{Member, State, Table, Word},
    thread::registry::{self, Worker},
};
use crate::{
    panics,
    sync::{Arc, AtomicU32},
};

/// A cache whose key and result types are not known: what waiting and helping need.
pub(in crate::cache) trait Engine: Sync {
    /// Writes a call of the function. `key` points to a key of this cache.
    ///
    /// # Safety
    /// `key` points to a key of the type of this cache.
    unsafe fn show(&self, key: *const (), out: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Whether the slot is still claimed by the worker that was seen there.
    fn is_busy(&self, busy: &Busy, worker: &'static Worker) -> bool;

    /// How many threads are waiting for slots of this cache.
    fn waiters(&self) -> &AtomicU32;

    /// Computes a member of somebody's group, if nobody has begun to.
    fn help(&self, member: u64, table: u64, worker: &'static Worker) -> Helped;

    /// An outermost call of this cache, which had come to a group, has ended on this thread.
    fn ended(&self, worker: &'static Worker);

    /// Notes that bodies of this function use rayon.
    fn note_rayon(&self);

    /// Keeps the cache alive until [`release`](Self::release).
    fn retain(&self);

    /// Undoes one [`retain`](Self::retain). `self` may be gone afterwards.
    fn release(&self);
}

/// What came of helping with a member.
pub(in crate::cache) enum Helped {
    /// It has been computed, now and here.
    Computed,
    /// Computing it panicked, now and here. To try again is up to who needs it.
    Panicked,
    /// Another worker is computing it.
    Busy(Busy),
    /// It needs nobody any more.
    Settled,
}

/// The part of a [`Core`] that is reached without knowing its type, through the boards of workers.
#[repr(C)]
pub(in crate::cache) struct Header {
    /// Gives the whole `Core` back. The pointer is the header of a `Core` of the right type.
    pub(in crate::cache) cast: unsafe fn(*const Header) -> *const dyn Engine,
    /// Which function the `Core` is one of several tables of; [`Header::ALONE`] for one that is its function's only one.
    pub(in crate::cache) family: TypeId,
}

impl Header {
    /// The family of what is no part of one.
    pub(in crate::cache) const ALONE: TypeId = TypeId::of::<Self>();
}

impl Header {
    /// The cache whose header this is.
    ///
    /// # Safety
    /// The pointer leads to the header of a living `Core`.
    pub(in crate::cache) unsafe fn engine<'a>(header: *const Self) -> &'a dyn Engine {
        // SAFETY: by the contract; `cast` was made for the type of this very `Core`.
        unsafe { &*((*header).cast)(header) }
    }
}

impl<K: Key, R: Output> Core<K, R> {
    /// Computes a member of somebody's group as its owner would.
    pub(in crate::cache) fn help_by(
        &self,
        callee: Callee<'_, K, R>,
        member: u64,
        table: u64,
        worker: &'static Worker,
    ) -> Helped {
        let claimed = {
            let pin = worker.pin();
            let shown = |current: &&Table<K, R>| current.id() == table && current.admits(worker.number);
            let Some(current) = self.table(pin.at()).filter(shown) else {
                return Helped::Settled;
            };
            // SAFETY: the member was named by the table with this number.
            match unsafe { current.claim_member(member, worker.number, pin.at()) } {
                None | Some(Member::Settled) => return Helped::Settled,
                Some(Member::Busy(slot, owner)) => return Helped::Busy(Busy { owner, slot, table }),
                Some(Member::Mine(key, slot)) => (key, Flight::new(self, worker, table, slot)),
            }
        };
        // A panic goes to who needs the value: they are told, or compute it again.
        // So does one of the key's destructor, hence the move.
        let run = move || {
            let (key, flight) = claimed;
            drop(callee.run(self, &key, Some(flight)));
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(()) => Helped::Computed,
            Err(payload) => {
                panics::swallow(payload);
                Helped::Panicked
            }
        }
    }
}

impl<K: Key, R: Output> Engine for Core<K, R> {
    unsafe fn show(&self, key: *const (), out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(function) = self.function.get() else { return out.write_str("?") };
        // SAFETY: by the contract.
        let key = unsafe { &*key.cast::<K>() };
        struct Arguments<'a, K>(&'a K, Show<K>);
        impl<K> fmt::Display for Arguments<'_, K> {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                (self.1)(self.0, out)
            }
        }
        out.write_str(function.name)?;
        // A tuple of one is written `(1,)`, a call of one argument `f(1)`.
        match function.show.map(|show| Arguments(key, show).to_string()) {
            Some(arguments) if arguments.ends_with(",)") => write!(out, "{})", &arguments[..arguments.len() - 2]),
            Some(arguments) => out.write_str(&arguments),
            None => out.write_str("(..)"),
        }
    }

    fn is_busy(&self, busy: &Busy, worker: &'static Worker) -> bool {
        let pin = worker.pin();
        self.table(pin.at()).filter(|table| table.id() == busy.table).is_some_and(|_| {
            // SAFETY: a state word of the table with this number, which is current under the pin.
            unsafe { &*(busy.slot as *const State) }.word() == Word::Claimed(busy.owner)
        })
    }

    fn waiters(&self) -> &AtomicU32 {
        &self.waiters
    }

    fn help(&self, member: u64, table: u64, worker: &'static Worker) -> Helped {
        let Some(function) = self.function.get() else { return Helped::Settled };
        self.help_by(function.callee(), member, table, worker)
    }

    fn ended(&self, worker: &'static Worker) {
        self.grain.end(worker, &self.number);
        leapfrog::dismiss(worker);
    }

    fn note_rayon(&self) {
        self.notes.note_rayon();
    }

    fn retain(&self) {
        if self.counted {
            // SAFETY: a counted core was made by `Arc::new`, and is alive since it is borrowed.
            unsafe { Arc::increment_strong_count(self) };
        }
    }

    fn release(&self) {
        if self.counted {
            let this = std::ptr::from_ref(self) as usize;
            // SAFETY: undoes `retain`. Retired, since boards may still name the core.
            registry::retire(Box::new(move || unsafe { Arc::decrement_strong_count(this as *const Self) }));
        }
    }
}
