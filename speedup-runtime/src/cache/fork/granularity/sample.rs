//! Where a thread stands within an outermost call.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use super::{nanos, ready::Spent};
use crate::cache::thread::registry::Worker;

/// Where a thread stands within the current outermost call; only the thread itself looks at it.
#[derive(Default)]
pub(in crate::cache) struct Sample {
    pub(super) stage: Cell<Stage>,
    /// The count of calls at which to look at the window.
    pub(super) next: Cell<u64>,
    /// When the outermost call began, if that was noted.
    pub(super) began: Cell<Option<Instant>>,
    /// When the outermost call came to its first group, and the count of calls by then.
    pub(super) opened: Cell<Option<(Instant, u64)>>,
    /// The count of calls at which to ask again whether to share.
    pub(super) ask: Cell<u64>,
    /// Nanoseconds lost by waiting so far.
    pub(super) lost: Cell<u64>,
}

/// How a thread goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// The outermost call has not come to a group.
    #[default]
    Fresh,
    /// Without sharing, until a group finds that it pays.
    Asking,
    /// Without sharing.
    Alone,
    /// Sharing.
    Shared,
}

impl Stage {
    /// If the outermost call has just ended, whoever still works for it does so alone; and a thread on which there is
    /// something to undo is not fresh.
    pub(super) fn or_alone(self) -> Self {
        if self == Self::Shared { self } else { Self::Alone }
    }
}

impl Sample {
    /// Whether calls are shown to others.
    #[inline]
    pub(in crate::cache) fn is_shared(&self) -> bool {
        self.stage.get() == Stage::Shared
    }

    /// Whether the end of the outermost call is to be looked at.
    #[inline]
    pub(in crate::cache) fn is_open(&self) -> bool {
        self.opened.get().is_some()
    }

    /// Another outermost call begins.
    pub(super) fn renew(&self) {
        self.stage.set(Stage::Fresh);
        self.opened.set(None);
        self.began.set(None);
    }

    /// What the outermost call has taken so far, if it has come to a group.
    pub(super) fn spent(&self, now: Instant, worker: &Worker) -> Option<Spent> {
        let (opened, before) = self.opened.get()?;
        let since = self.began.get().unwrap_or(opened);
        Some(Spent { calls: worker.computed() - before + 1, time: nanos(now - since) })
    }

    /// Notes time lost by waiting.
    pub(in crate::cache) fn lose(&self, time: Duration) {
        self.lost.set(self.lost.get().saturating_add(nanos(time)));
    }
}
