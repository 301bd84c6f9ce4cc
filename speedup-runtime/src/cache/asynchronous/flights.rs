//! Which calls of a cache are on their way, and what becomes of their results.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Instant,
};

use dashmap::{DashMap, Entry};
use foldhash::fast::RandomState;
use once_cell::sync::OnceCell;

use super::{
    flat,
    flight::{End, Flight},
    function::AsyncFunction,
    waits::{Named, Ticket},
};
use crate::{
    cache::{
        call::{
            claim_guard, erased,
            function::{Function, Show},
            renewals::Why,
            state::Core,
        },
        table::{
            Claim,
            distinct::Distinct,
            key::{Key, Output},
        },
        thread::{
            registry::{self, Worker},
            timing::Timed,
            window::nanos,
        },
    },
    panics::{self, Payload},
    seeing::{switch, watch},
    sync::{AtomicBool, Ordering},
};

/// A call on its way.
pub(super) type Flying<K, R> = Flight<R, Call<K>>;

/// Which call it is.
pub(super) struct Call<K> {
    key: K,
    ticket: Ticket,
    /// The table in use when it began: only there is its value kept.
    table: u64,
    /// Whether its value replaces one that is there. Relaxed: who sets it has a seat and waits for the end.
    replaces: AtomicBool,
    /// Whether it is among the calls that are on their way. Relaxed: changed under the lock of its key's part of those, or before it is there.
    is_listed: AtomicBool,
    /// When it began, if it is one of those that are timed.
    since: Option<Instant>,
    name: &'static str,
    show: Option<Show<K>>,
}

/// At most one call of each key: a key that is here has a call that has not landed, or was dropped just now.
pub(super) struct Flights<K, R> {
    by_key: OnceCell<ByKey<K, R>>,
}

type ByKey<K, R> = DashMap<Distinct<K>, Arc<Flying<K, R>>, RandomState>;

/// What came of asking for a key.
pub(super) enum Boarded<K, R> {
    /// The value is there by now.
    Value(R),
    /// A seat in its call.
    Seat(Arc<Flying<K, R>>, usize),
}

impl<K: Key, R: Output> Flights<K, R> {
    pub(super) const fn new() -> Self {
        Self { by_key: OnceCell::new() }
    }

    fn by_key(&self) -> &ByKey<K, R> {
        self.by_key.get_or_init(DashMap::default)
    }

    /// How many calls are on their way.
    pub(super) fn len(&self) -> usize {
        self.by_key.get().map_or(0, DashMap::len)
    }

    /// Whether a call of the key is on its way whose value will be kept.
    pub(super) fn contains(&self, core: &Core<K, R>, key: &K) -> bool {
        let table = core.table_id(registry::current());
        self.by_key
            .get()
            .and_then(|flights| flights.get(Distinct::of(key)))
            .is_some_and(|flight| Some(flight.call.table) == table)
    }

    /// Takes a seat in the call of a key, which begins unless it is on its way. With a reason why, that is so although the value is
    /// there, which is then replaced, as long as the reason holds.
    pub(super) fn board(
        &self,
        core: &Core<K, R>,
        function: &AsyncFunction<K, R>,
        key: K,
        why: Option<Why>,
    ) -> Boarded<K, R> {
        let worker = registry::current();
        if switch::is_off() {
            switch::begin_off();
            let (flight, seat) = begin(function, &key, 0, false, None);
            return Boarded::Seat(flight, seat);
        }
        let replaces = why.is_some() && core.contains(&key, worker);
        // A value that is there instead of the one that was to be replaced.
        let is_other = |value: &R| {
            let settle = function.rules.settle.as_ref();
            why.zip(settle).is_some_and(|(why, settle)| !settle.is_due(why, value))
        };
        loop {
            if replaces
                && let Some(value) = core.look(&key, worker, |value| is_other(value).then(|| value.clone())).flatten()
            {
                worker.count_hit(core.number.index(), 0);
                return Boarded::Value(value);
            }
            if !replaces && let Some(value) = core.peek(&key, key.pack(), worker) {
                worker.count_hit(core.number.index(), 0);
                return Boarded::Value(value);
            }
            let table = core.table_id_or_new(&function.rules, worker);
            if let Some(there) = self.by_key().get(Distinct::of(&key))
                && let Some(seat) = there.join(table, replaces)
            {
                core.seen.waited();
                return Boarded::Seat(there.clone(), seat);
            }
            // Made before the entry is locked: keys are cloned by users' code. Nothing of the body runs yet.
            let since = is_timed(core, worker).then(Instant::now);
            let (flight, seat) = begin(function, &key, table, replaces, since);
            match self.by_key().entry(Distinct(key.clone())) {
                Entry::Occupied(mut there) => {
                    if let Some(seat) = there.get().join(table, replaces) {
                        core.seen.waited();
                        return Boarded::Seat(there.get().clone(), seat);
                    }
                    // It was dropped, or belongs to a table that was cleared.
                    there.get().call.is_listed.store(false, Ordering::Relaxed);
                    flight.call.is_listed.store(true, Ordering::Relaxed);
                    drop(there.insert(flight.clone()));
                }
                // Its call may have landed since the table was looked at.
                Entry::Vacant(_) if !replaces && core.contains(&key, worker) => continue,
                Entry::Vacant(_) if replaces && core.look(&key, worker, is_other).unwrap_or(false) => continue,
                Entry::Vacant(free) => {
                    flight.call.is_listed.store(true, Ordering::Relaxed);
                    drop(free.insert(flight.clone()));
                }
            }
            worker.count_computed(core.number.index(), worker.computed() + 1);
            return Boarded::Seat(flight, seat);
        }
    }

    /// A seat in the call of a key, if it is on its way.
    #[cfg(feature = "stores")]
    pub(super) fn join(&self, core: &Core<K, R>, key: &K) -> Option<(Arc<Flying<K, R>>, usize)> {
        let table = core.table_id(registry::current())?;
        let there = self.by_key.get()?.get(Distinct::of(key))?;
        let seat = there.join(table, false)?;
        Some((there.clone(), seat))
    }

    /// Leaves a seat. Who leaves the last one takes the call with it.
    pub(super) fn leave(&self, core: &Core<K, R>, flight: &Arc<Flying<K, R>>, seat: usize) {
        if let Some(body) = flight.leave(seat) {
            core.seen.dropped();
            self.forget(flight);
            flat::bury(body);
        }
    }

    /// Takes the result of a call: keeps it, if it is to be kept, and lets the next call of the key begin.
    pub(super) fn land(
        &self,
        core: &Core<K, R>,
        function: &AsyncFunction<K, R>,
        flight: &Arc<Flying<K, R>>,
        result: Result<R, Payload>,
    ) -> End<R> {
        // Clones are users' code.
        let kept =
            result.and_then(|value| catch_unwind(AssertUnwindSafe(|| keep(core, function, &flight.call, value))));
        if let (Ok(_), Some(since)) = (&kept, flight.call.since) {
            core.seen.timed(Timed { calls: 1, is_pure: true, nanos: nanos(since.elapsed()) });
            panics::contain(|| core.note_example(&flight.call.key));
        }
        // Kept before it is forgotten here: who finds the call in neither place begins it.
        self.forget(flight);
        match kept {
            Ok(value) => End::Value(value),
            Err(payload) => {
                core.seen.panicked();
                watch::fault("a call panicked", &**flight);
                End::panic(payload)
            }
        }
    }

    fn forget(&self, flight: &Arc<Flying<K, R>>) {
        let mut is_gone = false;
        // Keys are hashed and compared by users' code.
        panics::contain(|| {
            let is_it = |_: &_, there: &Arc<_>| Arc::ptr_eq(there, flight);
            is_gone = self.by_key().remove_if(Distinct::of(&flight.call.key), is_it).is_some();
        });
        // One whose hash has changed, or that cannot be hashed, is not to stay.
        if !is_gone && flight.call.is_listed.load(Ordering::Relaxed) {
            self.by_key().retain(|_, there| !Arc::ptr_eq(there, flight));
        }
    }
}

/// Whether a call that begins is one of those that are timed: the first ones, and then one of so many.
fn is_timed<K: Key, R: Output>(core: &Core<K, R>, worker: &Worker) -> bool {
    const FIRST: u64 = 8;
    const THEN: u64 = 64;
    core.seen.samples() < FIRST || worker.computed().is_multiple_of(THEN)
}

/// A call that has not begun, and its first seat.
fn begin<K: Key, R: Output>(
    function: &AsyncFunction<K, R>,
    key: &K,
    table: u64,
    replaces: bool,
    since: Option<Instant>,
) -> (Arc<Flying<K, R>>, usize) {
    let call = Call {
        key: key.clone(),
        ticket: Ticket::new(),
        table,
        replaces: AtomicBool::new(replaces),
        is_listed: AtomicBool::new(false),
        since,
        name: function.rules.name,
        show: function.rules.show,
    };
    let (flight, seat) = Flight::new(call, function.start(key.clone()));
    (Arc::new(flight), seat)
}

/// Keeps a value, if it is to be kept, and returns the one that everybody gets.
fn keep<K: Key, R: Output>(core: &Core<K, R>, function: &AsyncFunction<K, R>, call: &Call<K>, value: R) -> R {
    if function.rules.keep.is_some_and(|keep| !keep(&value)) {
        return value;
    }
    let worker = registry::current();
    let copy = value.clone();
    let replaces = call.replaces.load(Ordering::Relaxed) && core.table_id(worker) == Some(call.table);
    let old = replaces.then(|| core.remove(&call.key, worker)).flatten();
    let kept = core.insert_in(call.table, &call.key, copy, worker);
    if let Some(settle) = &function.rules.settle {
        settle.settle(core, &call.key, old);
    }
    registry::collect_if_due();
    // Somebody may have put one in by hand.
    let there = if kept { None } else { core.peek(&call.key, call.key.pack(), worker) };
    there.unwrap_or(value)
}

impl<K, R> Flying<K, R> {
    /// Takes a seat, if it is a call for this table and was not dropped.
    fn join(&self, table: u64, replaces: bool) -> Option<usize> {
        let seat = (self.call.table == table).then(|| self.sit())??;
        if replaces {
            self.call.replaces.store(true, Ordering::Relaxed);
        }
        Some(seat)
    }
}

impl<K: Key, R: Output> Core<K, R> {
    /// The number of the table in use, if there is one.
    fn table_id(&self, worker: &'static Worker) -> Option<u64> {
        let pin = worker.pin();
        Some(self.table(pin.at())?.id())
    }

    /// The same, made if need be, and then as nobody's own: a future goes from thread to thread.
    fn table_id_or_new(&self, function: &Function<K, R>, worker: &'static Worker) -> u64 {
        self.make_unowned_table(function, worker);
        let pin = worker.pin();
        self.table_to_change(function, pin.at(), worker).id()
    }

    /// Puts a value into the table with this number, if it is still in use and has none, and nobody puts one in.
    fn insert_in(&self, table: u64, key: &K, value: R, worker: &'static Worker) -> bool {
        let pin = worker.pin();
        let Some(current) =
            self.table(pin.at()).filter(|current| current.id() == table && current.admits(worker.number))
        else {
            return false;
        };
        let Claim::Mine(slot) = current.claim(key, key.pack(), worker, pin.at()) else { return false };
        claim_guard::Flight::new(self, worker, table, slot).publish(value);
        true
    }
}

impl<K: Key, R: Output> Named for Flying<K, R> {
    fn ticket(&self) -> &Ticket {
        &self.call.ticket
    }
}

impl<K: Key, R: Output> fmt::Display for Flying<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        erased::write_call(self.call.name, self.call.show, &self.call.key, out)
    }
}
