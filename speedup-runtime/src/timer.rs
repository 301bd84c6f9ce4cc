//! One thread for all that is to be done at a time: it sleeps until the first of them, and ends when there is none.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};

use crate::{clock, panics, sync::lock_std, threads};

/// What is to be done.
pub(crate) type Errand = Box<dyn FnOnce() + Send>;

struct Agenda {
    /// With their times, the first one last; of those of one time in the order in which they came. They are few: a cache has one.
    errands: Vec<(u64, Errand)>,
    /// Whether there is a thread.
    attended: bool,
    /// The thread, while it is about an errand.
    busy: Option<ThreadId>,
}

static AGENDA: Mutex<Agenda> = Mutex::new(Agenda { errands: Vec::new(), attended: false, busy: None });
static CHANGED: Condvar = Condvar::new();
/// An errand of the thread is over.
static OVER: Condvar = Condvar::new();

/// Has something done at a time of the [`clock`], or soon after.
pub(crate) fn at(time: u64, errand: Errand) {
    let mut agenda = lock_std(&AGENDA);
    let place = agenda.errands.partition_point(|(other, _)| *other > time);
    agenda.errands.insert(place, (time, errand));
    if agenda.attended {
        let is_first = place + 1 == agenda.errands.len();
        drop(agenda);
        if is_first {
            CHANGED.notify_one();
        }
        return;
    }
    agenda.attended = threads::start("speedup-timer", Box::new(attend));
}

/// Does what is due, on the calling thread. When this returns, it is done, also what the timer's thread had begun.
pub(crate) fn run_due() {
    let mut agenda = lock_std(&AGENDA);
    loop {
        if let Some(errand) = due(&mut agenda) {
            // Done without the lock: it may put the next one on the agenda.
            drop(agenda);
            panics::contain(errand);
            agenda = lock_std(&AGENDA);
        } else if agenda.busy.is_some_and(|thread| thread != thread::current().id()) {
            agenda = OVER.wait(agenda).unwrap_or_else(PoisonError::into_inner);
        } else {
            return;
        }
    }
}

fn due(agenda: &mut Agenda) -> Option<Errand> {
    let errand = agenda.errands.pop_if(|(time, _)| *time <= clock::now());
    errand.map(|(_, errand)| errand)
}

fn attend() {
    let mut agenda = lock_std(&AGENDA);
    loop {
        if let Some(errand) = due(&mut agenda) {
            agenda.busy = Some(thread::current().id());
            drop(agenda);
            panics::contain(errand);
            agenda = lock_std(&AGENDA);
            agenda.busy = None;
            OVER.notify_all();
            continue;
        }
        let Some((time, _)) = agenda.errands.last() else {
            agenda.attended = false;
            return;
        };
        // The coarse clock may be some milliseconds behind.
        let left = Duration::from_nanos(time.saturating_sub(clock::now())).max(Duration::from_millis(1));
        agenda = CHANGED.wait_timeout(agenda, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}
