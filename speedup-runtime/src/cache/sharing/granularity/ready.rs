//! When an outermost call has become worth the price of sharing it.
//!
//! Nobody knows how long a call has yet to run. Who pays for helpers only after having spent as much as they cost never
//! takes more than twice the time of who knew (the rule of the ski hire; R. Karp, "On-line algorithms versus off-line algorithms",
//! 1992), and calls that are over sooner pay nothing.

use crate::cache::sharing::start::{self, is_started};
use crate::sync::timed;

/// Calls that cost less than this, in nanoseconds, are not worth an attempt: on two threads in one table each of them takes up to as long again.
pub(super) const WORTH_SHARING: u64 = 170;
/// Calls dearer than this, in nanoseconds, make the cost of sharing them out small.
pub(super) const DEAR: u64 = 5_000;
/// Where the pool is running, helpers come after a few microseconds.
const TO_INVITE: u64 = 10_000;
/// To start it takes some hundred microseconds. Calls that are dear, of so many nanoseconds, are likely to go on being so.
pub(super) const TO_START: u64 = 90_000;
pub(super) const DEAR_TO_START: u64 = 20_000;
/// Others had first touches of code and memory in their time, and gain less.
const TO_START_FOR_CHEAP: u64 = 500_000;
/// Of those that seem to cost no more than this, first touches may be the greater part: on the way down a deep recursion each call finds
/// new stack and a new place in the table.
pub(super) const CHEAP: u64 = 400;
/// Calls that seem to cost less are measured several times: the first figure of cheap ones may be ten times what they cost.
pub(super) const DOUBTFUL: u64 = 1_000;
const TO_START_FOR_CHEAPEST: u64 = 2_000_000;

/// Of so few calls one that is dear tells at once: there may be no more. They made the table, too, so it takes more to be dear.
const FEW: u64 = 8;
const DEAR_AT_ONCE: u64 = 40_000;

/// Nanoseconds of calls that others may take over, from which on it pays to have the pool started beside them.
const TO_START_BESIDE: u64 = 250_000;

/// What an outermost call has taken so far.
pub(super) struct Spent {
    /// Calls begun, at least one.
    pub(super) calls: u64,
    /// Nanoseconds.
    pub(super) time: u64,
    /// Nanoseconds of a call since it was last asked, and between that question and the one before; 0 where nobody asked.
    pub(super) lately: [u64; 2],
}

impl Spent {
    fn each(&self) -> u64 {
        self.time / self.calls.max(1)
    }

    /// What a call seems to cost where nothing is known: 0 unless it is so dear that no first touches of memory take as long. In one of two
    /// questions in a row its thread may have been put aside.
    pub(super) fn seeming(&self) -> u64 {
        let lately = self.lately[0].min(self.lately[1]);
        if lately < DEAR_TO_START && self.calls < FEW && self.each() >= DEAR_AT_ONCE {
            return self.each();
        }
        if lately >= DEAR_TO_START { lately } else { 0 }
    }

    /// After how many calls more to ask again: a question costs as much as a cheap call. The first calls are asked about one by one,
    /// since one of them may be dear.
    pub(super) fn next_question(&self) -> u64 {
        match self.calls {
            _ if self.seeming() > 0 || self.lately[0] >= DEAR_TO_START => 0,
            0..FEW => 1,
            FEW..32 => 4,
            32..1024 => 16,
            _ => 64,
        }
    }
}

/// Whether to share, where a call is known to cost so much (0: nothing is known). Calls of which nothing is known are shared if they are plainly
/// dear; what others cost is about to be measured, and a descent, of which nothing is to be had, is not.
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
pub(super) fn is_ready(spent: &Spent, cost: u64) -> bool {
    let cost = if cost == 0 { spent.seeming() } else { cost };
    is_ready_when(spent, cost, is_started()) && comes_somebody(cost)
}

/// Whether to share so many calls that are known to be left, and seem to cost so much each.
pub(super) fn is_ready_for(left: usize, cost: u64) -> bool {
    pays_for(left, cost, is_started()) && comes_somebody(cost)
}

/// Whether calls that seem to cost no more than this are cheap: to share one out takes as long as to compute it.
pub(super) fn is_cheap(cost: u64) -> bool {
    cost < CHEAP
}

/// Whether so many calls, which lately took so long each, are enough to tell that they are not dear. One of them may be all the same, and shows when it has
/// ended.
pub(super) fn seem_cheap(calls: u64, lately: u64) -> bool {
    calls >= FEW && lately < DEAR
}

/// Whether anybody comes if invited now. Calls that are not dear are not shared before the threads of the pool are there, which start beside them.
fn comes_somebody(cost: u64) -> bool {
    if !is_started() {
        if cost < DEAR_TO_START {
            start::beside(None);
            return false;
        }
        if !start::is_quick() {
            // Who is invited comes as soon as they are.
            return true;
        }
        start::here();
    }
    // In a pool of one thread, which is the caller, nobody would come.
    timed::current_num_threads() > 1
}

/// Whether it is known that the pool has one thread.
pub(super) fn is_single() -> bool {
    is_started() && timed::current_num_threads() == 1
}

fn is_ready_when(spent: &Spent, cost: u64, started: bool) -> bool {
    let price = match started {
        true => TO_INVITE,
        false if cost >= DEAR_TO_START => TO_START,
        false if cost >= CHEAP => TO_START_FOR_CHEAP,
        false => TO_START_FOR_CHEAPEST,
    };
    cost >= WORTH_SHARING && spent.time >= price
}

/// The others, who are one at least, take over a half or more.
fn pays_for(left: usize, cost: u64, started: bool) -> bool {
    let half = cost.saturating_mul(left as u64) / 2;
    !is_cheap(cost) && half >= if started { TO_INVITE } else { TO_START_BESIDE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(calls: u64, micros: u64, cost: u64, started: bool) -> bool {
        let spent = Spent { calls, time: micros * 1_000, lately: [0; 2] };
        is_ready_when(&spent, if cost == 0 { spent.seeming() } else { cost }, started)
    }

    #[test]
    fn a_group_that_was_come_to_quickly_is_asked_about_after_its_first_member() {
        let question = |calls, nanos| Spent { calls, time: nanos, lately: [0; 2] }.next_question();
        assert_eq!(question(1, 2_000), 1);
        assert_eq!(question(2, 202_000), 0, "that was dear");
        assert!(question(100, 2_000) > 1, "cheap calls are asked about rarely");
    }

    #[test]
    fn of_a_descent_nothing_is_known_until_it_comes_to_calls_that_are_dear() {
        let seeming = |calls, time, lately| Spent { calls, time, lately }.seeming();
        assert_eq!(seeming(5_000, 3_000_000, [600, 600]), 0, "first touches of stack and table");
        assert_eq!(seeming(5_000, 9_000_000, [90_000, 600]), 0, "its thread was put aside");
        assert_eq!(seeming(200, 50_000, [30_000, 20_000]), 20_000, "its end");
        assert_eq!(seeming(2, 120_000, [0, 0]), 60_000, "work before the calls");
        assert_eq!(seeming(2, 50_000, [0, 0]), 0, "the table was made");
        assert_eq!(Spent { calls: 200, time: 50_000, lately: [20_000, 600] }.next_question(), 0, "perhaps its end");
    }

    #[test]
    fn calls_seem_cheap_when_several_were() {
        assert!(!seem_cheap(2, 400), "the next may be what takes time");
        assert!(seem_cheap(8, 1_500), "with first touches of stack and table");
        assert!(!seem_cheap(100, 20_000));
    }

    #[test]
    fn many_calls_that_are_left_are_worth_helpers_at_once() {
        assert!(pays_for(990, 1_000, false) && pays_for(990, 1_000, true));
        assert!(!pays_for(990, 100, true), "to share them out takes as long");
        assert!(!pays_for(100, 1_000, false), "the pool comes too late");
        assert!(pays_for(100, 1_000, true));
    }

    #[test]
    fn a_pool_is_started_for_what_has_shown_to_be_dear_and_not_for_what_is_cheap() {
        assert!(ready(1, 100, 0, false), "a body that took 100 us before its first group");
        assert!(!ready(1, 2, 0, false), "the first group of a cheap one");
        assert!(!ready(90, 20, 0, false), "with all its first touches of memory");
        assert!(!ready(15, 120, 0, false), "in a debug build");
        assert!(!ready(900, 100, 110, false), "a grid of 30 x 30 in cold memory");
        assert!(!ready(1_000_000, 20_000, WORTH_SHARING - 1, false), "however long it goes on");
        assert!(ready(300, 1_000, 3_000, false), "calls of 3 us, after a while");
        assert!(!ready(5_000, 1_000, 200, false), "the way down a deep recursion");
        assert!(ready(10_000, 3_000, 300, false), "calls of 300 ns that go on for long");
        assert!(ready(2, 12, 6_000, true), "where the pool runs, that is little");
    }
}
