//! A claim as others see it, and where its value goes.

use std::ptr::NonNull;

/// A slot that a worker has claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) struct Busy {
    /// The number of the worker.
    pub(in crate::cache) owner: u32,
    /// The address of the state word.
    pub(in crate::cache) slot: usize,
    /// The number of the table that the slot is part of: memory of a table that was cleared is used again.
    pub(in crate::cache) table: u64,
}

impl Busy {
    /// What tells the slot from all others that there ever were, for calls that outlive a table.
    pub(in crate::cache) fn name(&self) -> usize {
        name(self.slot, self.table)
    }

    /// Slot and table.
    pub(in crate::cache) fn at(&self) -> (usize, u64) {
        (self.slot, self.table)
    }
}

/// The address of a state word together with the number of its table: a call in flight may outlive its table, whose memory
/// another one then has. Where there is room for few bits of the number, the next tables have other names at least.
#[inline]
pub(in crate::cache) const fn name(slot: usize, table: u64) -> usize {
    // Addresses have 48 bits, and the lowest two of a state word's are zero.
    if usize::BITS == 64 { slot | (table << 48) as usize } else { slot | (table % 4) as usize }
}

/// Where a value goes.
#[derive(Clone, Copy)]
pub(in crate::cache) struct Goal {
    /// The number of the table: as long as it is current, the slot is there. 0, which is no table's, for a call that has
    /// no claim.
    pub(in crate::cache) table: u64,
    /// Leads to the state word, with a bit for slots that are no page's. From there the table finds the place of the value.
    at: *const (),
}

/// The bit of slots that are no page's: state words are aligned.
const APART: usize = 1;

impl Goal {
    /// The goal of a call whose value its caller alone gets.
    pub(in crate::cache) const NOWHERE: Self = Self { table: 0, at: NonNull::<u32>::dangling().as_ptr().cast() };

    /// The slot with this state word in this table, which is a page's or not.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn new(table: u64, state: *const (), is_paged: bool) -> Self {
        Self { table, at: if is_paged { state } else { state.map_addr(|at| at | APART) } }
    }

    /// What it consists of: for passing it on.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn parts(self) -> (u64, *const ()) {
        (self.table, self.at)
    }

    /// The goal with these [`parts`](Self::parts).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn of_parts(table: u64, at: *const ()) -> Self {
        Self { table, at }
    }

    /// The state word.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn state(self) -> *const () {
        self.at.map_addr(|at| at & !APART)
    }

    /// Whether the slot is one of a page.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn is_paged(self) -> bool {
        self.at.addr() & APART == 0
    }

    /// The slot and its table.
    pub(in crate::cache) fn place(self) -> (usize, u64) {
        (self.state() as usize, self.table)
    }

    /// The name of the slot.
    #[inline]
    pub(in crate::cache) fn name(self) -> usize {
        name(self.state() as usize, self.table)
    }
}
