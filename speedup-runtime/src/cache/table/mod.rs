//! Where the values of one cache are: paged slots for small integer keys, a hash table for all others.

mod arena;
mod argument;
#[cfg_attr(loom, allow(dead_code, reason = "the models have no scopes"))]
mod begin;
#[cfg_attr(loom, allow(dead_code, reason = "the models begin no claims of slots"))]
pub(in crate::cache) mod bias;
pub(in crate::cache) mod bits;
#[cfg(not(loom))]
mod census;
mod change;
#[cfg(not(loom))]
pub(in crate::cache) mod checked;
pub(in crate::cache) mod coordinates;
mod current;
mod directory;
pub(in crate::cache) mod distinct;
#[cfg(not(loom))]
mod entries;
mod hashed;
pub(in crate::cache) mod key;
pub(in crate::cache) mod packed_key;
mod page;
mod places;
mod radix;
mod slot;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub(in crate::cache) use self::current::Current;
pub(in crate::cache) use self::places::{Found, Placed};
pub(in crate::cache) use self::slot::{Slot, State, Word};
#[cfg(not(loom))]
pub(in crate::cache) use self::{begin::Vacant, census::Census};
use self::{
    hashed::{Entry, Front, Hashed},
    page::PageOf,
    radix::Pages,
};
use crate::cache::{
    table::{
        bias::{Alone, Bias, Turn},
        key::{Key, Lookup, Output, mark_of},
    },
    thread::registry::{Pinned, Worker},
};
use crate::{
    panics,
    sync::{OnceBox, Ordering, global::AtomicU64},
};

/// The next table's name. Relaxed: only distinctness matters.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// All slots of a cache between two `clear`s.
pub(in crate::cache) struct Table<K: Key, R: Output> {
    /// No other table of the process ever has this number.
    id: u64,
    /// Who changes the table: makes pages and entries, claims slots, removes values.
    bias: Bias,
    pages: Pages<K, R>,
    /// Made when the first key needs it.
    hashed: OnceBox<Hashed<K, R>>,
    /// Short cuts to some of what is in there.
    front: Front<K, R>,
    /// Whether what the table outgrows stays with it and goes with it. Otherwise it is retired.
    keeps: bool,
}

/// What came of claiming a key's slot.
pub(in crate::cache) enum Claim<'pin, R> {
    /// The value is there.
    Ready(&'pin R),
    /// The calling worker is to compute it.
    Mine(Slot<'pin, R>),
    /// The worker with this number is computing it.
    Busy(Slot<'pin, R>, u32),
}

/// What came of claiming a member of somebody's group.
pub(in crate::cache) enum Member<'pin, K, R> {
    /// The calling worker is to compute it.
    Mine(K, Slot<'pin, R>),
    /// The worker with this number is computing the slot at this address, for the key with this mark.
    Busy(usize, u32, u16),
    /// It needs nobody any more.
    Settled,
}

/// The slot with this state word.
///
/// # Safety
/// It is that of a slot, of a page or not as is said, of a table for such keys and values that is not freed during `'pin`; by what
/// [`Slot::state_ptr`] has told.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(in crate::cache) unsafe fn slot_at<'pin, K: Key, R: 'pin>(
    state: *const State,
    is_paged: bool,
    _pin: Pinned<'pin>,
) -> Slot<'pin, R> {
    if K::is_small() && is_paged {
        // SAFETY: by the contract.
        unsafe { PageOf::<K, R>::slot_at(state) }
    } else {
        // SAFETY: by the contract, and what is no page's is an entry's.
        unsafe { Entry::<K, R>::of_state(state).slot() }
    }
}

impl<K: Key, R: Output> Table<K, R> {
    /// An empty table, owned by this worker.
    pub(in crate::cache) fn new(owner: &Worker) -> Self {
        Self::owned_by(owner.may_own().then_some(owner.number))
    }

    /// A table that several threads are going to fill from the beginning: it belongs to none.
    #[cfg(not(loom))]
    pub(in crate::cache) fn unowned() -> Self {
        Self::owned_by(None)
    }

    fn owned_by(owner: Option<u32>) -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            bias: Bias::new(owner),
            pages: Pages::new(),
            hashed: OnceBox::new(),
            front: Front::new(),
            keeps: false,
        }
    }

    /// Keeps what the table outgrows, so that all of it goes when the table does. It has yet to be used.
    #[cfg(not(loom))]
    pub(in crate::cache) fn keep_all(&mut self) {
        self.keeps = true;
    }

    /// The number of this table, which no other ever has.
    pub(in crate::cache) fn id(&self) -> u64 {
        self.id
    }

    /// Whether the worker may change the table: claim, make or remove anything. If not, it never will, see [`Bias::admits`].
    #[inline]
    pub(in crate::cache) fn admits(&self, me: u32) -> bool {
        self.bias.admits(me)
    }

    /// The worker, if it owns the table, lets everybody change it.
    pub(in crate::cache) fn open(&self, me: u32) {
        self.bias.open(me);
    }

    /// The value of a key that has one. O(1), takes no lock, writes nothing.
    #[inline]
    pub(in crate::cache) fn find<'pin, Q: Lookup<K>>(
        &self,
        key: Q,
        packed: Option<u64>,
        pin: Pinned<'pin>,
    ) -> Option<&'pin R> {
        if K::COORDINATES == 0 || !K::is_small() {
            return self.find_hashed(key, pin);
        }
        if let Some(packed) = packed
            && let Some(slot) = self.pages.find(packed, pin)
            && let Some(value) = slot.value()
        {
            return Some(value);
        }
        // Where no key has strayed there is no such table.
        if self.hashed.get().is_some() { self.find_strayed(key, pin) } else { None }
    }

    /// The value of a small key that is in a page.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn find_paged<'pin>(&self, packed: u64, pin: Pinned<'pin>) -> Option<&'pin R> {
        self.pages.find(packed, pin)?.value()
    }

    /// The value of a key that is not a small integer.
    #[inline]
    fn find_hashed<'pin, Q: Lookup<K>>(&self, key: Q, pin: Pinned<'pin>) -> Option<&'pin R> {
        let hashed = self.hashed.get()?;
        loop {
            let slot = hashed.find(key, pin)?.slot();
            // One that was removed since it was found may have been replaced.
            match slot.value() {
                None if slot.state().word() == Word::Removed => {}
                value => {
                    self.note(key, &slot, pin);
                    return value;
                }
            }
        }
    }

    /// The value of a small key that no page can have.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn find_far<'pin, Q: Lookup<K>>(&self, key: Q, pin: Pinned<'pin>) -> Option<&'pin R> {
        self.find_hashed(key, pin)
    }

    /// The value of a small key that is not in the pages; out of line, to keep the way of those that are short.
    #[inline(never)]
    pub(in crate::cache) fn find_strayed<'pin, Q: Lookup<K>>(&self, key: Q, pin: Pinned<'pin>) -> Option<&'pin R> {
        self.find_hashed(key, pin)
    }

    /// Makes the worker the one that computes the value of a key, or says why it is not.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first_hashed"))]
    pub(in crate::cache) fn claim<'pin, Q: Lookup<K>>(
        &self,
        key: Q,
        packed: Option<u64>,
        me: &Worker,
        pin: Pinned<'pin>,
    ) -> Claim<'pin, R> {
        loop {
            let (slot, made) = self.locate(key, packed, me, pin, || State::claimed(me.number));
            if made {
                return Claim::Mine(slot);
            }
            let turn = self.turn(me);
            match slot.state().claim_in(me.number, &turn) {
                Ok(()) if self.has_left(key, &slot, &turn, pin) => slot.state().move_away(),
                Ok(()) => return Claim::Mine(slot),
                Err(Word::Claimed(owner)) => return Claim::Busy(slot, owner),
                // A value that is there by now; gone again only if it was removed in between.
                Err(_) => {
                    if let Some(value) = slot.value() {
                        return Claim::Ready(value);
                    }
                }
            }
        }
    }

    /// The slot of a key, made if need be.
    pub(in crate::cache) fn slot<'pin, Q: Lookup<K>>(
        &self,
        key: Q,
        packed: Option<u64>,
        me: &Worker,
        pin: Pinned<'pin>,
    ) -> Slot<'pin, R> {
        self.locate(key, packed, me, pin, State::empty).0
    }

    /// The slot of a key, if it has been made.
    #[cfg(not(loom))]
    pub(in crate::cache) fn slot_if_made<'pin>(
        &self,
        key: &K,
        packed: Option<u64>,
        pin: Pinned<'pin>,
    ) -> Option<Slot<'pin, R>> {
        let paged = packed.and_then(|packed| self.pages.find(packed, pin));
        paged
            .filter(|slot| slot.state().word() != Word::Moved)
            .or_else(|| Some(self.hashed.get()?.find(key, pin)?.slot()))
    }

    /// The name of a key's slot, which is made if need be, for [`claim_member`](Self::claim_member).
    pub(in crate::cache) fn member(&self, key: &K, me: &Worker, pin: Pinned<'_>) -> u64 {
        let member = self.slot(key, key.pack(), me, pin).member();
        if member & slot::HASHED == 0 { member } else { hashed::name_of(member, key) }
    }

    /// Claims the slot behind a member's name, if it is still waiting for somebody to. An entry that has got another key by
    /// now is not what was named.
    ///
    /// # Safety
    /// The name is that of a slot of this table.
    pub(in crate::cache) unsafe fn claim_member<'pin>(
        &self,
        member: u64,
        me: &Worker,
        pin: Pinned<'pin>,
    ) -> Option<Member<'pin, K, R>> {
        let paged = member & slot::HASHED == 0;
        let slot = if paged {
            self.pages.find(member, pin)?
        } else {
            // SAFETY: the table is current, since it is borrowed, and the name is one of its own.
            let Some(slot) = (unsafe { hashed::slot_of::<K, R>(member, pin) }) else { return Some(Member::Settled) };
            slot
        };
        let turn = self.turn(me);
        match slot.state().claim_in(me.number, &turn) {
            Err(Word::Claimed(owner)) => {
                let mark = if paged { mark_of(&K::unpack(member)?) } else { hashed::mark_in(member) };
                return Some(Member::Busy(slot.address(), owner, mark));
            }
            Err(_) => return Some(Member::Settled),
            Ok(()) => {}
        }
        if paged {
            let key = K::unpack(member)?;
            if self.has_left(&key, &slot, &turn, pin) {
                slot.state().move_away();
                return None;
            }
            return Some(Member::Mine(key, slot));
        }
        drop(turn);
        // SAFETY: as above, and the slot has just been claimed.
        let key = unsafe { hashed::key_of::<K, R>(member, pin) };
        match catch_unwind(AssertUnwindSafe(|| key.clone())) {
            Ok(key) => Some(Member::Mine(key, slot)),
            Err(payload) => {
                slot.state().release();
                panics::swallow(payload);
                None
            }
        }
    }

    /// How many values there are. O(slots): nothing is counted when values come and go.
    pub(in crate::cache) fn len(&self, pin: Pinned<'_>) -> usize {
        self.pages.len() + self.hashed.get().map_or(0, |hashed| hashed.len(pin))
    }

    /// What is in the table, and the memory that it takes. O(slots).
    #[cfg(not(loom))]
    pub(in crate::cache) fn census(&self, pin: Pinned<'_>) -> Census {
        let mut census = Census { bytes: self.bytes(pin), ..Census::default() };
        self.pages.census(&mut census);
        if let Some(hashed) = self.hashed.get() {
            hashed.census(&mut census, pin);
        }
        census
    }

    /// The memory that the table takes. O(bytes / 16 KiB).
    #[cfg(not(loom))]
    pub(in crate::cache) fn bytes(&self, pin: Pinned<'_>) -> usize {
        size_of::<Self>()
            + self.pages.bytes()
            + self.hashed.get().map_or(0, |hashed| hashed.bytes(pin))
            + self.front.bytes(pin)
    }

    /// The slot of a key, and whether this call made it with the given state.
    fn locate<'pin, Q: Lookup<K>>(
        &self,
        key: Q,
        packed: Option<u64>,
        me: &Worker,
        pin: Pinned<'pin>,
        state: impl Fn() -> State,
    ) -> (Slot<'pin, R>, bool) {
        loop {
            if let Some(packed) = packed
                && let Some(slot) =
                    self.pages.find(packed, pin).or_else(|| self.pages.find_or_make(packed, &self.turn(me), pin))
                && slot.state().word() != Word::Moved
            {
                return (slot, false);
            }
            let hashed = self.hashed();
            // Between the two looks a page may have been made for the key: its slot is then the place to be.
            let paged = || {
                packed
                    .and_then(|packed| self.pages.find(packed, pin))
                    .is_some_and(|slot| slot.state().word() != Word::Moved)
            };
            let turn = || Some(self.turn(me));
            if let Some((entry, made)) = hashed.find_or_make((key, false), turn, pin, paged, || (state(), None), || ())
            {
                return (entry.slot(), made);
            }
        }
    }

    /// Whether the key of a paged slot is in the hash table already, because it came before the page did.
    fn has_left<Q: Lookup<K>>(&self, key: Q, slot: &Slot<'_, R>, turn: &Turn<'_>, pin: Pinned<'_>) -> bool {
        !slot.is_hashed() && self.pages.is_mixed(slot, pin) && self.has_settled(key, turn, pin)
    }

    /// Begins a change by plain loads and stores, if the worker owns the table.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn alone(&self, me: &Worker) -> Option<Alone<'_>> {
        self.bias.alone(me.number, || me.order_change())
    }

    /// Begins a change, alone or shared, and ends the time of another owner.
    #[inline]
    fn turn(&self, me: &Worker) -> Turn<'_> {
        self.bias.turn(me.number, || me.order_change())
    }

    /// The hash table.
    fn hashed(&self) -> &Hashed<K, R> {
        self.hashed.get_or_init(|| Box::new(Hashed::new(self.keeps)))
    }
}
