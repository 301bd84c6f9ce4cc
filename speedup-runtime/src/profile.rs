//! Whether caching pays, and whether doing so in parallel does: measured with both, with one, and with none.

use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    time::{Duration, Instant},
};

use crate::{
    seeing::{
        registry::{self, Aside},
        report::{Row, time},
        stats::Stats,
        switch::{self, GivenUp, Mode, Set},
        verdict::Verdict,
    },
    sync::global::{Mutex, lock},
};

/// With caching off, calls are given up after this time, unless [`profile_within`] says otherwise.
const LIMIT: Duration = Duration::from_secs(2);
/// Times that differ by less than this part are the same.
const MARGIN: f64 = 0.1;

/// Held by who takes a profile.
static PROFILING: Mutex<()> = Mutex::new(());

thread_local! {
    static IS_PROFILING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// How long a closure took with caching off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Off {
    /// So long.
    Took(Duration),
    /// It was given up after so long.
    MoreThan(Duration),
}

impl Off {
    /// The time, or what it was given up after.
    #[must_use]
    pub fn at_least(self) -> Duration {
        match self {
            Self::Took(time) | Self::MoreThan(time) => time,
        }
    }
}

impl fmt::Display for Off {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Took(took) => out.write_str(&time(*took)),
            Self::MoreThan(limit) => write!(out, "more than {}", time(*limit)),
        }
    }
}

/// What to do, by the three times of a [`Profile`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Advice {
    /// The closure called no cached function.
    NothingCached,
    /// Caching makes it no faster: do without.
    DoWithout,
    /// Caching pays, and so does computing in parallel.
    Keep,
    /// Caching pays; computing in parallel makes no difference.
    KeepEither,
    /// Caching pays, computing in parallel costs more than it gains: write `#[cache(sequential)]`.
    KeepSequential,
}

impl Advice {
    /// The advice on these times of a closure that has, or has not, called a cached function.
    #[must_use]
    pub fn of(off: Off, on: Duration, parallel: Duration, has_caches: bool) -> Self {
        let off = off.at_least();
        let faster = |one: Duration, other: Duration| one.as_secs_f64() < other.as_secs_f64() * (1.0 - MARGIN);
        match () {
            () if !has_caches => Self::NothingCached,
            () if !faster(on.min(parallel), off) => Self::DoWithout,
            () if faster(parallel, on) => Self::Keep,
            () if faster(on, parallel) => Self::KeepSequential,
            () => Self::KeepEither,
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::NothingCached => "no cached function was called",
            Self::DoWithout => "caching makes it no faster: do without",
            Self::Keep => "keep the cache: it pays, and so does computing in parallel",
            Self::KeepEither => "keep the cache: it pays, in parallel or not",
            Self::KeepSequential => {
                "keep the cache, with `#[cache(sequential)]`: it pays, computing in parallel does not"
            }
        })
    }
}

/// Three times of one closure, and what follows from them, as returned by [`profile`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Profile {
    /// With caching off.
    pub off: Off,
    /// With caching, on the threads that call alone.
    pub on: Duration,
    /// With caching, and what does not need each other shared out.
    pub parallel: Duration,
    /// What to do.
    pub advice: Advice,
    /// The caches that were used, with what they did in the run that had caching and nothing else.
    pub caches: Vec<Row>,
}

impl fmt::Display for Profile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { off, on, parallel, advice, caches } = self;
        let times = |at: Duration| off.at_least().as_secs_f64() / at.as_secs_f64().max(1e-9);
        writeln!(out, "caching off   {off}")?;
        writeln!(out, "on            {} ({:.1} times as fast)", time(*on), times(*on))?;
        writeln!(out, "in parallel   {} ({:.1} times as fast)", time(*parallel), times(*parallel))?;
        writeln!(out, "{advice}")?;
        for Row { name, stats, verdict, .. } in caches {
            writeln!(out, "  {name}: {} hits, {} misses, {verdict}", stats.hits, stats.misses)?;
        }
        Ok(())
    }
}

/// Runs a closure three times: with caching on, on in parallel, and off, in this order. Each run begins with empty caches.
///
/// This is the old loop of optimisation: measure, try, and keep it only if it is faster. With caching off, calls of cached functions run
/// their body each time, and the run is given up after two seconds; then it took "more than" that. What the engine itself takes a call
/// is measured beforehand and left out of that time.
///
/// The values that caches hold are set aside meanwhile, and come back at the end, as do their counts; those of a cache in which
/// something was being computed at the beginning are lost. It is for the whole process: other threads that call cached functions
/// meanwhile compute again what they had, and their values of that time are lost. So profile a program that does nothing else. None of their
/// calls is given up: when the time is over, values are kept for them again.
///
/// # Panics
/// With the closure's panic, or if it takes a profile itself. Another thread that takes one is waited for.
///
/// Where panics abort the process, nothing can be given up: there the run with caching off takes as long as it takes.
///
/// # Examples
/// ```
/// use speedup_runtime::{Cache, profile};
///
/// let slow = Cache::from_fn(|n: u64| (0..n * 1_000).fold(n, |sum, step| std::hint::black_box(sum ^ step)));
/// let profile = profile(|| (0..200).map(|n| slow.get((n % 4,))).sum::<u64>());
/// assert_eq!((profile.caches[0].stats.hits, profile.caches[0].stats.misses), (196, 4));
/// assert!(profile.on < profile.off.at_least());
/// ```
pub fn profile<T>(work: impl FnMut() -> T) -> Profile {
    profile_within(LIMIT, work)
}

/// As [`profile`], with another time after which the run with caching off is given up.
///
/// # Panics
/// As [`profile`].
pub fn profile_within<T>(limit: Duration, mut work: impl FnMut() -> T) -> Profile {
    assert!(!IS_PROFILING.get(), "a profile is being taken: what is profiled cannot take one itself");
    let _one_at_a_time = lock(&PROFILING);
    let _profiling = Profiling::begin();
    let toll = toll();
    let asides = Asides(registry::all().into_iter().filter_map(|(_, used)| used.set_aside()).collect());
    // Caching first: without it, a call that needs itself would only take up memory until it is given up.
    empty();
    let before = counts();
    let on = run(Mode::Alone, &mut work);
    let caches = used_since(&before);
    empty();
    let parallel = run(Mode::All, &mut work);
    empty();
    let off = run_off(limit, toll, &mut work);
    empty();
    drop(asides);
    let advice = Advice::of(off, on, parallel, !caches.is_empty());
    Profile { off, on, parallel, advice, caches }
}

/// Notes that this thread takes a profile.
struct Profiling;

impl Profiling {
    fn begin() -> Self {
        IS_PROFILING.set(true);
        Self
    }
}

impl Drop for Profiling {
    fn drop(&mut self) {
        IS_PROFILING.set(false);
    }
}

/// Values that were set aside; they come back when this is dropped.
struct Asides(Vec<Aside>);

impl Drop for Asides {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|put_back| put_back());
    }
}

fn empty() {
    registry::all().iter().for_each(|(_, used)| used.empty());
}

fn run<T>(mode: Mode, work: &mut impl FnMut() -> T) -> Duration {
    let _set = Set::new(mode, None);
    let began = Instant::now();
    let done = work();
    let took = began.elapsed();
    drop(done);
    took
}

/// The run with caching off. A call is charged with the `toll` of the engine.
fn run_off<T>(limit: Duration, toll: f64, work: &mut impl FnMut() -> T) -> Off {
    let began = Instant::now();
    let set = Set::new(Mode::Off, Some(began + limit));
    let end = catch_unwind(AssertUnwindSafe(work));
    let took = began.elapsed();
    let calls = set.calls();
    // Somebody else saw that the time was over.
    let is_over = !switch::is_off();
    drop(set);
    match end {
        Ok(_) if is_over => Off::MoreThan(limit),
        Ok(_) => Off::Took(took.saturating_sub(Duration::from_nanos((toll * calls as f64) as u64))),
        Err(payload) if payload.is::<GivenUp>() => Off::MoreThan(limit),
        Err(payload) => resume_unwind(payload),
    }
}

/// What all that are listed have counted.
fn counts() -> HashMap<usize, Stats> {
    registry::all().into_iter().filter_map(|(place, used)| Some((place, used.told()?.stats))).collect()
}

/// What has been used since these counts, and how much.
fn used_since(before: &HashMap<usize, Stats>) -> Vec<Row> {
    let used = registry::all().into_iter().filter_map(|(place, used)| {
        let mut row = Row::of(used.told()?);
        if let Some(before) = before.get(&place) {
            row.stats.hits = row.stats.hits.saturating_sub(before.hits);
            row.stats.misses = row.stats.misses.saturating_sub(before.misses);
            row.stats.computed = row.stats.computed.saturating_sub(before.computed);
            row.stats.waits = row.stats.waits.saturating_sub(before.waits);
            row.stats.time_saved = row.stats.time_saved.saturating_sub(before.time_saved);
            row.verdict = Verdict::of(row.kind, &row.stats, row.is_bounded);
        }
        (row.stats.hits + row.stats.misses > 0).then_some(row)
    });
    used.collect()
}

/// What the engine itself takes of a call with caching off, in nanoseconds; the lowest of some tries. Inlined, so that the engine of these
/// calls is compiled where a profile is taken, and not by everybody who builds this crate.
#[inline]
fn toll() -> f64 {
    const CALLS: u64 = 2_000;
    let same = crate::Cache::from_fn(|n: u64| n);
    let _set = Set::new(Mode::Off, None);
    let tries = (0..5).map(|_| {
        let began = Instant::now();
        (0..CALLS).for_each(|n| _ = std::hint::black_box(same.get((n,))));
        began.elapsed().as_nanos() as f64 / CALLS as f64
    });
    tries.fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_follows_from_the_times() {
        let ms = Duration::from_millis;
        let table = [
            (Off::Took(ms(100)), 100, 100, true, Advice::DoWithout),
            (Off::Took(ms(100)), 95, 95, true, Advice::DoWithout),
            (Off::Took(ms(10)), 100, 50, true, Advice::DoWithout),
            (Off::Took(ms(100)), 50, 50, true, Advice::KeepEither),
            (Off::Took(ms(100)), 50, 47, true, Advice::KeepEither),
            (Off::Took(ms(100)), 50, 30, true, Advice::Keep),
            (Off::Took(ms(100)), 100, 50, true, Advice::Keep),
            (Off::Took(ms(100)), 50, 60, true, Advice::KeepSequential),
            (Off::MoreThan(ms(100)), 1, 1, true, Advice::KeepEither),
            (Off::Took(ms(100)), 50, 30, false, Advice::NothingCached),
        ];
        for (off, on, parallel, has_caches, advice) in table {
            assert_eq!(Advice::of(off, ms(on), ms(parallel), has_caches), advice, "{off} {on} {parallel}");
        }
    }

    #[test]
    fn a_profile_is_written_with_its_times_and_its_advice() {
        let profile = Profile {
            off: Off::MoreThan(Duration::from_secs(2)),
            on: Duration::from_millis(2),
            parallel: Duration::from_millis(1),
            advice: Advice::Keep,
            caches: Vec::new(),
        };
        let text = profile.to_string();
        assert!(text.contains("more than 2.00 s") && text.contains("2000.0 times as fast"), "{text}");
    }
}
