//! How the window of an outermost call moves on: what follows when calls alone have told their cost, or sharing its gain.

use std::{sync::TryLockError, time::Duration};

use super::{
    ALONE, ARRIVAL, ATTEMPT, CHECKED, DEEP, FIRST, GAIN, Grain, LOOK_EVERY, LOOK_RARELY, MEASURED, MEASURED_AT_MOST,
    RARELY, SETTLED, SETTLED_AFTER, has_invited, measured_by, of_helper,
    ready::{DEAR, DOUBTFUL, is_ready},
    spent,
    verdict::{are_dear, each_of, is_early_of, is_too_high, loss, pays},
};
use crate::cache::{
    sharing::start,
    thread::{
        call_stack,
        counters::Number,
        order::Order,
        registry::Worker,
        window::{Kind, Measurer, Open, Stage, nanos},
    },
};
use crate::seeing::switch;
use crate::sync::{
    Ordering,
    timed::{self, Instant},
};

impl Grain {
    /// Moves the window on, if it is time, and takes the thread along.
    #[cold]
    #[inline(never)]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(super) fn look(&self, worker: &Worker, number: &Number) {
        let sample = &worker.own.sample;
        sample.next.set(worker.computed() + if self.is_sequential() { LOOK_RARELY } else { LOOK_EVERY });
        let mut window = match worker.own.home.get().unwrap_or(worker).window.0.try_lock() {
            Ok(window) => window,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread is just looking at it.
            Err(TryLockError::WouldBlock) => return,
        };
        if sample.stage.get() == Stage::Fresh || !sample.is_open() && worker.own.home.get().is_none() {
            // Calls without a group yet, or too cheap to be shared: are they still?
            if self.is_sequential() {
                sample.stage.set(Stage::Alone);
                sample.opened.set(Some((Instant::now(), worker.computed())));
                *window = Open {
                    cache: number.index(),
                    kind: Kind::alone(measured_by(worker), Instant::now(), CHECKED, ATTEMPT),
                    is_late: true,
                };
            }
            return;
        }
        if window.cache == number.index() {
            self.advance(&mut window, worker, number);
        }
        // Whose outermost call it is asks on; who helps does not.
        let asks = window.kind.stage() == Stage::Asking && worker.own.home.get().is_none();
        sample.stage.set(if asks { Stage::Asking } else { of_helper(window.kind.stage().or_alone(), worker) });
    }

    fn advance(&self, window: &mut Open, worker: &Worker, number: &Number) {
        let (now, is_late) = (Instant::now(), window.is_late);
        let kind = &mut window.kind;
        let next = match kind {
            Kind::Closed => None,
            // Nobody can have come yet.
            &mut Kind::Shared { least, .. } if !start::is_started() => {
                Some(Kind::shared(measured_by(worker), now, number.totals().1, least))
            }
            &mut Kind::Shared { since, least, fresh: true, .. } if self.cost() != 0 => (now - since >= ARRIVAL)
                .then(|| Kind::shared(measured_by(worker), now, number.totals().1, least).settled()),
            &mut Kind::Shared { since, computed, least, by, paid, .. } => {
                let calls = number.totals().1.saturating_sub(computed);
                self.after_sharing(now, now - since, Made { calls, by, is_late, paid }, least, worker, number)
            }
            &mut Kind::Alone { since, by, least, then, ref mut told, ref mut down, .. } => {
                let calls = if by.worker == worker.number { worker.computed() - by.computed } else { 0 };
                // Of who measures; another one has lost more or less.
                let spent = nanos(now - since).saturating_sub(worker.own.sample.lost.get().saturating_sub(by.lost));
                if calls >= FIRST && !*told {
                    let running = running_of(calls, by, worker);
                    if running == calls {
                        *down = spent / calls;
                    }
                    let settled = calls >= SETTLED || now - since >= SETTLED_AFTER;
                    *told = settled && !is_early(calls, running, spent);
                    if *told {
                        self.measure(each_of(calls, running, spent, *down));
                    } else if settled {
                        // Looks count running calls, so there are the fewer the more there are to count.
                        worker.own.sample.next.set(worker.computed() + LOOK_EVERY.max(calls / 2));
                    }
                }
                // Who measures may be waiting for a call of this thread: time is enough to go on.
                let over = now - since >= least || least == CHECKED && *told && !self.is_sequential();
                over.then(|| match self.is_sequential() {
                    true => Kind::alone(measured_by(worker), now, CHECKED.max((now - since) * 2), ATTEMPT),
                    false if switch::shares() && !self.is_doubtful() && self.is_worth_it(now, worker) => {
                        Kind::shared(measured_by(worker), now, number.totals().1, then)
                    }
                    false => Kind::alone(measured_by(worker), now, CHECKED, then).asking(),
                })
            }
        };
        if let Some(next) = next {
            if matches!(next, Kind::Alone { .. }) {
                worker.own.sample.next.set(worker.computed() + FIRST);
            }
            *kind = next;
        }
    }

    /// Whether the outermost call that the worker works for is worth sharing by now.
    fn is_worth_it(&self, now: Instant, worker: &Worker) -> bool {
        if worker.own.home.get().is_some() {
            // Who helps was asked to, which tells nothing of calls whose cost nobody knows.
            return self.cost() != 0;
        }
        spent(&worker.own.sample, now, worker).is_some_and(|spent| is_ready(&spent, self.cost()))
    }

    /// What follows a shared window so long and with so many calls, if it is over.
    // Out of line, as all that first calls do not come to.
    #[inline(never)]
    fn after_sharing(
        &self,
        now: Instant,
        length: Duration,
        Made { calls, by, is_late, paid }: Made,
        least: Duration,
        worker: &Worker,
        number: &Number,
    ) -> Option<Kind> {
        let cost = self.cost();
        if cost == 0 {
            let sample = &worker.own.sample;
            let (since, computed) = sample.opened.get()?;
            let lost = sample.lost.get().saturating_sub(sample.lost_before.get());
            let dear = are_dear(worker.computed() - computed, nanos(now - since), lost);
            // What is taken for dear is measured, too, as soon as there are so many: the search for work may be what takes so long.
            return (!dear || calls >= SETTLED).then(|| Kind::alone(measured_by(worker), now, CHECKED, ATTEMPT));
        }
        if length < least || calls < LOOK_EVERY {
            return None;
        }
        if !has_invited(worker) {
            return Some(Kind::shared(measured_by(worker), now, number.totals().1, least));
        }
        // What another thread had counted tells nothing of this one.
        let own = (by.worker == worker.number).then(|| worker.computed() - by.computed);
        if let Some(own) = own {
            self.tell_of_own(own, by, length, worker);
        }
        if pays(calls, cost, length, GAIN) {
            self.unpaid.store(0, Ordering::Relaxed);
            // A cost that was measured too high would make sharing look good for ever.
            let measures = self.measures.load(Ordering::Relaxed);
            let few = measures < MEASURED && cost < DEAR
                || measures < MEASURED_AT_MOST && is_too_high(cost, calls, length, timed::current_num_threads() as u64);
            // Who helps has no order of its own while calls are made alone.
            let check = few && length >= CHECKED && worker.own.order.get() == Order::Forward;
            let next = (length * 2).min(CHECKED * 8);
            return Some(if check {
                Kind::alone(measured_by(worker), now, CHECKED, next)
            } else {
                Kind::shared(measured_by(worker), now, number.totals().1, next).settled().after_gain()
            });
        }
        if paid {
            // Once is no proof: a thread may have been put aside.
            return Some(Kind::shared(measured_by(worker), now, number.totals().1, least).settled());
        }
        // Where nobody found anything to do because it had not been shown in time, the next outermost call is none the wiser.
        let is_vain = is_late && own == Some(calls);
        let attempts = self.unpaid.fetch_add(u32::from(!is_vain), Ordering::Relaxed).min(RARELY);
        self.skipped.store(1, Ordering::Relaxed);
        let pause = ATTEMPT.max(loss(calls, cost, length)) * (ALONE << attempts);
        Some(Kind::alone(measured_by(worker), now, pause, ATTEMPT))
    }
}

/// What was made in a shared window.
struct Made {
    /// The calls of all threads.
    calls: u64,
    by: Measurer,
    /// Whether others were made before it that were shown to nobody.
    is_late: bool,
    /// Whether sharing paid in the window before.
    paid: bool,
}

impl Grain {
    /// What a call costs tells a thread, too, that has shown next to nothing in a shared window, unless it is so little that the claims of shared
    /// calls are a part of it.
    fn tell_of_own(&self, calls: u64, by: Measurer, length: Duration, worker: &Worker) {
        let named = worker.own.sample.named.get() - by.named;
        let lost = worker.own.sample.lost.get().saturating_sub(by.lost);
        let each = nanos(length).saturating_sub(lost) / calls.max(1);
        if calls >= SETTLED && named <= calls / 16 && each >= DOUBTFUL && running_of(calls, by, worker) <= calls / 4 {
            self.told.store(true, Ordering::Relaxed);
            self.measure(each);
        }
    }
}

/// How many of so many calls that were begun since are still running; of a deep recursion no more than are counted.
fn running_of(calls: u64, by: Measurer, worker: &Worker) -> u64 {
    call_stack::running_below(worker, by.height, calls.min(DEEP as u64) as usize) as u64
}

/// Whether most of so many calls that were begun are still running, and those that have ended, if any, were dear: a call whose
/// work comes after its calls has cost next to nothing so far.
fn is_early(calls: u64, running: u64, time: u64) -> bool {
    time / calls < DEAR && running == DEEP as u64 || is_early_of(calls, running, time)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::Cache;
    use crate::cache::{Function, State, thread::registry};

    /// Calls within each other, of which one begins a window and the innermost looks at it.
    const DESCENT: &Cache<(u64,), u64> = {
        static STATE: State<(u64,), u64> = State::new();
        &Cache::of(&STATE, Function::new("descent", |(n,)| descend(*n)))
    };
    /// More than are counted.
    const BELOW: u64 = DEEP as u64 * 2;
    const ABOVE: u64 = 100;

    thread_local! {
        static BY: Cell<Option<Measurer>> = const { Cell::new(None) };
    }

    fn descend(n: u64) -> u64 {
        let worker = registry::current();
        if n == BELOW {
            BY.set(Some(measured_by(worker)));
        }
        let by = BY.get();
        match (n, by) {
            (0, Some(by)) => {
                let running = running_of(BELOW, by, worker);
                assert!(is_early(BELOW, running, BELOW * 600), "first touches on the way down, however deep");
                assert!(!is_early(BELOW, running, BELOW * 60_000), "work before the calls shows at once");
                0
            }
            _ => DESCENT.get((n - 1,)) + 1,
        }
    }

    #[test]
    fn of_a_descent_of_any_depth_nothing_is_measured() {
        // All on one piece of stack.
        let descent = std::thread::Builder::new().stack_size(64 << 20).spawn(|| {
            assert_eq!(DESCENT.get((BELOW + ABOVE,)), BELOW + ABOVE);
            let (by, worker) = (BY.get().expect("a window began"), registry::current());
            assert!(!is_early(256, running_of(256, by, worker), 256 * 600), "all have ended");
        });
        assert!(descent.expect("a thread").join().is_ok());
    }

    #[test]
    fn calls_that_ran_before_the_window_are_none_of_it() {
        let worker = registry::current();
        assert_eq!(call_stack::height(worker), usize::MAX);
        assert_eq!(call_stack::running_below(worker, usize::MAX, 10), 0);
    }

    #[test]
    fn a_window_in_which_nobody_was_invited_is_no_attempt_that_did_not_pay() {
        let (grain, worker, number) = (Grain::new(), registry::current(), Number::new());
        grain.measure(1_000);
        let made = || Made { calls: LOOK_EVERY, by: measured_by(worker), is_late: false, paid: false };
        let after = || grain.after_sharing(Instant::now(), ATTEMPT, made(), ATTEMPT, worker, &number);
        assert!(matches!(after(), Some(Kind::Shared { .. })));
        assert_eq!(grain.unpaid.load(Ordering::Relaxed), 0);
        worker.root.fetch_add(1, Ordering::Relaxed);
        assert!(matches!(after(), Some(Kind::Alone { .. })));
        assert_eq!(grain.unpaid.load(Ordering::Relaxed), 1);
        worker.root.fetch_add(1, Ordering::Relaxed);
    }

    #[test]
    fn an_attempt_behind_one_that_paid_gets_another_and_one_that_came_too_late_tells_nothing_of_the_next_call() {
        let (grain, worker, number) = (Grain::new(), registry::current(), Number::new());
        grain.measure(1_000);
        worker.root.fetch_add(1, Ordering::Relaxed);
        let after = |calls, is_late, paid| {
            let made = Made { calls, by: measured_by(worker), is_late, paid };
            grain.after_sharing(Instant::now(), ATTEMPT, made, ATTEMPT, worker, &number)
        };
        assert!(matches!(after(LOOK_EVERY, false, true), Some(Kind::Shared { paid: false, .. })));
        assert!(matches!(after(1_000, false, false), Some(Kind::Shared { paid: true, .. })));
        (0..LOOK_EVERY).for_each(|_| worker.count_computed(0, worker.computed() + 1));
        let own = Made {
            calls: LOOK_EVERY,
            by: Measurer { computed: worker.computed() - LOOK_EVERY, ..measured_by(worker) },
            is_late: true,
            paid: false,
        };
        let next = grain.after_sharing(Instant::now(), ATTEMPT, own, ATTEMPT, worker, &number);
        assert!(matches!(next, Some(Kind::Alone { .. })));
        assert_eq!(grain.unpaid.load(Ordering::Relaxed), 0, "nobody else has computed anything");
        assert!(matches!(after(LOOK_EVERY, true, false), Some(Kind::Alone { .. })));
        assert_eq!(grain.unpaid.load(Ordering::Relaxed), 1, "others have, in vain");
        worker.root.fetch_add(1, Ordering::Relaxed);
    }

    #[test]
    fn who_looks_at_a_window_that_another_thread_has_begun_has_not_measured() {
        let (grain, worker, number) = (Grain::new(), registry::current(), Number::new());
        grain.measure(2_000);
        worker.root.fetch_add(1, Ordering::Relaxed);
        let other = Measurer { worker: worker.number + 1, computed: u64::MAX, named: u64::MAX, ..measured_by(worker) };
        let made = Made { calls: SETTLED, by: other, is_late: true, paid: false };
        grain.after_sharing(Instant::now(), ATTEMPT, made, ATTEMPT, worker, &number);
        assert_eq!((grain.measures.load(Ordering::Relaxed), grain.told.load(Ordering::Relaxed)), (1, false));
        worker.root.fetch_add(1, Ordering::Relaxed);
    }

    #[test]
    fn what_shared_calls_cost_is_told_by_a_thread_that_shows_none() {
        let (grain, worker) = (Grain::new(), registry::current());
        let tell = |by, each| grain.tell_of_own(SETTLED, by, Duration::from_nanos(SETTLED * each), worker);
        tell(measured_by(worker), DOUBTFUL - 1);
        assert_eq!(grain.cost(), 0, "claims are a part of it");
        tell(measured_by(worker), 3_000);
        assert_eq!(grain.cost(), 3_000);
        let by = measured_by(worker);
        worker.own.sample.named.set(by.named + SETTLED);
        tell(by, 2_000);
        assert_eq!(grain.cost(), 3_000, "groups were named all the time");
    }
}
