//! Isolations underway, and whether isolating a call leads to isolating it again.
//!
//! A body that hands its work to another pool by name leaves its isolation. The job may be run by the very thread that
//! stands by for the isolation, and ask there for what is being isolated. Then there are two cases:
//!
//! - It is a job that happened to be queued. Its value comes when the isolation ends, which takes as long as it takes.
//! - It is what the isolated body waits for. Then the call needs itself, and isolating it again leads here again.
//!
//! Nothing tells whose job it is. But a job that an isolated body waits for is queued by the time the body is seen waiting,
//! and before an isolation begins its thread has run what else was queued, until nothing came for a while. So it is a cycle
//! if again and again such a job begins at once. One that begins later came from elsewhere, and waits for the value.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::cache::{
    api::key::Output,
    block::{
        block_on::{self, Busy},
        progress::{self, Silence},
        rayon_probe::{self, Place},
    },
    call::outcome::Outcome,
    thread::registry::{self, Worker},
};
use crate::sync::{Arc, Ordering, global::Mutex, lock};

/// All isolations underway, the earliest first. A slot may have several, of one thread and of others.
static UNDERWAY: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// So many isolations in a row, all of which led to the next at once, make a cycle.
const TURNS: usize = 6;
/// How long nothing may happen before a call is isolated again.
const QUIET: Duration = Duration::from_millis(25);
/// So much longer at most, where isolating it has not led on.
const RARELY: usize = 40;
/// A job that begins so long after the isolated body was seen waiting begins at once: perhaps on another thread, which has
/// to look first.
const AT_ONCE: Duration = Duration::from_millis(15);
/// How often a thread that waits for an isolated one looks at it.
const LOOK: Duration = Duration::from_millis(2);

/// An isolation underway.
struct Entry {
    slot: usize,
    table: u64,
    /// The worker that is isolated, and the one that stands by for it.
    isolated: u32,
    by: u32,
    began: Instant,
    /// When the body was first seen waiting inside rayon.
    waits: Option<Instant>,
    /// Whether it was a job that began at once which asked for the slot, if any has.
    led_on: Option<bool>,
    /// Makes a copy of the value, once it is there.
    value: Arc<OnceLock<Copies>>,
}

/// Makes copies of a value.
type Copies = Box<dyn Fn() -> Outcome + Send + Sync>;

/// What to do about a slot that seems to need isolation.
pub(in crate::cache) enum Turn {
    /// Isolate it.
    Isolate,
    /// It was being isolated, and now is no longer; what came of it, if it is to be had.
    Ended(Option<Outcome>),
    /// It needs itself.
    Cycle,
}

/// An isolation underway, until this is dropped.
pub(in crate::cache) struct Underway {
    isolated: u32,
    value: Arc<OnceLock<Copies>>,
}

impl Underway {
    /// A worker begins to compute in isolation, for which another stands by.
    pub(in crate::cache) fn new(busy: &Busy, isolated: &Worker, by: &Worker) -> Self {
        let (isolated, value) = (isolated.number, Arc::new(OnceLock::new()));
        lock(&UNDERWAY).push(Entry {
            slot: busy.slot,
            table: busy.table,
            isolated,
            by: by.number,
            began: Instant::now(),
            waits: None,
            led_on: None,
            value: value.clone(),
        });
        Self { isolated, value }
    }

    /// There is a value. Only who has asked for the slot meanwhile wants it.
    pub(in crate::cache) fn ends_with<R: Output>(&self, value: &R) {
        let asked = lock(&UNDERWAY).iter().any(|entry| entry.isolated == self.isolated && entry.led_on.is_some());
        if asked {
            let value = value.clone();
            drop(self.value.set(Box::new(move || Outcome::value(value.clone()))));
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let mut underway = lock(&UNDERWAY);
        let at = underway.iter().position(|entry| entry.isolated == self.isolated);
        let ended = at.map(|at| underway.remove(at));
        drop(underway);
        drop(ended);
    }
}

/// Waits for the isolation of the slot for which this thread stands by already, if there is one, and says what to do then.
pub(in crate::cache) fn next(busy: &Busy, worker: &'static Worker) -> Turn {
    let Some((number, value)) = asked(busy, worker) else { return Turn::Isolate };
    let patience = QUIET * (1 + turns(busy, false).min(RARELY) as u32);
    let mut watch = Watch::new(number);
    loop {
        block_on::for_worker(worker, number, || worker.park(LOOK));
        if !lock(&UNDERWAY).iter().any(|entry| entry.isolated == number) {
            return Turn::Ended(value.get().map(|copies| copies()));
        }
        rayon_probe::serve(worker);
        match watch.look(worker) {
            Sight::Waits(quiet) if quiet >= patience => {
                return if turns(busy, true) >= TURNS { Turn::Cycle } else { Turn::Isolate };
            }
            Sight::Circle => return Turn::Isolate,
            Sight::Waits(_) | Sight::Moves => {}
        }
    }
}

/// What a thread that waits for an isolated one has seen of it, or of the one at the end of its waits.
pub(in crate::cache) struct Watch {
    isolated: u32,
    /// Who that is, and its progress.
    seen: Option<(u32, u64)>,
    /// Since when that is so, and nothing that is queued has been run.
    since: Instant,
    /// Whether another thread was there at the last look, as happens when the isolated one leaves the graph for a moment.
    astray: bool,
    silence: Silence,
}

/// What the end of an isolated thread's waits looks like.
pub(in crate::cache) enum Sight {
    /// It may go on by itself, or something that was queued has been run.
    Moves,
    /// The isolated thread itself has been waiting inside rayon for so long, and nothing is queued.
    Waits(Duration),
    /// It is the thread that looks.
    Circle,
}

impl Watch {
    pub(in crate::cache) fn new(isolated: u32) -> Self {
        Self { isolated, seen: None, since: Instant::now(), astray: false, silence: Silence::default() }
    }

    /// Looks at the end of the waits, and lets rayon run something that is queued if it may be waiting for that.
    pub(in crate::cache) fn look(&mut self, worker: &'static Worker) -> Sight {
        let end = block_on::running(self.isolated, worker);
        let Some(running) = registry::by_number(end).filter(|_| end != worker.number) else { return Sight::Circle };
        // Relaxed: a sign of life.
        let seen = (end, running.progress.load(Ordering::Relaxed));
        let silent = self.silence.look(seen.0, seen.1);
        if self.seen != Some(seen) {
            self.astray = !self.astray && self.seen.is_some_and(|before| before.0 != end);
            if !self.astray {
                (self.seen, self.since) = (Some(seen), Instant::now());
            }
            return Sight::Moves;
        }
        self.astray = false;
        let quiet = self.since.elapsed();
        let executed = match rayon_probe::find(running, worker) {
            // The body has left its isolation for another pool, which may be the one of this thread.
            Place::Rayon if end == self.isolated => {
                if !self.give_way(worker) {
                    return Sight::Waits(quiet);
                }
                true
            }
            // The isolated thread waits for a call, which it computes itself if that waits inside rayon.
            _ => progress::is_desperate(worker, running, silent) && self.give_way(worker),
        };
        if executed {
            (self.since, self.silence) = (Instant::now(), Silence::default());
        }
        Sight::Moves
    }

    fn give_way(&self, worker: &'static Worker) -> bool {
        if let Some(entry) = lock(&UNDERWAY).iter_mut().find(|entry| entry.isolated == self.isolated) {
            entry.waits.get_or_insert_with(Instant::now);
        }
        progress::give_way(worker)
    }
}

/// Notes that the slot is asked for by a job that runs while this thread stands by for an isolation of it, and says which.
fn asked(busy: &Busy, worker: &Worker) -> Option<(u32, Arc<OnceLock<Copies>>)> {
    let mut underway = lock(&UNDERWAY);
    let own = underway.iter().rposition(|entry| entry.is_of(busy) && entry.by == worker.number)?;
    // A circle may lead through several slots, each of which is isolated, and through several threads of a pool.
    let led_on = progress::job_began().is_some_and(|began| underway.iter().any(|entry| entry.is_at_once(began)));
    if let Some(last) = underway.iter_mut().rfind(|entry| entry.is_of(busy)) {
        last.led_on = Some(led_on && last.led_on != Some(false));
    }
    Some((underway[own].isolated, underway[own].value.clone()))
}

/// How many of the last isolations of the slot led on, or did not, to where it was asked for again.
fn turns(busy: &Busy, led_on: bool) -> usize {
    let underway = lock(&UNDERWAY);
    let asked = underway.iter().rev().filter(|entry| entry.is_of(busy)).filter_map(|entry| entry.led_on);
    asked.take_while(|led| *led == led_on).count()
}

impl Entry {
    fn is_of(&self, busy: &Busy) -> bool {
        (self.slot, self.table) == (busy.slot, busy.table)
    }

    /// Whether a job that began then may be what the isolated body waits for.
    fn is_at_once(&self, job: Instant) -> bool {
        self.began <= job && self.waits.is_none_or(|waits| job <= waits + AT_ONCE)
    }
}
