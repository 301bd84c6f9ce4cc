//! The clock by which values age: one for all caches, which tests can set.
//!
//! It is the system's coarse monotonic clock, so it tells times to within some milliseconds and costs a few nanoseconds. Hits do without
//! even that where there are many, and go by what the time was a few milliseconds ago.
//!
//! # Examples
//! ```
//! use std::time::Duration;
//! use speedup_runtime::{Cache, clock::Mock};
//!
//! let clock = Mock::new();
//! let cache = Cache::from_fn(|n: u64| n * n).ttl(Duration::from_secs(30));
//! assert_eq!(cache.get((4,)), 16);
//! clock.advance(Duration::from_secs(29));
//! assert!(cache.contains(&(4,)));
//! clock.advance(Duration::from_secs(1));
//! assert!(!cache.contains(&(4,)));
//! ```

#[cfg(feature = "disk")]
use std::time::{SystemTime, UNIX_EPOCH};
use std::{
    sync::{
        Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub(crate) use self::lately::{BELOW, kept, lately};
use crate::sync::lock_std;

mod lately;

/// The time that tests have set, in nanoseconds; 0 while there is no [`Mock`]. Release when a mock goes, with the Acquire in [`now`], so
/// that who sees it gone sees where it has left the clock.
static SET: AtomicU64 = AtomicU64::new(0);
/// How far ahead of the system's clock tests have left this one. Relaxed: ordered by `SET`.
static AHEAD: AtomicU64 = AtomicU64::new(0);
/// Whether there is a mock.
static TAKEN: Mutex<bool> = Mutex::new(false);
static FREE: Condvar = Condvar::new();

/// The time in nanoseconds, since some moment before the first call. Never 0.
#[inline]
pub(crate) fn now() -> u64 {
    match SET.load(Ordering::Acquire) {
        0 => {
            let now = coarse() + AHEAD.load(Ordering::Relaxed);
            lately::read_as(now);
            now
        }
        set => set,
    }
}

/// Whether there is a [`Mock`].
fn is_set() -> bool {
    SET.load(Ordering::Relaxed) != 0
}

/// The time since 1970 in milliseconds, as far ahead as a test has set the clock.
#[cfg(feature = "disk")]
pub(crate) fn since_1970() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (nanos(since) + now()).saturating_sub(coarse()) / 1_000_000
}

/// The age that this many nanoseconds are.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(target_os = "linux")]
#[inline]
fn coarse() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it writes to what it is given, and every Linux since 2.6.32 has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64 + EARLIEST
}

#[cfg(not(target_os = "linux"))]
fn coarse() -> u64 {
    use std::{sync::LazyLock, time::Instant};
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    nanos(BEGAN.elapsed()) + EARLIEST
}

/// No time is earlier, some 52 days: so what was born before a mock's first moment has a time, too, and no address, less the bits that are
/// always zero, is taken for one (see `marks` in `cache/bound`).
pub(crate) const EARLIEST: u64 = 1 << 52;

/// The clock in the hands of a test: while it lives, the time of all caches stands still, but for [`advance`](Self::advance).
///
/// There is one at a time; who makes a second one, on another thread, waits for the first to be dropped. So tests that set the
/// clock run one after the other, and should stand in a test program of their own: others see the clock stand still, too.
///
/// When it is dropped, the time goes on from where it stands: it never goes back. A thread that makes a second one while it has the first
/// waits for ever.
#[derive(Debug)]
#[non_exhaustive]
pub struct Mock;

impl Mock {
    /// Stops the clock.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it stops the clock of all caches")]
    pub fn new() -> Self {
        let taken = lock_std(&TAKEN);
        *FREE.wait_while(taken, |taken| *taken).unwrap_or_else(PoisonError::into_inner) = true;
        lately::set(|| {
            let now = now();
            SET.store(now, Ordering::Relaxed);
            now
        });
        Self
    }

    /// Moves the clock forward, and lets go of what has expired by then.
    pub fn advance(&self, by: Duration) {
        lately::set(|| SET.fetch_add(nanos(by), Ordering::Relaxed) + nanos(by));
        crate::timer::run_due();
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        lately::set(|| {
            AHEAD.store(SET.load(Ordering::Relaxed).saturating_sub(coarse()), Ordering::Relaxed);
            SET.store(0, Ordering::Release);
            lately::NONE
        });
        *lock_std(&TAKEN) = false;
        FREE.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_time_was_lately_is_what_a_mock_says() {
        let clock = Mock::new();
        assert_eq!(lately(), now());
        for _ in 0..1_000 {
            clock.advance(Duration::from_secs(1));
            assert_eq!(lately(), now());
        }
    }

    #[test]
    fn a_word_exceeds_what_is_kept_if_it_ends_later_and_else_does_not() {
        let clock = Mock::new();
        for years in [0, 1, 100] {
            clock.advance(Duration::from_secs(years * 365 * 24 * 3_600));
            assert_eq!(lately(), now());
            let holds = now() >> (u64::BITS - BELOW) == 0;
            for below in [0, (1 << BELOW) - 1] {
                assert_eq!((now() + 1) << BELOW | below > kept(), holds, "{years}");
                assert!(now() << BELOW | below <= kept());
            }
        }
    }

    #[test]
    fn what_the_time_was_lately_is_no_time_to_come() {
        for _ in 0..200_000 {
            let lately = lately();
            assert!(lately <= now());
        }
    }

    #[test]
    fn time_does_not_go_back_when_a_mock_goes() {
        let clock = Mock::new();
        clock.advance(Duration::from_secs(3_600));
        let then = now();
        drop(clock);
        assert!(now() >= then);
        let clock = Mock::new();
        assert!(now() >= then);
        drop(clock);
    }
}
