//! Helpers: who is invited to an outermost call, comes, and stays as long as there is something to do.
//!
//! An invitation on rayon carries no work. It leads a worker to somebody's board, where it looks for calls that nobody has
//! begun (`leapfrog`).

use std::time::Duration;

use crate::cache::{
    memory::registration,
    sharing::{
        idle,
        leapfrog::{self, Found},
        start::{self, is_started, note_started},
    },
    thread::{
        board::Board,
        engine::Header,
        order::{self, Order},
        registry::{self, Worker},
    },
};
use crate::panics;
use crate::seeing::watch::{Watched, What};
use crate::sync::{
    Ordering,
    atomic::fence,
    timed::{self, Instant, spin_loop},
};

/// A helper that finds nothing to do stays this long before it goes back to rayon.
const STAY: Duration = Duration::from_micros(100);

/// Invites another worker to the outermost call that this one works for, unless there are enough.
pub(in crate::cache) fn invite(worker: &'static Worker) {
    let home = worker.own.home.get().unwrap_or(worker);
    // Whether or not: those who come make barriers of their own if need be.
    let _ = registration::prepare();
    if worker.is_isolated() {
        return;
    }
    if std::ptr::eq(home, worker) && home.root.load(Ordering::Relaxed).is_multiple_of(2) {
        home.root.fetch_add(1, Ordering::Release);
    }
    let root = home.root.load(Ordering::Acquire);
    // What is shown comes before the look at the seats: partner of the fence in `session`.
    fence(Ordering::SeqCst);
    if !is_started() {
        if !start::is_quick() {
            return start::beside(Some(Box::new(move || invite_to(home, root))));
        }
        start::here();
    }
    invite_to(home, root);
}

/// Invites a thread of the pool to an outermost call of this worker, if a seat is free.
fn invite_to(home: &'static Worker, root: u64) {
    let seats = seats();
    note_started();
    if let Some(seat) = take_seat(home, seats) {
        // With a panic that comes through here rayon would end the process.
        timed::spawn(move || panics::contain(|| session(home, root, seat)));
    }
}

/// Invites one more to what a helper has found more of than it takes: however many there are to be, whoever has shown that invites one.
pub(in crate::cache) fn invite_more(worker: &'static Worker) {
    if worker.own.home.get().is_some() && may_invite(worker) {
        invite(worker);
    }
}

/// Whether there may be a seat for one more. A hint, which costs less than to invite.
pub(in crate::cache) fn may_invite(worker: &'static Worker) -> bool {
    let home = worker.own.home.get().unwrap_or(worker);
    is_started() && home.helpers.load(Ordering::Relaxed) < seats()
}

/// Whether there is anybody to show calls to: who wants work, or could be invited.
#[inline]
pub(in crate::cache) fn is_for_anybody(worker: &'static Worker) -> bool {
    idle::is_anybody(worker) || may_invite(worker)
}

/// Whether the pool has more threads than so many, or will have.
pub(in crate::cache) fn may_be_more_than(many: usize) -> bool {
    if is_started() { seats() as usize >= many } else { !start::is_quick() }
}

/// Whether more than one may help with an outermost call.
pub(in crate::cache) fn are_several() -> bool {
    is_started() && seats() > 1
}

/// How many may help with an outermost call.
fn seats() -> u32 {
    timed::current_num_threads().saturating_sub(1) as u32
}

/// Takes one of the seats of an outermost call, unless all are taken; which one.
fn take_seat(home: &Worker, seats: u32) -> Option<u32> {
    let one_more = |helpers| (helpers < seats).then_some(helpers + 1);
    home.helpers.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()
}

/// The outermost call of this worker has ended: invitations to it are void.
#[inline]
pub(in crate::cache) fn dismiss(worker: &'static Worker) {
    // Relaxed: only this thread writes it.
    let root = worker.root.load(Ordering::Relaxed);
    if root % 2 == 1 {
        worker.root.store(root + 1, Ordering::Release);
        // With the fence in `session`: one of the two sees the other.
        fence(Ordering::SeqCst);
        tidy(worker);
    }
}

/// Helps with an outermost call until it ends or there is nothing to do for a while. Who comes late helps with the one that the same worker
/// has begun since: that may have found all seats taken.
fn session(home: &'static Worker, mut root: u64, seat: u32) {
    let (worker, mut taken) = (registry::current(), Some(Seat(home)));
    // A worker in the middle of a call has come here because that call's body waits in rayon: it must not take on more.
    if is_taken(worker) {
        drop(taken);
        return pass_on(home);
    }
    worker.own.home.set(Some(home));
    worker.helps.store(home.number + 1, Ordering::Relaxed);
    worker.own.order.set(Order::of_seat(seat));
    let _ends = Ends(worker);
    let _watched = Watched::begin(What::Help, worker.number, || format!("thread {}", home.number));
    worker.own.home_root.set(root);
    let mut part = order::first_part(seat, seats());
    loop {
        help(home, root, worker, std::mem::take(&mut part));
        drop(taken.take());
        // Who shows something from now on finds a free seat, and invites; what was shown before that is found here.
        fence(Ordering::SeqCst);
        root = home.root.load(Ordering::Acquire);
        worker.own.home_root.set(root);
        let found = root % 2 == 1 && matches!(leapfrog::look_at(home, worker), Found::Computed);
        if !found || take_seat(home, seats()).is_none() {
            break;
        }
        taken = Some(Seat(home));
    }
    tidy(home);
}

/// Whether the thread may not follow an invitation.
fn is_taken(worker: &Worker) -> bool {
    worker.is_in_call() || worker.own.home.get().is_some()
}

/// Asks all others of the pool, since who had the invitation may not follow it, and the outermost call need not come to invite again.
///
/// A broadcast goes to each of them: what a thread spawns while it waits in rayon comes back to itself first.
#[cold]
fn pass_on(home: &'static Worker) {
    // Who shows something from now on finds the free seat, and invites; what was shown before that is found here. Partner of the fence in
    // `invite`.
    fence(Ordering::SeqCst);
    tidy(home);
    let root = home.root.load(Ordering::Acquire);
    // One at a time: those that are busy have the last one yet to come.
    if root.is_multiple_of(2) || !shows_anything(home) || home.passed_on.swap(true, Ordering::Relaxed) {
        return;
    }
    let passed_on = PassedOn(home);
    timed::spawn_broadcast(move |_| {
        panics::contain(|| {
            let root = passed_on.0.root.load(Ordering::Acquire);
            // Nobody passes it on again, so it comes to an end.
            if is_taken(registry::current()) || root.is_multiple_of(2) {
                return;
            }
            if let Some(seat) = take_seat(passed_on.0, seats()) {
                passed_on.end();
                session(passed_on.0, root, seat);
            }
        });
    });
}

/// Whether a worker's board has a group on it, as far as can be seen.
fn shows_anything(owner: &Worker) -> bool {
    let shows = |board: &Board<Header>, place| board.read(place).is_none_or(|shown| !shown.is_empty());
    owner.shown().is_some_and(|board| (0..board.depth()).any(|place| shows(board, place)))
}

/// An invitation that goes to all, until one has followed it or all have seen it.
struct PassedOn(&'static Worker);

impl PassedOn {
    fn end(&self) {
        self.0.passed_on.store(false, Ordering::Relaxed);
    }
}

impl Drop for PassedOn {
    fn drop(&mut self) {
        self.end();
    }
}

/// Forgets what has panicked in outermost calls of this worker that are over, and lets go of keys that have no value, once nobody works for
/// them any more.
fn tidy(home: &'static Worker) {
    if (home.failures.any() || home.left.any()) && home.helpers.load(Ordering::Acquire) == 0 {
        let root = home.root.load(Ordering::Acquire);
        home.failures.forget_before(root);
        home.left.let_go_before(root);
        registry::collect_if_due();
    }
}

/// Computes what nobody has begun, until the outermost call ends or there is nothing to do for a while. The first search begins in this part
/// of the board.
fn help(home: &'static Worker, root: u64, worker: &'static Worker, mut part: u32) {
    let mut idle_since = None;
    while home.root.load(Ordering::Acquire) == root {
        match leapfrog::look_from(std::mem::take(&mut part), home, worker) {
            Found::Computed => {
                idle_since = None;
                continue;
            }
            // Whoever invited this thread is about to meet the same panic.
            Found::Panicked => return,
            Found::Nothing => idle::begin(worker),
        }
        if idle_since.get_or_insert_with(Instant::now).elapsed() > STAY {
            return;
        }
        spin_loop();
    }
}

/// A seat that is taken, given back when dropped.
struct Seat(&'static Worker);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.helpers.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Makes the worker a guest of nobody again.
struct Ends(&'static Worker);

impl Drop for Ends {
    fn drop(&mut self) {
        idle::end(self.0);
        self.0.own.home.set(None);
        self.0.helps.store(0, Ordering::Relaxed);
        self.0.own.order.set(Order::Forward);
    }
}

#[cfg(all(test, not(speedup_simulated)))]
mod tests;
