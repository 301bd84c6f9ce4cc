//! Who is taken out of the table when there is too little room, and how.

use std::cell::Cell;

use super::{
    ghosts::Ghosts,
    kept::{Hashed, Stored},
    queue::{Queue, Victim},
    room::{Room, Stand},
};
use crate::{
    cache::{
        table::{
            Current, Placed, Table,
            key::{Key, Output},
        },
        thread::registry::{Pinned, Worker},
    },
    sync::Ordering,
};

/// Who is to go.
pub(super) struct Next<'pin, K, R> {
    victim: Option<Victim>,
    /// Where it is.
    stood: Option<Placed<'pin, Hashed<K>, Stored<R>>>,
    /// How many values there were.
    len: usize,
    /// Whether there may be more.
    more: bool,
}

impl Room {
    /// Who is to go of a queue, if there is too little room.
    #[cold]
    #[inline(never)]
    fn next<'pin, K: Key, R: Output>(
        &self,
        stand: Stand<'_>,
        current: &Current<Hashed<K>, Stored<R>>,
        pin: Pinned<'pin>,
    ) -> Option<Next<'pin, K, R>> {
        let mut queue = stand.lock();
        let table = current.get(pin).filter(|table| queue.is_of(table.id()))?;
        Some(self.next_of(stand, &mut queue, false, table, pin))
    }

    /// Who is to go of this queue. `takes_place`: somebody of it has come in without being counted.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn next_of<'pin, K: Key, R: Output>(
        &self,
        stand: Stand<'_>,
        queue: &mut Queue,
        mut takes_place: bool,
        table: &Table<Hashed<K>, Stored<R>>,
        pin: Pinned<'pin>,
    ) -> Next<'pin, K, R> {
        let (is_one, len) = (self.is_one(), queue.len());
        // The one that is looked at last is the one that is to go.
        let stood = Cell::new(None);
        let marks = |place| {
            stood.set(table.at(place, pin));
            stood.get().map(|stood| stood.value().marks())
        };
        let mut owes = false;
        let over = |queue: &Queue| {
            if is_one {
                return queue.is_over();
            }
            owes = std::mem::take(&mut takes_place) || self.discount_one();
            owes
        };
        let mut victim = queue.next(over, marks);
        if let Some(place) = queue.first() {
            table.expect(place, pin);
        }
        if is_one {
            return Next { victim, stood: stood.get(), len, more: queue.is_over() };
        }
        if let Some(victim) = &mut victim
            && victim.is_small
        {
            victim.time = stand.tick();
        }
        if owes && victim.is_none() {
            // There is nobody here: somebody of another queue has to go, when one comes in there.
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        let count = self.count.load(Ordering::Relaxed);
        Next { victim, stood: stood.get(), len: count as usize, more: count > self.bound }
    }

    /// Takes values out until what is left fits, this one first, and says which.
    #[inline]
    pub(super) fn put_out<'pin, K: Key, R: Output>(
        &self,
        stand: Stand<'_>,
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
            let held = Held { stand, table, victim, pin };
            let hash = table.hash_at(stood);
            if let Some(ghosts) = self.ghosts.get().filter(|_| victim.is_small) {
                ghosts.expect(hash);
            }
            // SAFETY: tables in use are retired later than what is removed from them.
            let out = unsafe { table.remove_at(stood, hash, (me, self.urgency)) };
            std::mem::forget(held);
            match out {
                Some(out) => {
                    if victim.is_small {
                        let ghosts = self.ghosts.get_or_init(|| Box::new(Ghosts::new(len)));
                        ghosts.add(out.hash, victim.time);
                    }
                    gone(&out.key.0, out.value.get());
                }
                None => stand.lock().miscounted(),
            }
            self.has_gone(victim.weight);
            if !more {
                return;
            }
            match self.next(stand, current, pin) {
                Some(more) => next = more,
                None => return,
            }
        }
    }
}

/// A value that is to go, in the hands of users' code. If that panics, it has its place again.
struct Held<'a, K: Key, R: Output> {
    stand: Stand<'a>,
    table: &'a Table<Hashed<K>, Stored<R>>,
    victim: Victim,
    pin: Pinned<'a>,
}

impl<K: Key, R: Output> Drop for Held<'_, K, R> {
    #[cold]
    fn drop(&mut self) {
        let Stand { room, .. } = self.stand;
        let mut queue = self.stand.lock();
        if let Some(stood) = self.table.at(self.victim.place, self.pin).filter(|_| queue.is_of(self.table.id())) {
            queue.take_back(self.victim, stood.value().marks());
            if !room.is_one() {
                room.count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
