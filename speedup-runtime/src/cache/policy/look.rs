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
    /// To be served, and the caller is to renew it.
    Late(T),
    Expired,
}

impl<K: Key, R: Output> Shared<K, R> {
    /// Looks at a value that a call has found.
    #[inline(always)]
    pub(super) fn look<T>(&self, stored: &Stored<R>, take: impl FnOnce(&R) -> T) -> Look<T> {
        match self.way {
            Way::Bounded => stored.visit(),
            Way::Ending if stored.marks().ends_after(clock::lately()) => {}
            Way::Ending => return Look::Expired,
            Way::Closely => {
                return match self.look_closely(stored) {
                    Look::Fresh(()) => Look::Fresh(take(stored.get())),
                    Look::Late(()) => Look::Late(take(stored.get())),
                    Look::Expired => Look::Expired,
                };
            }
        }
        Look::Fresh(take(stored.get()))
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
            true if ends - now <= self.rules.ahead && stored.marks().renew() => Look::Late(()),
            true => Look::Fresh(()),
        }
    }

    /// A copy of a value that a call has found, unless it has expired; says if the caller is to renew it.
    #[inline(always)]
    pub(super) fn copy_of(&self, stored: &Stored<R>, late: &mut bool) -> Option<R> {
        match self.look(stored, R::clone) {
            Look::Fresh(value) => Some(value),
            Look::Late(value) => {
                *late = true;
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
