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

use super::{
    fifo::{Fifo, Turn},
    marks::Marks,
    times::NOWHERE,
};

/// Tickets of the main queue have it.
const MAIN: u32 = 1 << 31;

/// The places of all values, or of a part of them, and what they weigh together.
pub(in crate::cache) struct Queue {
    /// The number of the table whose places these are.
    table: u64,
    /// Its part of the room.
    bound: u64,
    /// What its tickets have beside a number: which of several queues it is.
    mark: u32,
    small: Fifo,
    main: Fifo,
    /// What the small queue is to have of the room, where there is anything in the main one.
    small_room: u64,
    /// How many have come back after a long time.
    late: u32,
    /// How many values were to go so far.
    gone: u64,
    /// How many of them are to be remembered: the time, for those.
    time: u32,
}

/// Whose value is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cache) struct Victim {
    pub(in crate::cache) place: u32,
    pub(in crate::cache) weight: u64,
    /// Whether it is to be remembered ..
    pub(in crate::cache) is_small: bool,
    /// .. and when it went.
    pub(in crate::cache) time: u32,
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

/// Whether so much more has room beside what there is.
fn fits(in_use: u64, weight: u64, room: u64) -> bool {
    in_use.checked_add(weight).is_some_and(|sum| sum <= room)
}

impl Queue {
    /// A queue with room for so much. If all values weigh 1, it does not keep what they weigh.
    pub(in crate::cache) fn new(bound: u64, is_weighed: bool) -> Self {
        Self::one_of(bound, is_weighed, MAIN, 0)
    }

    /// One of several, whose tickets are numbers up to this one, with this mark above.
    pub(in crate::cache) fn one_of(bound: u64, is_weighed: bool, numbers: u32, mark: u32) -> Self {
        let fifo = || Fifo::new(is_weighed, numbers);
        Self {
            table: 0,
            bound,
            mark,
            small: fifo(),
            main: fifo(),
            small_room: least_small(bound),
            late: 0,
            gone: 0,
            time: 0,
        }
    }

    /// What the values weigh together.
    #[inline]
    pub(in crate::cache) fn weight(&self) -> u64 {
        self.small.weight() + self.main.weight()
    }

    /// How many values were to go so far.
    pub(in crate::cache) fn gone(&self) -> u64 {
        self.gone
    }

    /// How many values were to be remembered so far.
    #[inline]
    pub(in crate::cache) fn time(&self) -> u32 {
        self.time
    }

    /// How many values there are.
    #[inline]
    pub(in crate::cache) fn len(&self) -> usize {
        self.small.live() + self.main.live()
    }

    /// Whether the values weigh more than there is room for.
    #[inline]
    pub(in crate::cache) fn is_over(&self) -> bool {
        self.weight() > self.bound
    }

    /// Whether the places are those of the table with this number.
    #[inline]
    pub(in crate::cache) fn is_of(&self, table: u64) -> bool {
        self.table == table
    }

    /// Has the places of this table from now on, and so none yet unless it had them before. Returns what those weigh that it gives up.
    pub(in crate::cache) fn turn_to(&mut self, table: u64) -> u64 {
        if self.is_of(table) {
            return 0;
        }
        let weight = self.weight();
        self.small.clear();
        self.main.clear();
        (self.table, self.small_room) = (table, least_small(self.bound));
        weight
    }

    /// Takes a value in that has no place. It may have been put out a while ago, and be asked for by a call of the same function. `has_room`: nobody
    /// has to go for it.
    #[inline]
    pub(in crate::cache) fn admit(
        &mut self,
        place: u32,
        marks: &Marks,
        weight: u64,
        known: Option<Known>,
        (is_nested, has_room): (bool, bool),
    ) {
        let room = self.small_room;
        let grown = |by: u64, most: u64| room.max(room.saturating_add(by).min(most));
        self.small_room = match known {
            None => room,
            Some(_) if is_nested => grown(weight, self.bound - self.bound / 10),
            Some(Known::NotLong) => grown(weight.saturating_mul(2), self.bound / 10 * 3),
            Some(Known::Long) => {
                // Half the weight, on average.
                self.late = self.late.wrapping_add(1);
                if self.late.is_multiple_of(2) {
                    room.saturating_sub(weight).max(least_small(self.bound))
                } else {
                    room
                }
            }
        };
        let is_main = match known {
            None => {
                !is_nested && has_room && fits(self.main.weight(), weight, self.bound.saturating_sub(self.small_room))
            }
            Some(known) => is_nested || known == Known::NotLong,
        };
        self.push(is_main, place, marks, weight);
    }

    /// Whether there is room for so much more.
    #[inline]
    pub(in crate::cache) fn has_room(&self, weight: u64) -> bool {
        fits(self.weight(), weight, self.bound)
    }

    /// Whether the place is that of a value with this ticket.
    pub(in crate::cache) fn holds(&self, ticket: u32, place: u32) -> bool {
        let queue = if ticket & MAIN == 0 { &self.small } else { &self.main };
        ticket != NOWHERE && queue.place(ticket & !(MAIN | self.mark)) == Some(place)
    }

    #[inline]
    fn push(&mut self, is_main: bool, place: u32, marks: &Marks, weight: u64) {
        let queue = if is_main { &mut self.main } else { &mut self.small };
        let number = queue.push(place, weight);
        marks.set_ticket(self.ticket(is_main, number));
    }

    #[inline]
    fn ticket(&self, is_main: bool, number: u32) -> u32 {
        number | self.mark | if is_main { MAIN } else { 0 }
    }

    /// Lets go of a value that was taken out of the table. Returns what it weighed.
    pub(in crate::cache) fn forget(&mut self, ticket: u32) -> u64 {
        if ticket == NOWHERE {
            return 0;
        }
        let queue = if ticket & MAIN == 0 { &mut self.small } else { &mut self.main };
        queue.forget(ticket & !(MAIN | self.mark))
    }

    /// One that was to go is gone already.
    #[inline]
    pub(in crate::cache) fn miscounted(&mut self) {
        self.gone -= 1;
    }

    /// The place that is likely to be looked at next, when somebody has to go.
    #[inline]
    pub(in crate::cache) fn first(&self) -> Option<u32> {
        let is_small = self.main.live() == 0 || self.small.weight() > self.small_room;
        if is_small { &self.small } else { &self.main }.first()
    }

    /// Takes a value back in that was to go.
    pub(in crate::cache) fn take_back(&mut self, Victim { place, weight, .. }: Victim, marks: &Marks) {
        self.gone -= 1;
        self.push(true, place, marks, weight);
    }

    /// Who is to go, while `over` says that somebody has to, or that the place of somebody has who is gone. `marks` finds those of the value
    /// at a place, if there is one.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(in crate::cache) fn next<'a>(
        &mut self,
        mut over: impl FnMut(&Self) -> bool,
        marks: impl Fn(u32) -> Option<&'a Marks>,
    ) -> Option<Victim> {
        while over(self) {
            if let Some(victim) = self.take(&marks)? {
                self.gone += 1;
                return Some(victim);
            }
        }
        if self.small.len() + self.main.len() > 2 * self.len() + FEW {
            self.close_gaps(marks);
        }
        None
    }

    /// Takes a place out: that of a value which is to go, or that of one which is gone. `None` if there is none.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn take<'a>(&mut self, marks: &impl Fn(u32) -> Option<&'a Marks>) -> Option<Option<Victim>> {
        loop {
            let is_small = self.main.live() == 0 || self.small.live() > 0 && self.small.weight() > self.small_room;
            let Turn { number, place, weight } = if is_small { self.small.pop() } else { self.main.pop() }?;
            let ticket = self.ticket(!is_small, number);
            let Some(marks) = marks(place).filter(|marks| marks.ticket() == ticket) else { return Some(None) };
            if marks.visits() == 0 {
                let time = self.time;
                self.time = time.wrapping_add(u32::from(is_small));
                return Some(Some(Victim { place, weight, is_small, time }));
            }
            if is_small {
                marks.take_visits()
            } else {
                marks.take_visit()
            }
            self.push(true, place, marks, weight);
        }
    }

    /// Gives those whose values are there new places without gaps. O(places), and at least half of them are gaps.
    ///
    /// Tickets given out before lead nowhere: they are older than the new ones.
    #[cold]
    #[inline(never)]
    fn close_gaps<'a>(&mut self, marks: impl Fn(u32) -> Option<&'a Marks>) {
        for is_main in [false, true] {
            let queue = if is_main { &mut self.main } else { &mut self.small };
            let all: Vec<Turn> = queue.take_all();
            for Turn { number, place, weight } in all {
                let ticket = self.ticket(is_main, number);
                if let Some(marks) = marks(place).filter(|marks| marks.ticket() == ticket) {
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
