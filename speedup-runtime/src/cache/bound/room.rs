//! The room of a bounded cache: who has come in gets a place in the queue, and who has to go is taken out of the table.
//!
//! The queue has places of one table, by number. Whoever looks at it has pinned the thread, and has found the table to be the current
//! one since: so the values at those places may be looked at. After a `clear` the queue turns to the new table; what is
//! published in the old one meanwhile gets no place. No code of users' runs under the lock: values are weighed, and their
//! keys hashed, before or after.
//!
//! Where there is room for many values that all weigh 1, there are several queues, each with a part of the values, so that threads
//! rarely wait for one another. How many values there are is counted for all of them together: while there is room nobody goes, whatever
//! queue it is; from then on values come and go by batches (`intake`, `batch`), and the count stays as it is.

use std::cell::Cell;

use super::{
    ghosts::Ghosts,
    intake::{INTAKES, Intake},
    kept::{Hashed, Stored},
    queue::{Known, Queue, Victim},
};
use crate::{
    cache::{
        memory::epoch::Urgency,
        table::{
            Current, Found, Placed, Table,
            key::{Key, Output},
        },
        thread::registry::{Pinned, Worker},
    },
    sync::{AtomicU32, AtomicU64, Mutex, MutexGuard, OnceBox, Ordering, lock},
};

/// The places of a cache with a bound, and who was put out a short while ago.
pub(in crate::cache) struct Room {
    pub(super) bound: u64,
    is_weighed: bool,
    /// One, or a power of two of them.
    pub(super) queues: Box<[Part]>,
    /// Of threads that come in by batches, where there are several queues.
    pub(super) intakes: Box<[Intake]>,
    /// How many values there are and for how many there is room ahead, where there are several queues. Relaxed: each change is a
    /// read-modify-write of it alone.
    pub(super) count: AtomicU64,
    /// Made when the first value is put out, for as many as there are then.
    pub(super) ghosts: OnceBox<Ghosts>,
    /// How many values were to be remembered so far, where there are several queues: the time, for those. Relaxed, as the count.
    time: AtomicU32,
    /// How soon those are freed that have gone.
    pub(super) urgency: Urgency,
    /// What those weigh that went and have perhaps not been freed. Relaxed.
    waiting: AtomicU64,
}

/// A queue. On lines of the processor's cache that belong to no other one.
#[repr(align(128))]
pub(super) struct Part(Mutex<Queue>);

impl Part {
    #[inline]
    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        lock(&self.0)
    }
}

/// No more queues than that, and each with room for so many: of fewer, what comes back soon and what comes back late cannot be told apart.
const QUEUES: u32 = 8;
const MANY: u64 = 2_500;
/// Tickets of several queues are numbers below this, and a queue's number above.
const NUMBERS: u32 = (1 << 31) / QUEUES;
/// What went is freed when it is such a part of the bound.
const WAITING: u64 = 16;

/// A value that comes in.
#[derive(Clone, Copy)]
pub(in crate::cache) struct Comes {
    pub(in crate::cache) weight: u64,
    /// Whether it was asked for by a call of the same function.
    pub(in crate::cache) is_nested: bool,
    /// When it begins to live, if that is to be noted here.
    pub(in crate::cache) born: Option<u64>,
}

/// What became of a value that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Admitted {
    /// It has a place, or needs none.
    Stays,
    /// It is heavier than all there may be.
    TooHeavy,
}

/// Who is to go.
struct Next<'pin, K, R> {
    victim: Option<Victim>,
    /// Where it is.
    stood: Option<Placed<'pin, Hashed<K>, Stored<R>>>,
    /// How many values there were.
    len: usize,
    /// Whether there may be more.
    more: bool,
}

impl Room {
    /// Room for so much.
    pub(in crate::cache) fn new(bound: u64, is_weighed: bool) -> Self {
        let queues = (bound / MANY).checked_ilog2().map_or(1, |log| 1 << log.min(QUEUES.ilog2()));
        Self::with(if is_weighed { 1 } else { queues }, bound, is_weighed)
    }

    /// The same with so many queues.
    pub(in crate::cache) fn with(queues: u32, bound: u64, is_weighed: bool) -> Self {
        let queue = |number| match queues {
            1 => Queue::new(bound, is_weighed),
            _ => Queue::one_of(bound / u64::from(queues), is_weighed, NUMBERS, number * NUMBERS),
        };
        Self {
            bound,
            is_weighed,
            queues: (0..queues).map(|number| Part(Mutex::new(queue(number)))).collect(),
            intakes: (0..if queues == 1 { 0 } else { INTAKES }).map(|_| Intake::new()).collect(),
            count: AtomicU64::new(0),
            ghosts: OnceBox::new(),
            time: AtomicU32::new(0),
            urgency: if is_weighed { Urgency::USUAL } else { Urgency::of(bound / WAITING) },
            waiting: AtomicU64::new(0),
        }
    }

    #[inline]
    fn is_one(&self) -> bool {
        self.queues.len() == 1
    }

    /// The only queue.
    #[inline]
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queues[0].lock()
    }

    /// The queue that has given this ticket out, of several.
    pub(super) fn queue_with(&self, ticket: u32) -> Option<MutexGuard<'_, Queue>> {
        self.queues.get((ticket / NUMBERS % QUEUES) as usize).map(Part::lock)
    }

    /// How many values were put out so far.
    pub(in crate::cache) fn evictions(&self) -> u64 {
        self.queues.iter().map(|queue| queue.lock().gone()).sum()
    }

    /// What the values of this table weigh together.
    pub(in crate::cache) fn weight(&self, table: Option<u64>) -> u64 {
        let Some(table) = table else { return 0 };
        let weight = |queue: MutexGuard<'_, Queue>| if queue.is_of(table) { queue.weight() } else { 0 };
        let waiting: usize = self.intakes.iter().map(|intake| intake.len(table)).sum();
        self.queues.iter().map(|queue| weight(queue.lock())).sum::<u64>() + waiting as u64
    }

    /// How many values of this table have a place.
    pub(in crate::cache) fn len(&self, table: Option<u64>) -> usize {
        let Some(table) = table else { return 0 };
        let len = |queue: MutexGuard<'_, Queue>| if queue.is_of(table) { queue.len() } else { 0 };
        let waiting: usize = self.intakes.iter().map(|intake| intake.len(table)).sum();
        let len = self.queues.iter().map(|queue| len(queue.lock())).sum::<usize>() + waiting;
        // The queues are looked at one after the other; none of that is more than there may be. All weigh 1 where there are several.
        if self.is_one() { len } else { len.min(usize::try_from(self.bound).unwrap_or(usize::MAX)) }
    }

    /// Gives up all places, if there is no table.
    pub(in crate::cache) fn clear<K: Key, R: Output>(&self, current: &Current<K, R>, pin: Pinned<'_>) {
        for queue in &self.queues {
            let mut queue = queue.lock();
            if current.get(pin).is_none() {
                self.turn(&mut queue, 0);
            }
        }
    }

    /// Has the places of this table from now on, if it is the current one.
    pub(in crate::cache) fn turn_to<K: Key, R: Output>(&self, table: u64, current: &Current<K, R>, pin: Pinned<'_>) {
        for queue in &self.queues {
            let mut queue = queue.lock();
            if current.get(pin).is_some_and(|current| current.id() == table) {
                self.turn(&mut queue, table);
            }
        }
    }

    fn turn(&self, queue: &mut Queue, table: u64) {
        self.discount(queue.turn_to(table));
    }

    /// Counts so many less, where there are several queues: there all weigh 1.
    fn discount(&self, weight: u64) {
        if !self.is_one() {
            self.count.fetch_sub(weight, Ordering::Relaxed);
        }
    }

    /// A value with this ticket was taken out of the table.
    pub(in crate::cache) fn forget(&self, ticket: u32) {
        let queue = if self.is_one() { Some(self.queue()) } else { self.queue_with(ticket) };
        let weight = queue.map_or(0, |mut queue| queue.forget(ticket));
        self.discount(weight);
        self.has_gone(weight);
    }

    /// What weighs so much has gone, and is freed later.
    #[inline]
    fn has_gone(&self, weight: u64) {
        if self.is_weighed {
            self.waiting.fetch_add(weight, Ordering::Relaxed);
        }
    }

    /// Whether so much has gone that it is to be freed now.
    #[inline]
    pub(in crate::cache) fn is_to_be_freed(&self) -> bool {
        self.is_weighed
            && self.waiting.load(Ordering::Relaxed) > self.bound / WAITING
            && self.waiting.swap(0, Ordering::Relaxed) > self.bound / WAITING
    }

    /// Gives a value a place, unless it has one, and takes those out for which there is no room then. Where nothing else is to be known of
    /// it, it begins to live here, at the time `born`.
    #[inline]
    pub(in crate::cache) fn admit<K: Key, R: Output>(
        &self,
        current: &Current<Hashed<K>, Stored<R>>,
        found: &Found<'_, Hashed<K>, Stored<R>>,
        comes: Comes,
        (me, pin): (&Worker, Pinned<'_>),
        gone: impl FnMut(&K, &R),
    ) -> Admitted {
        let weight = comes.weight;
        if weight > self.bound {
            return Admitted::TooHeavy;
        }
        if !self.is_one() {
            self.admit_among(current, found, comes, (me, pin), gone);
            return Admitted::Stays;
        }
        let Comes { is_nested, born, .. } = comes;
        // Before the queue's lock, though the time is told under it: the lane may be far away.
        let ghosts = self.ghosts.get().filter(|ghosts| ghosts.may_have(found.hash));
        let mut queue = self.queue();
        let is_current = |table: &&Table<_, _>| table.id() == found.table && found.is_there();
        let Some(table) = current.get(pin).filter(is_current) else {
            // Who has been taken out by now is not let in: whoever took it out comes here later, or has been here.
            return Admitted::Stays;
        };
        self.turn(&mut queue, found.table);
        let marks = found.value.marks();
        let has_place = match born {
            Some(born) => !marks.begin_in_queue(born),
            None => queue.holds(marks.ticket(), found.place),
        };
        if has_place {
            return Admitted::Stays;
        }
        let has_room = queue.has_room(weight);
        let known = ghosts.and_then(|ghosts| ghosts.take(found.hash, queue.time()));
        queue.admit(found.place, marks, weight, known, (is_nested, has_room));
        let next = Self::next_of(&mut queue, table, pin);
        drop(queue);
        self.put_out(next, current, table, (me, pin), gone);
        Admitted::Stays
    }

    /// Who is to go of the only queue, if there is too little room.
    #[cold]
    #[inline(never)]
    fn next<'pin, K: Key, R: Output>(
        &self,
        current: &Current<Hashed<K>, Stored<R>>,
        pin: Pinned<'pin>,
    ) -> Option<Next<'pin, K, R>> {
        let mut queue = self.queue();
        let table = current.get(pin).filter(|table| queue.is_of(table.id()))?;
        Some(Self::next_of(&mut queue, table, pin))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next_of<'pin, K: Key, R: Output>(
        queue: &mut Queue,
        table: &Table<Hashed<K>, Stored<R>>,
        pin: Pinned<'pin>,
    ) -> Next<'pin, K, R> {
        let len = queue.len();
        // The one that is looked at last is the one that is to go.
        let stood = Cell::new(None);
        let marks = |place| {
            stood.set(table.at(place, pin));
            stood.get().map(|stood| stood.value().marks())
        };
        let victim = queue.next(Queue::is_over, marks);
        Next { victim, stood: stood.get(), len, more: queue.is_over() }
    }

    /// Remembers a key that was put out at this time, when there were so many values.
    #[inline]
    pub(super) fn remember(&self, hash: u64, time: u32, len: usize) {
        self.ghosts.get_or_init(|| Box::new(Ghosts::new(len))).add(hash, time);
    }

    /// What is known of a key that comes in, where there are several queues.
    pub(super) fn known(&self, hash: u64) -> Option<Known> {
        self.ghosts.get()?.take(hash, self.time.load(Ordering::Relaxed))
    }

    /// Says when values go that are to be remembered, so many of these, of several queues.
    pub(super) fn tell_time<'a>(&self, smalls: u32, victims: impl Iterator<Item = &'a mut Victim>) {
        let mut time = self.time.fetch_add(smalls, Ordering::Relaxed);
        for victim in victims.filter(|victim| victim.is_small) {
            victim.time = time;
            time = time.wrapping_add(1);
        }
    }

    /// Takes values out until what is left fits, this one first, and says which.
    #[inline]
    fn put_out<'pin, K: Key, R: Output>(
        &self,
        mut next: Next<'pin, K, R>,
        current: &Current<Hashed<K>, Stored<R>>,
        table: &Table<Hashed<K>, Stored<R>>,
        (me, pin): (&Worker, Pinned<'pin>),
        mut gone: impl FnMut(&K, &R),
    ) {
        while let Next { victim: Some(victim), stood: Some(stood), len, more } = next {
            if !table.admits(me.number) {
                return current.give_up(table);
            }
            let held = Held { room: self, table, victim, pin };
            // SAFETY: tables in use are retired later than what is removed from them.
            let out = unsafe { table.remove_at(stood, table.hash_at(stood), (me, self.urgency)) };
            std::mem::forget(held);
            match out {
                Some(out) => {
                    if victim.is_small {
                        self.remember(out.hash, victim.time, len);
                    }
                    gone(&out.key.0, out.value.get());
                }
                None => self.queue().miscounted(1),
            }
            self.has_gone(victim.weight);
            if !more {
                return;
            }
            match self.next(current, pin) {
                Some(more) => next = more,
                None => return,
            }
        }
    }
}

/// A value that is to go, in the hands of users' code. If that panics, it has its place again.
struct Held<'a, K: Key, R: Output> {
    room: &'a Room,
    table: &'a Table<Hashed<K>, Stored<R>>,
    victim: Victim,
    pin: Pinned<'a>,
}

impl<K: Key, R: Output> Drop for Held<'_, K, R> {
    #[cold]
    fn drop(&mut self) {
        let mut queue = self.room.queue();
        if let Some(stood) = self.table.at(self.victim.place, self.pin).filter(|_| queue.is_of(self.table.id())) {
            queue.take_back(self.victim, stood.value().marks());
        }
    }
}
