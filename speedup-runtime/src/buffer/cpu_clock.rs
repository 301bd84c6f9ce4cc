//! How long a thread has been running, as against sleeping: what tells a helper that computes from one that is blocked.

use std::time::Duration;

/// The clock that runs while one thread runs.
pub(super) struct CpuClock {
    #[cfg(all(target_os = "linux", not(miri)))]
    id: Option<libc::clockid_t>,
}

#[cfg(all(target_os = "linux", not(miri)))]
impl CpuClock {
    /// That of the calling thread.
    pub(super) fn of_this_thread() -> Self {
        let mut id = 0;
        // SAFETY: the thread is alive, and the clock's name is written to a place of its type.
        let failed = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut id) };
        CpuClock { id: (failed == 0).then_some(id) }
    }

    /// How long the thread has run; `None` where that is not known.
    pub(super) fn read(&self) -> Option<Duration> {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the time is written to a place of its type. The clock of a thread that is gone is an error and no more.
        let failed = unsafe { libc::clock_gettime(self.id?, &raw mut time) };
        let (seconds, nanos) = (u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
        (failed == 0).then(|| Duration::new(seconds, nanos))
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
impl CpuClock {
    /// That of the calling thread.
    pub(super) fn of_this_thread() -> Self {
        CpuClock {}
    }

    /// How long the thread has run; `None` where that is not known.
    pub(super) fn read(&self) -> Option<Duration> {
        None
    }
}
