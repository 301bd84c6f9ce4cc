//! The windows in which an outermost call is looked at.

use std::{cell::Cell, time::Duration};

use crate::sync::{Mutex, lock, timed::Instant};

/// The window of an outermost call, in the worker that made the call; its helpers look at it, too.
#[derive(Default)]
pub(in crate::cache) struct Window(pub(in crate::cache) Mutex<Open>);

/// What the lock of a window guards.
#[derive(Default)]
pub(in crate::cache) struct Open {
    /// The number of the cache whose calls are counted.
    pub(in crate::cache) cache: u32,
    pub(in crate::cache) kind: Kind,
    /// Whether calls were made before it that were shown to nobody, so that there may be nothing left to share.
    pub(in crate::cache) is_late: bool,
}

/// Which window it is.
#[derive(Default)]
pub(in crate::cache) enum Kind {
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
        /// Who measures meanwhile, as far as it shows nothing.
        by: Measurer,
        /// Whether sharing paid in the window before this one.
        paid: bool,
    },
    /// Nobody shows anything.
    Alone {
        since: Instant,
        by: Measurer,
        least: Duration,
        /// How long the shared window that follows is to last.
        then: Duration,
        /// Whether it has told what a call costs.
        told: bool,
        /// The nanoseconds that a call took until one of them ended; 0 where that was not seen.
        down: u64,
        /// Whether groups ask if it is over.
        asks: bool,
    },
}

/// Who measures in a window alone, and where it stood when that began.
#[derive(Clone, Copy, Debug)]
pub(in crate::cache) struct Measurer {
    /// The number of the worker.
    pub(in crate::cache) worker: u32,
    /// The calls that it had computed.
    pub(in crate::cache) computed: u64,
    /// The nanoseconds that it had lost by waiting.
    pub(in crate::cache) lost: u64,
    /// Where its innermost running call lay on the stack.
    pub(in crate::cache) height: usize,
    /// The groups that it had named in order to show them.
    pub(in crate::cache) named: u64,
}

impl Window {
    /// A window that has not been opened.
    pub(in crate::cache) fn new() -> Self {
        Self::default()
    }

    /// How a thread that begins to help goes on.
    // Out of line whatever else is inlined: what a lock puts aside would have room in the frame of each level of a recursion.
    #[inline(never)]
    pub(in crate::cache) fn stage(&self) -> Stage {
        lock(&self.0).kind.stage().or_alone()
    }
}

impl Kind {
    /// A shared window, whose helpers are still to come.
    pub(in crate::cache) fn shared(by: Measurer, since: Instant, computed: u64, least: Duration) -> Self {
        Self::Shared { since, computed, least, fresh: true, by, paid: false }
    }

    /// The same with helpers that are there already.
    pub(in crate::cache) fn settled(mut self) -> Self {
        if let Self::Shared { fresh, .. } = &mut self {
            *fresh = false;
        }
        self
    }

    /// The same behind a window in which sharing paid.
    pub(in crate::cache) fn after_gain(mut self) -> Self {
        if let Self::Shared { paid, .. } = &mut self {
            *paid = true;
        }
        self
    }

    /// A window alone, in which this worker measures.
    pub(in crate::cache) fn alone(by: Measurer, since: Instant, least: Duration, then: Duration) -> Self {
        Self::Alone { since, by, least, then, told: false, down: 0, asks: false }
    }

    /// The same, which is over as soon as a group finds that sharing pays.
    pub(in crate::cache) fn asking(mut self) -> Self {
        if let Self::Alone { asks, .. } = &mut self {
            *asks = true;
        }
        self
    }

    pub(in crate::cache) fn stage(&self) -> Stage {
        match self {
            Self::Closed => Stage::Fresh,
            Self::Shared { .. } => Stage::Shared,
            Self::Alone { asks: true, .. } => Stage::Asking,
            Self::Alone { .. } => Stage::Alone,
        }
    }
}

/// Where a thread stands within the current outermost call; only the thread itself looks at it.
#[derive(Default)]
pub(in crate::cache) struct Sample {
    pub(in crate::cache) stage: Cell<Stage>,
    /// The count of calls at which to look at the window.
    pub(in crate::cache) next: Cell<u64>,
    /// When the outermost call began, if that was noted.
    pub(in crate::cache) began: Cell<Option<Instant>>,
    /// When the outermost call came to its first group, and the count of calls by then.
    pub(in crate::cache) opened: Cell<Option<(Instant, u64)>>,
    /// The count of calls at which to ask again whether to share.
    pub(in crate::cache) ask: Cell<u64>,
    /// The nanoseconds that the outermost call had taken and the calls that it had begun when it was last asked whether to share, and what a call
    /// had taken since the question before.
    pub(in crate::cache) asked: Cell<(u64, u64, u64)>,
    /// Whether the outermost call is about to be made alone for a while: its first groups are noted, so that they can be shown later.
    pub(in crate::cache) checks: Cell<bool>,
    /// Groups named so far in order to show them.
    pub(in crate::cache) named: Cell<u64>,
    /// Nanoseconds lost by waiting so far, and those when the outermost call came to its first group.
    pub(in crate::cache) lost: Cell<u64>,
    pub(in crate::cache) lost_before: Cell<u64>,
    /// When the thread's time was last noted, and what had been lost by then.
    pub(in crate::cache) settled: Cell<Option<(Instant, u64)>>,
    /// Whether the thread's time is noted as that of a helper.
    pub(in crate::cache) helps: Cell<bool>,
    /// Whether the thread computes members of one group, one after the other: it goes on as it does.
    pub(in crate::cache) goes_on: Cell<bool>,
    /// Whether it computes the first of many calls, which are to tell what the rest will take.
    pub(in crate::cache) tries: Cell<bool>,
}

/// How a thread goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cache) enum Stage {
    /// The outermost call has not come to a group.
    #[default]
    Fresh,
    /// Without sharing, until a group finds that it pays.
    Asking,
    /// Without sharing, in the middle of what a helper has begun: it keeps to its order, which leads elsewhere than that of others.
    InOrder,
    /// Without sharing.
    Alone,
    /// Sharing.
    Shared,
}

impl Stage {
    /// If the outermost call has just ended, whoever still works for it does so alone; and a thread on which there is
    /// something to undo is not fresh.
    pub(in crate::cache) fn or_alone(self) -> Self {
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
    pub(in crate::cache) fn renew(&self) {
        self.stage.set(Stage::Fresh);
        self.opened.set(None);
        self.began.set(None);
    }

    /// Notes time lost by waiting.
    pub(in crate::cache) fn lose(&self, time: Duration) {
        self.lost.set(self.lost.get().saturating_add(nanos(time)));
    }
}

/// Nanoseconds.
pub(in crate::cache) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
