//! The life of a cached call: looked up, claimed, computed, published. See `ARCHITECTURE.md` for the whole story.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr::null_mut,
};

use once_cell::sync::OnceCell;

use super::{
    chain::{Frame, Running},
    function::Function,
    grain::{Grain, Mode},
    help,
    key::{Key, Lookup, Output},
    number::Number,
    stack,
    table::{Claim, Member, Slot, State, Table, Word},
    wait::{self, Busy, Outcome, Waited},
    worker::{self, Pin, Worker},
};
use crate::{
    panics::{self, Payload},
    sync::{Arc, AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering},
};

/// A cache whose key and result types are not known: what waiting and helping need.
pub(super) trait Engine: Sync {
    /// Writes a call of the function. `key` points to a key of this cache.
    ///
    /// # Safety
    /// `key` points to a key of the type of this cache.
    unsafe fn show(&self, key: *const (), out: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Whether the slot is still claimed by the worker that was seen there.
    fn is_busy(&self, busy: &Busy, worker: &'static Worker) -> bool;

    /// How many threads are waiting for slots of this cache.
    fn waiters(&self) -> &AtomicU32;

    /// Computes a member of somebody's group, if nobody has begun to.
    fn help(&self, member: u64, table: u64, worker: &'static Worker) -> Helped;

    /// An outermost call of this cache, which had come to a group, has ended on this thread.
    fn ended(&self, worker: &'static Worker);

    /// Notes that bodies of this function use rayon.
    fn note_rayon(&self);

    /// Keeps the cache alive until [`release`](Self::release).
    fn retain(&self);

    /// Undoes one [`retain`](Self::retain). `self` may be gone afterwards.
    fn release(&self);
}

/// What came of helping with a member.
pub(super) enum Helped {
    /// It has been computed, now and here.
    Computed,
    /// Another worker is computing it.
    Busy(Busy),
    /// It needs nobody any more.
    Settled,
}

/// The part of a [`Core`] that is reached without knowing its type, through the boards of workers.
#[repr(C)]
pub(super) struct Header {
    /// Gives the whole `Core` back. The pointer is the header of a `Core` of the right type.
    cast: unsafe fn(*const Header) -> *const dyn Engine,
}

impl Header {
    /// The cache whose header this is.
    ///
    /// # Safety
    /// The pointer leads to the header of a living `Core`.
    pub(super) unsafe fn engine<'a>(header: *const Self) -> &'a dyn Engine {
        // SAFETY: by the contract; `cast` was made for the type of this very `Core`.
        unsafe { &*((*header).cast)(header) }
    }
}

/// The state of one cache. The header comes first: a pointer to it is a pointer to the core.
#[repr(C)]
pub(super) struct Core<K: Key, R: Output> {
    header: Header,
    /// The current table, or null before the first. Release when replaced, Acquire by readers.
    table: AtomicPtr<Table<K, R>>,
    /// Threads waiting for slots of this cache. Read without a barrier when a value is published: waiters look again by
    /// themselves, see `wait`.
    waiters: AtomicU32,
    /// Whether the core is counted (and freed) by `Arc`, or lives in a static.
    counted: bool,
    /// Known from the first miss on: what helpers call.
    function: OnceCell<Function<K, R>>,
    pub(super) grain: Grain,
    pub(super) number: Number,
    /// Computations that ended in a panic. Relaxed: a count.
    panicked: AtomicUsize,
    /// Whether a body was found waiting inside rayon. Relaxed: a hint.
    uses_rayon: AtomicBool,
}

/// A claim on a slot that outlives the pin under which it was made. Dropped without a result, it gives the slot back.
struct Flight<'core, K: Key, R: Output> {
    core: &'core Core<K, R>,
    worker: &'static Worker,
    /// The number of the table: as long as it is current, the slot is there.
    table: u64,
    slot: Slot<'static, R>,
}

/// What came of asking for a value.
enum Asked<'core, K: Key, R: Output> {
    Value(R),
    Mine(Flight<'core, K, R>),
    Busy(Busy),
}

impl<K: Key, R: Output> Core<K, R> {
    pub(super) const fn new(counted: bool) -> Self {
        Self {
            header: Header { cast: Self::cast },
            table: AtomicPtr::new(null_mut()),
            waiters: AtomicU32::new(0),
            counted,
            function: OnceCell::new(),
            grain: Grain::new(),
            number: Number::new(),
            panicked: AtomicUsize::new(0),
            uses_rayon: AtomicBool::new(false),
        }
    }

    /// # Safety
    /// The pointer leads to the header of a `Core<K, R>`.
    unsafe fn cast(header: *const Header) -> *const dyn Engine {
        header.cast::<Self>()
    }

    pub(super) fn header(&self) -> *mut Header {
        std::ptr::from_ref(self).cast::<Header>().cast_mut()
    }

    /// The value of a key that has one. O(1), takes no lock, writes nothing that others read.
    #[inline]
    pub(super) fn peek<Q: Lookup<K>>(&self, key: Q, packed: Option<u64>, worker: &'static Worker) -> Option<R> {
        let pin = worker.pin();
        let found = self.table(&pin)?.find(key, packed, &pin)?;
        Some(found.clone())
    }

    /// The value of a key: the whole of a cached call.
    #[inline]
    pub(super) fn get<Q: Lookup<K>>(
        &self,
        function: &Function<K, R>,
        key: Q,
        packed: Option<u64>,
        worker: &'static Worker,
    ) -> R {
        let pin = worker.pin();
        match self.table(&pin).and_then(|table| table.find(key, packed, &pin)) {
            Some(value) => {
                let value = value.clone();
                drop(pin);
                if let Some(number) = self.number.known() {
                    worker.count_hit(number);
                }
                value
            }
            None => self.compute_pinned(function, key, packed, pin),
        }
    }

    /// Whether the value of a key is there.
    pub(super) fn contains(&self, key: &K, worker: &'static Worker) -> bool {
        let pin = worker.pin();
        self.table(&pin).is_some_and(|table| table.find(key, key.pack(), &pin).is_some())
    }

    /// Computations that ended in a panic.
    pub(super) fn panics(&self) -> u64 {
        self.panicked.load(Ordering::Relaxed) as u64
    }

    /// The value of a key, computed if need be by exactly one of those who ask.
    pub(super) fn compute<Q: Lookup<K>>(&self, function: &Function<K, R>, key: Q, packed: Option<u64>) -> R {
        self.compute_pinned(function, key, packed, worker::current().pin())
    }

    /// As [`compute`](Self::compute), continuing a look-up.
    #[cold]
    #[inline(never)]
    fn compute_pinned<Q: Lookup<K>>(&self, function: &Function<K, R>, key: Q, packed: Option<u64>, pin: Pin) -> R {
        let worker = pin.worker();
        match self.ask(function, key, packed, pin) {
            Asked::Value(value) => value,
            Asked::Mine(flight) => self.run(function, &key.to_key(), flight),
            Asked::Busy(busy) => self.compute_after(function, key, packed, busy, worker),
        }
    }

    /// The value of a key that another thread was seen to compute.
    #[cold]
    fn compute_after<Q: Lookup<K>>(
        &self,
        function: &Function<K, R>,
        key: Q,
        packed: Option<u64>,
        mut busy: Busy,
        worker: &'static Worker,
    ) -> R {
        loop {
            match wait::wait(self, busy, worker) {
                Waited::Again => {}
                Waited::Outcome(outcome) => {
                    if let Some(value) = outcome.into_value() {
                        return value;
                    }
                }
                Waited::Recompute => return self.recompute(function, &key.to_key(), busy.slot, worker),
                Waited::Isolate => return self.isolate(function, &key.to_key(), busy.slot, worker),
            }
            match self.ask(function, key, packed, worker.pin()) {
                Asked::Value(value) => return value,
                Asked::Mine(flight) => return self.run(function, &key.to_key(), flight),
                Asked::Busy(again) => busy = again,
            }
        }
    }

    /// The value of a key if it is there or nobody has begun to compute it; `None` where another thread has.
    pub(super) fn compute_if_free(&self, function: &Function<K, R>, key: &K) -> Option<R> {
        let worker = worker::current();
        match self.ask(function, key, key.pack(), worker.pin()) {
            Asked::Value(value) => Some(value),
            Asked::Mine(flight) => Some(self.run(function, key, flight)),
            Asked::Busy(_) => None,
        }
    }

    /// Runs the body without a claim on the slot at this address, whose owner cannot or must not be waited for.
    pub(super) fn recompute(&self, function: &Function<K, R>, key: &K, slot: usize, worker: &'static Worker) -> R {
        worker.own.recomputing.set(worker.own.recomputing.get() + 1);
        let result = catch_unwind(AssertUnwindSafe(|| self.call(function, key, slot, worker)));
        worker.own.recomputing.set(worker.own.recomputing.get() - 1);
        result.unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// Names a key's slot for others, making the slot if need be.
    pub(super) fn member(&self, key: &K, worker: &'static Worker) -> (u64, u64) {
        let pin = worker.pin();
        let table = self.table_or_new(&pin);
        (table.slot(key, key.pack(), &pin).member(), table.id())
    }

    /// Puts a value in unless there is one or somebody is computing it; gives it back if so.
    pub(super) fn insert_new(
        &self,
        function: &Function<K, R>,
        key: &K,
        value: R,
        worker: &'static Worker,
    ) -> Result<(), (R, Option<Busy>)> {
        match self.ask(function, key, key.pack(), worker.pin()) {
            Asked::Value(_) => Err((value, None)),
            Asked::Busy(busy) => Err((value, Some(busy))),
            Asked::Mine(flight) => {
                flight.publish(value);
                Ok(())
            }
        }
    }

    /// Takes a value out.
    pub(super) fn remove(&self, key: &K, worker: &'static Worker) -> Option<R> {
        let removed = {
            let pin = worker.pin();
            // SAFETY: tables are retired by `clear`, after they were replaced, or with the core by its last owner.
            unsafe { self.table(&pin)?.remove(key, &pin) }
        };
        worker::collect_if_due();
        removed
    }

    /// Forgets everything. What is being computed is finished for those who wait for it, and not kept.
    pub(super) fn clear(&self) {
        let old = self.table.swap(null_mut(), Ordering::AcqRel);
        if !old.is_null() {
            let old = old as usize;
            // SAFETY: made by `Box::into_raw`, unlinked just now, and freed when nobody can be looking at it.
            worker::retire(Box::new(move || drop(unsafe { Box::from_raw(old as *mut Table<K, R>) })));
        }
        worker::collect();
    }

    /// How many values there are. O(slots).
    pub(super) fn len(&self, worker: &'static Worker) -> usize {
        let pin = worker.pin();
        self.table(&pin).map_or(0, |table| table.len(&pin))
    }

    #[inline]
    fn table<'pin>(&self, _pin: &'pin Pin) -> Option<&'pin Table<K, R>> {
        // SAFETY: a table that was current during a pin is not freed while the pin lasts.
        unsafe { self.table.load(Ordering::Acquire).as_ref() }
    }

    #[inline]
    fn table_or_new<'pin>(&self, pin: &'pin Pin) -> &'pin Table<K, R> {
        self.table(pin).unwrap_or_else(|| self.make_table(pin))
    }

    #[cold]
    fn make_table<'pin>(&self, pin: &'pin Pin) -> &'pin Table<K, R> {
        loop {
            if let Some(table) = self.table(pin) {
                return table;
            }
            let new = Box::into_raw(Box::new(Table::new()));
            if self.table.compare_exchange(null_mut(), new, Ordering::AcqRel, Ordering::Relaxed).is_err() {
                // SAFETY: made just above and seen by nobody else.
                drop(unsafe { Box::from_raw(new) });
            }
        }
    }

    #[inline]
    fn ask<Q: Lookup<K>>(&self, function: &Function<K, R>, key: Q, packed: Option<u64>, pin: Pin) -> Asked<'_, K, R> {
        if self.function.get().is_none() {
            self.remember(function);
        }
        let worker = pin.worker();
        let table = self.table_or_new(&pin);
        match table.claim(key, packed, worker.number, &pin) {
            Claim::Ready(value) => Asked::Value(value.clone()),
            Claim::Busy(slot, owner) => Asked::Busy(Busy { owner, slot: slot.address(), table: table.id() }),
            Claim::Mine(slot) => Asked::Mine(Flight::new(self, worker, table.id(), slot)),
        }
    }

    #[cold]
    fn remember(&self, function: &Function<K, R>) {
        self.function.get_or_init(|| function.clone());
    }

    /// Computes what has been claimed, publishes it and wakes who waits.
    fn run(&self, function: &Function<K, R>, key: &K, flight: Flight<'_, K, R>) -> R {
        let worker = flight.worker;
        let slot = flight.slot.address();
        let result = catch_unwind(AssertUnwindSafe(|| self.call(function, key, slot, worker)));
        match result {
            Ok(value) => {
                if function.keep.is_none_or(|keep| keep(&value)) {
                    flight.publish(value.clone());
                } else {
                    flight.withdraw(|| Some(Outcome::value(value.clone())));
                }
                worker::collect_if_due();
                value
            }
            Err(payload) => {
                self.panicked.fetch_add(1, Ordering::Relaxed);
                flight.withdraw(|| panics::copy_of(&payload).map(Outcome::panic));
                resume_unwind(payload)
            }
        }
    }

    /// Runs the body as the innermost call of the thread, with room on the stack.
    fn call(&self, function: &Function<K, R>, key: &K, slot: usize, worker: &'static Worker) -> R {
        // SAFETY: the key outlives the call, and is one of this cache.
        let frame = unsafe { Frame::new(worker, self, std::ptr::from_ref(key).cast(), slot) };
        if worker.own.top.get().is_none() {
            self.grain.begin(worker);
        }
        self.grain.count(worker, worker.count_computed(self.number.get()));
        let _running = Running::begin(worker, &frame);
        // Relaxed: a hint.
        if worker.own.sample.shares() || function.uses_rayon || self.uses_rayon.load(Ordering::Relaxed) {
            self.announce(function, &frame, worker);
        }
        stack::with_room(worker, std::ptr::from_ref(&frame) as usize, || function.call(key))
    }

    /// Lets others know of a running call what they need to.
    fn announce(&self, function: &Function<K, R>, frame: &Frame, worker: &'static Worker) {
        if worker.own.sample.shares() && self.shares(function) {
            frame.show(worker);
        }
        if function.uses_rayon || self.uses_rayon.load(Ordering::Relaxed) {
            frame.found_in_rayon(worker);
        }
    }

    /// Whether the members of a group are to be shared out, as far as is known.
    #[inline]
    pub(super) fn shares(&self, function: &Function<K, R>) -> bool {
        !function.sequential && self.grain.mode() == Mode::Parallel
    }

    /// Runs the body on a thread of its own, where every running call is known to be needed by the next.
    fn isolate(&self, function: &Function<K, R>, key: &K, slot: usize, worker: &'static Worker) -> R {
        super::isolate::run(worker, |isolated| self.recompute(function, key, slot, isolated))
    }
}

impl<'core, K: Key, R: Output> Flight<'core, K, R> {
    fn new(core: &'core Core<K, R>, worker: &'static Worker, table: u64, slot: Slot<'_, R>) -> Self {
        // SAFETY: looked at again only in `with_slot`, under a pin and while the table is known to be current.
        let slot = unsafe { slot.unpinned() };
        Self { core, worker, table, slot }
    }

    /// Lets everybody read the value.
    #[inline]
    fn publish(self, value: R) {
        let pin = self.worker.pin();
        if let Some(slot) = self.slot(&pin) {
            // SAFETY: claimed by this worker, and given back only by `self`, which ends here.
            unsafe { slot.publish(value) };
        }
        drop(pin);
        let (core, at) = (self.core, self.slot.address());
        std::mem::forget(self);
        // Relaxed: see `wait`: who begins to wait just now looks again by itself.
        if core.waiters.load(Ordering::Relaxed) > 0 {
            wait::wake(at);
        }
    }

    /// Gives the slot back without a value; who waits gets the outcome, if there is one to be had.
    fn withdraw(self, outcome: impl Fn() -> Option<Outcome>) {
        if self.core.waiters.load(Ordering::SeqCst) > 0 {
            wait::deliver(self.slot.address(), outcome);
        }
    }

    /// The slot, if its table is still the current one.
    #[inline]
    fn slot<'pin>(&self, pin: &'pin Pin) -> Option<Slot<'pin, R>> {
        // SAFETY: the slot is one of the table with this number, which is current under the pin.
        self.core.table(pin).filter(|table| table.id() == self.table).map(|_| unsafe { self.slot.pinned(pin) })
    }
}

impl<K: Key, R: Output> Drop for Flight<'_, K, R> {
    fn drop(&mut self) {
        let pin = self.worker.pin();
        if let Some(slot) = self.slot(&pin) {
            slot.state().release();
        }
        drop(pin);
        if self.core.waiters.load(Ordering::SeqCst) > 0 {
            wait::wake(self.slot.address());
        }
    }
}

impl<K: Key, R: Output> Engine for Core<K, R> {
    unsafe fn show(&self, key: *const (), out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(function) = self.function.get() else { return out.write_str("?") };
        // SAFETY: by the contract.
        let key = unsafe { &*key.cast::<K>() };
        struct Arguments<'a, K>(&'a K, super::function::Show<K>);
        impl<K> fmt::Display for Arguments<'_, K> {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                (self.1)(self.0, out)
            }
        }
        out.write_str(function.name)?;
        // A tuple of one is written `(1,)`, a call of one argument `f(1)`.
        match function.show.map(|show| Arguments(key, show).to_string()) {
            Some(arguments) if arguments.ends_with(",)") => write!(out, "{})", &arguments[..arguments.len() - 2]),
            Some(arguments) => out.write_str(&arguments),
            None => out.write_str("(..)"),
        }
    }

    fn is_busy(&self, busy: &Busy, worker: &'static Worker) -> bool {
        let pin = worker.pin();
        // SAFETY: a slot of the table with this number, which is current under the pin.
        self.table(&pin).is_some_and(|table| {
            table.id() == busy.table && unsafe { &*(busy.slot as *const State) }.word() == Word::Claimed(busy.owner)
        })
    }

    fn waiters(&self) -> &AtomicU32 {
        &self.waiters
    }

    fn help(&self, member: u64, table: u64, worker: &'static Worker) -> Helped {
        let Some(function) = self.function.get() else { return Helped::Settled };
        let claimed = {
            let pin = worker.pin();
            let Some(current) = self.table(&pin).filter(|current| current.id() == table) else {
                return Helped::Settled;
            };
            // SAFETY: the member was named by the table with this number.
            match unsafe { current.claim_member(member, worker.number, &pin) } {
                None | Some(Member::Settled) => return Helped::Settled,
                Some(Member::Busy(slot, owner)) => return Helped::Busy(Busy { owner, slot, table }),
                Some(Member::Mine(key, slot)) => (key, Flight::new(self, worker, table, slot)),
            }
        };
        // A panic goes to who needs the value: they are told, or compute it again.
        drop(catch_unwind(AssertUnwindSafe(|| self.run(function, &claimed.0, claimed.1))));
        Helped::Computed
    }

    fn ended(&self, worker: &'static Worker) {
        self.grain.end(worker);
        help::dismiss(worker);
    }

    fn note_rayon(&self) {
        self.uses_rayon.store(true, Ordering::Relaxed);
    }

    fn retain(&self) {
        if self.counted {
            // SAFETY: a counted core was made by `Arc::new`, and is alive since it is borrowed.
            unsafe { Arc::increment_strong_count(self) };
        }
    }

    fn release(&self) {
        if self.counted {
            let this = std::ptr::from_ref(self) as usize;
            // SAFETY: undoes `retain`. Retired, since boards may still name the core.
            worker::retire(Box::new(move || unsafe { Arc::decrement_strong_count(this as *const Self) }));
        }
    }
}

impl<K: Key, R: Output> Drop for Core<K, R> {
    fn drop(&mut self) {
        let table = *self.table.get_mut();
        if !table.is_null() {
            // SAFETY: made by `Box::into_raw`; nobody looks at the core any more, which was retired before it was dropped.
            drop(unsafe { Box::from_raw(table) });
        }
    }
}

impl Outcome {
    /// A result that is not kept.
    pub(super) fn value<R: Output>(value: R) -> Self {
        Self::Value(Box::new(value))
    }

    /// A panic.
    pub(super) fn panic(payload: Payload) -> Self {
        Self::Panic(payload)
    }

    /// The value; `None` for one of another type, which does not happen.
    ///
    /// # Panics
    /// With the payload of a panic.
    pub(super) fn into_value<R: Output>(self) -> Option<R> {
        match self {
            Self::Value(value) => (value as Box<dyn Any>).downcast::<R>().ok().map(|value| *value),
            Self::Panic(payload) => resume_unwind(payload),
        }
    }
}
