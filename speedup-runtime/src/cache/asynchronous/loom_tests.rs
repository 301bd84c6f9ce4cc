//! Models of one flight: those who wait, who wakes it, and who leaves.
//!
//! A wake that is lost is a thread that sleeps for ever, which the checker reports.

use std::task::{Context, Poll, Wake, Waker};

use loom::thread;

use super::flight::{Body, End, Flight, Polled};
use crate::sync::{AtomicU32, Condvar, Mutex, Ordering::Relaxed, global::Arc, lock};

/// What the body waits for.
#[derive(Clone)]
struct Gate(Arc<Mutex<(bool, Vec<Waker>)>>);

impl Gate {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((false, Vec::new()))))
    }

    fn open(&self) {
        let wakers = {
            let mut state = lock(&self.0);
            state.0 = true;
            std::mem::take(&mut state.1)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0);
        if !state.0 {
            state.1.push(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

/// A thread that sleeps until it is woken.
struct Sleeper(Mutex<bool>, Condvar);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        *lock(&self.0) = true;
        self.1.notify_one();
    }
}

impl Sleeper {
    fn sleep(&self) {
        let mut woken = lock(&self.0);
        while !*woken {
            woken = self.1.wait(woken).unwrap();
        }
        *woken = false;
    }
}

/// A flight whose body gives 7 once the gate is open, and how often it has landed.
struct Model {
    flight: Arc<Flight<u32, ()>>,
    landed: Arc<AtomicU32>,
}

impl Clone for Model {
    fn clone(&self) -> Self {
        Self { flight: self.flight.clone(), landed: self.landed.clone() }
    }
}

impl Model {
    /// With its first seat.
    fn new(gate: &Gate) -> (Self, usize) {
        let gate = gate.clone();
        let body: Body<u32> = Box::pin(std::future::poll_fn(move |context| gate.poll(context).map(|()| 7)));
        let (flight, seat) = Flight::new((), body);
        (Self { flight: Arc::new(flight), landed: Arc::new(AtomicU32::new(0)) }, seat)
    }

    fn poll(&self, seat: usize, waker: &Waker, me: u32) -> Polled {
        let step = |body: &mut Body<u32>, waker: &Waker| body.as_mut().poll(&mut Context::from_waker(waker));
        let land = |result: Result<u32, _>| {
            self.landed.fetch_add(1, Relaxed);
            result.map_or_else(End::panic, End::Value)
        };
        self.flight.poll(seat, waker, me, step, land)
    }

    /// Waits for the value, as an executor with one task would, and leaves.
    fn wait(&self, seat: usize, me: u32) {
        let sleeper = Arc::new(Sleeper(Mutex::new(false), Condvar::new()));
        let waker = Waker::from(sleeper.clone());
        while self.poll(seat, &waker, me) != Polled::Landed {
            sleeper.sleep();
        }
        let end = self.flight.end().expect("it has landed");
        assert_eq!(end.get().ok(), Some(7));
        assert!(self.flight.leave(seat).is_none());
    }

    /// Polls at most once, and leaves.
    fn give_up(&self, seat: usize, me: u32) {
        self.poll(seat, Waker::noop(), me);
        drop(self.flight.leave(seat));
    }
}

#[test]
fn loom_all_who_wait_get_what_lands_once() {
    loom::model(|| {
        let gate = Gate::new();
        let (model, first) = Model::new(&gate);
        let second = model.flight.sit().expect("a flight that has begun");
        let other = model.clone();
        let waiting = thread::spawn(move || other.wait(second, 2));
        let opening = thread::spawn(move || gate.open());
        model.wait(first, 1);
        waiting.join().unwrap();
        opening.join().unwrap();
        assert_eq!(model.landed.load(Relaxed), 1);
    });
}

#[test]
fn loom_who_leaves_takes_no_wake_along() {
    loom::model(|| {
        let gate = Gate::new();
        let (model, first) = Model::new(&gate);
        let second = model.flight.sit().expect("a flight that has begun");
        let other = model.clone();
        let leaving = thread::spawn(move || other.give_up(first, 2));
        let opening = thread::spawn(move || gate.open());
        model.wait(second, 1);
        leaving.join().unwrap();
        opening.join().unwrap();
        assert_eq!(model.landed.load(Relaxed), 1);
    });
}

#[test]
fn loom_who_polls_no_more_takes_no_wake_along() {
    loom::model(|| {
        let gate = Gate::new();
        let (model, first) = Model::new(&gate);
        let second = model.flight.sit().expect("a flight that has begun");
        let other = model.clone();
        // Keeps its seat until the end.
        let polling = thread::spawn(move || other.poll(first, Waker::noop(), 2));
        let opening = thread::spawn(move || gate.open());
        model.wait(second, 1);
        polling.join().unwrap();
        opening.join().unwrap();
        assert_eq!(model.landed.load(Relaxed), 1);
    });
}

#[test]
fn loom_who_comes_while_the_last_leaves_gets_a_living_flight_or_none() {
    loom::model(|| {
        let gate = Gate::new();
        let (model, first) = Model::new(&gate);
        let other = model.clone();
        let leaving = thread::spawn(move || other.give_up(first, 2));
        gate.open();
        if let Some(second) = model.flight.sit() {
            model.wait(second, 1);
            assert_eq!(model.landed.load(Relaxed), 1);
        }
        leaving.join().unwrap();
    });
}
