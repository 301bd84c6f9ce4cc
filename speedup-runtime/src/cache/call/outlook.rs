//! What has come of a cache's forecasts, and whether to make the next one.

use std::time::Duration;

use crate::cache::thread::{registry::Worker, window::nanos};
use crate::sync::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering, timed::Instant};

/// Forecasts are watched from the first one on that takes longer.
const SHORT: Duration = Duration::from_micros(3);
/// .. until so many in a row have not.
const ALL_SHORT: u32 = 64;
/// So much may always be spent on them, in nanoseconds ..
const FREE: u64 = 200_000;
/// A forecast counts no longer than twice the one before, or this: its thread may have been put aside meanwhile.
const AT_FIRST: u64 = 50_000;
/// .. and one part in so many of the time in which calls are shared.
const PART: u64 = 64;
/// After so many nanoseconds what was spent is halved, so that it is forgotten.
const MEMORY: u64 = 20_000_000;
/// No more losses and gains are remembered than so many forecasts take, so that a change is noticed.
const WORST: i64 = -8;
const BEST: i64 = 16;
/// So many nanoseconds of gains are, however short the forecasts: who waits now and then waits as long as a call takes.
const LEAST: i64 = 300_000;

/// What came of a cache's forecasts. Relaxed throughout: counts and hints.
pub(in crate::cache) struct Outlook {
    /// Calls that were shown to others.
    pub(in crate::cache) shared: AtomicU64,
    /// Those that another thread had computed or begun when their turn came.
    pub(in crate::cache) helped: AtomicU64,
    /// Forecasts that found nothing to share.
    pub(in crate::cache) vain: AtomicU64,
    /// How many calls the last forecast has named.
    pub(in crate::cache) named: AtomicUsize,
    /// Whether a forecast has been dear: then the time that threads spend is noted.
    watched: AtomicBool,
    /// How many have been short since.
    short: AtomicU32,
    /// The parts of a [`Balance`].
    total: AtomicU64,
    paid: AtomicU64,
    latest: AtomicU64,
    net: AtomicI64,
}

impl Outlook {
    pub(in crate::cache) const fn new() -> Self {
        Self {
            shared: AtomicU64::new(0),
            helped: AtomicU64::new(0),
            vain: AtomicU64::new(0),
            named: AtomicUsize::new(0),
            watched: AtomicBool::new(false),
            short: AtomicU32::new(0),
            total: AtomicU64::new(0),
            paid: AtomicU64::new(0),
            latest: AtomicU64::new(0),
            net: AtomicI64::new(0),
        }
    }

    /// The counts: shown, computed by others, in vain.
    pub(in crate::cache) fn totals(&self) -> [u64; 3] {
        [&self.shared, &self.helped, &self.vain].map(|count| count.load(Ordering::Relaxed))
    }

    /// Adds the counts of another one, which is about to go.
    pub(in crate::cache) fn add(&self, totals: [u64; 3]) {
        for (count, more) in [&self.shared, &self.helped, &self.vain].into_iter().zip(totals) {
            count.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// Whether to make a forecast now.
    #[inline]
    pub(in crate::cache) fn is_good(&self, worker: &Worker, now: Instant) -> bool {
        if !self.is_watched() {
            return true;
        }
        self.settle(worker, now);
        self.balance().allows()
    }

    /// Whether the time that threads spend is noted.
    #[inline]
    pub(in crate::cache) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Notes what a forecast has cost.
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn pay(&self, time: Duration) {
        let is_short = time <= SHORT;
        if is_short && !self.is_watched() {
            return;
        }
        self.note(|balance| balance.pay(nanos(time)));
        // To watch takes as long as a short forecast. The one that was not may have been put aside.
        let short = if is_short { self.short.load(Ordering::Relaxed) + 1 } else { 0 };
        self.short.store(short % ALL_SHORT, Ordering::Relaxed);
        self.watched.store(short < ALL_SHORT, Ordering::Relaxed);
    }

    /// The worker begins to help, if it was doing nothing. Until what is returned is dropped, its time is a gain.
    pub(in crate::cache) fn help<'a>(&'a self, worker: &'a Worker) -> Option<Helping<'a>> {
        let sample = &worker.own.sample;
        let is_idle = worker.own.top.get().is_none() && !sample.helps.get();
        (is_idle && self.watched.load(Ordering::Relaxed)).then(|| {
            sample.settled.set(Some((Instant::now(), sample.lost.get())));
            sample.helps.set(true);
            Helping(self, worker)
        })
    }

    /// An outermost call of the worker ends. Its time counts, also where it made no forecast: so that after a loss the next one comes.
    pub(in crate::cache) fn end(&self, worker: &Worker, now: impl FnOnce() -> Instant) {
        if self.watched.load(Ordering::Relaxed) && worker.own.home.get().is_none() {
            self.settle(worker, now());
            worker.own.sample.settled.set(None);
        }
    }

    /// Notes what the worker has done since it last came here.
    fn settle(&self, worker: &Worker, now: Instant) {
        let sample = &worker.own.sample;
        let lost = sample.lost.get();
        let last = sample.settled.replace(Some((now, lost)));
        let opened = sample.opened.get().map(|(opened, _)| (opened, lost));
        // What was noted in an earlier outermost call is over.
        let Some((since, before)) = [last, opened].into_iter().flatten().max_by_key(|(since, _)| *since) else {
            return;
        };
        let (time, helps) = (nanos(now.saturating_duration_since(since)), worker.own.home.get().is_some());
        self.note(|balance| balance.spend(time, lost.saturating_sub(before), helps));
    }

    fn balance(&self) -> Balance {
        let parts = [&self.total, &self.paid, &self.latest].map(|part| part.load(Ordering::Relaxed));
        let [total, paid, latest] = parts;
        Balance { total, paid, latest, net: self.net.load(Ordering::Relaxed) }
    }

    /// What two threads note at the same moment may get lost.
    fn note(&self, change: impl FnOnce(&mut Balance)) {
        let mut balance = self.balance();
        change(&mut balance);
        self.total.store(balance.total, Ordering::Relaxed);
        self.paid.store(balance.paid, Ordering::Relaxed);
        self.latest.store(balance.latest, Ordering::Relaxed);
        self.net.store(balance.net, Ordering::Relaxed);
    }
}

/// A helper at work.
pub(in crate::cache) struct Helping<'a>(&'a Outlook, &'a Worker);

impl Drop for Helping<'_> {
    fn drop(&mut self) {
        self.0.settle(self.1, Instant::now());
        self.1.own.sample.settled.set(None);
        self.1.own.sample.helps.set(false);
    }
}

/// What all threads have spent and gained, in nanoseconds.
#[derive(Clone, Copy, Default)]
struct Balance {
    /// Spent on shared calls, whatever for.
    total: u64,
    /// Spent on forecasts.
    paid: u64,
    /// Spent on the latest one.
    latest: u64,
    /// What helpers spend is a gain, except for what they and those they help lose by waiting, and for the forecasts that all
    /// of them make. In a chain of calls there is always one that waits, so what is left is less than nothing.
    net: i64,
}

impl Balance {
    /// Forecasts are made as long as they pay, and where they do not, as rarely as costs next to nothing.
    fn allows(self) -> bool {
        self.net > 0 || self.paid <= FREE + self.total / PART
    }

    /// A forecast has taken so long.
    fn pay(&mut self, time: u64) {
        let time = time.min(AT_FIRST.max(self.latest * 2));
        self.paid += time;
        self.latest = time;
        self.gain(-signed(time));
    }

    /// A thread has worked so long, of which it lost so much by waiting.
    fn spend(&mut self, time: u64, lost: u64, helps: bool) {
        self.total += time;
        self.gain(if helps { signed(time) } else { 0 } - signed(lost));
        if self.total > MEMORY {
            self.total /= 2;
            self.paid /= 2;
        }
    }

    fn gain(&mut self, time: i64) {
        let [worst, best] = [WORST, BEST].map(|limit| limit.saturating_mul(signed(self.latest)));
        self.net = self.net.saturating_add(time).clamp(worst, best.max(LEAST));
    }
}

fn signed(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::thread::registry;

    const CALL: u64 = 60_000;
    /// Arguments that are half of it.
    const FORECAST: u64 = 30_000;

    /// Makes so many calls. A helper takes part where there is a forecast; the calls of a chain are waited for as long as they
    /// take. Returns how many forecasts there were.
    fn forecasts(calls: u64, is_chain: impl Fn(u64) -> bool) -> u64 {
        let mut balance = Balance::default();
        let forecast = |at| {
            balance.spend(CALL, 0, false);
            let allowed = balance.allows();
            if allowed {
                balance.pay(FORECAST);
                balance.pay(FORECAST);
                balance.spend(CALL + FORECAST, 0, true);
                balance.spend(0, if is_chain(at) { CALL + FORECAST } else { 0 }, false);
            }
            u64::from(allowed)
        };
        (0..calls).map(forecast).sum()
    }

    #[test]
    fn a_chain_with_dear_arguments_gets_a_twentieth_slower_at_most() {
        for calls in [100, 400, 10_000] {
            let forecasts = forecasts(calls, |_| true);
            let percent = forecasts * FORECAST * 100 / (calls * CALL);
            assert!(forecasts > 0 && percent < 5, "{forecasts} of {calls}: {percent} %");
        }
    }

    #[test]
    fn a_thread_that_is_put_aside_in_a_forecast_does_not_end_them() {
        let mut balance = Balance::default();
        for time in [5_000, 10_000_000, 5_000] {
            balance.pay(time);
            assert!(balance.allows());
        }
    }

    #[test]
    fn outermost_calls_with_a_group_each_come_to_another_forecast_after_a_loss() {
        let (outlook, worker, began) = (Outlook::new(), registry::current(), Instant::now());
        let opened = |at| worker.own.sample.opened.set(Some((began + at, worker.computed())));
        let call = Duration::from_millis(4);
        opened(Duration::ZERO);
        (0..8).for_each(|_| outlook.pay(Duration::from_micros(40)));
        let mut refused = 0;
        while !outlook.is_good(worker, began + call * refused) {
            outlook.end(worker, || began + call * (refused + 1));
            refused += 1;
            opened(call * refused);
        }
        worker.own.sample.opened.set(None);
        assert_eq!(refused, 2);
    }

    #[test]
    fn one_that_waits_for_a_call_now_and_then_does_not_end_forecasts_that_take_next_to_nothing() {
        let mut balance = Balance::default();
        let forecast = 400;
        for at in 0..1_000 {
            assert!(balance.allows(), "{at}");
            balance.pay(forecast);
            balance.pay(8 * forecast);
            balance.spend(CALL, 0, true);
            // As long as the other one takes for two calls.
            balance.spend(CALL, if at % 5 == 4 { 2 * CALL } else { 0 }, false);
        }
    }

    #[test]
    fn forecasts_are_watched_until_many_in_a_row_were_short() {
        let outlook = Outlook::new();
        let pay = |times, time| (0..times).for_each(|_| outlook.pay(time));
        pay(1, SHORT);
        assert!(!outlook.is_watched());
        pay(1, SHORT * 2);
        pay(ALL_SHORT - 1, SHORT);
        pay(1, SHORT * 2);
        pay(ALL_SHORT - 1, SHORT);
        assert!(outlook.is_watched());
        pay(1, SHORT);
        assert!(!outlook.is_watched());
    }

    #[test]
    fn calls_that_help_each_other_keep_their_forecasts() {
        assert_eq!(forecasts(1_000, |_| false), 1_000);
    }

    #[test]
    fn what_was_a_chain_is_tried_again_and_what_becomes_one_is_left_soon() {
        let later = forecasts(1_000, |at| at < 100);
        assert!(later > 500, "{later}");
        let first = forecasts(1_000, |at| at >= 100);
        assert!((100..150).contains(&first), "{first}");
    }
}
