//! Where a publication arrives that another thread writes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::superblock::Superblock;
use super::super::{Error, Result};
use super::passage::{Outcome, Passage};
use crate::sync::global::{Arc, Condvar, Mutex, lock};

/// What comes of a publication, and what wrote it.
pub(super) type Written = (Passage, Result<Superblock>);

/// Where it is waited for.
#[derive(Default)]
pub(super) struct Arrival {
    /// Whether it is there or was taken from here, and it.
    pub(super) written: Mutex<(bool, Option<Written>)>,
    there: Condvar,
    /// What waits to be written together with other structures. Whoever cannot wait for those takes it and writes it alone.
    aboard: Mutex<Option<Passage>>,
}

impl Arrival {
    pub(super) fn say(&self, written: Written) {
        *lock(&self.written) = (true, Some(written));
        self.there.notify_all();
    }

    pub(super) fn is_there(&self) -> bool {
        lock(&self.written).0
    }

    /// Leaves a publication here until the others are ready.
    pub(super) fn board(&self, passage: Passage) {
        *lock(&self.aboard) = Some(passage);
    }

    pub(super) fn take_aboard(&self) -> Option<Passage> {
        lock(&self.aboard).take()
    }

    /// About how many bytes wait here.
    pub(super) fn size_aboard(&self) -> Option<usize> {
        lock(&self.aboard).as_ref().map(|passage| passage.commit.size())
    }

    pub(super) fn wait(&self) {
        if let Some(passage) = self.take_aboard() {
            self.say(run(passage));
        }
        let mut written = lock(&self.written);
        while !written.0 {
            written = self.there.wait(written).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }
}

/// Whether a folder was not where it had been.
pub(super) fn is_gone(error: &Error) -> bool {
    match error {
        Error::Replaced { .. } => true,
        Error::Io { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
        _ => false,
    }
}

/// Writes it, and keeps what wrote it.
pub(super) fn run(passage: Passage) -> Written {
    let result = catch_unwind(AssertUnwindSafe(|| passage.run()));
    (passage, result.unwrap_or_else(|_| Err(Error::Failed { cause: "a checkpoint panicked".into() })))
}

/// A publication on its way. Dropping it waits, so that nobody writes to a folder that was given up.
pub(super) struct UnderWay {
    pub(super) arrival: Arc<Arrival>,
    pub(super) outcome: Outcome,
    /// What could not be written because the folder was elsewhere, and will be where it comes back.
    pub(super) stranded: Option<Passage>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.arrival.wait();
        // It holds the lock of the folder.
        lock(&self.arrival.written).1 = None;
    }
}
