//! Calls in a table that the caller has at hand, and that lasts as long as it is used: that of the outermost call, or of a scope.

use crate::cache::{
    call::{
        callee::{Callee, Run},
        claim_guard::Flight,
        function::Function,
        inner::{Begun, LARGE},
        state::Core,
    },
    table::{
        Table, Vacant,
        key::{Key, Output},
    },
    thread::{
        claim::Goal,
        registry::{self, Pinned, Worker},
    },
};

/// The slot of a key that had no value, certain to be its own.
pub(in crate::cache) struct Free<'core, K: Key, R: Output> {
    table: &'core Table<K, R>,
    vacant: Vacant<'core, R>,
}

impl<K: Key, R: Output> Core<K, R> {
    /// Makes the table, which is to hold keys of small integers up to this one in each of them.
    pub(in crate::cache) fn make_table_up_to(&self, function: &Function<K, R>, last: &K) {
        let worker = registry::current();
        let pin = worker.pin();
        self.make_table(function, pin.at()).make_ahead(last, worker);
    }

    /// Whether a core of this kind lasts if its tables are there as long as it is (`Current::none_lasting`, `Current::none_of_scope`): then
    /// what is in their pages stays where it is, and who has the core at hand looks at it without a pin. A value that is taken out of a
    /// page is left there, unless it has a destructor.
    ///
    /// A scope lasts whatever its values are: none under a small key is ever taken out, since one with a bound has no such keys.
    pub(in crate::cache) const fn lasts() -> bool {
        !std::mem::needs_drop::<R>() && size_of::<R>() <= LARGE
    }

    /// As [`hit_small`](Self::hit_small), for who has the core at hand: without a pin, if the core lasts. Where there is no value,
    /// [`get_free`](Self::get_free) goes on with what has been found.
    ///
    /// # Safety
    /// The tables of the core are there as long as the core.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) unsafe fn look_at_hand(
        &self,
        key: &K,
        worker: &'static Worker,
    ) -> Result<R, Option<Free<'_, K, R>>> {
        if const { size_of::<R>() > LARGE } {
            return Err(None);
        }
        if const { !Self::lasts() } {
            return self.hit_small(key).ok_or(None);
        }
        // SAFETY: by the contract.
        unsafe { self.look_in_scope(key, worker) }
    }

    /// The same in a scope, whose tables are there as long as it, and in which no value under a small key is taken out.
    ///
    /// # Safety
    /// The core is that of a scope, or [lasts](Self::lasts).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) unsafe fn look_in_scope(
        &self,
        key: &K,
        worker: &'static Worker,
    ) -> Result<R, Option<Free<'_, K, R>>> {
        let Some(codes) = (if K::is_small() { key.codes() } else { None }) else { return Err(None) };
        // SAFETY: by the contract.
        let pin = unsafe { Pinned::needless() };
        let Some(table) = self.table(pin) else { return Err(None) };
        match table.look_paged(&codes, pin) {
            Ok(value) => {
                let value = value.clone();
                worker.count_hit(self.number.index(), codes[K::COORDINATES.saturating_sub(1)]);
                Ok(value)
            }
            Err(vacant) => Err(vacant.map(|vacant| Free { table, vacant })),
        }
    }

    /// The value of a key for which there was none, computed if need be: in the slot that was found, if that is still free.
    ///
    /// # Safety
    /// What is free came from [`look_at_hand`](Self::look_at_hand) or [`look_in_scope`](Self::look_in_scope) for this key; and as for
    /// those.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) unsafe fn get_free(
        &self,
        callee: Callee<'_, K, R>,
        key: &K,
        worker: &'static Worker,
        free: Option<Free<'_, K, R>>,
    ) -> R {
        // A pin is also where a thread sees that it may leave its barriers to others.
        let flight = match free {
            Some(Free { table, vacant }) if !worker.reader.makes_barriers() && table.claim_swiftly(&vacant, worker) => {
                Flight::in_page(self, worker, table.id(), vacant.slot)
            }
            Some(_) => return self.get_missed(callee, key),
            None => match begin_further(self, key) {
                Further::Value(value) => return value,
                // SAFETY: it was a flight's of this core and worker just now.
                Further::Mine(goal) => unsafe { Flight::of_goal(self, worker, goal) },
                Further::NotYet => {
                    let (function, run, context, is_local) = callee.parts();
                    return get_further(self, function, key, run, context, is_local);
                }
            },
        };
        // Here alone, so that who runs the body is no frame of its own, see [`execute`](super::execute).
        callee.run_claimed(self, key, flight)
    }
}

/// What becomes of a key that is in no page.
enum Further<R> {
    Value(R),
    /// Its slot has been claimed.
    Mine(Goal),
    /// It takes more than a look.
    NotYet,
}

/// The value of a key that is in no page, or the claim on its slot: in a page that is made for it, or in the hash table.
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn begin_further<K: Key, R: Output>(core: &Core<K, R>, key: &K) -> Further<R> {
    let packed = if K::is_small() && const { size_of::<R>() <= LARGE } { key.pack() } else { None };
    let Some(packed) = packed else { return Further::NotYet };
    let worker = registry::current();
    // Where keys have strayed, no page is made without asking.
    if let Some(flight) = core.claim_in_new_page(packed, worker) {
        return Further::Mine(flight.into_goal());
    }
    begin_strayed(core, key)
}

/// The same of a key that has perhaps strayed.
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn begin_strayed<K: Key, R: Output>(core: &Core<K, R>, key: &K) -> Further<R> {
    if let Some(value) = core.hit_strayed(key) {
        return Further::Value(value);
    }
    match core.begin(key, registry::current()) {
        Begun::Mine(flight) => Further::Mine(flight.into_goal()),
        Begun::Value(value) => Further::Value(value),
        Begun::NotYet => Further::NotYet,
    }
}

/// The value of a key that takes more than a look. Out of line, and given the parts of a callee one by one, to keep the frames of bodies small.
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn get_further<K: Key, R: Output>(
    core: &Core<K, R>,
    function: &Function<K, R>,
    key: &K,
    run: Run<K, R>,
    context: *const (),
    is_local: bool,
) -> R {
    core.get_missed(Callee::of(function, run, context, is_local), key)
}

impl<K: Key, R: Output> Core<K, R> {
    /// The value of a key of small integers that has strayed to the hash table.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hit_strayed(&self, key: &K) -> Option<R> {
        let (packed, worker) = (key.pack()?, registry::current());
        let pin = worker.pin();
        let table = self.table(pin.at()).filter(|table| table.has_strays())?;
        let value = table.find_strayed(key, pin.at())?.clone();
        drop(pin);
        worker.count_hit(self.number.index(), packed);
        Some(value)
    }
}
