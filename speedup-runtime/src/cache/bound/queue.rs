//! Which value goes when there is no room: S3-FIFO, with a small queue whose part of the room follows what comes back.
//!
//! New keys enter a small queue. Who has been asked for again by the time it comes to the front goes to the main queue, who has not
//! leaves, and is remembered for a while. In the main queue who has been asked for goes round once more. So a scan passes
//! through the small queue and harms nobody. Source: Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023.
//!
//! | who comes back | is | and so |
//! |---|---|---|
//! | soon after it was put out | needed more often than the small queue had time to see | enters the main queue, and the small one gets more room, up to three tenths |
//! | later | one of a loop that there is no room for | enters the small queue: what is in the main one is needed as much. The small one gives room back |
//! | as a call made by another one | part of a recursion, which needs what it has computed a short while ago, and once | enters the main queue, and the small one, which is what counts for that, gets more room, up to nine tenths |
//!
//! As long as there is room, new keys from outside enter the main queue: of a loop, a part that is kept from the start.
//!
//! A hit only marks the value; the queue reads the marks when the value comes to the front. It holds no keys, but the places of
//! values in the table, each with a ticket that the value has, too: where they differ, the value is gone, or has another place in
//! the queue.

use std::collections::VecDeque;

use super::{
    fifo::{Fifo, Turn},
    marks::{Marks, NOWHERE},
};

/// Tickets of the main queue have it.
const MAIN: u32 = 1 << 31;

/// The places of all values, and what they weigh together.
pub(in crate::cache) struct Queue {
    /// The number of the table whose places these are.
    table: u64,
    bound: u64,
    small: Fifo,
    main: Fifo,
    /// What the small queue is to have of the room, where there is anything in the main one.
    small_room: u64,
    /// How many have come back after a long time.
    late: u32,
    /// How many values were to go so far.
    gone: u64,
}

/// Whose value is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) struct Victim {
    pub(in crate::cache) place: u32,
    pub(in crate::cache) weight: u64,
    /// Whether it is to be remembered.
    pub(in crate::cache) is_small: bool,
}

/// How long ago somebody was put out who comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) enum Known {
    NotLong,
    Long,
}

/// The part of the room that the small queue has at least, and never nothing.
const LEAST_SMALL: u64 = 20;
/// So many places whose values were taken out do not matter.
const FEW: usize = 64;

fn least_small(bound: u64) -> u64 {
    (bound / LEAST_SMALL).max(1)
}

impl Queue {
    /// A queue with room for so much. If all values weigh 1, it does not keep what they weigh.
    pub(in crate::cache) fn new(bound: u64, is_weighed: bool) -> Self {
        let fifo = || Fifo::new(is_weighed);
        Self { table: 0, bound, small: fifo(), main: fifo(), small_room: least_small(bound), late: 0, gone: 0 }
    }

    /// What the values weigh together.
    pub(in crate::cache) fn weight(&self) -> u64 {
        self.small.weight() + self.main.weight()
    }

    /// How many values were to go so far.
    pub(in crate::cache) fn gone(&self) -> u64 {
        self.gone
    }

    /// How many values there are.
    pub(in crate::cache) fn len(&self) -> usize {
        self.small.live() + self.main.live()
    }

    pub(in crate::cache) fn bound(&self) -> u64 {
        self.bound
    }

    /// Whether the places are those of the table with this number.
    pub(in crate::cache) fn is_of(&self, table: u64) -> bool {
        self.table == table
    }

    /// Has the places of this table from now on, and so none yet unless it had them before.
    pub(in crate::cache) fn turn_to(&mut self, table: u64) {
        if !self.is_of(table) {
            self.small.clear();
            self.main.clear();
            (self.table, self.small_room) = (table, least_small(self.bound));
        }
    }

    /// Takes a value in, unless it has a place. It may have been put out a while ago, and be asked for by a call of the same function.
    pub(in crate::cache) fn admit(
        &mut self,
        place: u32,
        marks: &Marks,
        weight: u64,
        known: Option<Known>,
        is_nested: bool,
    ) {
        if self.holds(marks.ticket(), place) {
            return;
        }
        let (room, least) = (self.small_room, least_small(self.bound));
        let grown = |by: u64, most: u64| room.max(room.saturating_add(by).min(most));
        self.small_room = match known {
            None => room,
            Some(_) if is_nested => grown(weight, self.bound - self.bound / 10),
            Some(Known::NotLong) => grown(weight.saturating_mul(2), self.bound / 10 * 3),
            Some(Known::Long) => {
                // Half the weight, on average.
                self.late = self.late.wrapping_add(1);
                if self.late.is_multiple_of(2) { room.saturating_sub(weight).max(least) } else { room }
            }
        };
        let is_main = match known {
            None => !is_nested && self.has_room_in_main(weight),
            Some(known) => is_nested || known == Known::NotLong,
        };
        self.push(is_main, place, marks, weight);
    }

    /// Whether there is room for so much, and more than the small queue is to have.
    fn has_room_in_main(&self, weight: u64) -> bool {
        let fits = |in_use: u64, room: u64| in_use.checked_add(weight).is_some_and(|sum| sum <= room);
        fits(self.weight(), self.bound) && fits(self.main.weight(), self.bound.saturating_sub(self.small_room))
    }

    /// Whether this ticket leads to this place.
    fn holds(&self, ticket: u32, place: u32) -> bool {
        let queue = if ticket & MAIN == 0 { &self.small } else { &self.main };
        ticket != NOWHERE && queue.place(ticket & !MAIN) == Some(place)
    }

    fn push(&mut self, is_main: bool, place: u32, marks: &Marks, weight: u64) {
        let ticket = match is_main {
            true => self.main.push(place, weight) | MAIN,
            false => self.small.push(place, weight),
        };
        marks.set_ticket(ticket);
    }

    /// Lets go of a value that was taken out of the table.
    pub(in crate::cache) fn forget(&mut self, ticket: u32) {
        if ticket != NOWHERE {
            let queue = if ticket & MAIN == 0 { &mut self.small } else { &mut self.main };
            queue.forget(ticket & !MAIN);
        }
    }

    /// One that was to go is gone already.
    pub(in crate::cache) fn miscounted(&mut self) {
        self.gone -= 1;
    }

    /// Takes a value back in that was to go.
    pub(in crate::cache) fn take_back(&mut self, Victim { place, weight, .. }: Victim, marks: &Marks) {
        self.gone -= 1;
        self.push(true, place, marks, weight);
    }

    /// Who is to go, if there is too little room. `marks` finds those of the value at a place, if there is one.
    pub(in crate::cache) fn next<'a>(&mut self, marks: impl Fn(u32) -> Option<&'a Marks>) -> Option<Victim> {
        while self.weight() > self.bound {
            let is_small = self.main.live() == 0 || self.small.live() > 0 && self.small.weight() > self.small_room;
            let tickets = if is_small { 0 } else { MAIN };
            let Turn { number, place, weight } = if is_small { self.small.pop() } else { self.main.pop() }?;
            let Some(marks) = marks(place).filter(|marks| marks.ticket() == number | tickets) else { continue };
            match marks.visits() {
                0 => {
                    self.gone += 1;
                    return Some(Victim { place, weight, is_small });
                }
                visits => {
                    marks.set_visits(if is_small { 0 } else { visits - 1 });
                    self.push(true, place, marks, weight);
                }
            }
        }
        if self.small.len() + self.main.len() > 2 * self.len() + FEW {
            self.close_gaps(marks);
        }
        None
    }

    /// Gives those whose values are there new places without gaps. O(places), and at least half of them are gaps.
    ///
    /// Tickets given out before lead nowhere: they are older than the new ones.
    fn close_gaps<'a>(&mut self, marks: impl Fn(u32) -> Option<&'a Marks>) {
        for is_main in [false, true] {
            let queue = if is_main { &mut self.main } else { &mut self.small };
            let tickets = if is_main { MAIN } else { 0 };
            let all: VecDeque<Turn> = queue.take_all();
            for Turn { number, place, weight } in all {
                if let Some(marks) = marks(place).filter(|marks| marks.ticket() == number | tickets) {
                    self.push(is_main, place, marks, weight);
                }
            }
        }
    }

    /// How many places there are, those whose values were taken out among them.
    #[cfg(test)]
    pub(in crate::cache) fn places(&self) -> usize {
        self.small.len() + self.main.len()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
