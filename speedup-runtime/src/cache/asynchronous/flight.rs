//! A call on its way: one future, shared by all who wait for its result.
//!
//! ```text
//!              somebody polls, and it is due             it is ready, or panics
//!     Resting ───────────────────────────────> Polled ─────────────────────────────> Landed
//!       │   <───────────────────────────────
//!       │              it is pending
//!       └── the last of those who wait leaves ──> Dropped
//! ```
//!
//! Who waits has a *seat*. The future belongs to nobody: whoever polls first when it is due takes it out, polls it and puts it back.
//! When it is woken, all seats are woken. So nobody depends on what becomes of another: a future that is dropped or never polled again
//! takes nothing with it. One woken seat polls the future, the others find that it is not due.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Poll, Wake, Waker},
};

use once_cell::sync::OnceCell;

use super::flat;
use crate::{
    panics::{self, Payload},
    sync::{
        Mutex,
        global::{self, Arc},
        lock,
    },
};

/// The body of a call.
pub(super) type Body<R> = Pin<Box<dyn Future<Output = R> + Send>>;

/// A call on its way. `C` says which.
pub(super) struct Flight<R, C> {
    pub(super) call: C,
    inner: Mutex<Inner<R>>,
    /// Set once, by whoever polled it last, before the phase says `Landed`.
    end: OnceCell<End<R>>,
}

struct Inner<R> {
    phase: Phase<R>,
    seats: Seats,
}

enum Phase<R> {
    /// Nobody polls it. It is due if it was woken since it was polled last; who has a seat is woken when it becomes due.
    Resting { body: Body<R>, due: bool },
    /// The worker with this number polls it. It is due if it was woken meanwhile.
    Polled { by: u32, due: bool },
    /// It has an end.
    Landed,
    /// Nobody waits for it any more, and nobody will.
    Dropped,
}

/// What became of a call.
pub(super) enum End<R> {
    Value(R),
    /// `None` once a payload that cannot be copied has been given to somebody.
    Panic(global::Mutex<Option<Payload>>),
}

/// What came of polling.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Polled {
    /// It has an end.
    Landed,
    /// The seat's waker is woken when there is more to say.
    Waiting,
    /// The calling worker is in the middle of polling it, further up its stack.
    Circle,
}

impl<R, C> Flight<R, C> {
    /// A call that has not begun, and the first seat in it.
    pub(super) fn new(call: C, body: Body<R>) -> (Self, usize) {
        let mut seats = Seats::default();
        let seat = seats.take();
        let inner = Inner { phase: Phase::Resting { body, due: true }, seats };
        (Self { call, inner: Mutex::new(inner), end: OnceCell::new() }, seat)
    }

    /// Takes a seat; `None` if the call was dropped, or has an end: then it should have been forgotten.
    pub(super) fn sit(&self) -> Option<usize> {
        let mut inner = lock(&self.inner);
        if matches!(inner.phase, Phase::Dropped | Phase::Landed) {
            return None;
        }
        Some(inner.seats.take())
    }

    /// Leaves a seat. If it was the last one, nobody needs the body, which is given back to be dropped.
    pub(super) fn leave(&self, seat: usize) -> Option<Body<R>> {
        // Dropped when the lock is not held: it is users' code.
        let _waker;
        let mut inner = lock(&self.inner);
        _waker = inner.seats.leave(seat);
        if inner.seats.are_taken() || !matches!(inner.phase, Phase::Resting { .. }) {
            return None;
        }
        match std::mem::replace(&mut inner.phase, Phase::Dropped) {
            Phase::Resting { body, .. } => Some(body),
            Phase::Polled { .. } | Phase::Landed | Phase::Dropped => None,
        }
    }

    /// The end, after [`Polled::Landed`].
    pub(super) fn end(&self) -> Option<&End<R>> {
        self.end.get()
    }
}

impl<R: Send + Sync + 'static, C: Send + Sync + 'static> Flight<R, C> {
    /// Polls the call for a seat, as the worker `me`: by `step`, if it is due and nobody else does. What comes out of it,
    /// or the panic, goes through `land`; if that panics, its panic is the end.
    pub(super) fn poll(
        self: &Arc<Self>,
        seat: usize,
        waker: &Waker,
        me: u32,
        step: impl FnOnce(&mut Body<R>, &Waker) -> Poll<R>,
        land: impl FnOnce(Result<R, Payload>) -> End<R>,
    ) -> Polled {
        let mut body = match self.take_body(seat, waker, me) {
            Ok(body) => body,
            Err(polled) => return polled,
        };
        let waker = Waker::from(self.clone());
        let result = match catch_unwind(AssertUnwindSafe(|| step(&mut body, &waker))) {
            Ok(Poll::Pending) => {
                self.put_back(body);
                return Polled::Waiting;
            }
            Ok(Poll::Ready(value)) => Ok(value),
            Err(payload) => Err(payload),
        };
        flat::bury(body);
        // Keys are hashed and written in it, by users' code. Whatever comes of that, nobody waits for ever.
        let end = catch_unwind(AssertUnwindSafe(|| land(result)));
        self.settle(end.unwrap_or_else(End::panic));
        Polled::Landed
    }

    /// Takes the body out, or has the seat woken when there is something new.
    fn take_body(&self, seat: usize, waker: &Waker, me: u32) -> Result<Body<R>, Polled> {
        // Cloned and dropped when the lock is not held: both are users' code.
        let waker = waker.clone();
        let _old;
        let mut inner = lock(&self.inner);
        match inner.phase {
            Phase::Landed | Phase::Dropped => return Err(Polled::Landed),
            Phase::Polled { by, .. } if by == me => return Err(Polled::Circle),
            Phase::Polled { .. } | Phase::Resting { .. } => {}
        }
        _old = inner.seats.set(seat, waker);
        if !matches!(inner.phase, Phase::Resting { due: true, .. }) {
            return Err(Polled::Waiting);
        }
        match std::mem::replace(&mut inner.phase, Phase::Polled { by: me, due: false }) {
            Phase::Resting { body, .. } => Ok(body),
            Phase::Polled { .. } | Phase::Landed | Phase::Dropped => Err(Polled::Waiting),
        }
    }

    fn put_back(&self, body: Body<R>) {
        let wakers = {
            let mut inner = lock(&self.inner);
            let due = matches!(inner.phase, Phase::Polled { due: true, .. });
            inner.phase = Phase::Resting { body, due };
            if due { inner.seats.wakers() } else { Vec::new() }
        };
        flat::wake(wakers);
    }

    fn settle(&self, end: End<R>) {
        let set = self.end.set(end).is_ok();
        debug_assert!(set, "a call ends once");
        let wakers = {
            let mut inner = lock(&self.inner);
            inner.phase = Phase::Landed;
            inner.seats.wakers()
        };
        flat::wake(wakers);
    }
}

impl<R: Send + Sync + 'static, C: Send + Sync + 'static> Wake for Flight<R, C> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let wakers = {
            let mut inner = lock(&self.inner);
            match &mut inner.phase {
                Phase::Resting { due, .. } if !*due => {
                    *due = true;
                    inner.seats.wakers()
                }
                // Who polls it wakes all when it has put the body back.
                Phase::Polled { due, .. } => {
                    *due = true;
                    return;
                }
                Phase::Resting { .. } | Phase::Landed | Phase::Dropped => return,
            }
        };
        flat::wake(wakers);
    }
}

impl<R> End<R> {
    /// A panic.
    pub(super) fn panic(payload: Payload) -> Self {
        Self::Panic(global::Mutex::new(Some(payload)))
    }

    /// The value, or what to panic with, for one of those who wait.
    pub(super) fn get(&self) -> Result<R, Payload>
    where
        R: Clone,
    {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Panic(payload) => {
                let mut payload = payload.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                let copy = payload.as_ref().and_then(panics::copy_of).or_else(|| payload.take());
                Err(copy.unwrap_or_else(|| Box::new("the call panicked, and its payload has been handed out already")))
            }
        }
    }
}

/// Those who wait, by number. O(1) but for [`wakers`](Self::wakers), which is O(n).
#[derive(Default)]
struct Seats {
    all: Vec<Seat>,
    free: Vec<usize>,
}

enum Seat {
    Free,
    /// With a waker from when it was polled until it is woken.
    Taken(Option<Waker>),
}

impl Seats {
    fn take(&mut self) -> usize {
        let seat = self.free.pop().unwrap_or_else(|| {
            self.all.push(Seat::Free);
            self.all.len() - 1
        });
        self.all[seat] = Seat::Taken(None);
        seat
    }

    fn leave(&mut self, seat: usize) -> Option<Waker> {
        self.free.push(seat);
        match std::mem::replace(&mut self.all[seat], Seat::Free) {
            Seat::Taken(waker) => waker,
            Seat::Free => None,
        }
    }

    fn are_taken(&self) -> bool {
        self.free.len() < self.all.len()
    }

    /// Gives a seat its waker, and returns the one that it had.
    fn set(&mut self, seat: usize, waker: Waker) -> Option<Waker> {
        match std::mem::replace(&mut self.all[seat], Seat::Taken(Some(waker))) {
            Seat::Taken(waker) => waker,
            Seat::Free => None,
        }
    }

    /// Takes all wakers.
    fn wakers(&mut self) -> Vec<Waker> {
        let wakers = self.all.iter_mut().filter_map(|seat| match seat {
            Seat::Taken(waker) => waker.take(),
            Seat::Free => None,
        });
        wakers.collect()
    }
}
