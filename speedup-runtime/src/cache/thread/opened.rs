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

#[cfg(all(test, not(loom)))]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// A group that notes its number when it is shown.
    #[repr(C)]
    struct Group<'a> {
        head: Opened,
        number: u32,
        shown: &'a RefCell<Vec<u32>>,
    }

    impl<'a> Group<'a> {
        fn new(number: u32, shown: &'a RefCell<Vec<u32>>) -> Self {
            // SAFETY: only groups are put on the list.
            Self { head: unsafe { Opened::new(Self::show) }, number, shown }
        }

        /// # Safety
        /// The head is that of a group.
        unsafe fn show(head: NonNull<Opened>) {
            // SAFETY: by the contract, and it comes first.
            let group = unsafe { head.cast::<Group<'_>>().as_ref() };
            group.shown.borrow_mut().push(group.number);
        }
    }

    /// Enters groups of these numbers within each other, shows all that are open, and leaves them.
    fn within(numbers: &[u32], shown: &RefCell<Vec<u32>>, list: &List, board: &Board<Header>) {
        let Some((number, inner)) = numbers.split_first() else {
            show_all(list, board);
            return;
        };
        let group = Group::new(*number, shown);
        for _ in 0..2 {
            // SAFETY: the group is borrowed for longer than it is listed, and what is returned is dropped.
            let _listed = unsafe { Opened::list(NonNull::from(&group).cast(), list) };
            within(inner, shown, list, board);
        }
    }

    #[test]
    fn groups_are_shown_once_and_outermost_first() {
        let (shown, list, board) = (RefCell::default(), List::default(), Board::new());
        within(&[1, 2, 3], &shown, &list, &board);
        // Each goes round twice, with other ones in it.
        assert_eq!(*shown.borrow(), [1, 2, 3, 3, 2, 3, 3]);
        assert!(list.get().is_none() && !show_all(&list, &board));
    }

    #[test]
    fn nothing_is_shown_late_where_something_is_shown() {
        let (shown, list, board) = (RefCell::default(), List::default(), Board::new());
        let place = board.push(1, 0);
        within(&[1], &shown, &list, &board);
        assert!(shown.borrow().is_empty());
        board.pop(place);
    }
}
