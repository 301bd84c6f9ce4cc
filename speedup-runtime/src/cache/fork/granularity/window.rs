//! The windows in which an outermost call is looked at.

use std::time::{Duration, Instant};

use super::sample::Stage;
use crate::{
    cache::thread::{counters::Number, registry::Worker},
    sync::{Mutex, lock},
};

/// The window of an outermost call, in the worker that made the call; its helpers look at it, too.
#[derive(Default)]
pub(in crate::cache) struct Window(pub(super) Mutex<Open>);

/// What the lock of a window guards.
#[derive(Default)]
pub(super) struct Open {
    /// The number of the cache whose calls are counted.
    pub(super) cache: u32,
    pub(super) kind: Kind,
}

/// Which window it is.
#[derive(Default)]
pub(super) enum Kind {
    /// No outermost call has come to a group.
    #[default]
    Closed,
    /// The threads show their groups and help each other.
    Shared {
        since: Instant,
        /// Calls computed by all threads when it began.
        computed: u64,
        least: Duration,
        /// Whether helpers have only just been asked to come.
        fresh: bool,
    },
    /// Nobody shows anything.
    Alone {
        since: Instant,
        /// The worker that measures, its calls, and what it had lost by waiting.
        by: u32,
        computed: u64,
        lost: u64,
        least: Duration,
        /// How long the shared window that follows is to last.
        then: Duration,
        /// Whether it has told what a call costs.
        told: bool,
        /// Whether groups ask if it is over.
        asks: bool,
    },
}

impl Window {
    /// A window that has not been opened.
    pub(in crate::cache) fn new() -> Self {
        Self::default()
    }

    /// How a thread that begins to help goes on.
    pub(super) fn stage(&self) -> Stage {
        lock(&self.0).kind.stage().or_alone()
    }
}

impl Kind {
    /// A shared window, whose helpers are still to come.
    pub(super) fn shared(since: Instant, number: &Number, least: Duration) -> Self {
        Self::Shared { since, computed: number.totals().1, least, fresh: true }
    }

    /// The same with helpers that are there already.
    pub(super) fn settled(mut self) -> Self {
        if let Self::Shared { fresh, .. } = &mut self {
            *fresh = false;
        }
        self
    }

    /// A window alone, in which this worker measures.
    pub(super) fn alone(worker: &Worker, since: Instant, least: Duration, then: Duration) -> Self {
        let (computed, lost) = (worker.computed(), worker.own.sample.lost.get());
        Self::Alone { since, by: worker.number, computed, lost, least, then, told: false, asks: false }
    }

    /// The same, which is over as soon as a group finds that sharing pays.
    pub(super) fn asking(mut self) -> Self {
        if let Self::Alone { asks, .. } = &mut self {
            *asks = true;
        }
        self
    }

    pub(super) fn stage(&self) -> Stage {
        match self {
            Self::Closed => Stage::Fresh,
            Self::Shared { .. } => Stage::Shared,
            Self::Alone { asks: true, .. } => Stage::Asking,
            Self::Alone { .. } => Stage::Alone,
        }
    }
}
