//! Which claims have a deputy, and what came of it. See [`isolation`](super::isolation).

use std::{collections::HashMap, sync::OnceLock};

use once_cell::sync::Lazy;

use crate::cache::{
    block::outcome::Outcome,
    thread::{
        claim::Busy,
        engine::Engine,
        registry::{self, Worker},
        waiters::Waiters,
    },
};
use crate::{
    panics::{self, Payload},
    sync::{Arc, global::Mutex, lock},
};

/// Deputies by slot and table.
type Deputies = HashMap<(usize, u64), Arc<Deputy>>;

/// The deputies of claims in flight. A claim has at most one.
static DEPUTIES: Lazy<Mutex<Deputies>> = Lazy::new(Mutex::default);

/// A worker that computes what another has claimed.
pub(in crate::cache) struct Deputy {
    /// The number of that worker, which is isolated.
    pub(in crate::cache) worker: u32,
    /// Written once: by who ends first, the worker or the claim.
    end: OnceLock<End>,
}

/// Makes copies of a value.
pub(in crate::cache) type Copies = Box<dyn Fn() -> Outcome + Send + Sync>;

/// What came of a deputy.
enum End {
    Value(Copies),
    /// A panic, with what others get of it, if anything.
    Panic(Option<Mutex<Payload>>),
    /// The claim ended before.
    Over,
}

impl Deputy {
    /// It has a value.
    pub(in crate::cache) fn ends_with(&self, copies: Copies) {
        self.ends(End::Value(copies));
    }

    /// It has panicked; what others get of that, if anything.
    pub(in crate::cache) fn panicked(&self, for_others: Option<Payload>) {
        self.ends(End::Panic(for_others.map(Mutex::new)));
    }

    fn ends(&self, end: End) {
        let late = self.end.set(end);
        drop(late);
    }

    /// What came of it, if it has ended; `None` in that sends who waits to look at the claim again.
    pub(in crate::cache) fn outcome(&self) -> Option<Option<Outcome>> {
        Some(match self.end.get()? {
            End::Value(copy) => Some(copy()),
            End::Panic(Some(payload)) => panics::copy_of(&lock(payload)).map(Outcome::panic),
            End::Panic(None) | End::Over => None,
        })
    }
}

/// What came of beginning to stand in for a claim.
pub(in crate::cache) enum Begun {
    Mine(Arc<Deputy>),
    /// Another one does, or did.
    Others(Arc<Deputy>),
    /// The claim has ended.
    Over,
}

/// Makes the worker the deputy of a claim, if there is none.
pub(in crate::cache) fn begin(engine: &dyn Engine, busy: &Busy, worker: &'static Worker) -> Begun {
    // As who waits does: from here on the end of the claim does not go by unseen.
    let waiting = engine.waiters().begin();
    waiting.settle(registry::pass_barrier);
    let mut deputies = lock(&DEPUTIES);
    if let Some(deputy) = deputies.get(&busy.at()) {
        return Begun::Others(deputy.clone());
    }
    if !engine.is_busy(busy) {
        return Begun::Over;
    }
    let deputy = Arc::new(Deputy { worker: worker.number, end: OnceLock::new() });
    deputies.insert(busy.at(), deputy.clone());
    // Counted until the deputy is taken out.
    std::mem::forget(waiting);
    Begun::Mine(deputy)
}

/// The deputy of a claim, if it has one.
pub(in crate::cache) fn of(busy: &Busy) -> Option<Arc<Deputy>> {
    lock(&DEPUTIES).get(&busy.at()).cloned()
}

/// The claim of this slot has ended: it has no deputy any more. Returns the one that it had. The waiters are those of its
/// cache.
pub(in crate::cache) fn end(slot: usize, table: u64, waiters: &Waiters) -> Option<Arc<Deputy>> {
    let deputy = lock(&DEPUTIES).remove(&(slot, table))?;
    waiters.remove();
    deputy.ends(End::Over);
    Some(deputy)
}

/// A deputy has failed: the claim, if it is still in flight, may have another.
pub(in crate::cache) fn withdraw(busy: &Busy, deputy: &Arc<Deputy>, waiters: &Waiters) {
    let mut deputies = lock(&DEPUTIES);
    if deputies.get(&busy.at()).is_some_and(|present| Arc::ptr_eq(present, deputy)) {
        deputies.remove(&busy.at());
        waiters.remove();
    }
}
