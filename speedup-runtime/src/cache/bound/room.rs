//! The room of a bounded cache: who has come in gets a place in the queue, and who has to go is taken out of the table.
//!
//! The queue has places of one table, by number. Whoever looks at it has pinned the thread, and has found the table to be the current
//! one since: so the values at those places may be looked at. After a `clear` the queue turns to the new table; what is
//! published in the old one meanwhile gets no place. No code of users' runs under the lock: values are weighed, and their
//! keys hashed, before or after.

use super::{
    ghosts::Ghosts,
    kept::{Hashed, Stored},
    queue::{Queue, Victim},
};
use crate::{
    cache::{
        table::{
            Current, Found, Table,
            key::{Key, Output},
        },
        thread::registry::{Pinned, Worker},
    },
    sync::{Mutex, OnceBox, lock},
};

/// The places of a cache with a bound, and who was put out a short while ago.
pub(in crate::cache) struct Room {
    queue: Mutex<Queue>,
    /// Made when the first value is put out, for as many as there are then.
    ghosts: OnceBox<Ghosts>,
}

/// What became of a value that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Admitted {
    /// It has a place, or needs none; this many are to go.
    Stays(Next),
    /// It is heavier than all there may be.
    TooHeavy,
}

/// Who is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) struct Next {
    victim: Option<Victim>,
    /// How many values there were.
    len: usize,
    /// Whether there may be more.
    more: bool,
}

impl Next {
    const NOBODY: Self = Self { victim: None, len: 0, more: false };
}

impl Room {
    /// Room for so much.
    pub(in crate::cache) fn new(bound: u64, is_weighed: bool) -> Self {
        Self { queue: Mutex::new(Queue::new(bound, is_weighed)), ghosts: OnceBox::new() }
    }

    /// How many values were put out so far.
    pub(in crate::cache) fn evictions(&self) -> u64 {
        lock(&self.queue).gone()
    }

    /// What the values of this table weigh together.
    pub(in crate::cache) fn weight(&self, table: Option<u64>) -> u64 {
        let queue = lock(&self.queue);
        if table.is_some_and(|table| queue.is_of(table)) { queue.weight() } else { 0 }
    }

    /// How many values of this table have a place.
    pub(in crate::cache) fn len(&self, table: Option<u64>) -> usize {
        let queue = lock(&self.queue);
        if table.is_some_and(|table| queue.is_of(table)) { queue.len() } else { 0 }
    }

    /// Gives up all places, if there is no table.
    pub(in crate::cache) fn clear<K: Key, R: Output>(&self, current: &Current<K, R>, pin: Pinned<'_>) {
        let mut queue = lock(&self.queue);
        if current.get(pin).is_none() {
            queue.turn_to(0);
        }
    }

    /// A value with this ticket was taken out of the table.
    pub(in crate::cache) fn forget(&self, ticket: u32) {
        lock(&self.queue).forget(ticket);
    }

    /// Gives a value a place, unless it has one, and says who is to go: what the caller passes on to [`put_out`](Self::put_out).
    pub(in crate::cache) fn admit<K: Key, R: Output>(
        &self,
        current: &Current<Hashed<K>, Stored<R>>,
        found: &Found<'_, Hashed<K>, Stored<R>>,
        (weight, is_nested): (u64, bool),
        pin: Pinned<'_>,
    ) -> Admitted {
        let known = self.ghosts.get().and_then(|ghosts| ghosts.take(found.hash));
        let mut queue = lock(&self.queue);
        if weight > queue.bound() {
            return Admitted::TooHeavy;
        }
        let Some(table) = current.get(pin).filter(|table| table.id() == found.table && found.is_there()) else {
            // Who has been taken out by now is not let in: whoever took it out comes here later, or has been here.
            return Admitted::Stays(Next::NOBODY);
        };
        queue.turn_to(found.table);
        queue.admit(found.place, found.value.marks(), weight, known, is_nested);
        Admitted::Stays(Self::next_of(&mut queue, table, pin))
    }

    /// Who is to go, if there is too little room.
    pub(in crate::cache) fn next<K: Key, R: Output>(
        &self,
        current: &Current<Hashed<K>, Stored<R>>,
        pin: Pinned<'_>,
    ) -> Next {
        let mut queue = lock(&self.queue);
        let table = current.get(pin).filter(|table| queue.is_of(table.id()));
        table.map_or(Next::NOBODY, |table| Self::next_of(&mut queue, table, pin))
    }

    fn next_of<K: Key, R: Output>(queue: &mut Queue, table: &Table<Hashed<K>, Stored<R>>, pin: Pinned<'_>) -> Next {
        let len = queue.len();
        let victim = queue.next(|place| table.at(place, pin).map(Stored::marks));
        Next { victim, len, more: queue.weight() > queue.bound() }
    }

    /// Takes values out until what is left fits, this one first, and says which.
    pub(in crate::cache) fn put_out<K: Key, R: Output>(
        &self,
        mut next: Next,
        current: &Current<Hashed<K>, Stored<R>>,
        table: &Table<Hashed<K>, Stored<R>>,
        (me, pin): (&Worker, Pinned<'_>),
        mut gone: impl FnMut(&K, &R),
    ) {
        while let Some(victim) = next.victim {
            if !table.admits(me.number) {
                return current.give_up(table);
            }
            let held = Held { room: self, table, victim, pin };
            // SAFETY: tables in use are retired later than what is removed from them.
            let out = unsafe { table.remove_at(victim.place, me, pin) };
            std::mem::forget(held);
            match out {
                Some(out) => {
                    if victim.is_small {
                        self.ghosts.get_or_init(|| Box::new(Ghosts::new(next.len))).add(out.hash);
                    }
                    gone(&out.key.0, out.value.get());
                }
                None => lock(&self.queue).miscounted(),
            }
            next = if next.more { self.next(current, pin) } else { Next::NOBODY };
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
        let mut queue = lock(&self.room.queue);
        if let Some(stored) = self.table.at(self.victim.place, self.pin).filter(|_| queue.is_of(self.table.id())) {
            queue.take_back(self.victim, stored.marks());
        }
    }
}
