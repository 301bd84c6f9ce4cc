//! What figures say of calls: whether they tell anything yet, and whether sharing pays.

use std::time::Duration;

use super::ready::DEAR;

/// Whether calls that took this time together tell nothing yet: most of those begun are still running, and those that have ended, if
/// any, were dear.
pub(super) fn is_early_of(calls: u64, running: u64, time: u64) -> bool {
    let ended = calls - running;
    running * 4 > calls && time / calls < DEAR && (ended == 0 || time / ended >= DEAR)
}

/// Whether so many calls of this cost, made together in this time, are at least so many percent of what one thread
/// would have made.
pub(super) fn pays(calls: u64, cost: u64, time: Duration, percent: u128) -> bool {
    u128::from(calls) * u128::from(cost) * 100 >= time.as_nanos() * percent
}

#[cfg(test)]
mod tests {
    use super::{super::GAIN, *};

    #[test]
    fn sharing_pays_if_all_get_on_faster_than_one() {
        let time = Duration::from_micros(100);
        assert!(pays(1_800, 100, time, GAIN), "two that hardly ever wait");
        assert!(!pays(1_000, 100, time, GAIN), "two of which always one waits");
        assert!(pays(1_000, 100, time, 100), "but nothing is lost");
    }

    #[test]
    fn calls_that_work_after_their_calls_are_judged_when_some_have_ended() {
        assert!(is_early_of(256, 256, 80_000), "a descent");
        assert!(is_early_of(80, 48, 300_000), "a few dear ones have ended");
        assert!(!is_early_of(256, 200, 25_600), "a few cheap ones have");
        assert!(!is_early_of(200, 40, 9_600_000), "most have");
        assert!(!is_early_of(40, 40, 2_400_000), "work before the calls shows at once");
    }
}
