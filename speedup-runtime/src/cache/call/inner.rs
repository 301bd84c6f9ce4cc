//! The life of a cached call: looked up, claimed, computed, published. See `ARCHITECTURE.md` for the whole story.

use std::{
    any::TypeId,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use once_cell::sync::OnceCell;

use crate::cache::{
    api::{
        function::{Callee, Function},
        key::{Key, Lookup, Output},
    },
    block::{
        block_on::{self, Busy, Waited},
        isolation,
    },
    call::{
        claim_guard::Flight,
        erased::{Engine, Header},
        flags::Notes,
    },
    fork::granularity::Grain,
    table::{Claim, Current, Table, Word},
    thread::{
        counters::Number,
        registry::{self, Pinned, Worker},
    },
};
use crate::sync::{AtomicU32, AtomicUsize, Ordering};

/// The state of one cache. The header comes first: a pointer to it is a pointer to the core.
///
/// A function has one, or one for each set of arguments that its calls pass on unchanged: a family.
#[repr(C)]
pub(in crate::cache) struct Core<K: Key, R: Output> {
    pub(in crate::cache) header: Header,
    pub(in crate::cache) table: Current<K, R>,
    /// Threads waiting for slots of this cache. Read without a barrier when a value is published: waiters look again by
    /// themselves, see `block_on`.
    pub(in crate::cache) waiters: AtomicU32,
    /// Whether the core is counted (and freed) by `Arc`, or lives in a static.
    pub(in crate::cache) counted: bool,
    /// Known from the first miss on: what helpers call.
    pub(in crate::cache) function: OnceCell<Function<K, R>>,
    pub(in crate::cache) grain: Grain,
    pub(in crate::cache) number: Number,
    /// Computations that ended in a panic. Relaxed: a count.
    pub(in crate::cache) panicked: AtomicUsize,
    pub(in crate::cache) notes: Notes,
    /// What the bodies of this core get beside the key, if it is one of several of its function.
    pub(in crate::cache) steady: Option<Steady>,
}

/// What all calls of one core pass on unchanged: an owned value, dropped with the core.
pub(in crate::cache) struct Steady {
    at: *mut (),
    /// Drops the box at this address.
    free: unsafe fn(*mut ()),
}

impl Steady {
    pub(in crate::cache) fn new<S: Send + Sync>(value: S) -> Self {
        unsafe fn free<S>(at: *mut ()) {
            // SAFETY: only `drop` calls this, once, with the address that was made of a box of this type.
            drop(unsafe { Box::from_raw(at.cast::<S>()) });
        }
        Self { at: Box::into_raw(Box::new(value)).cast(), free: free::<S> }
    }

    /// Where the value is; of the type that [`new`](Self::new) was given.
    #[inline(always)]
    pub(in crate::cache) fn at(&self) -> *const () {
        self.at
    }
}

// SAFETY: a box of something that is both, by `new`.
unsafe impl Send for Steady {}
// SAFETY: as above.
unsafe impl Sync for Steady {}

impl Drop for Steady {
    fn drop(&mut self) {
        // SAFETY: see `free`.
        unsafe { (self.free)(self.at) };
    }
}

/// What came of a first look at a key.
pub(in crate::cache) enum Begun<'core, K: Key, R: Output> {
    Value(R),
    Mine(Flight<'core, K, R>),
    /// It takes more than a look.
    NotYet,
}

/// What came of asking for a value.
enum Asked<'core, K: Key, R: Output> {
    Value(R),
    Mine(Flight<'core, K, R>),
    Busy(Busy),
}

impl<K: Key, R: Output> Core<K, R> {
    /// A core that is its function's only one.
    pub(in crate::cache) const fn new(counted: bool) -> Self {
        Self::one_of(Header::ALONE, counted, None)
    }

    /// A core of a family.
    pub(in crate::cache) const fn one_of(family: TypeId, counted: bool, steady: Option<Steady>) -> Self {
        Self {
            header: Header { cast: Self::cast, family },
            steady,
            table: Current::none(),
            waiters: AtomicU32::new(0),
            counted,
            function: OnceCell::new(),
            grain: Grain::new(),
            number: Number::new(),
            panicked: AtomicUsize::new(0),
            notes: Notes::new(),
        }
    }

    /// # Safety
    /// The pointer leads to the header of a `Core<K, R>`.
    pub(in crate::cache) unsafe fn cast(header: *const Header) -> *const dyn Engine {
        header.cast::<Self>()
    }

    pub(in crate::cache) fn header(&self) -> *mut Header {
        std::ptr::from_ref(self).cast::<Header>().cast_mut()
    }

    /// The value of a key that has one. O(1), takes no lock, writes nothing that others read.
    #[inline]
    pub(in crate::cache) fn peek<Q: Lookup<K>>(
        &self,
        key: Q,
        packed: Option<u64>,
        worker: &'static Worker,
    ) -> Option<R> {
        let pin = worker.pin();
        let found = self.table(pin.at())?.find(key, packed, pin.at())?;
        Some(found.clone())
    }

    /// The value of a key that has one: the whole of a hit. Anything out of the ordinary is left to
    /// [`get`](Self::get), which looks again.
    #[inline(always)]
    pub(in crate::cache) fn hit<Q: Lookup<K>>(&self, key: Q, packed: Option<u64>) -> Option<R> {
        self.hit_by(packed.unwrap_or(0), |table, pin| table.find(key, packed, pin))
    }

    #[inline(always)]
    fn hit_by(
        &self,
        tally: u64,
        find: impl for<'pin> FnOnce(&'pin Table<K, R>, Pinned<'pin>) -> Option<&'pin R>,
    ) -> Option<R> {
        let worker = registry::swift()?;
        let pin = worker.pin_swiftly();
        let value = find(self.table(pin.at())?, pin.at())?.clone();
        drop(pin);
        worker.count_hit(self.number.index(), tally);
        Some(value)
    }

    /// The value of a key, computed if need be.
    #[inline(always)]
    pub(in crate::cache) fn get(&self, callee: Callee<'_, K, R>, key: &K) -> R {
        if !K::is_small() {
            return self.get_hashed(callee, key);
        }
        // What is more than a hit is left to `execute`, so that this is short wherever it is inlined.
        if let Some(packed) = key.pack()
            && let Some(value) = self.hit_by(packed, |table, pin| table.find_paged(packed, pin))
        {
            return value;
        }
        callee.run(self, key, None)
    }

    /// The same for keys that have their place in the hash table: one look finds the value or claims the slot.
    #[inline(always)]
    fn get_hashed(&self, callee: Callee<'_, K, R>, key: &K) -> R {
        let worker = registry::current();
        match self.begin(key, worker) {
            Begun::Value(value) => value,
            Begun::Mine(flight) => callee.run(self, key, Some(flight)),
            // By way of `execute`, which sees to room on the stack: who waits may come here again while it gives way.
            Begun::NotYet => callee.run(self, key, None),
        }
    }

    /// Claims a key's slot, or finds its value, if that takes no more than a look.
    #[inline(always)]
    pub(in crate::cache) fn begin(&self, key: &K, worker: &'static Worker) -> Begun<'_, K, R> {
        let pin = worker.pin();
        let Some(table) = self.table(pin.at()) else { return Begun::NotYet };
        match table.begin(key, key.pack(), worker.number, pin.at()) {
            None => Begun::NotYet,
            Some((slot, true)) => Begun::Mine(Flight::new(self, worker, table.id(), slot)),
            Some((slot, false)) => {
                let Some(value) = slot.value() else { return Begun::NotYet };
                let value = value.clone();
                worker.count_hit(self.number.index(), 0);
                Begun::Value(value)
            }
        }
    }

    /// Whether the value of a key is there.
    pub(in crate::cache) fn contains(&self, key: &K, worker: &'static Worker) -> bool {
        let pin = worker.pin();
        self.table(pin.at()).is_some_and(|table| table.find(key, key.pack(), pin.at()).is_some())
    }

    /// Computations that ended in a panic.
    pub(in crate::cache) fn panics(&self) -> u64 {
        self.panicked.load(Ordering::Relaxed) as u64
    }

    /// Whether the slot of a key is the one that was seen, and still claimed by the same worker.
    fn is_still(&self, key: &K, busy: &Busy, worker: &'static Worker) -> bool {
        let pin = worker.pin();
        let same = |table: &&Table<K, R>| table.id() == busy.table && table.admits(worker.number);
        self.table(pin.at()).filter(same).is_some_and(|table| {
            let slot = table.slot(key, key.pack(), worker.number, pin.at());
            slot.address() == busy.slot && slot.state().word() == Word::Claimed(busy.owner)
        })
    }

    /// The value of a key if it is there or nobody has begun to compute it; `None` where another thread has.
    pub(in crate::cache) fn compute_if_free(&self, callee: Callee<'_, K, R>, key: &K) -> Option<R> {
        let worker = registry::current();
        match self.ask(callee.function, key, worker) {
            Asked::Value(value) => Some(value),
            Asked::Mine(flight) => Some(callee.run(self, key, Some(flight))),
            Asked::Busy(_) => None,
        }
    }

    /// Runs the body without a claim on the slot with this name, whose owner cannot or must not be waited for.
    pub(in crate::cache) fn recompute(
        &self,
        callee: Callee<'_, K, R>,
        key: &K,
        slot: usize,
        worker: &'static Worker,
    ) -> R {
        let flight = Flight::without_claim(self, worker, slot);
        // A value that is refreshed (slot 0) is nobody's claim: its body runs for itself, not again.
        let outer = worker.own.recomputing.get();
        worker.own.recomputing.set(outer + u32::from(slot != 0));
        let result = catch_unwind(AssertUnwindSafe(|| callee.run(self, key, Some(flight))));
        worker.own.recomputing.set(outer);
        result.unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// Names a key's slot for others, making the slot if need be.
    pub(in crate::cache) fn member(&self, function: &Function<K, R>, key: &K, worker: &'static Worker) -> (u64, u64) {
        let pin = worker.pin();
        let table = self.table_to_change(function, pin.at(), worker);
        (table.slot(key, key.pack(), worker.number, pin.at()).member(), table.id())
    }

    /// Puts a value in unless there is one or somebody is computing it; gives it back if so.
    pub(in crate::cache) fn insert_new(
        &self,
        function: &Function<K, R>,
        key: &K,
        value: R,
        worker: &'static Worker,
    ) -> Result<(), (R, Option<Busy>)> {
        match self.ask(function, key, worker) {
            Asked::Value(_) => Err((value, None)),
            Asked::Busy(busy) => Err((value, Some(busy))),
            Asked::Mine(flight) => {
                flight.publish(value);
                Ok(())
            }
        }
    }

    /// Puts a value in, unless the key is being computed, and returns the one that was there.
    pub(in crate::cache) fn insert(
        &self,
        function: &Function<K, R>,
        key: &K,
        value: R,
        worker: &'static Worker,
    ) -> Option<R> {
        let (mut value, mut old) = (value, None);
        while let Err((back, busy)) = self.insert_new(function, key, value, worker) {
            if busy.is_some() {
                return old;
            }
            value = back;
            old = self.remove(key, worker).or(old);
        }
        old
    }

    /// Computes a key again and keeps the new value instead of the old one, which stays until then.
    pub(in crate::cache) fn refresh(&self, callee: Callee<'_, K, R>, key: &K, worker: &'static Worker) -> R {
        if !self.contains(key, worker) {
            return self.get(callee, key);
        }
        let value = self.recompute(callee, key, 0, worker);
        if callee.function.keep.is_none_or(|keep| keep(&value)) {
            self.insert(callee.function, key, value.clone(), worker);
        }
        value
    }

    /// Takes a value out.
    pub(in crate::cache) fn remove(&self, key: &K, worker: &'static Worker) -> Option<R> {
        let removed = {
            let pin = worker.pin();
            let table = self.table(pin.at())?;
            if table.admits(worker.number) {
                // SAFETY: `clear` frees a table after all that was retired by threads that found it, and so does the last owner
                // of the core.
                unsafe { table.remove(key, worker.number, pin.at()) }
            } else {
                let value = table.find(key, key.pack(), pin.at()).cloned();
                self.table.give_up(table);
                value
            }
        };
        registry::collect_if_due();
        removed
    }

    /// Forgets everything. What is being computed is finished for its caller, and not kept.
    pub(in crate::cache) fn clear(&self) {
        self.table.clear();
    }

    /// How many values there are. O(slots).
    pub(in crate::cache) fn len(&self, worker: &'static Worker) -> usize {
        let pin = worker.pin();
        self.table(pin.at()).map_or(0, |table| table.len(pin.at()))
    }

    #[inline]
    pub(in crate::cache) fn table<'pin>(&self, pin: Pinned<'pin>) -> Option<&'pin Table<K, R>> {
        self.table.get(pin)
    }

    /// Lets everybody change the table, if it is this worker's. Who is invited need not end its time then.
    pub(in crate::cache) fn open(&self, worker: &'static Worker) {
        let pin = worker.pin();
        if let Some(table) = self.table(pin.at()) {
            table.open(worker.number);
        }
    }

    /// The table, made if need be. One that this worker may not change is replaced by another, which is empty.
    #[inline]
    fn table_to_change<'pin>(
        &self,
        function: &Function<K, R>,
        pin: Pinned<'pin>,
        worker: &'static Worker,
    ) -> &'pin Table<K, R> {
        loop {
            let table = self.table(pin).unwrap_or_else(|| self.make_table(function, pin));
            if table.admits(worker.number) {
                return table;
            }
            self.table.give_up(table);
        }
    }

    /// Makes the table, and before it what whoever finds a table relies on: the function and the number.
    #[cold]
    #[inline(never)]
    fn make_table<'pin>(&self, function: &Function<K, R>, pin: Pinned<'pin>) -> &'pin Table<K, R> {
        self.function.get_or_init(|| function.clone());
        self.number.give();
        self.table.get_or_make(|| Table::new(registry::current()), pin)
    }

    /// The value of a key, computed if need be by exactly one of those who ask.
    #[cold]
    #[inline(never)]
    pub(in crate::cache) fn compute(&self, callee: Callee<'_, K, R>, key: &K, worker: &'static Worker) -> R {
        let mut asked = self.ask(callee.function, key, worker);
        loop {
            let busy = match asked {
                Asked::Value(value) => return value,
                Asked::Mine(flight) => return callee.run(self, key, Some(flight)),
                Asked::Busy(busy) => busy,
            };
            self.check_doom_of(key, &busy, worker);
            let is_still = || self.is_still(key, &busy, worker) && !self.is_doomed(key, busy.name());
            match block_on::wait(self, busy, worker, is_still) {
                Waited::Again => {}
                Waited::Outcome(outcome) => {
                    if let Some(value) = outcome.into_value() {
                        return value;
                    }
                }
                Waited::Recompute => {
                    let keep = |value: &R| callee.function.keep.is_none_or(|keep| keep(value));
                    let compute = || self.recompute(callee, key, busy.name(), worker);
                    return isolation::remembered(self, worker, &busy, keep, compute);
                }
                // On another thread the body cannot run. What this one has claimed itself it needs itself.
                Waited::Isolate if callee.is_local => {
                    if busy.owner == worker.number {
                        block_on::cycle(worker, busy.name());
                    }
                    return self.recompute(callee, key, busy.name(), worker);
                }
                Waited::Isolate => return self.isolate(callee, key, &busy, worker),
            }
            asked = self.ask(callee.function, key, worker);
        }
    }

    /// Looks at a key's slot, and claims it if nobody has.
    fn ask(&self, function: &Function<K, R>, key: &K, worker: &'static Worker) -> Asked<'_, K, R> {
        let pin = worker.pin();
        let table = self.table_to_change(function, pin.at(), worker);
        match table.claim(key, key.pack(), worker.number, pin.at()) {
            Claim::Ready(value) => Asked::Value(value.clone()),
            Claim::Busy(slot, owner) => Asked::Busy(Busy { owner, slot: slot.address(), table: table.id() }),
            Claim::Mine(slot) => Asked::Mine(Flight::new(self, worker, table.id(), slot)),
        }
    }

    /// Whether the next group is to be computed in a way in which it may be shared.
    #[inline]
    pub(in crate::cache) fn may_share(&self, function: &Function<K, R>, worker: &'static Worker) -> bool {
        !function.sequential && self.grain.may_share(worker, &self.number)
    }

    /// Whether the members of a group are to be shared out from now on.
    #[inline]
    pub(in crate::cache) fn shares(&self, function: &Function<K, R>, worker: &'static Worker) -> bool {
        !function.sequential && self.grain.shares(worker, &self.number)
    }

    /// Whether so many calls made from outside of all calls are to be shared out.
    pub(in crate::cache) fn shares_all(&self, function: &Function<K, R>, missing: usize) -> bool {
        !function.sequential && self.grain.shares_all(missing)
    }

    /// Runs the body on a thread of its own, where every running call is known to be needed by the next.
    fn isolate(&self, callee: Callee<'_, K, R>, key: &K, busy: &Busy, worker: &'static Worker) -> R {
        isolation::run(self, worker, busy, |isolated| self.recompute(callee, key, busy.name(), isolated))
    }
}

impl<K: Key, R: Output> Drop for Core<K, R> {
    fn drop(&mut self) {
        self.forget_doom();
    }
}
