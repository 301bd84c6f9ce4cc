//! Groups that a thread computes alone, and that may be shown later: a list on its stack, innermost first.
//!
//! A call whose work comes after its calls has taken next to no time until the first of them end, at the bottom of the
//! recursion. Nothing tells before that it is dear, and by then the whole chain has been entered alone, and at the bottom each
//! call needs the one before. What can be shared are the groups further up. So all of them are shown when sharing begins.

use std::{cell::Cell, ptr::NonNull};

use crate::cache::thread::{board::Board, engine::Header};

/// The innermost of the groups that a thread computes alone. What is on the list is alive, and touched by that thread only.
pub(in crate::cache) type List = Cell<Option<NonNull<Opened>>>;

/// The head of a group that is computed alone.
pub(in crate::cache) struct Opened {
    outer: Cell<Option<NonNull<Opened>>>,
    /// Shows the group whose head this is.
    show: unsafe fn(NonNull<Opened>),
    is_shown: Cell<bool>,
}

impl Opened {
    /// # Safety
    /// `show` may be called on the group's own thread with whatever is given to [`list`](Self::list), as long as that is listed.
    pub(in crate::cache) unsafe fn new(show: unsafe fn(NonNull<Self>)) -> Self {
        Self { outer: Cell::new(None), show, is_shown: Cell::new(false) }
    }

    /// Makes the group the innermost one of its thread's list until what is returned is dropped.
    ///
    /// # Safety
    /// The pointer leads to a head, which `show` may be called with, until then. What is returned is not forgotten.
    pub(in crate::cache) unsafe fn list(head: NonNull<Self>, list: &List) -> Listed<'_> {
        let outer = list.replace(Some(head));
        // SAFETY: by the contract.
        unsafe { head.as_ref() }.outer.set(outer);
        Listed { list, outer }
    }
}

/// A group on the list of its thread.
pub(in crate::cache) struct Listed<'a> {
    list: &'a List,
    outer: Option<NonNull<Opened>>,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.list.set(self.outer);
    }
}

/// Shows all groups on the list, outermost first, unless anything is shown already; whether it did. The board is that of the
/// list's thread.
pub(in crate::cache) fn show_all(list: &List, board: &Board<Header>) -> bool {
    let innermost = list.get();
    // What is shown stands on the board in the order of the calls.
    if innermost.is_none() || board.depth() > 0 {
        return false;
    }
    // SAFETY: what is on the list is alive, by the contract of `list`.
    let outer = |head: &NonNull<Opened>| unsafe { head.as_ref() }.outer.get();
    let groups: Vec<NonNull<Opened>> = std::iter::successors(innermost, outer).collect();
    for head in groups.into_iter().rev() {
        // SAFETY: as above.
        let opened = unsafe { head.as_ref() };
        if !opened.is_shown.replace(true) && !board.is_full() {
            // SAFETY: as above.
            unsafe { (opened.show)(head) };
        }
    }
    true
}
