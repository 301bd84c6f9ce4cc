//! The state of one cache: its table, who waits, what is known of its calls.

use std::{any::TypeId, ptr::null_mut};

use once_cell::sync::OnceCell;

use crate::cache::{
    block::{flags::Notes, poison::Suspects},
    call::{
        function::Function, once::Once, outlook::Outlook, parked::Parked, renewals::Renewals, seen::Seen,
        steady::Steady,
    },
    sharing::granularity::{Grain, Told, Trial},
    table::{
        Census, Current, Table, Word,
        key::{Key, Lookup, Output},
    },
    thread::{
        claim::Busy,
        counters::Number,
        engine::{Engine, Header},
        registry::{self, Pinned, Worker},
        waiters::Waiters,
    },
};
use crate::seeing::{limit::Held, registry::Ticket, report::Kind, stats::Stats};
use crate::sync::{Arc, AtomicPtr, Mutex, lock};

/// The state of one cache. The header comes first: a pointer to it is a pointer to the core.
///
/// A function has one, or one for each set of arguments that its calls pass on unchanged: a family.
#[repr(C)]
pub(in crate::cache) struct Core<K: Key, R: Output> {
    pub(in crate::cache) header: Header,
    pub(in crate::cache) table: Current<K, R>,
    /// Threads waiting for slots of this cache.
    pub(in crate::cache) waiters: Waiters,
    /// The core as `Arc::into_raw` gave it, if it is counted: a reference leads to the core alone, not to its counts.
    /// Null in a static. Relaxed: written before anybody else knows the core.
    pub(super) counted: AtomicPtr<Self>,
    /// Whether all who look at the core have it counted, or are waited for by one who has. Nothing is taken out of its table then.
    pub(in crate::cache) is_lent: bool,
    /// Known from the first miss on: what helpers call.
    pub(in crate::cache) function: Once<Function<K, R>>,
    pub(in crate::cache) grain: Grain,
    pub(in crate::cache) number: Number,
    pub(in crate::cache) seen: Seen,
    /// A key that was computed, for finding out what a hit costs.
    pub(super) example: Mutex<Option<Arc<K>>>,
    pub(in crate::cache) notes: Notes,
    pub(in crate::cache) outlook: Outlook,
    /// Where keys are computed again, once one has been.
    pub(in crate::cache) renewals: OnceCell<Renewals<Self>>,
    /// The core whose keys are computed again here, or null. Relaxed: written before anybody else knows this one.
    pub(in crate::cache) renewed: AtomicPtr<Self>,
    /// What it is listed as when it gets its first table, if it is ..
    pub(in crate::cache) listed_as: Option<Kind>,
    /// .. and if it is, that.
    pub(in crate::cache) ticket: Once<Ticket>,
    /// What the bodies of this core get beside the key, if it is one of several of its function.
    pub(in crate::cache) steady: Option<Steady>,
    /// Calls by place, where the function has those.
    pub(in crate::cache) parked: Parked,
}

impl<K: Key, R: Output> Core<K, R> {
    /// A core that is its function's only one.
    pub(in crate::cache) const fn new() -> Self {
        Self::one_of(Header::ALONE, None)
    }

    /// A core of a family.
    pub(in crate::cache) const fn one_of(family: TypeId, steady: Option<Steady>) -> Self {
        Self {
            header: Header { cast: Self::cast, family, whole: TypeId::of::<Self>() },
            steady,
            table: Current::none(),
            waiters: Waiters::none(),
            counted: AtomicPtr::new(null_mut()),
            is_lent: false,
            function: Once::new(),
            grain: Grain::new(),
            number: Number::new(),
            seen: Seen::new(),
            example: Mutex::new(None),
            notes: Notes::new(),
            outlook: Outlook::new(),
            renewals: OnceCell::new(),
            renewed: AtomicPtr::new(null_mut()),
            parked: Parked::new(),
            listed_as: None,
            ticket: Once::new(),
        }
    }

    /// The same as [`new`](Self::new), listed when it is used. It lies in a static or is to be counted.
    pub(in crate::cache) const fn listed(kind: Kind) -> Self {
        let mut core = Self::new();
        core.listed_as = Some(kind);
        core
    }

    /// # Safety
    /// The pointer leads to the header of a `Core<K, R>`.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) unsafe fn cast(header: *const Header) -> *const dyn Engine {
        header.cast::<Self>()
    }

    pub(in crate::cache) fn header(&self) -> *mut Header {
        std::ptr::from_ref(self).cast::<Header>().cast_mut()
    }

    /// The value of a key that has one. O(1), takes no lock, writes to memory of its own thread alone.
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
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn hit<Q: Lookup<K>>(&self, key: Q, packed: Option<u64>) -> Option<R> {
        self.hit_by(packed.unwrap_or(0), |table, pin| table.find(key, packed, pin))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn hit_by(
        &self,
        tally: u64,
        find: impl for<'pin> FnOnce(&'pin Table<K, R>, Pinned<'pin>) -> Option<&'pin R>,
    ) -> Option<R> {
        let Some(worker) = registry::swift() else { return self.hit_slowly(tally, find) };
        let pin = worker.pin_swiftly();
        let value = find(self.table(pin.at())?, pin.at())?.clone();
        drop(pin);
        worker.count_hit(self.number.index(), tally);
        Some(value)
    }

    /// The same on a thread that makes barriers of its own; out of line, to keep the way of the others short.
    #[cold]
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    fn hit_slowly(
        &self,
        tally: u64,
        find: impl for<'pin> FnOnce(&'pin Table<K, R>, Pinned<'pin>) -> Option<&'pin R>,
    ) -> Option<R> {
        let worker = registry::current();
        let pin = worker.pin();
        let value = find(self.table(pin.at())?, pin.at())?.clone();
        drop(pin);
        worker.count_hit(self.number.index(), tally);
        Some(value)
    }

    /// Whether the value of a key is there.
    pub(in crate::cache) fn contains(&self, key: &K, worker: &'static Worker) -> bool {
        let pin = worker.pin();
        self.table(pin.at()).is_some_and(|table| table.find(key, key.pack(), pin.at()).is_some())
    }

    /// How many of these keys, from the first on, have values. Only of small integers, which look up without code of users: many are there at
    /// the price of one.
    pub(in crate::cache) fn there(&self, keys: &[K], of: &[usize], worker: &'static Worker) -> usize {
        if !K::is_small() {
            return 0;
        }
        let pin = worker.pin();
        let Some(table) = self.table(pin.at()) else { return 0 };
        let is_there = |index: &&usize| table.find(&keys[**index], keys[**index].pack(), pin.at()).is_some();
        of.iter().take_while(is_there).count()
    }

    /// Whether the slot of a key is the one that was seen, and still claimed by the same worker.
    pub(in crate::cache) fn is_still(&self, key: &K, busy: &Busy, worker: &'static Worker) -> bool {
        let pin = worker.pin();
        let same = |table: &&Table<K, R>| table.id() == busy.table && table.admits(worker.number);
        self.table(pin.at()).filter(same).is_some_and(|table| {
            let slot = table.slot_if_made(key, key.pack(), pin.at());
            slot.is_some_and(|slot| slot.address() == busy.slot && slot.state().word() == Word::Claimed(busy.owner))
        })
    }

    /// The claim of another thread for a key, if there is one.
    pub(in crate::cache) fn claimed_by_other(&self, key: &K, worker: &'static Worker) -> Option<Busy> {
        let pin = worker.pin();
        let table = self.table(pin.at()).filter(|table| table.admits(worker.number))?;
        let slot = table.slot_if_made(key, key.pack(), pin.at())?;
        match slot.state().word() {
            Word::Claimed(owner) if owner != worker.number => {
                Some(Busy { owner, slot: slot.address(), table: table.id() })
            }
            _ => None,
        }
    }

    /// Names a key's slot for others, making the slot if need be.
    pub(in crate::cache) fn member(&self, function: &Function<K, R>, key: &K, worker: &'static Worker) -> (u64, u64) {
        let pin = worker.pin();
        let table = self.table_to_change(function, pin.at(), worker);
        (table.member(key, worker, pin.at()), table.id())
    }

    /// Takes a value out.
    pub(in crate::cache) fn remove(&self, key: &K, worker: &'static Worker) -> Option<R> {
        let removed = {
            let pin = worker.pin();
            let table = self.table(pin.at())?;
            if table.admits(worker.number) {
                // SAFETY: `clear` frees a table after all that was retired by threads that found it, and so does the last owner
                // of the core.
                unsafe { table.remove(key, worker, pin.at()) }.cloned()
            } else {
                let value = table.find(key, key.pack(), pin.at()).cloned();
                self.table.give_up(table);
                value
            }
        };
        self.parked.forget();
        registry::collect_if_due();
        removed
    }

    /// Forgets everything. What is being computed is finished for its caller, and not kept.
    pub(in crate::cache) fn clear(&self) {
        self.parked.clear();
        self.table.clear();
        self.rebook();
        let example = lock(&self.example).take();
        drop(example);
    }

    /// Tells who keeps books of the values that the table is another one.
    pub(in crate::cache) fn rebook(&self) {
        if let Some(settle) = self.function.get().and_then(|function| function.settle.as_ref()) {
            settle.rebook(self);
        }
    }

    /// Adds what is known to who keeps books of the values.
    pub(in crate::cache) fn with_books(&self, mut stats: Stats) -> Stats {
        if let Some(settle) = self.function.get().and_then(|function| function.settle.as_ref()) {
            settle.tell(self, &mut stats);
        }
        stats
    }

    /// How many values there are. O(slots).
    ///
    /// One that comes for another that goes meanwhile may be counted with it; where there is a bound, who keeps it knows.
    pub(in crate::cache) fn len(&self, worker: &'static Worker) -> usize {
        let found = {
            let pin = worker.pin();
            self.table(pin.at()).map_or(0, |table| table.len(pin.at()))
        };
        let settle = self.function.get().and_then(|function| function.settle.as_ref());
        settle.and_then(|settle| settle.known(self)).map_or(found, |known| found.min(known))
    }

    /// Copies of all that is there. O(slots).
    pub(in crate::cache) fn entries(&self, worker: &'static Worker) -> Vec<(K, R)> {
        let pin = worker.pin();
        self.table(pin.at()).map_or_else(Vec::new, |table| table.entries(pin.at()))
    }

    /// How many values there are, how many are being computed, and the bytes of the table. O(slots).
    pub(in crate::cache) fn census(&self, worker: &'static Worker) -> Census {
        let pin = worker.pin();
        self.table(pin.at()).map_or(Census::default(), |table| table.census(pin.at()))
    }

    /// What the table takes, and how many calls there have been.
    pub(in crate::cache) fn held(&self) -> Held {
        let pin = registry::current().pin();
        let (hits, computed) = self.number.totals();
        Held { bytes: self.table(pin.at()).map_or(0, |table| table.bytes(pin.at())), calls: hits + computed }
    }

    /// Takes over what another one, which is about to go, has counted of the same function.
    pub(in crate::cache) fn absorb(&self, other: &Self) {
        self.seen.add(&other.seen.counts());
        self.outlook.add(other.outlook.totals());
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
    pub(in crate::cache) fn table_to_change<'pin>(
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
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(super) fn make_table<'pin>(&self, function: &Function<K, R>, pin: Pinned<'pin>) -> &'pin Table<K, R> {
        self.function.get_or_init(|| function.clone());
        self.note_habits(function);
        function.docked();
        self.number.give();
        let own = &registry::current().own;
        own.timing.soon(&own.attention);
        self.list();
        self.table.get_or_make(|| Table::new(registry::current()), pin)
    }

    /// Notes what the function says of its bodies, where each call looks anyway.
    pub(super) fn note_habits(&self, function: &Function<K, R>) {
        if function.uses_rayon {
            self.notes.note_rayon();
        }
    }

    /// Makes the table of a cache that several threads are going to fill from the beginning.
    pub(in crate::cache) fn make_unowned_table(&self, function: &Function<K, R>, worker: &'static Worker) {
        let pin = worker.pin();
        self.function.get_or_init(|| function.clone());
        self.note_habits(function);
        function.docked();
        self.number.give();
        self.table.get_or_make(Table::unowned, pin.at());
    }

    /// Whether the next group is to be computed in a way in which it may be shared.
    #[inline]
    pub(in crate::cache) fn may_share(&self, function: &Function<K, R>, worker: &'static Worker) -> bool {
        !function.sequential && self.grain.may_share(worker, &self.number)
    }

    /// Whether the members of a group, of which so many are left, are to be shared out from now on.
    #[inline]
    pub(in crate::cache) fn shares(&self, function: &Function<K, R>, left: usize, worker: &'static Worker) -> bool {
        !function.sequential && self.grain.shares(left, worker, &self.number)
    }

    /// What the first of many calls tell of the rest, of which they have told this so far. As [`Trial::tell`].
    pub(in crate::cache) fn tell(
        &self,
        trial: &mut Trial,
        counts: (usize, usize, usize),
        worker: &'static Worker,
    ) -> Told {
        trial.tell(counts, &self.grain, worker, &self.number)
    }

    /// Whether so many calls made from outside of all calls are to be shared out.
    pub(in crate::cache) fn shares_all(&self, function: &Function<K, R>, missing: usize) -> bool {
        !function.sequential && self.grain.shares_all(missing)
    }

    /// What names the cache as long as it exists.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn address(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// The cache's calls that were found to need themselves.
    pub(in crate::cache) fn suspects(&self) -> Suspects<'_> {
        Suspects { cache: self.address(), notes: &self.notes, is_scope: self.table.is_of_scope() }
    }
}

impl<K: Key, R: Output> Drop for Core<K, R> {
    fn drop(&mut self) {
        self.suspects().forget_doom();
    }
}
