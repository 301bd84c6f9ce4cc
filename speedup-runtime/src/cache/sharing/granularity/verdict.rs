//! What figures say of calls: whether they tell anything yet, and whether sharing pays.

use std::time::Duration;

use super::ready::DEAR;

/// Whether calls that took this time together tell nothing yet: most of those begun are still running, and those that have ended, if
/// any, were dear.
pub(super) fn is_early_of(calls: u64, running: u64, time: u64) -> bool {
    let ended = calls - running;
    running * 4 > calls && time / calls < DEAR && (ended == 0 || time / ended >= DEAR)
}

/// What a call costs where so many took this time together. As long as most of them are running, what those that have ended have cost
/// beside their way down, which took so long a call, is what tells: work after the calls is yet to come for the others.
pub(super) fn each_of(calls: u64, running: u64, time: u64, down: u64) -> u64 {
    let (each, ended) = (time / calls, calls - running);
    if running * 4 <= calls || each < DEAR || ended == 0 {
        return each;
    }
    let down = down.min(each);
    down + (time - down * calls) / ended
}

/// Whether time of an outermost call in which sharing began before anything was measured tells that its calls are dear. Time that is lost by
/// waiting is none of theirs, and where that is more than the half, sharing itself may be what takes so long.
pub(super) fn are_dear(calls: u64, time: u64, lost: u64) -> bool {
    lost <= time / 2 && (time - lost) / calls.max(1) >= DEAR
}

/// Whether so many calls were made in a time so short that this cost is too high, however well so many threads shared them.
pub(super) fn is_too_high(cost: u64, calls: u64, time: Duration, threads: u64) -> bool {
    u128::from(calls) * u128::from(cost) * 4 > time.as_nanos() * u128::from(threads) * 5
}

/// What is lost where so many calls of this cost took so long.
pub(super) fn loss(calls: u64, cost: u64, time: Duration) -> Duration {
    time.saturating_sub(Duration::from_nanos(calls.saturating_mul(cost)))
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
    fn what_waits_for_its_helpers_is_not_dear() {
        assert!(are_dear(16, 960_000, 0));
        assert!(are_dear(16, 1_200_000, 240_000));
        assert!(!are_dear(1_000, 70_000_000, 69_000_000), "cheap calls that take long because they are shared");
        assert!(!are_dear(16, 40_000, 0));
    }

    #[test]
    fn a_cost_is_too_high_if_not_even_all_threads_together_could_have_been_so_fast() {
        let time = Duration::from_micros(400);
        assert!(is_too_high(16_000, 1_000, time, 2), "measured while the thread was put aside");
        assert!(!is_too_high(700, 1_000, time, 2));
        assert_eq!(loss(100, 200, time), Duration::from_micros(380));
        assert_eq!(loss(10_000, 200, time), Duration::ZERO);
    }

    #[test]
    fn calls_that_work_after_their_calls_are_judged_when_some_have_ended() {
        assert!(is_early_of(256, 256, 80_000), "a descent");
        assert!(is_early_of(80, 48, 300_000), "a few dear ones have ended");
        assert!(!is_early_of(256, 200, 25_600), "a few cheap ones have");
        assert!(!is_early_of(200, 40, 9_600_000), "most have");
        assert!(!is_early_of(40, 40, 2_400_000), "work before the calls shows at once");
    }

    #[test]
    fn calls_that_are_still_running_have_cost_their_way_down() {
        assert_eq!(each_of(145, 105, 145 * 150 + 40 * 20_000, 150), 20_150, "work after the calls");
        assert_eq!(each_of(145, 105, 145 * 8_000, 8_000), 8_000, "work before them");
        assert_eq!(each_of(16, 16, 160_000, 10_000), 10_000, "none has ended");
        assert_eq!(each_of(16, 8, 160_000, 0), 20_000, "nothing is known of their way down");
        assert_eq!(each_of(200, 40, 9_600_000, 150), 48_000, "few are running");
        assert_eq!(each_of(256, 200, 25_600, 90), 100, "cheap ones");
    }
}
