//! What a hit does with the value that it has found.

use super::{rules::Way, shared::Shared};
use crate::{
    cache::{
        bound::Stored,
        table::key::{Key, Output},
    },
    clock,
};

/// What a look at a value has shown.
pub(super) enum Look<T> {
    Fresh(T),
    /// To be served, and the caller is to renew it. With when it ends.
    Late(T, u64),
    Expired,
}

impl<K: Key, R: Output> Shared<K, R> {
    /// Looks at a value that a call has found.
    #[inline]
    pub(super) fn look<T>(&self, stored: &Stored<R>, take: impl FnOnce(&R) -> T) -> Look<T> {
        let look = match self.way {
            Way::Closely => self.look_closely(stored),
            _ if self.is_at_hand(stored) => Look::Fresh(()),
            _ => Look::Expired,
        };
        match look {
            Look::Fresh(()) => Look::Fresh(take(stored.get())),
            Look::Late((), ends) => Look::Late(take(stored.get()), ends),
            Look::Expired => Look::Expired,
        }
    }

    /// Whether a value may be served, and that is all: it is neither expired nor to be renewed. Otherwise it takes a [`look`](Self::look).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn is_at_hand(&self, stored: &Stored<R>) -> bool {
        match self.way {
            Way::Ending => stored.marks().ends_after(clock::lately()),
            Way::Bounded => {
                stored.visit();
                true
            }
            Way::Closely => self.is_closely_at_hand(stored),
        }
    }

    #[inline(never)]
    fn is_closely_at_hand(&self, stored: &Stored<R>) -> bool {
        let (now, ends) = (clock::lately(), stored.ends());
        let is_at_hand = ends.saturating_sub(now) > self.rules.ahead && self.is_used(stored, now);
        if is_at_hand && self.rules.is_bounded() {
            stored.visit();
        }
        is_at_hand
    }

    /// The same where there is more to look at than one thing.
    #[inline(never)]
    fn look_closely(&self, stored: &Stored<R>) -> Look<()> {
        if self.rules.is_bounded() {
            stored.visit();
        }
        let (now, ends) = (clock::lately(), stored.ends());
        match now < ends && self.is_used(stored, now) {
            false => Look::Expired,
            true if ends - now <= self.rules.ahead && stored.marks().renew() => Look::Late((), ends),
            true => Look::Fresh(()),
        }
    }

    /// A copy of a value that a call has found, unless it has expired; says if the caller is to renew it, and when it ends then.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn copy_of(&self, stored: &Stored<R>, late: &mut Option<u64>) -> Option<R> {
        match self.look(stored, R::clone) {
            Look::Fresh(value) => Some(value),
            Look::Late(value, ends) => {
                *late = Some(ends);
                Some(value)
            }
            Look::Expired => None,
        }
    }

    /// Whether a value has not been idle for too long; it is not from now on.
    fn is_used(&self, stored: &Stored<R>, now: u64) -> bool {
        let idle = self.rules.idle;
        let is_used = idle == u64::MAX || now < stored.marks().ends_if_idle(idle);
        if is_used && idle != u64::MAX {
            stored.marks().use_at(now, idle);
        }
        is_used
    }
}

/// Whether a value may be served, as [`Shared::is_at_hand`] says, where that takes a few instructions and no call. Otherwise it takes another look.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn is_plainly_at_hand<R>(way: Way, stored: &Stored<R>) -> bool {
    match way {
        Way::Ending => stored.marks().plainly_exceeds(clock::kept()),
        Way::Bounded => {
            stored.visit();
            true
        }
        Way::Closely => false,
    }
}
