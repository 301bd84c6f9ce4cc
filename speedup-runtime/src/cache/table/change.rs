//! How values leave a table, or make room for others.

use super::{
    Table,
    key::{Key, Output},
    slot::{Slot, State, Word},
};
use crate::cache::{
    memory::{epoch::Garbage, garbage},
    thread::registry::{Pinned, Worker},
};

impl<K: Key, R: Output> Table<K, R> {
    /// Takes a value out; it is dropped when nobody can be reading it.
    ///
    /// # Safety
    /// The table is retired, not dropped, and later than what this call retires.
    pub(in crate::cache) unsafe fn remove<'pin>(&self, key: &K, me: &Worker, pin: Pinned<'pin>) -> Option<&'pin R> {
        if let Some(slot) = key.pack().and_then(|packed| self.pages.find(packed, pin)) {
            // By an atomic instruction, whosoever turn it is: it is rare.
            if slot.state().take_ready() {
                // SAFETY: the slot was ready and is no more, by this thread alone; the table is freed later by the contract.
                return Some(unsafe { Self::retire(&slot) });
            }
            if slot.state().word() != Word::Moved && !self.pages.is_mixed(&slot, pin) {
                return None;
            }
        }
        // SAFETY: passed on.
        unsafe { self.hashed.get()?.remove(key, || self.turn(me), pin) }
    }

    /// Takes the entry of a key out that gets no value, so that it takes no room; `state` leads to its word. False where there is none that can be
    /// taken out: the slot is to be given back.
    ///
    /// # Safety
    /// The worker has claimed the slot; and as for [`remove`](Self::remove).
    #[cfg(not(loom))]
    pub(in crate::cache) unsafe fn discard(&self, key: &K, state: *const (), me: &Worker, pin: Pinned<'_>) -> bool {
        // SAFETY: passed on.
        self.hashed.get().is_some_and(|hashed| unsafe { hashed.discard(key, state, || self.turn(me), pin) })
    }

    /// Whether the slot with this state word is the entry of the key.
    #[cfg(not(loom))]
    pub(in crate::cache) fn has_entry(&self, key: &K, state: *const (), pin: Pinned<'_>) -> bool {
        let entry = self.hashed.get().and_then(|hashed| hashed.find(key, pin));
        entry.is_some_and(|entry| entry.slot().address() == state as usize)
    }

    /// Claims the entry of a key that has neither a value nor an owner.
    #[cfg(not(loom))]
    pub(in crate::cache) fn claim_entry<'pin>(&self, key: &K, me: &Worker, pin: Pinned<'pin>) -> Option<Slot<'pin, R>> {
        let slot = self.hashed.get()?.find(key, pin)?.slot();
        slot.state().claim_in(me.number, &self.turn(me)).is_ok().then_some(slot)
    }

    /// Puts a value in the place of one that is there, which it gives out; it is dropped when nobody can be reading it. Who
    /// looks meanwhile finds one or the other. Gives the value back where there is none to be replaced.
    ///
    /// # Safety
    /// As for [`remove`](Self::remove).
    pub(in crate::cache) unsafe fn replace<'pin>(
        &self,
        key: &K,
        value: R,
        me: &Worker,
        pin: Pinned<'pin>,
    ) -> Result<Option<&'pin R>, R> {
        let mut value = Some(value);
        let paged = key.pack().and_then(|packed| self.pages.find(packed, pin));
        if let Some(slot) = paged.filter(|slot| slot.state().word() == Word::Ready) {
            // A slot in a page is not used again: the key moves, the new value first. Where the old one is removed in
            // between there is nothing to be replaced.
            let (gone, mut old) = (|| slot.state().word() != Word::Ready, None);
            let make = || (State::ready(), value.take());
            let turn = || Some(self.turn(me));
            // SAFETY: as in `remove`.
            let made = || old = slot.state().take_ready().then(|| unsafe { Self::retire(&slot) });
            match self.hashed().find_or_make((key, false), turn, pin, gone, make, made) {
                Some((_, true)) => return Ok(old),
                // Another thread is just replacing the value.
                Some(_) => drop(self.hashed().has_settled(key, &self.turn(me), pin)),
                None => {}
            }
        } else if let Some(hashed) = self.hashed.get() {
            // SAFETY: passed on.
            let old = unsafe { hashed.replace(key, &mut value, || self.turn(me), pin) };
            if old.is_some() {
                return Ok(old);
            }
        }
        value.map_or(Ok(None), Err)
    }

    /// Has the value of a paged slot dropped when nobody can be reading it.
    ///
    /// # Safety
    /// The slot was ready, and the caller alone has taken it out of use. The table is freed later than what is retired now.
    unsafe fn retire<'pin>(slot: &Slot<'pin, R>) -> &'pin R {
        unsafe fn free<R>(_: *const (), at: *mut ()) {
            // SAFETY: the slot keeps its value until this runs.
            unsafe { at.cast::<R>().drop_in_place() };
        }
        // A slot in a page is not used again, so what has no destructor stays where it is.
        if std::mem::needs_drop::<R>() {
            // SAFETY: `R` is `Send`; once, by the contract.
            garbage::retire(unsafe { Garbage::new(std::ptr::null(), slot.value_ptr().cast(), free::<R>) });
        }
        // SAFETY: what was retired just now lives during the pin.
        unsafe { &*slot.value_ptr() }
    }
}
