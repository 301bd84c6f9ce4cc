//! The time, the server, and whose turn it is.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::recursions::Key;

/// What all machines share.
pub(super) struct World {
    state: Mutex<State>,
    /// One for each machine.
    turns: Vec<Condvar>,
}

struct State {
    now: Duration,
    /// Whose turn it is; `None` until all have come.
    turn: Option<usize>,
    /// Machines that have not come yet.
    missing: usize,
    /// What happens when. The second part keeps the order of what happens at the same time.
    events: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    count: u64,
    server: Server,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A machine goes on.
    Turn(usize),
    /// The server gets a value that nobody waits to see kept.
    Put(Key, u64),
}

/// What the server knows.
#[derive(Default)]
pub(super) struct Server {
    pub(super) entries: HashMap<Key, Entry>,
    /// Machines that are to be told of a key.
    told: Vec<usize>,
    /// What each machine waits for.
    waits: HashMap<usize, Vec<Key>>,
}

/// What it knows of a key.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) value: Option<u64>,
    pub(super) claim: Option<Claimed>,
    /// Machines that have asked to be told.
    pub(super) waiting: Vec<usize>,
}

pub(super) struct Claimed {
    pub(super) owner: usize,
    pub(super) needs: Vec<Key>,
    /// A number of the needs: another one each time.
    pub(super) seen: u64,
}

impl Server {
    pub(super) fn entry(&mut self, key: Key) -> &mut Entry {
        self.entries.entry(key).or_default()
    }

    /// Something has happened to a key: who waits is told.
    pub(super) fn changed(&mut self, key: Key) {
        for machine in std::mem::take(&mut self.entry(key).waiting) {
            // Once, whatever else it waits for.
            let others = self.waits.remove(&machine).unwrap_or_default();
            for other in others {
                self.entry(other).waiting.retain(|waiting| *waiting != machine);
            }
            self.told.push(machine);
        }
    }

    /// A machine waits until something happens to any of these keys.
    pub(super) fn wait(&mut self, machine: usize, keys: impl Iterator<Item = Key>) {
        let keys: Vec<Key> = keys.collect();
        keys.iter().for_each(|key| self.entry(*key).waiting.push(machine));
        self.waits.insert(machine, keys);
    }

    pub(super) fn put(&mut self, key: Key, value: u64) {
        let entry = self.entry(key);
        (entry.value, entry.claim) = (Some(value), None);
        self.changed(key);
    }
}

impl State {
    fn at(&mut self, time: Duration, event: Event) {
        self.count += 1;
        self.events.push(Reverse((time, self.count, event)));
    }

    /// Passes what the server says to those whom it tells: half a round trip later.
    fn deliver(&mut self, way: Duration) {
        for machine in std::mem::take(&mut self.server.told) {
            self.at(self.now + way, Event::Turn(machine));
        }
    }

    /// The machine whose turn is next; `None` if nothing will happen any more.
    fn next(&mut self, way: Duration) -> Option<usize> {
        while let Some(Reverse((time, _, event))) = self.events.pop() {
            self.now = time;
            match event {
                Event::Turn(machine) => return Some(machine),
                Event::Put(key, value) => {
                    self.server.put(key, value);
                    self.deliver(way);
                }
            }
        }
        None
    }
}

impl World {
    pub(super) fn new(machines: usize) -> Self {
        let state = State {
            now: Duration::ZERO,
            turn: None,
            missing: machines,
            events: BinaryHeap::new(),
            count: 0,
            server: Server::default(),
        };
        Self { state: Mutex::new(state), turns: (0..machines).map(|_| Condvar::new()).collect() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is this machine's turn.
    fn turn(&self, mut state: MutexGuard<'_, State>, machine: usize) {
        while state.turn != Some(machine) {
            state = self.turns[machine].wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets whoever is next go on.
    fn hand_over(&self, state: &mut State, way: Duration) {
        state.turn = state.next(way);
        if let Some(next) = state.turn {
            self.turns[next].notify_one();
        }
    }

    /// A machine is there. They begin when all are, the first one first.
    pub(super) fn enter(&self, machine: usize) {
        let mut state = self.state();
        state.missing -= 1;
        if state.missing == 0 {
            (0..self.turns.len()).for_each(|machine| state.at(Duration::ZERO, Event::Turn(machine)));
            self.hand_over(&mut state, Duration::ZERO);
        }
        self.turn(state, machine);
    }

    /// A machine is done.
    pub(super) fn leave(&self, way: Duration) {
        self.hand_over(&mut self.state(), way);
    }

    pub(super) fn now(&self) -> Duration {
        self.state().now
    }

    /// Time passes for a machine.
    pub(super) fn pass(&self, machine: usize, time: Duration, way: Duration) {
        let mut state = self.state();
        let end = state.now + time;
        state.at(end, Event::Turn(machine));
        self.hand_over(&mut state, way);
        self.turn(state, machine);
    }

    /// Waits until the server tells this machine of a key.
    pub(super) fn wait(&self, machine: usize, way: Duration) {
        let mut state = self.state();
        let next = state.next(way);
        state.turn = Some(next.expect("machines wait for each other for ever"));
        self.turns[next.unwrap_or(machine)].notify_one();
        self.turn(state, machine);
    }

    /// Asks the server, half a way from here, and tells others of what it does.
    pub(super) fn ask<T>(&self, way: Duration, question: impl FnOnce(&mut Server) -> T) -> T {
        let mut state = self.state();
        let answer = question(&mut state.server);
        state.deliver(way);
        answer
    }

    /// Has the server keep a value later.
    pub(super) fn put_later(&self, key: Key, value: u64, after: Duration) {
        let mut state = self.state();
        let time = state.now + after;
        state.at(time, Event::Put(key, value));
    }
}
