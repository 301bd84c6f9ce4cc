//! Workers for the model checker: numbers and pins, and one domain of retired things a run.

use std::{cell::Cell, marker::PhantomData};

use crate::cache::memory::{
    epoch::{Entered, Reader},
    garbage::{self, DOMAIN, THREADS},
    membarrier,
};
use crate::sync::{Ordering, atomic::fence};

loom::lazy_static! {
    static ref WORKERS: [Worker; THREADS] =
        std::array::from_fn(|number| Worker { number: number as u32, reader: Reader::new(true) });
}

std::thread_local! {
    /// Whether what is retired is freed. All threads of a model run on one of the system.
    static FREES: Cell<bool> = const { Cell::new(true) };
    /// Whether tables have owners.
    static BIASED: Cell<bool> = const { Cell::new(true) };
}

/// Says whether a table is its maker's own until another thread comes.
pub(in crate::cache) fn set_biased(biased: bool) {
    BIASED.set(biased);
}

/// Says whether what is retired is freed. Without, pins make no barrier: one orders far more than a pin is to, and so hides
/// what else is not in order; and where the system makes the barrier, it is not there.
pub(in crate::cache) fn set_frees(frees: bool) {
    FREES.set(frees);
}

/// A thread of a model.
pub(in crate::cache) struct Worker {
    pub(in crate::cache) number: u32,
    reader: Reader,
}

/// The worker with this number.
pub(in crate::cache) fn numbered(number: usize) -> &'static Worker {
    &WORKERS[number]
}

impl Worker {
    /// Whether tables of this worker are its own until another comes.
    pub(in crate::cache) fn may_own(&self) -> bool {
        BIASED.get()
    }

    /// The owner's part of the barrier that ends its time.
    pub(in crate::cache) fn order_change(&self) {
        self.reader.order();
    }

    /// Says whether its pins and changes make barriers of their own, as they do at first.
    pub(in crate::cache) fn set_fenced(&self, fenced: bool) {
        self.reader.set_fenced(fenced);
    }

    /// As in the program, where this is noted.
    pub(in crate::cache) fn finds(&self) {}

    /// Nobody waits in the models of tables, and a fence would hide what else is not in order.
    pub(in crate::cache) fn order(&self) {}

    pub(in crate::cache) fn pin(&'static self) -> Pin {
        garbage::carry(self.number as usize);
        Pin { worker: self, entered: FREES.get().then(|| self.reader.enter(&DOMAIN)) }
    }

    /// As in the program; and where nothing is freed, pins make no barrier at all.
    pub(in crate::cache) fn makes_barriers(&self) -> bool {
        self.reader.makes_barriers() || !FREES.get()
    }

    /// As in the program.
    pub(in crate::cache) fn pin_briefly(&'static self) -> Pin {
        garbage::carry(self.number as usize);
        Pin { worker: self, entered: Some(self.reader.enter_briefly(&DOMAIN)) }
    }
}

/// Keeps what the tables hold from being freed.
pub(in crate::cache) struct Pin {
    worker: &'static Worker,
    entered: Option<Entered>,
}

/// As in the program.
#[derive(Clone, Copy)]
pub(in crate::cache) struct Pinned<'pin>(PhantomData<&'pin Pin>);

impl Pinned<'_> {
    /// As in the program.
    ///
    /// # Safety
    /// As in the program.
    pub(in crate::cache) unsafe fn needless() -> Self {
        Self(PhantomData)
    }
}

impl Pin {
    pub(in crate::cache) fn at(&self) -> Pinned<'_> {
        Pinned(PhantomData)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        if let Some(entered) = self.entered {
            self.worker.reader.leave(entered);
        }
    }
}

pub(in crate::cache) fn collect() {
    if !FREES.get() {
        return;
    }
    DOMAIN.collect(pass_barrier, || WORKERS.iter().filter_map(|worker| worker.reader.pinned()).min());
}

pub(in crate::cache) fn pass_barrier() -> bool {
    fence(Ordering::SeqCst);
    WORKERS.iter().all(|worker| worker.reader.is_fenced()) || membarrier::heavy()
}
