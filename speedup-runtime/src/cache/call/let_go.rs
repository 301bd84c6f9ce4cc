//! Keys without a value go, now or when an outermost call is over.

use crate::cache::{
    call::{claim_guard::Flight, state::Core},
    table::{
        Table,
        key::{Key, Output},
    },
    thread::{
        claim::Goal,
        registry::{self, Worker},
    },
};

/// A core that is used when the call has ended, as long as something keeps it, or it is in a static.
struct Away<K: Key, R: Output>(*const Core<K, R>);

// SAFETY: cores are shared among threads.
unsafe impl<K: Key, R: Output> Send for Away<K, R> {}

impl<K: Key, R: Output> Away<K, R> {
    /// # Safety
    /// It is still there, and stays during the lifetime.
    unsafe fn get<'a>(&self) -> &'a Core<K, R> {
        // SAFETY: by the contract.
        unsafe { &*self.0 }
    }
}

impl<K: Key, R: Output> Core<K, R> {
    /// Lets go of the key of a claim when this outermost call is over.
    pub(in crate::cache) fn let_go_later(&self, key: &K, goal: Goal, home: &'static Worker, root: u64) {
        if !self.has_entry(key, goal) {
            return;
        }
        let (kept, core, key) = (self.keep_alive(), Away(std::ptr::from_ref(self)), key.clone());
        home.left.note(root, move || {
            let _kept = kept;
            // SAFETY: kept alive just above if it is counted; of all others those of scopes and those that are lent do not come here, and the
            // rest are in statics.
            unsafe { core.get() }.let_go(&key, registry::current());
        });
    }

    /// Whether a claim is one of an entry of the hash table.
    fn has_entry(&self, key: &K, goal: Goal) -> bool {
        let pin = registry::current().pin();
        let table = self.table(pin.at()).filter(|table| table.id() == goal.table);
        table.is_some_and(|table| table.has_entry(key, goal.state(), pin.at()))
    }

    /// Takes a key out of the table that has no value, and that nobody is computing.
    fn let_go(&self, key: &K, worker: &'static Worker) {
        let claimed = {
            let pin = worker.pin();
            let table = self.table(pin.at()).filter(|table| table.admits(worker.number));
            let claim = |table: &Table<K, R>| {
                let slot = table.claim_entry(key, worker, pin.at())?;
                Some(Flight::new(self, worker, table.id(), slot))
            };
            table.and_then(claim)
        };
        if let Some(flight) = claimed {
            flight.let_go(key);
        }
    }
}
