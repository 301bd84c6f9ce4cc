//! The way of a value into one of several queues, and of those out for which there is no room then.

use std::cell::Cell;

use super::{
    intake::{Comer, INTAKES, Intake, LEN},
    kept::{Hashed, Stored},
    queue::{Queue, Victim},
    room::{Comes, Room},
    times::NOWHERE,
};
use crate::{
    cache::{
        table::{
            Current, Found, Placed, Table,
            key::{Key, Output},
        },
        thread::registry::{Pinned, Worker},
    },
    sync::Ordering,
};

/// No more values are taken out at once: for one that comes in, for those ahead, and because there are too many.
const MOST: usize = 2 * LEN + 1;

/// A value that comes in now.
struct Arrival {
    comer: Comer,
    /// Whether it has been counted.
    is_counted: bool,
}

impl Room {
    /// As [`admit`](Self::admit), where there are several queues, and so all values weigh 1.
    pub(super) fn admit_among<K: Key, R: Output>(
        &self,
        current: &Current<Hashed<K>, Stored<R>>,
        found: &Found<'_, Hashed<K>, Stored<R>>,
        Comes { is_nested, born, .. }: Comes,
        (me, pin): (&Worker, Pinned<'_>),
        gone: impl FnMut(&K, &R),
    ) {
        let marks = found.value.marks();
        let ticket = match born {
            // Without a lock: if two threads do so at once, it may come in twice, and has the place that it is given last. The other one is then as that
            // of a value that is gone.
            Some(born) if !marks.begin_in_queue(born) => return,
            Some(_) => NOWHERE,
            None => marks.ticket(),
        };
        if ticket != NOWHERE && self.queue_with(ticket).is_some_and(|queue| queue.holds(ticket, found.place)) {
            return;
        }
        let comer = Comer { place: found.place, hash: found.hash, is_nested };
        let intake = self.intakes.get((me.number % INTAKES) as usize).filter(|intake| intake.is_of(me.number));
        if let Some(intake) = intake.filter(|_| ticket == NOWHERE)
            && intake.put(found.table, comer)
        {
            if let Some(ghosts) = self.ghosts.get() {
                ghosts.expect(comer.hash);
            }
            return;
        }
        // Those that wait come first.
        let is_counted = intake.is_none_or(Intake::is_empty) && self.count_more(1) == 1;
        self.file(current, found, Arrival { comer, is_counted }, intake, (me, pin), gone);
    }

    /// Gives those who wait their places, and the one who comes in, and takes out as many as have to go.
    fn file<K: Key, R: Output>(
        &self,
        current: &Current<Hashed<K>, Stored<R>>,
        found: &Found<'_, Hashed<K>, Stored<R>>,
        arrival: Arrival,
        intake: Option<&Intake>,
        (me, pin): (&Worker, Pinned<'_>),
        gone: impl FnMut(&K, &R),
    ) {
        // Whole batches go to the queues in turn, so that all of them have as many.
        let ahead = intake.filter(|_| !arrival.is_counted);
        let number = ahead.map_or(arrival.comer.place, Intake::turn) as usize % self.queues.len();
        let mut queue = self.queues[number].lock();
        if !queue.is_of(found.table) {
            // The first one of a new table: what the others have of the old one counts no more, either.
            drop(queue);
            self.turn_to(found.table, current, pin);
            queue = self.queues[number].lock();
        }
        let mut counted = u64::from(arrival.is_counted);
        let is_current = |table: &&Table<_, _>| table.id() == found.table && queue.is_of(table.id());
        let Some(table) = current.get(pin).filter(is_current) else {
            // What was in the table is in none.
            let mut waiting = 0;
            counted += intake.map_or(0, |intake| intake.take(found.table, |_| waiting += 1));
            return self.count_less(counted + waiting);
        };
        let mut gone_already = 0;
        let mut place = |comer| gone_already += u64::from(!self.place(comer, &mut queue, table, pin));
        counted += intake.map_or(0, |intake| intake.take(found.table, &mut place));
        counted += gone_already;
        let is_in = found.is_there();
        if is_in {
            // Who has been taken out by now is not let in: whoever took it out comes here later, or has been here.
            let flags = (arrival.comer.is_nested, arrival.is_counted);
            queue.admit(found.place, found.value.marks(), 1, self.known(found.hash), flags);
        }
        let too_many = self.take_excess(LEN as u64);
        let needed = u64::from(is_in) + too_many;
        let wanted = needed + if ahead.is_some() { LEN as u64 } else { 0 };
        counted += self.count_more(wanted.saturating_sub(counted));
        let mut leaving =
            Leaving { room: self, intake, table, pin, number, victims: [const { None }; MOST], len: 0, out: 0, counted, needed };
        leaving.choose(&mut queue, wanted.saturating_sub(counted));
        drop(queue);
        leaving.leave(current, me, gone);
    }

    /// Gives one who has waited a place, unless it is gone, or has one.
    fn place<K: Key, R: Output>(
        &self,
        comer: Comer,
        queue: &mut Queue,
        table: &Table<Hashed<K>, Stored<R>>,
        pin: Pinned<'_>,
    ) -> bool {
        // If there is another value by now which waits as well, then it is that one: its own turn finds that it has a place.
        let Some(stood) = table.at(comer.place, pin) else { return false };
        let marks = stood.value().marks();
        let waits = marks.has_begun() && marks.ticket() == NOWHERE;
        if waits {
            queue.admit(comer.place, marks, 1, self.known(comer.hash), (comer.is_nested, false));
        }
        waits
    }

    /// Counts up to so many more, as far as there is room.
    fn count_more(&self, most: u64) -> u64 {
        let room = |count| Some(self.bound.saturating_sub(count).min(most)).filter(|more| *more > 0);
        let more = |count| Some(count + room(count)?);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().and_then(room).unwrap_or(0)
    }

    /// Counts up to so many less, as far as there are too many: they have to go.
    fn take_excess(&self, most: u64) -> u64 {
        let excess = |count: u64| Some(count.saturating_sub(self.bound).min(most)).filter(|less| *less > 0);
        let less = |count| Some(count - excess(count)?);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok().and_then(excess).unwrap_or(0)
    }

    fn count_less(&self, less: u64) {
        if less > 0 {
            self.count.fetch_sub(less, Ordering::Relaxed);
        }
    }
}

/// A value that is to go: its place in the queue, where it is, and the hash of its key once that is known.
type Goes<'pin, K, R> = (Victim, Placed<'pin, Hashed<K>, Stored<R>>, u64);

/// Values that are to go, in the hands of users' code. If that panics, those that are there still have their places again.
struct Leaving<'a, 'pin, K: Key, R: Output> {
    room: &'a Room,
    intake: Option<&'a Intake>,
    table: &'a Table<Hashed<K>, Stored<R>>,
    pin: Pinned<'pin>,
    /// Which queue they were in.
    number: usize,
    victims: [Option<Goes<'pin, K, R>>; MOST],
    len: usize,
    /// So many of them have gone.
    out: usize,
    /// What was counted for none that is there, those who go aside ..
    counted: u64,
    /// .. and how much of it is needed.
    needed: u64,
}

impl<'pin, K: Key, R: Output> Leaving<'_, 'pin, K, R> {
    /// Takes so many places out of the queue.
    fn choose(&mut self, queue: &mut Queue, mut owed: u64) {
        let (table, pin) = (self.table, self.pin);
        // The one that is looked at last is the one that is to go.
        let stood = Cell::new(None);
        let marks = |place| {
            stood.set(table.at(place, pin));
            stood.get().map(|stood: Placed<'pin, _, Stored<R>>| stood.value().marks())
        };
        let (mut smalls, mut paid) = (0, owed);
        loop {
            let mut is_owed = false;
            let over = |_: &Queue| {
                is_owed = owed > 0;
                owed = owed.saturating_sub(1);
                is_owed
            };
            let victim = queue.next(over, marks);
            let (Some(victim), Some(stood)) = (victim, stood.get()) else {
                // There is nobody here any more.
                paid -= owed + u64::from(is_owed);
                break;
            };
            smalls += u32::from(victim.is_small);
            self.victims[self.len] = Some((victim, stood, 0));
            self.len += 1;
        }
        // What was found to be gone is room that was counted.
        self.counted += paid - self.len as u64;
        if smalls > 0 {
            self.room.tell_time(smalls, self.victims[..self.len].iter_mut().flatten().map(|(victim, ..)| victim));
        }
    }

    /// Takes the values out of the table.
    fn leave(&mut self, current: &Current<Hashed<K>, Stored<R>>, me: &Worker, mut gone: impl FnMut(&K, &R)) {
        if self.len == 0 {
            return;
        }
        if !self.table.admits(me.number) {
            current.give_up(self.table);
            self.out = self.len;
            return;
        }
        for (victim, stood, hash) in self.victims[..self.len].iter_mut().flatten() {
            *hash = self.table.hash_at(*stood);
            if let Some(ghosts) = self.room.ghosts.get().filter(|_| victim.is_small) {
                ghosts.expect(*hash);
            }
        }
        let mut missing = 0;
        for at in 0..self.len {
            let Some((victim, stood, hash)) = self.victims[at] else { continue };
            // SAFETY: tables in use are retired later than what is removed from them.
            let out = unsafe { self.table.remove_at(stood, hash, (me, self.room.urgency)) };
            self.out = at + 1;
            match out {
                Some(out) => {
                    if victim.is_small {
                        self.room.remember(hash, victim.time, self.room.bound as usize);
                    }
                    gone(&out.key.0, out.value.get());
                }
                None => missing += 1,
            }
        }
        if missing > 0 {
            self.room.queues[self.number].lock().miscounted(missing);
        }
    }
}

impl<K: Key, R: Output> Drop for Leaving<'_, '_, K, R> {
    #[inline]
    fn drop(&mut self) {
        if self.out < self.len {
            let mut queue = self.room.queues[self.number].lock();
            for (victim, ..) in self.victims[self.out..self.len].iter().flatten() {
                match self.table.at(victim.place, self.pin).filter(|_| queue.is_of(self.table.id())) {
                    Some(stood) => queue.take_back(*victim, stood.value().marks()),
                    None => self.counted += 1,
                }
            }
        }
        let counted = self.counted + self.out as u64;
        if counted < self.needed {
            // Somebody of another queue has to go, when one comes in there.
            self.room.count.fetch_add(self.needed - counted, Ordering::Relaxed);
            return;
        }
        let rest = counted - self.needed;
        self.room.count_less(self.intake.map_or(rest, |intake| intake.add(rest)));
    }
}
