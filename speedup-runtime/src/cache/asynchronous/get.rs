//! One value on its way.

use std::{
    cell::Cell,
    fmt,
    future::Future,
    mem::MaybeUninit,
    panic::{panic_any, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{
    chain::{self, Polling},
    flight::{Body, End, Polled},
    flights::{Boarded, Flying},
    gathered,
    state::AsyncCache,
    waits::{Named, Wait},
};
use crate::cache::{
    call::renewals::Why,
    table::key::{Key, Output},
    thread::{
        registry::{self, Worker},
        stack,
    },
};
use crate::seeing::watch::{Watched, What};

thread_local! {
    /// Whether a call was found to be on its way.
    static WAITS: Cell<bool> = const { Cell::new(false) };
}

/// Polls something, and says whether it came to a call that is on its way: then it waits for that rather than for something of its own.
#[cfg(feature = "stores")]
pub(crate) fn wait_for_calls<T>(poll: impl FnOnce() -> T) -> (T, bool) {
    WAITS.set(false);
    let polled = poll();
    (polled, WAITS.get())
}

/// Whoever is polled waits for calls.
pub(super) fn waits() {
    WAITS.set(true);
}

/// The value of a key on its way, as returned by [`AsyncCache::get`] and [`AsyncCache::refresh`].
///
/// Nothing begins before it is polled. Dropping it stops the call if nobody else waits for it, and disturbs nobody who does.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Get<'cache, K: Key, R: Output> {
    cache: &'cache AsyncCache<K, R>,
    stage: Stage<K, R>,
}

enum Stage<K, R> {
    Asking(K),
    Refreshing(K, Why),
    Seated(Seat<K, R>),
    Over,
}

/// A seat in a flight.
struct Seat<K, R> {
    flight: Arc<Flying<K, R>>,
    number: usize,
    /// That the flight whose body this is in waits for this one.
    wait: Option<Wait>,
}

impl<'cache, K: Key, R: Output> Get<'cache, K, R> {
    pub(super) fn new(cache: &'cache AsyncCache<K, R>, key: K) -> Self {
        Self { cache, stage: Stage::Asking(key) }
    }

    pub(super) fn anew(cache: &'cache AsyncCache<K, R>, key: K, why: Why) -> Self {
        Self { cache, stage: Stage::Refreshing(key, why) }
    }

    /// Waits for a call that is on its way.
    #[cfg(feature = "stores")]
    pub(super) fn seated(cache: &'cache AsyncCache<K, R>, (flight, number): (Arc<Flying<K, R>>, usize)) -> Self {
        Self { cache, stage: Stage::Seated(Seat { flight, number, wait: None }) }
    }

    /// The key that is to be asked for, if nothing has begun.
    pub(super) fn asking(&self) -> Option<(&AsyncCache<K, R>, &K)> {
        let Stage::Asking(key) = &self.stage else { return None };
        Some((self.cache, key))
    }

    /// The value, if it is there.
    #[inline]
    pub(super) fn hit(&mut self) -> Option<R> {
        let Stage::Asking(key) = &self.stage else { return None };
        let value = self.cache.hit(key)?;
        self.stage = Stage::Over;
        Some(value)
    }

    /// All of a poll that is no hit.
    #[cold]
    #[inline(never)]
    fn fly(&mut self, waker: &Waker) -> Poll<R> {
        let (key, why) = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Asking(key) => {
                if gathered::tell(self.cache, &key) {
                    self.stage = Stage::Asking(key);
                    // Whoever polls it may be waiting to be woken.
                    waker.wake_by_ref();
                    return Poll::Pending;
                }
                (key, None)
            }
            Stage::Refreshing(key, why) => (key, Some(why)),
            Stage::Seated(seat) => return self.wait(seat, waker),
            Stage::Over => panic_any("a `Get` was polled after it was ready"),
        };
        match self.cache.board(key, why) {
            Boarded::Value(value) => Poll::Ready(value),
            Boarded::Seat(flight, number) => self.wait(Seat { flight, number, wait: None }, waker),
        }
    }

    /// Polls the flight, from a seat that is kept or left by the end of this.
    fn wait(&mut self, seat: Seat<K, R>, waker: &Waker) -> Poll<R> {
        let cache = self.cache;
        // Left when this is dropped, whatever happens.
        self.stage = Stage::Seated(seat);
        let Stage::Seated(seat) = &mut self.stage else { return Poll::Pending };
        let flight = seat.flight.clone();
        if seat.poll(cache, waker).is_pending() {
            waits();
            return Poll::Pending;
        }
        self.leave();
        match flight.end().map(End::get) {
            Some(Ok(value)) => Poll::Ready(value),
            Some(Err(payload)) => resume_unwind(payload),
            None => panic_any("a flight was dropped under one who has a seat"),
        }
    }

    fn leave(&mut self) {
        if let Stage::Seated(seat) = std::mem::replace(&mut self.stage, Stage::Over) {
            drop(seat.wait);
            self.cache.leave(&seat.flight, seat.number);
        }
    }
}

impl<K: Key, R: Output> Seat<K, R> {
    /// Polls the flight.
    ///
    /// # Panics
    /// If it needs the flight in whose body this is.
    fn poll(&mut self, cache: &AsyncCache<K, R>, waker: &Waker) -> Poll<()> {
        let worker = registry::current();
        let named = || self.flight.clone() as Arc<dyn Named>;
        let step = |body: &mut Body<R>, waker: &Waker| {
            let _polling = Polling::begin(named());
            let _watched = Watched::begin(What::Call, worker.number, || self.flight.to_string());
            poll_with_room(body, waker, worker)
        };
        let land = |result| cache.land(&self.flight, result);
        match self.flight.poll(self.number, waker, worker.number, step, land) {
            Polled::Landed => return Poll::Ready(()),
            Polled::Circle => panic_any(chain::circle_to(self.flight.ticket().number)),
            Polled::Waiting => {}
        }
        let waiting = chain::innermost();
        if self.wait.as_ref().map(Wait::from) != waiting.as_ref().map(|flight| flight.ticket().number) {
            // It may have moved from one body to another since it was polled last.
            self.wait = None;
            if let Some(waiting) = waiting {
                match Wait::begin(&waiting, &named()) {
                    Ok(wait) => self.wait = Some(wait),
                    Err(circle) => panic_any(chain::circle(&circle)),
                }
            }
        }
        Poll::Pending
    }
}

/// Polls a body, on a new piece of stack if this one is used up: bodies poll the bodies that they need.
fn poll_with_room<R>(body: &mut Body<R>, waker: &Waker, worker: &'static Worker) -> Poll<R> {
    let mark = MaybeUninit::<u8>::uninit();
    let mut poll = || body.as_mut().poll(&mut Context::from_waker(waker));
    let more = const { stack::room_for(size_of::<R>()) };
    if stack::has_room(worker, mark.as_ptr() as usize, more) {
        poll()
    } else {
        stack::on_a_new_piece(worker, more, poll)
    }
}

/// Nothing in it is pinned: the body is in a box of its own.
impl<K: Key, R: Output> Unpin for Get<'_, K, R> {}

impl<K: Key, R: Output> Future for Get<'_, K, R> {
    type Output = R;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        match self.hit() {
            Some(value) => Poll::Ready(value),
            None => self.fly(context.waker()),
        }
    }
}

impl<K: Key, R: Output> Drop for Get<'_, K, R> {
    #[inline]
    fn drop(&mut self) {
        if matches!(self.stage, Stage::Seated(_)) {
            self.leave();
        }
    }
}

impl<K: Key, R: Output> fmt::Debug for Get<'_, K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match &self.stage {
            Stage::Asking(_) | Stage::Refreshing(..) => "not begun",
            Stage::Seated(_) => "waiting",
            Stage::Over => "over",
        };
        out.debug_struct("Get").field("stage", &stage).finish_non_exhaustive()
    }
}
