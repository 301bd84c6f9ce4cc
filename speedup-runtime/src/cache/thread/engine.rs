//! A cache whose key and result types are not known: what waiting and helping need.

use std::{any::TypeId, fmt};

use crate::cache::thread::{board::WINDOW, claim::Busy, handed::Handed, waiters::Waiters};

/// A cache whose key and result types are not known: what waiting and helping need.
pub(in crate::cache) trait Engine: Sync {
    /// Writes a call of the function. `key` points to a key of this cache.
    ///
    /// # Safety
    /// `key` points to a key of the type of this cache.
    unsafe fn show(&self, key: *const (), out: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Marks a key, see [`mark_of`](crate::cache::table::key::mark_of).
    ///
    /// # Safety
    /// As for [`show`](Self::show).
    unsafe fn mark(&self, key: *const ()) -> u16;

    /// Whether the slot is still claimed by the worker that was seen there.
    fn is_busy(&self, busy: &Busy) -> bool;

    /// How many threads are waiting for slots of this cache.
    fn waiters(&self) -> &Waiters;

    /// Computes a member of somebody's group, if nobody has begun to.
    fn help(&self, member: u64, group: Group<'_>) -> Helped;

    /// The same for several members, one after the other, until one of them is the last.
    fn help_in_turn(&self, members: &[u64], group: Group<'_>, is_last: &mut dyn FnMut(Helped) -> bool);

    /// Whether what a body of this cache needs at once is worth sharing out.
    fn forks(&self) -> bool;

    /// An outermost call of this cache, which had come to a group, has ended on this thread.
    fn ended(&self);

    /// The call that the thread takes the time of has ended, perhaps by a panic.
    ///
    /// # Safety
    /// As for [`show`](Self::show).
    unsafe fn timed(&self, _key: *const (), _panicked: bool) {}

    /// Notes that bodies of this function use rayon.
    fn note_rayon(&self);

    /// Keeps the cache alive, if it is one that may go.
    fn keep(&self) -> Option<Kept>;

    /// Names the next few members of a group that has more than a board names; how many, and the number of their table.
    fn name_more(&self, _names: &mut [u64; WINDOW]) -> (usize, u64) {
        (0, 0)
    }

    /// The cache of a group that passes nothing on: what helps with members when nobody visits the group any more.
    fn behind(&self) -> Option<*const Header> {
        None
    }
}

/// Keeps a cache that is counted alive until this is dropped.
pub(in crate::cache) struct Kept {
    counted: *const (),
    /// Undoes the counting, now or when nobody can be looking at the cache.
    release: unsafe fn(*const ()),
}

// SAFETY: caches are `Sync`, and are dropped on any thread.
unsafe impl Send for Kept {}
// SAFETY: as above.
unsafe impl Sync for Kept {}

impl Kept {
    /// # Safety
    /// `release` may be called once with this pointer, on any thread.
    pub(in crate::cache) unsafe fn new(counted: *const (), release: unsafe fn(*const ())) -> Self {
        Self { counted, release }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // SAFETY: by the contract of `new`; once.
        unsafe { (self.release)(self.counted) };
    }
}

/// Whose members are helped with.
#[derive(Clone, Copy)]
pub(in crate::cache) struct Group<'a> {
    /// The number of the table in which the members were named.
    pub(in crate::cache) table: u64,
    /// Where what is not kept is handed over to the owner's running call.
    pub(in crate::cache) handed: &'a Handed,
    /// The slot which that call fills; 0 if it is none.
    pub(in crate::cache) frame: usize,
    /// Whether others may be free: who takes one invites one more thread to them.
    pub(in crate::cache) goes_on: bool,
}

/// What came of helping with a member.
pub(in crate::cache) enum Helped {
    /// It has been computed, now and here.
    Computed,
    /// Computing it panicked, now and here. To try again is up to who needs it.
    Panicked,
    /// Another worker is computing it.
    Busy(Busy, u16),
    /// It needs nobody any more.
    Settled,
}

/// The part of a [`Core`] that is reached without knowing its type, through the boards of workers.
#[repr(C)]
pub(in crate::cache) struct Header {
    /// Gives the whole `Core` back. The pointer is the header of a `Core` of the right type.
    pub(in crate::cache) cast: unsafe fn(*const Header) -> *const dyn Engine,
    /// Which function the `Core` is one of several tables of; [`Header::ALONE`] for one that is its function's only one.
    pub(in crate::cache) family: TypeId,
    /// The type of the whole, or [`Header::ALONE`] for one that nobody asks.
    pub(in crate::cache) whole: TypeId,
}

impl Header {
    /// The family of what is no part of one.
    pub(in crate::cache) const ALONE: TypeId = TypeId::of::<Self>();
}

impl Header {
    /// Whether this is the header of a `C`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn is<C: Engine + 'static>(&self) -> bool {
        self.whole == TypeId::of::<C>()
    }

    /// The cache whose header this is.
    ///
    /// # Safety
    /// The pointer leads to the header of a living `Core`.
    pub(in crate::cache) unsafe fn engine<'a>(header: *const Self) -> &'a dyn Engine {
        // SAFETY: by the contract; `cast` was made for the type of this very `Core`.
        unsafe { &*((*header).cast)(header) }
    }
}
