//! The rule against recorded costs: what a run of a generator with these costs would have come to.

use super::{Ledger, PRICE, Pace, limit};

const SIZE: usize = 16;

/// What a value costs a reader that makes it, beside the generator's own time.
const ALONE: u64 = 7;
/// What a value that a helper makes costs at least, by the way between two cores.
const PASSED_ON: u64 = 14;

/// How a run went.
#[derive(Debug)]
struct Run {
    /// Values made before a helper was first wanted.
    alone_at_first: Option<usize>,
    /// Values made while a helper was wanted.
    ahead: usize,
    /// The time of a reader that does as much for each value as the generator does.
    nanos: u64,
    /// The time without any helper.
    without: u64,
}

/// Runs the rule over the costs of a generator's values.
fn run(costs: impl IntoIterator<Item = u64>) -> Run {
    run_of(false, costs)
}

/// The same where they may be made several at once, and are watched together then.
fn run_of(batches: bool, costs: impl IntoIterator<Item = u64>) -> Run {
    let pace = Pace::new();
    let mut run = Run { alone_at_first: None, ahead: 0, nanos: 0, without: 0 };
    let mut watched = (0, 0);
    for (made, cost) in costs.into_iter().enumerate() {
        run.without += 2 * cost + ALONE;
        if pace.pays_ahead() {
            if run.alone_at_first.is_none() {
                run.alone_at_first = Some(made);
                run.nanos += u64::from(PRICE);
            }
            run.ahead += 1;
            run.nanos += cost.max(PASSED_ON);
        } else {
            run.nanos += 2 * cost + ALONE;
        }
        let unsampled = pace.unsampled.load(std::sync::atomic::Ordering::Relaxed);
        if unsampled > 0 {
            pace.unsampled.store(unsampled - 1, std::sync::atomic::Ordering::Relaxed);
            continue;
        }
        watched = (watched.0 + 1, watched.1 + cost);
        if watched.0 >= if batches && !pace.pays_ahead() { pace.batch(SIZE) as u64 } else { 1 } {
            pace.record_time(watched.1 / watched.0, watched.0 as u32, limit(SIZE));
            if batches {
                pace.put_off();
            }
            watched = (0, 0);
        }
    }
    run
}

/// Costs as they were recorded of a trivial generator in a fresh process: the first value finds its memory untouched, each
/// page is touched once, and a look at the clock is off by some nanoseconds.
fn recorded(values: usize) -> impl Iterator<Item = u64> {
    const FIRST: [u64; 24] =
        [6_520, 91, 40, 30, 30, 21, 30, 20, 21, 30, 20, 20, 21, 20, 30, 20, 10, 20, 21, 20, 20, 10, 20, 11];
    let later = (0_u64..).map(|n| match n {
        n if n % 512 == 0 => 480,
        n => [4, 14, 4, 5, 24, 4][n as usize % 6],
    });
    FIRST.into_iter().chain(later).take(values)
}

/// `costs` where the system puts the thread aside for 4 ms once in so many values.
fn preempted(costs: impl Iterator<Item = u64>, every: usize) -> impl Iterator<Item = u64> {
    costs.enumerate().map(move |(n, cost)| if n % every == every / 2 { cost + 4_000_000 } else { cost })
}

#[test]
fn cheap_values_start_no_helper() {
    for values in [1_000, 10_000, 5_000_000] {
        assert_eq!(run(recorded(values)).alone_at_first, None, "{values} values");
        assert_eq!(run_of(true, recorded(values)).alone_at_first, None, "{values} values");
    }
}

#[test]
fn nor_do_they_where_the_thread_is_put_aside_now_and_then() {
    for every in [3_001, 20_011, 1_000_003] {
        for batches in [false, true] {
            let run = run_of(batches, preempted(recorded(5_000_000), every));
            assert!(run.ahead < 50_000, "every {every}, batches {batches}: {run:?}");
        }
    }
}

#[test]
fn dear_values_are_made_ahead_once_they_have_cost_as_much_as_a_thread() {
    for (cost, at_most) in [(100, 3_000), (300, 450), (1_000, 110), (10_000, 11), (100_000, 2), (50_000_000, 1)] {
        let run = run(std::iter::repeat_n(cost, 100_000));
        assert!(run.alone_at_first.is_some_and(|made| made <= at_most), "{cost} ns: {run:?}");
        assert_eq!(Some(run.ahead), run.alone_at_first.map(|made| 100_000 - made), "{cost} ns: it stays so");
    }
}

#[test]
fn a_few_dear_values_among_cheap_ones_count() {
    // One in 16 takes 1 ms, as a read from a disk does; no sampling falls in step with it.
    for (every, batches) in [2, 16, 32].into_iter().flat_map(|every| [(every, false), (every, true)]) {
        let run = run_of(batches, (0..50_000).map(|n| if n % every == 0 { 1_000_000 } else { 5 }));
        assert!(run.ahead > 35_000, "one in {every}, batches {batches}: {run:?}");
    }
}

#[test]
fn what_becomes_dear_is_made_ahead_and_what_becomes_cheap_is_not() {
    for batches in [false, true] {
        let becomes_dear = run_of(batches, recorded(1_000_000).chain(std::iter::repeat_n(2_000, 10_000)));
        assert!(becomes_dear.ahead > 9_000, "batches {batches}: {becomes_dear:?}");
    }
    let becomes_cheap = run(std::iter::repeat_n(2_000, 10_000).chain(recorded(1_000_000)));
    assert!((9_000..30_000).contains(&becomes_cheap.ahead), "{becomes_cheap:?}");
}

#[test]
fn there_is_one_threshold() {
    let limit = u64::from(limit(SIZE));
    for batches in [false, true] {
        assert_eq!(run_of(batches, std::iter::repeat_n(limit, 1_000_000)).ahead, 0);
        assert!(run_of(batches, std::iter::repeat_n(limit + 10, 1_000_000)).ahead > 900_000);
    }
}

#[test]
fn whatever_comes_little_is_lost() {
    let mixtures: [Box<dyn Fn(u64) -> u64>; 5] = [
        Box::new(|n| n % 100),
        Box::new(|n| if n % 1_000 < 100 { 700 } else { 5 }),
        Box::new(|n| (n / 5_000 % 2) * 500),
        Box::new(|n| if n.is_multiple_of(10_007) { 3_000_000 } else { 8 }),
        Box::new(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 55),
    ];
    for (number, cost) in mixtures.iter().enumerate() {
        for batches in [false, true] {
            let run = run_of(batches, (0..400_000).map(cost));
            let most = run.without + run.without / 4 + 300_000;
            assert!(run.nanos < most, "mixture {number}, batches {batches}: {run:?}");
        }
    }
}

#[test]
fn one_sample_alone_is_never_believed_unless_it_is_certain() {
    let after = |nanos| Ledger::NEW.after(nanos, 1, limit(SIZE)).ahead;
    assert!(!after(6_520) && !after(4_000_000));
    assert!(after(50_000_000), "no system puts a thread aside for so long");
}

#[test]
fn few_of_the_cheap_values_that_are_made_several_at_once_are_looked_at() {
    let pace = Pace::new();
    let mut samples = 0;
    for cost in recorded(10_000) {
        let (_, watch) = pace.next(1);
        if watch.is_some() {
            samples += 1;
            pace.record_time(cost, 1, limit(SIZE));
            pace.put_off();
        }
    }
    assert!((20..50).contains(&samples), "{samples}");
}

#[test]
fn what_takes_no_time_by_the_clock_is_made_as_many_at_once_as_may_be() {
    let pace = Pace::new();
    assert_eq!(pace.batch(SIZE), 1, "nothing is known yet");
    pace.record_time(0, 1, limit(SIZE));
    assert_eq!((pace.batch(SIZE), pace.pays_ahead()), (SIZE, false));
    assert!(pace.untold() > 1);
}

/// How often a reader goes to the engine for values that may be made several at once, and how often it looks at the clock.
fn turns(costs: impl IntoIterator<Item = u64>) -> (usize, usize) {
    let (pace, mut costs) = (Pace::new(), costs.into_iter().peekable());
    let (mut turns, mut looks) = (0, 0);
    while costs.peek().is_some() {
        let most = pace.batch(SIZE);
        let (values, watch) = pace.next(most);
        let values = if watch.is_some() { most } else { values };
        let taken: u64 = costs.by_ref().take(values).sum();
        turns += 1;
        if watch.is_some() {
            looks += 1;
            pace.record_time(taken / values as u64, values as u32, limit(SIZE));
            pace.put_off();
        }
    }
    (turns, looks)
}

#[test]
fn what_the_first_touches_take_keeps_no_value_from_being_made_with_others() {
    for first in [91, 6_520, 60_000] {
        let (turns, looks) = turns(std::iter::once(first).chain(recorded(1_000).skip(1)));
        assert!(turns < 1_000 / SIZE + 20 && looks < 16, "{first} ns at first: {turns} turns, {looks} looks");
    }
}
