//! The room of a bounded cache: who has come in gets a place in the queue, and who has to go is taken out of the table.
//!
//! The queue has places of one table, by number. Whoever looks at it has pinned the thread, and has found the table to be the current
//! one since: so the values at those places may be looked at. After a `clear` the queue turns to the new table; what is
//! published in the old one meanwhile gets no place. No code of users' runs under the lock: values are weighed, and their
//! keys hashed, before or after.
//!
//! Where there is room for many values that all weigh 1, there are several queues, each with a part of the values, so that threads
//! rarely wait for one another (`rota`). How many values there are is counted for all of them together: while there is room nobody goes, whatever
//! queue it is; from then on who comes in takes the room of one of its own queue, and the count stays as it is.

use super::{
    ghosts::Ghosts,
    kept::{Hashed, Stored},
    queue::Queue,
    rota::{ROTAS, Rota},
};
use crate::{
    cache::{
        memory::epoch::Urgency,
        table::{
            Current, Found, Table,
            key::{Key, Output},
        },
        thread::registry::{Pinned, Worker},
    },
    sync::{AtomicU32, AtomicU64, Brief, BriefGuard, OnceBox, Ordering},
};

/// The places of a cache with a bound, and who was put out a short while ago.
pub(in crate::cache) struct Room {
    pub(super) bound: u64,
    is_weighed: bool,
    /// One, or a power of two of them.
    queues: Box<[Part]>,
    /// Where there are several queues: of each thread the one that it goes to.
    rotas: Box<[Rota]>,
    /// Where there are several queues: the time, for those who are remembered. Relaxed, as the count.
    time: AtomicU32,
    /// How many values there are, and who is just coming in, where there are several queues. Relaxed: each change is a read-modify-write of
    /// it alone.
    pub(super) count: AtomicU64,
    /// Made when the first value is put out, for as many as there are then.
    pub(super) ghosts: OnceBox<Ghosts>,
    /// How soon those are freed that went.
    pub(super) urgency: Urgency,
    /// What those weigh that went and have perhaps not been freed. Relaxed.
    waiting: AtomicU64,
}

/// A queue. On lines of the processor's cache that belong to no other one.
#[repr(align(128))]
struct Part(Brief<Queue>);

impl Part {
    #[inline]
    fn lock(&self) -> BriefGuard<'_, Queue> {
        self.0.lock()
    }
}

/// No more queues than that, and each with room for so many: of fewer, what comes back soon and what comes back late cannot be told apart.
const QUEUES: u32 = 8;
const MANY: u64 = 2_500;
/// Tickets of several queues are numbers below this, and a queue's number above.
const NUMBERS: u32 = (1 << 31) / QUEUES;
/// What went is freed when it weighs such a part of the bound, or is one of so many, where all weigh 1.
const WAITING: u64 = 16;
const GONE: u64 = 8;

/// Where a thread is with a value that comes in.
#[derive(Clone, Copy)]
pub(super) struct Stand<'a> {
    pub(super) room: &'a Room,
    /// The number of the queue.
    queue: usize,
    /// Where there are several queues, and few threads.
    rota: Option<&'a Rota>,
}

impl<'a> Stand<'a> {
    #[inline]
    pub(super) fn lock(self) -> BriefGuard<'a, Queue> {
        self.room.queues[self.queue].lock()
    }

    /// What time it is for those who were remembered.
    #[inline]
    fn time(self, queue: &Queue) -> u32 {
        match self.rota {
            Some(rota) => rota.time(),
            None if self.room.is_one() => queue.time(),
            None => self.room.time.load(Ordering::Relaxed),
        }
    }

    /// When somebody goes who is to be remembered, of several queues.
    #[inline]
    pub(super) fn tick(self) -> u32 {
        self.rota.map_or_else(|| self.room.time.fetch_add(1, Ordering::Relaxed), Rota::tick)
    }
}

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
            queues: (0..queues).map(|number| Part(Brief::new(queue(number)))).collect(),
            rotas: (0..if queues == 1 { 0 } else { ROTAS }).map(|_| Rota::new()).collect(),
            time: AtomicU32::new(0),
            count: AtomicU64::new(0),
            ghosts: OnceBox::new(),
            urgency: if is_weighed { Urgency::USUAL } else { Urgency::of(bound / GONE) },
            waiting: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(super) fn is_one(&self) -> bool {
        self.queues.len() == 1
    }

    /// Where a thread goes with a value at this place.
    #[inline]
    fn stand(&self, place: u32, me: &Worker) -> Stand<'_> {
        if self.is_one() {
            return Stand { room: self, queue: 0, rota: None };
        }
        let rota = Some(&self.rotas[(me.number % ROTAS) as usize]).filter(|rota| rota.is_of(me.number));
        let queue = rota.map_or(place, |rota| rota.next(&self.time));
        Stand { room: self, queue: queue as usize & (self.queues.len() - 1), rota }
    }

    /// The queue that has given a ticket out.
    fn queue_with(&self, ticket: u32) -> Option<BriefGuard<'_, Queue>> {
        let number = if self.is_one() { 0 } else { ticket / NUMBERS % QUEUES };
        self.queues.get(number as usize).map(Part::lock)
    }

    /// How many values were put out so far.
    pub(in crate::cache) fn evictions(&self) -> u64 {
        self.queues.iter().map(|queue| queue.lock().gone()).sum()
    }

    /// What the values of this table weigh together.
    pub(in crate::cache) fn weight(&self, table: Option<u64>) -> u64 {
        let Some(table) = table else { return 0 };
        let weight = |queue: BriefGuard<'_, Queue>| if queue.is_of(table) { queue.weight() } else { 0 };
        self.queues.iter().map(|queue| weight(queue.lock())).sum()
    }

    /// How many values of this table have a place.
    pub(in crate::cache) fn len(&self, table: Option<u64>) -> usize {
        let Some(table) = table else { return 0 };
        let len = |queue: BriefGuard<'_, Queue>| if queue.is_of(table) { queue.len() } else { 0 };
        let len: usize = self.queues.iter().map(|queue| len(queue.lock())).sum();
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
        let Some(mut queue) = self.queue_with(ticket) else { return };
        let weight = queue.forget(ticket);
        drop(queue);
        self.discount(weight);
        self.has_gone(weight);
    }

    /// What weighs so much has gone, and is freed later.
    #[inline]
    pub(super) fn has_gone(&self, weight: u64) {
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
        Comes { weight, is_nested, born }: Comes,
        (me, pin): (&Worker, Pinned<'_>),
        gone: impl FnMut(&K, &R),
    ) -> Admitted {
        if weight > self.bound {
            return Admitted::TooHeavy;
        }
        // Before the queue's lock, though the time is told under it: the lane may be far away.
        let ghosts = self.ghosts.get().filter(|ghosts| ghosts.may_have(found.hash));
        let marks = found.value.marks();
        // Where somebody places it in another queue meanwhile, one of the two places leads nowhere, as that of a value that has gone.
        if born.is_none()
            && self.queue_with(marks.ticket()).is_some_and(|queue| queue.holds(marks.ticket(), found.place))
        {
            return Admitted::Stays;
        }
        let stand = self.stand(found.place, me);
        let mut queue = stand.lock();
        let is_current = |table: &&Table<_, _>| table.id() == found.table && found.is_there();
        if !queue.is_of(found.table) {
            // The first one of a new table: what the others have of the old one counts no more, either.
            drop(queue);
            self.turn_to(found.table, current, pin);
            queue = stand.lock();
        }
        let Some(table) = current.get(pin).filter(is_current).filter(|table| queue.is_of(table.id())) else {
            // Who has been taken out by now is not let in: whoever took it out comes here later, or has been here.
            return Admitted::Stays;
        };
        if born.is_some_and(|born| !marks.begin_in_queue(born)) {
            return Admitted::Stays;
        }
        // Of several queues none knows whether there is room: that is counted for all of them.
        let has_room = if self.is_one() { queue.has_room(weight) } else { self.count_one() };
        let takes_place = !self.is_one() && !has_room;
        let known = ghosts.and_then(|ghosts| ghosts.take(found.hash, stand.time(&queue)));
        queue.admit(found.place, marks, weight, known, (is_nested, has_room));
        let next = self.next_of(stand, &mut queue, takes_place, table, pin);
        drop(queue);
        self.put_out(stand, next, current, table, (me, pin), gone);
        Admitted::Stays
    }

    /// Counts one more, if there is room.
    #[inline]
    fn count_one(&self) -> bool {
        let more = |count| (count < self.bound).then_some(count + 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Counts one less, if there are too many: somebody has to go.
    #[inline]
    pub(super) fn discount_one(&self) -> bool {
        let less = |count| (count > self.bound).then(|| count - 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}
