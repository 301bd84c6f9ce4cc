//! What a call costs, as far as it is known.

use super::{
    Grain, MEASURED,
    ready::{DEAR_TO_START, DOUBTFUL, WORTH_SHARING},
};
use crate::sync::Ordering;

impl Grain {
    /// Whether calls have not been measured often enough for what they seem to cost: an attempt takes the table's owner away for good, and
    /// the first figure may be of first touches alone, a hundred times what a call costs.
    pub(super) fn is_doubtful(&self) -> bool {
        let needed = match self.cost() {
            0 => 0,
            1..DOUBTFUL => MEASURED,
            DOUBTFUL..DEAR_TO_START => MEASURED - 1,
            _ => 1,
        };
        self.measures.load(Ordering::Relaxed) < needed
    }

    /// What a call costs that is made alone.
    ///
    /// The lower of the last two figures counts: what is done once (first touches of stack and table) and what others do
    /// on the machine only ever add.
    pub(in crate::cache) fn measure(&self, each: u64) {
        let each = each.max(1);
        let last = self.measured.swap(each, Ordering::Relaxed);
        self.measures.fetch_add(1, Ordering::Relaxed);
        self.set_cost(if last == 0 { each } else { each.min(last) });
    }

    /// Questions have told that calls are so dear. Where nothing is known, the first time may have been a thread that was put aside.
    pub(super) fn find_dear(&self, each: u64) {
        let last = self.measured.swap(each, Ordering::Relaxed);
        if last == 0 {
            return;
        }
        self.measures.fetch_add(1, Ordering::Relaxed);
        self.set_cost(if self.cost() == 0 { each.min(last) } else { each });
    }

    fn set_cost(&self, cost: u64) {
        self.cost.store(cost, Ordering::Relaxed);
        self.sequential.store(cost < WORTH_SHARING, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_seems_to_be_cheap_is_measured_some_times_before_it_is_shared() {
        let grain = Grain::new();
        assert!(!grain.is_doubtful(), "nothing is known");
        for measured in 1..=MEASURED {
            grain.measure(DOUBTFUL - 1);
            assert_eq!(grain.is_doubtful(), measured < MEASURED);
        }
        let grain = Grain::new();
        grain.measure(7_600);
        assert!(grain.is_doubtful(), "the table was made meanwhile");
        grain.measure(DOUBTFUL);
        assert!(!grain.is_doubtful());
        let grain = Grain::new();
        grain.measure(DEAR_TO_START);
        assert!(!grain.is_doubtful());
    }

    #[test]
    fn a_lower_cost_is_believed_at_once_and_a_higher_one_when_it_is_confirmed() {
        let grain = Grain::new();
        grain.measure(400);
        grain.measure(200);
        assert_eq!(grain.cost(), 200);
        grain.measure(1_000);
        assert_eq!(grain.cost(), 200);
        grain.measure(900);
        assert_eq!(grain.cost(), 900);
        assert!(!grain.is_sequential());
        grain.measure(WORTH_SHARING - 1);
        assert!(grain.is_sequential());
    }

    #[test]
    fn what_two_questions_have_found_dear_is_believed_whatever_was_measured() {
        let grain = Grain::new();
        grain.measure(2_000);
        assert!(grain.is_doubtful());
        grain.find_dear(30_000);
        assert_eq!((grain.cost(), grain.is_doubtful()), (30_000, false));
    }

    #[test]
    fn what_was_dear_twice_is_known_to_be() {
        let grain = Grain::new();
        grain.find_dear(90_000);
        assert_eq!(grain.cost(), 0, "its thread may have been put aside");
        grain.find_dear(80_000);
        assert_eq!((grain.cost(), grain.is_doubtful()), (80_000, false));
    }
}
