//! Writing behind: one thread of the process hands every journal to the operating system, at most a quarter of a second late.
//!
//! A structure announces itself when its journal begins to wait. Should the thread be kept from its work, by a disk that keeps another journal
//! waiting or because the process had no processor for a while, whoever changes the structure writes ([`Deadline`]). When the process exits, what still waits is written.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::sync::global::{Condvar, Mutex, Weak, lock};
use crate::sync::thread;

/// How far a journal may lag behind while the process lives.
const LAG: Duration = Duration::from_millis(250);
/// How far it may lag behind before who changes the structure no longer counts on the thread.
const LATEST: Duration = Duration::from_millis(350);
/// Looks at the clock that follow each other sooner than the first are too many; where they are farther from each other than the second, each change
/// looks.
const SOON: [Duration; 2] = [Duration::from_micros(100), Duration::from_millis(1)];
/// How many changes may go by without a look, at most.
const UNSEEN: u8 = 63;
/// When a structure that somebody is using is asked again.
const AGAIN: Duration = Duration::from_millis(2);
/// How long the exit of the process may wait for who uses a structure.
const PATIENCE: Duration = Duration::from_secs(1);

/// A structure whose journal waits.
pub(crate) trait Late: Send + Sync {
    /// Writes the journal; false if somebody uses the structure. Who does is then asked to write it.
    fn try_write(&self) -> bool;
}

/// Until when the thread is to have written a journal that was announced.
pub(crate) struct Deadline {
    at: Instant,
    /// When a change looked at the clock.
    looked: Instant,
    /// How many changes go by between two looks, and how many still do before the next.
    unseen: u8,
    left: u8,
}

impl Deadline {
    /// That of a journal which begins to wait.
    pub(crate) fn from(now: Instant) -> Self {
        Deadline { at: now + LATEST, looked: now, unseen: 0, left: 0 }
    }

    /// Whether it is past; asked by each change. Where changes come quickly, not each asks for the time: 64 of them take no time that matters.
    #[inline]
    pub(crate) fn is_past(&mut self, now: impl FnOnce() -> Instant) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                false
            }
            None => self.look(now()),
        }
    }

    fn look(&mut self, now: Instant) -> bool {
        let since = now.saturating_duration_since(self.looked);
        if since < SOON[0] {
            self.unseen = (2 * self.unseen + 1).min(UNSEEN);
        } else if since >= SOON[1] {
            self.unseen = 0;
        }
        (self.left, self.looked) = (self.unseen, now);
        now >= self.at
    }
}

#[derive(Default)]
struct State {
    /// Structures whose journal waits, and when it is to be written; the soonest first, but for those that were in use.
    late: VecDeque<(Instant, Weak<dyn Late>)>,
    /// Whether the thread was started; it never ends.
    started: bool,
    /// Whether the thread writes a journal that is not in `late` meanwhile.
    writing: bool,
}

/// What waits to be written in this process.
#[derive(Default)]
pub(crate) struct Behind {
    state: Mutex<State>,
    wake: Condvar,
}

impl Behind {
    /// Sees to it that a journal is written in time, and says until when; `None` if there is no thread to do so.
    pub(crate) fn announce(&'static self, late: Weak<dyn Late>) -> Option<Deadline> {
        let mut state = lock(&self.state);
        if !state.started {
            let writer = thread::Builder::new().name("speedup-disk".into()).spawn(|| self.run());
            if writer.is_err() {
                return None;
            }
            state.started = true;
        }
        let now = Instant::now();
        state.late.push_back((now + LAG, late));
        if state.late.len() == 1 {
            self.wake.notify_one();
        }
        Some(Deadline::from(now))
    }

    fn run(&self) {
        let mut state = lock(&self.state);
        loop {
            let Some(due) = state.late.front().map(|(due, _)| *due) else {
                state = self.wake.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
                continue;
            };
            let left = due.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                let woken = self.wake.wait_timeout(state, left);
                state = woken.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
                continue;
            }
            let Some((_, late)) = state.late.pop_front() else { continue };
            state.writing = true;
            drop(state);
            let written = late.upgrade().is_none_or(|late| late.try_write());
            state = lock(&self.state);
            state.writing = false;
            if !written {
                state.late.push_front((Instant::now() + AGAIN, late));
                // Others are not to wait for it.
                state.late.make_contiguous().sort_by_key(|(due, _)| *due);
            }
        }
    }

    /// Writes everything that waits, because the process exits.
    ///
    /// Other threads may go on until the process has ended, and one may have stopped for good while it used a structure: that one is not
    /// waited for longer than [`PATIENCE`].
    pub(crate) fn write_all(&self) {
        let start = Instant::now();
        let mut rest: Vec<Weak<dyn Late>> = Vec::new();
        while start.elapsed() < PATIENCE {
            let mut writing = true;
            if let Ok(mut state) = self.state.try_lock() {
                rest.extend(state.late.drain(..).map(|(_, late)| late));
                writing = state.writing;
            }
            rest.retain(|late| late.upgrade().is_some_and(|late| !late.try_write()));
            if rest.is_empty() && !writing {
                return;
            }
            std::thread::sleep(AGAIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes changes, with `pause` between two of them, until the deadline is past for one; returns when that was, and how often one looked at the clock.
    fn until_past(pause: Duration) -> (Duration, u32) {
        let start = Instant::now();
        let (mut deadline, mut after, mut looks) = (Deadline::from(start), Duration::ZERO, 0);
        loop {
            after += pause;
            let past = deadline.is_past(|| {
                looks += 1;
                start + after
            });
            if past {
                return (after, looks);
            }
        }
    }

    #[test]
    fn a_change_at_leisure_sees_at_once_that_a_journal_is_late_and_quick_ones_seldom_look() {
        for pause in [500, 1000, 10_000, 100_000, 3_000_000].map(Duration::from_micros) {
            let (after, looks) = until_past(pause);
            assert!(after >= LATEST && after < LATEST + pause, "{pause:?}: {after:?}");
            assert_eq!(looks, (after.as_micros() / pause.as_micros()) as u32);
        }
        for pause in [1, 2, 10, 50] {
            let (after, looks) = until_past(Duration::from_micros(pause));
            assert!(after >= LATEST && after <= LATEST + Duration::from_micros(64 * pause), "{after:?}");
            assert!(looks < 6000, "{looks} looks in {} changes", after.as_micros() / u128::from(pause));
        }
    }
}
