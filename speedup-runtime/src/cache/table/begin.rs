//! The first look of a call that is about to be computed: in most cases it claims the slot.

use super::{Slot, State, Table, Word, hashed::Entry};
use crate::cache::{
    table::{
        bias::Turn,
        key::{Key, Lookup, Output},
    },
    thread::registry::{Pinned, Worker},
};

/// A slot that had no value when the thread looked at it just now.
pub(in crate::cache) struct Vacant<'pin, R> {
    pub(in crate::cache) slot: Slot<'pin, R>,
}

impl<K: Key, R: Output> Table<K, R> {
    /// The slot of a key, and whether the worker is now the one that computes its value; `None` if that takes more than a
    /// look.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn begin<'pin>(
        &self,
        key: &K,
        packed: Option<u64>,
        me: &Worker,
        pin: Pinned<'pin>,
    ) -> Option<(Slot<'pin, R>, bool)> {
        if let Some(slot) = packed.and_then(|packed| self.find_own(packed, pin)) {
            let claimed = self.claim_own(&slot, me);
            return Some((slot, claimed));
        }
        self.find_or_file(key, packed, me, pin)
    }

    /// The value of a small key with these [codes](Key::codes) that is in a page, or its slot if it is certain to be its own.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn look_paged<'pin>(
        &self,
        codes: &[u64; 4],
        pin: Pinned<'pin>,
    ) -> Result<&'pin R, Option<Vacant<'pin, R>>> {
        let Some((link, slot)) = self.pages.find_by_codes(codes, pin) else { return Err(None) };
        slot.value().ok_or_else(|| (!link.is_mixed()).then_some(Vacant { slot }))
    }

    /// Whether small keys may have strayed to the hash table.
    pub(in crate::cache) fn has_strays(&self) -> bool {
        self.hashed.get().is_some()
    }

    /// Begins a change, unless the time of another owner would have to be ended.
    fn free_turn(&self, me: &Worker) -> Option<Turn<'_>> {
        match self.alone(me) {
            Some(alone) => Some(Turn::Alone(alone)),
            None => self.bias.is_shared().then_some(Turn::Shared),
        }
    }

    /// The slot of a small key in a page that has all of its keys: in a mixed one the key may have strayed before there was the page.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn find_own<'pin>(&self, packed: u64, pin: Pinned<'pin>) -> Option<Slot<'pin, R>> {
        self.pages.find_in_page(packed, pin).filter(|(link, _)| !link.is_mixed()).map(|(_, slot)| slot)
    }

    /// Claims a slot that is certain to be its key's own, if that takes no more than a look.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn claim_own(&self, slot: &Slot<'_, R>, me: &Worker) -> bool {
        match self.alone(me) {
            Some(alone) => slot.state().claim_alone(me.number, &alone).is_ok(),
            None => self.bias.is_shared() && slot.state().claim(me.number).is_ok(),
        }
    }

    /// The same by a worker that leaves its barriers to others, as its caller has just seen.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn claim_swiftly(&self, Vacant { slot }: &Vacant<'_, R>, me: &Worker) -> bool {
        let number = me.number;
        match self.bias.alone(number, || ()) {
            Some(alone) => slot.state().claim_alone(number, &alone).is_ok(),
            None => self.bias.is_shared() && slot.state().claim(number).is_ok(),
        }
    }

    /// Claims the slot of a small key in a page that is made at once, if the worker owns the table and that takes next to nothing.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn claim_in_new_page<'pin>(
        &self,
        packed: u64,
        me: &Worker,
        pin: Pinned<'pin>,
    ) -> Option<Slot<'pin, R>> {
        let alone = self.alone(me)?;
        let slot = self.pages.make_at_once(packed, &alone, pin)?;
        slot.state().claim_alone(me.number, &alone).is_ok().then_some(slot)
    }

    /// Makes the pages of a new table up to this key, see [`Pages::make_ahead`](super::radix::Pages::make_ahead).
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn make_ahead(&self, last: &K, me: &Worker) {
        if let (Some(last), Some(alone)) = (last.pack(), self.alone(me)) {
            self.pages.make_ahead(last, &alone);
        }
    }

    /// The slot of a key that has none in a page where that is certain to be its own: claimed if the worker may change the table without
    /// ado, in a new page if there is one to be had, and in the hash table if not; out of line, to keep the frames of bodies small.
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn find_or_file<'pin>(
        &self,
        key: &K,
        packed: Option<u64>,
        me: &Worker,
        pin: Pinned<'pin>,
    ) -> Option<(Slot<'pin, R>, bool)> {
        if let Some(slot) = packed.and_then(|packed| self.claim_in_new_page(packed, me, pin)) {
            return Some((slot, true));
        }
        let turn = || self.free_turn(me);
        let make = |packed| {
            let turn = turn()?;
            if self.pages.refuses(packed, &turn, pin) { None } else { self.pages.find_or_make(packed, &turn, pin) }
        };
        let paged = packed.and_then(|packed| self.pages.find(packed, pin).or_else(|| make(packed)));
        if let Some(slot) = paged.filter(|slot| slot.state().word() != Word::Moved) {
            let turn = turn()?;
            if slot.state().claim_in(me.number, &turn).is_err() {
                return Some((slot, false));
            }
            if !self.has_left(key, &slot, &turn, pin) {
                return Some((slot, true));
            }
            slot.state().move_away();
        }
        self.file_instead(key, packed.filter(|_| paged.is_none()), me, pin)
    }

    /// The same in the hash table, where the key, if it is one of a page, had none.
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first_hashed"))]
    fn file_instead<'pin>(
        &self,
        key: &K,
        packed: Option<u64>,
        me: &Worker,
        pin: Pinned<'pin>,
    ) -> Option<(Slot<'pin, R>, bool)> {
        // A page that another thread has made meanwhile is the place to be.
        let instead = || packed.is_some_and(|packed| self.pages.find(packed, pin).is_some());
        self.file_unless(key, me, pin, instead).map(|(entry, made)| (entry.slot(), made))
    }

    /// The slot of a key that no page can have and that has none yet, made and claimed, if the worker owns the table and that takes next to nothing. By a
    /// worker that leaves its barriers to others, as its caller has just seen.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn file_at_once<'pin>(
        &self,
        key: &K,
        me: &Worker,
        pin: Pinned<'pin>,
    ) -> Option<Slot<'pin, R>> {
        let (hashed, number) = (self.hashed.get()?, me.number);
        let alone = self.bias.alone(number, || ())?;
        // SAFETY: such a key is one of small integers, whose hash and copy are no code of users.
        let entry = unsafe { hashed.file_at_once(key, State::claimed(number), &alone, pin) }?;
        Some(entry.slot())
    }

    /// Whether a key is in the hash table, which is made if need be: only as a writer is it certain who of the two has come first.
    #[cold]
    #[inline(never)]
    pub(super) fn has_settled<Q: Lookup<K>>(&self, key: Q, turn: &Turn<'_>, pin: Pinned<'_>) -> bool {
        self.hashed().has_settled(key, turn, pin)
    }

    /// The slot of a key that no page can have, and whether the worker has claimed it just now; `None` if that takes more than a look.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn begin_far<'pin>(
        &self,
        key: &K,
        me: &Worker,
        pin: Pinned<'pin>,
    ) -> Option<(Slot<'pin, R>, bool)> {
        self.file(key, me, pin).map(|(entry, made)| (entry.slot(), made))
    }

    /// The same as an entry, which is not returned in memory as a slot would be.
    #[inline(never)]
    fn file<'pin>(&self, key: &K, me: &Worker, pin: Pinned<'pin>) -> Option<(&'pin Entry<K, R>, bool)> {
        let hashed = self.hashed.get()?;
        let filed = self.alone(me).and_then(|alone| {
            // SAFETY: such a key is one of small integers, whose hash, comparison and copy are no code of users.
            unsafe { hashed.file_alone(key, State::claimed(me.number), &alone, pin) }
        });
        match filed {
            Some((entry, false)) => {
                me.finds();
                self.note(key, &entry.slot(), pin);
                filed
            }
            Some(_) => filed,
            None => self.file_slowly(key, me, pin),
        }
    }

    /// The same where the worker is not alone, or where the table has to grow.
    #[cold]
    #[inline(never)]
    fn file_slowly<'pin>(&self, key: &K, me: &Worker, pin: Pinned<'pin>) -> Option<(&'pin Entry<K, R>, bool)> {
        self.file_unless(key, me, pin, || false)
    }

    /// The entry of a key in the hash table, claimed if there was none; `None` if the key turns out to belong elsewhere, too.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn file_unless<'pin>(
        &self,
        key: &K,
        me: &Worker,
        pin: Pinned<'pin>,
        instead: impl Fn() -> bool,
    ) -> Option<(&'pin Entry<K, R>, bool)> {
        let turn = || self.free_turn(me);
        let make = || (State::claimed(me.number), None);
        let (entry, made) =
            self.hashed.get()?.find_or_make((key, self.bias.is_shared()), turn, pin, instead, make, || ())?;
        if !made {
            me.finds();
            self.note(key, &entry.slot(), pin);
        }
        Some((entry, made))
    }
}
