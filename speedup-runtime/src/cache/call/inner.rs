//! The life of a cached call: looked up, claimed, computed, published. See `ARCHITECTURE.md` for the whole story.

use std::{
    fmt,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use crate::cache::{
    block::{
        block_on::{self, Waited},
        isolation,
    },
    call::{asked::Asked, callee::Callee, claim_guard::Flight, erased, function::Function, state::Core},
    table::key::{Key, Output, mark_of},
    thread::{
        call_stack,
        claim::Busy,
        registry::{self, Worker},
        stack,
    },
};

use crate::seeing::watch::{Watched, What};

/// A call, as it is written.
pub(in crate::cache) fn shown<K: Key, R: Output>(function: &Function<K, R>, key: &K) -> impl fmt::Display {
    fmt::from_fn(|out| erased::write_call(function.name, function.show, key, out))
}

/// Results larger than this, in bytes, are looked for only where there is room for them.
pub(in crate::cache) const LARGE: usize = 16 * 1024;

/// Whether a key is to be computed by who has claimed it.
pub(in crate::cache) enum Due<R> {
    Now,
    /// There is this value by now.
    Not(R),
    /// Its place is another one.
    Elsewhere,
}

/// What came of a first look at a key.
pub(in crate::cache) enum Begun<'core, K: Key, R: Output> {
    Value(R),
    Mine(Flight<'core, K, R>),
    /// It takes more than a look.
    NotYet,
}

impl<K: Key, R: Output> Core<K, R> {
    /// The value of a key, computed if need be.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn get(&self, callee: Callee<'_, K, R>, key: &K) -> R {
        if const { size_of::<R>() > LARGE } {
            return self.get_large(callee, key);
        }
        self.get_small(callee, key)
    }

    /// The same for results of which a few may be more than the stack has room for: this has a small frame.
    #[inline(never)]
    fn get_large(&self, callee: Callee<'_, K, R>, key: &K) -> R {
        let (worker, mark) = (registry::current(), MaybeUninit::<u8>::uninit());
        let more = const { stack::room_for(size_of::<R>()) };
        if stack::has_room(worker, mark.as_ptr() as usize, more) {
            return self.get_here(callee, key);
        }
        stack::on_a_new_piece(worker, more, || self.get_here(callee, key))
    }

    #[inline(never)]
    fn get_here(&self, callee: Callee<'_, K, R>, key: &K) -> R {
        self.get_small(callee, key)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn get_small(&self, callee: Callee<'_, K, R>, key: &K) -> R {
        if !K::is_small() {
            return self.get_hashed(callee, key);
        }
        match self.hit_or_claim(key) {
            Ok(value) => value,
            // What is more than a look is left to `execute`, so that this is short wherever it is inlined.
            Err(Some(flight)) => callee.run_claimed(self, key, flight),
            Err(None) => match self.claim_in_its_page(key) {
                Some(flight) => callee.run_claimed(self, key, flight),
                None => callee.run_unclaimed(self, key),
            },
        }
    }

    /// The value of a key of small integers, if it is in a page. If not, the same look claims its slot, where that is certain to be the key's own.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hit_or_claim(&self, key: &K) -> Result<R, Option<Flight<'_, K, R>>> {
        let Some(codes) = key.codes() else { return Err(None) };
        let Some(worker) = registry::swift() else { return self.hit_small_slowly(key).ok_or(None) };
        // No closures, as in `hit_small`.
        let pin = worker.pin_to_clone::<R>();
        let Some(table) = self.table(pin.at()) else { return Err(None) };
        let vacant = match table.look_paged(&codes, pin.at()) {
            Ok(value) => {
                let value = value.clone();
                drop(pin);
                worker.count_hit(self.number.index(), codes[K::COORDINATES.saturating_sub(1)]);
                return Ok(value);
            }
            Err(vacant) => vacant,
        };
        let own = vacant.filter(|vacant| table.claim_swiftly(vacant, worker));
        Err(own.map(|vacant| Flight::in_page(self, worker, table.id(), vacant.slot)))
    }

    /// The value of a key of small integers, if it is in a page.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn hit_small(&self, key: &K) -> Option<R> {
        if !K::is_small() {
            return None;
        }
        let Some(packed) = key.pack() else { return self.hit_far(key) };
        let Some(worker) = registry::swift() else { return self.hit_small_slowly(key) };
        // As `hit_by`, without a closure, which the compiler may put somewhere else.
        let pin = worker.pin_to_clone::<R>();
        let value = self.table(pin.at())?.find_paged(packed, pin.at())?.clone();
        drop(pin);
        worker.count_hit(self.number.index(), packed);
        Some(value)
    }

    /// As [`hit`](Self::hit), and short for a key of small integers that is in a page: anything else of such keys is out of line.
    #[cfg(feature = "async")]
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn hit_wherever(&self, key: &K) -> Option<R> {
        if !K::is_small() {
            return self.hit(key, None);
        }
        let (Some(codes), Some(worker)) = (key.codes(), registry::swift()) else { return self.hit_beyond(key) };
        // No closures, as in `hit_small`.
        let pin = worker.pin_to_clone::<R>();
        if let Some(table) = self.table(pin.at())
            && let Ok(value) = table.look_paged(&codes, pin.at())
        {
            let value = value.clone();
            drop(pin);
            worker.count_hit(self.number.index(), codes[K::COORDINATES.saturating_sub(1)]);
            return Some(value);
        }
        drop(pin);
        self.hit_beyond(key)
    }

    /// The same beyond its page, or on a thread that makes barriers of its own.
    #[cfg(feature = "async")]
    #[cold]
    #[inline(never)]
    fn hit_beyond(&self, key: &K) -> Option<R> {
        self.hit(key, key.pack())
    }

    /// The same on a thread that makes barriers of its own.
    #[cold]
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn hit_small_slowly(&self, key: &K) -> Option<R> {
        let packed = key.pack()?;
        self.hit_by(packed, |table, pin| table.find_paged(packed, pin))
    }

    /// The value of a key for which [`hit_small`](Self::hit_small) has looked in vain.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn get_missed(&self, callee: Callee<'_, K, R>, key: &K) -> R {
        if K::is_small() && const { size_of::<R>() <= LARGE } {
            return callee.run_unclaimed(self, key);
        }
        self.get(callee, key)
    }

    /// The same for keys that have their place in the hash table: one look finds the value or claims the slot.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn get_hashed(&self, callee: Callee<'_, K, R>, key: &K) -> R {
        let worker = registry::current();
        match self.begin(key, worker) {
            Begun::Value(value) => value,
            Begun::Mine(flight) => callee.run_claimed(self, key, flight),
            // By way of `execute`, which sees to room on the stack: who waits may come here again while it gives way.
            Begun::NotYet => callee.run_unclaimed(self, key),
        }
    }

    /// Claims a key's slot, or finds its value, if that takes no more than a look.
    // Always: what is returned is several words, and lies in memory where it is returned by a call.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn begin(&self, key: &K, worker: &'static Worker) -> Begun<'_, K, R> {
        let pin = worker.pin();
        let Some(table) = self.table(pin.at()) else { return Begun::NotYet };
        match table.begin(key, key.pack(), worker, pin.at()) {
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

    /// Runs the body without a claim on the slot with this name, whose owner cannot or must not be waited for.
    pub(in crate::cache) fn recompute(
        &self,
        callee: Callee<'_, K, R>,
        key: &K,
        slot: usize,
        worker: &'static Worker,
    ) -> R {
        let flight = Flight::without_claim(self, worker, slot);
        let outer = worker.own.recomputing.get();
        worker.own.recomputing.set(outer + 1);
        let result = catch_unwind(AssertUnwindSafe(|| callee.run_claimed(self, key, flight)));
        worker.own.recomputing.set(outer);
        result.unwrap_or_else(|payload| resume_unwind(payload))
    }

    /// Puts a value in unless there is one or somebody is computing it; gives it back if so.
    pub(in crate::cache) fn insert_new(
        &self,
        function: &Function<K, R>,
        key: &K,
        value: R,
        worker: &'static Worker,
    ) -> Result<(), (R, Option<Busy>)> {
        match self.ask(function, key, worker, |_| ()) {
            Asked::Value(()) => Err((value, None)),
            Asked::Busy(busy) => Err((value, Some(busy))),
            Asked::Mine(flight) => {
                flight.publish(value);
                Ok(())
            }
        }
    }

    /// Puts a value in by hand, unless somebody is computing the key, and returns the one that was there.
    pub(in crate::cache) fn insert(
        &self,
        function: &Function<K, R>,
        key: &K,
        value: R,
        worker: &'static Worker,
    ) -> Option<R> {
        self.parked.seed();
        self.put(function, key, value, worker)
    }

    /// The same for a value that was computed.
    pub(in crate::cache) fn put(
        &self,
        function: &Function<K, R>,
        key: &K,
        mut value: R,
        worker: &'static Worker,
    ) -> Option<R> {
        loop {
            value = match self.insert_new(function, key, value, worker) {
                Ok(()) => return None,
                Err((_, Some(_))) => return None,
                Err((value, None)) => value,
            };
            let replaced = {
                let pin = worker.pin();
                let table = self.table_to_change(function, pin.at(), worker);
                // SAFETY: as in `remove`.
                unsafe { table.replace(key, value, worker, pin.at()) }.map(|old| old.cloned())
            };
            match replaced {
                Ok(old) => {
                    registry::collect_if_due();
                    return old;
                }
                Err(back) => value = back,
            }
        }
    }

    /// The value of a key, computed if need be by exactly one of those who ask.
    #[cold]
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn compute(&self, callee: Callee<'_, K, R>, key: &K, worker: &'static Worker) -> R {
        let value = self.compute_due(callee, key, worker, || Due::Now);
        value.unwrap_or_else(|| unreachable!("its place is here"))
    }

    /// The same, where whoever has claimed the key asks whether it is to be computed; `None` if its place is another one.
    #[cold]
    #[inline(never)]
    pub(super) fn get_due(
        &self,
        callee: Callee<'_, K, R>,
        key: &K,
        worker: &'static Worker,
        due: &dyn Fn() -> Due<R>,
    ) -> Option<R> {
        let (mark, more) = (MaybeUninit::<u8>::uninit(), const { stack::room_for(size_of::<R>()) });
        if stack::has_room(worker, mark.as_ptr() as usize, more) {
            return self.compute_due(callee, key, worker, due);
        }
        stack::on_a_new_piece(worker, more, || self.compute_due(callee, key, worker, due))
    }

    /// Waits for the running call of a key, if there is one, and computes nothing.
    ///
    /// # Panics
    /// If it is a call of this thread.
    #[cfg(feature = "stores")]
    pub(in crate::cache) fn join(&self, callee: Callee<'_, K, R>, key: &K, worker: &'static Worker) {
        loop {
            let busy = match self.ask(callee.function, key, worker, |_| ()) {
                Asked::Value(()) => return,
                Asked::Mine(flight) => return flight.discard(key, || None),
                Asked::Busy(busy) => busy,
            };
            let is_still = || self.is_still(key, &busy, worker) && !self.suspects().is_doomed(key, busy.name());
            match block_on::wait(self, (busy, mark_of(key)), worker, &is_still) {
                Waited::Again => {}
                Waited::Deputy if busy.owner == worker.number => isolation::cycle(worker, busy.name()),
                Waited::Deputy | Waited::Outcome(_) => return,
            }
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn compute_due(
        &self,
        callee: Callee<'_, K, R>,
        key: &K,
        worker: &'static Worker,
        due: impl Fn() -> Due<R>,
    ) -> Option<R> {
        let mut asked = self.ask(callee.function, key, worker, R::clone);
        loop {
            let busy = match asked {
                Asked::Value(value) => return Some(value),
                Asked::Mine(flight) => {
                    return match due() {
                        Due::Now => Some(callee.run_claimed(self, key, flight)),
                        Due::Not(value) => {
                            flight.discard(key, || None);
                            Some(value)
                        }
                        Due::Elsewhere => {
                            flight.discard(key, || None);
                            None
                        }
                    };
                }
                Asked::Busy(busy) => busy,
            };
            self.principal().seen.waited();
            self.suspects().check_doom_of(self, key, &busy);
            let is_still = || self.is_still(key, &busy, worker) && !self.suspects().is_doomed(key, busy.name());
            let waiting = Watched::begin(What::Wait, worker.number, || shown(callee.function, key).to_string());
            let waited = block_on::wait(self, (busy, mark_of(key)), worker, &is_still);
            drop(waiting);
            match waited {
                Waited::Again => {}
                Waited::Outcome(outcome) => {
                    if outcome.is_panic() {
                        call_stack::note_panic(worker);
                    }
                    if let Some(value) = outcome.into_value() {
                        return Some(value);
                    }
                }
                // On another thread the body cannot run. What this one has claimed itself it needs itself.
                Waited::Deputy if callee.is_local => {
                    if busy.owner == worker.number {
                        isolation::cycle(worker, busy.name());
                    }
                    return Some(self.recompute(callee, key, busy.name(), worker));
                }
                Waited::Deputy => {
                    let again = |deputy| self.recompute(callee, key, busy.name(), deputy);
                    if let Some(value) = isolation::compute(self, &busy, worker, again) {
                        return Some(value);
                    }
                }
            }
            asked = self.ask(callee.function, key, worker, R::clone);
        }
    }
}
