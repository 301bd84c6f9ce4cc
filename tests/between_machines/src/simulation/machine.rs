//! What a process does with a call, as a cached function with its dock does.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::time::Duration;

use speedup::store::cooperate::{Begun, Cooperate as _, Group, group, policy, take, together};

use super::link::Link;
use super::world::World;
use crate::recursions::{Key, Recursion};

/// When what nobody waits for is written.
const LATER: Duration = Duration::from_millis(100);

/// A machine with one thread.
pub(super) struct Machine<'a> {
    world: &'a World,
    number: usize,
    link: Link<'a>,
    recursion: Recursion,
    way: Duration,
    memory: RefCell<HashMap<Key, u64>>,
    ahead: RefCell<HashMap<Key, u64>>,
    ended: Cell<usize>,
    spared: Cell<u64>,
    /// What a call costs by itself, and what a claim does, in nanoseconds.
    own: Cell<u64>,
    trip: Cell<u64>,
    /// What the calls within the innermost one have taken.
    within: Cell<Duration>,
}

/// What a machine tells in the end.
pub(super) struct Told {
    pub(super) value: u64,
    pub(super) computed: usize,
    pub(super) trips: usize,
    pub(super) ended: Duration,
}

impl<'a> Machine<'a> {
    pub(super) fn new(world: &'a World, number: usize, recursion: Recursion, trip: Duration) -> Self {
        let (memory, ahead) = (RefCell::default(), RefCell::default());
        let (ended, spared, own, within) = (Cell::new(0), Cell::new(0), Cell::new(0), Cell::default());
        let (link, way, trip) = (Link::new(world, number, trip), trip / 2, Cell::new(0));
        Self { world, number, link, recursion, way, memory, ahead, ended, spared, own, trip, within }
    }

    pub(super) fn run(self) -> Told {
        /// Also where it panics, so that the others end.
        struct Leave<'a>(&'a World, Duration);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.leave(self.1);
            }
        }
        self.world.enter(self.number);
        let _leave = Leave(self.world, self.way);
        let value = self.call(self.recursion.root);
        Told { value, computed: self.ended.get(), trips: self.link.trips(), ended: self.world.now() }
    }

    fn call(&self, key: Key) -> u64 {
        let known = self.memory.borrow().get(&key).copied();
        known.unwrap_or_else(|| {
            let (began, within) = (self.world.now(), self.within.get());
            let value = self.missing(key);
            self.memory.borrow_mut().insert(key, value);
            self.within.set(within + self.world.now() - began);
            value
        })
    }

    /// A call whose value is not in memory.
    fn missing(&self, key: Key) -> u64 {
        let is_taken = take(&self.link, &key);
        // What is claimed is computed, or its claim never ended: so it is in the dock of a function.
        if !is_taken && let Some(value) = self.ahead.borrow_mut().remove(&key) {
            return value;
        }
        if !is_taken && !self.is_worth_a_claim() {
            return self.link.get(key).unwrap_or_else(|| {
                let value = self.compute(key);
                self.world.put_later(key, value, LATER);
                value
            });
        }
        let begun = if is_taken {
            Begun::Mine
        } else {
            let began = self.world.now();
            let begun = self.link.begin(&key).expect("the server answers");
            note(&self.trip, self.world.now() - began);
            begun
        };
        let compute = || {
            let value = self.compute(key);
            self.link.put(key, value);
            (value, true)
        };
        together(&self.link, &key, begun, compute, Some(&mut |needs| self.all(&needs))).expect("the server answers")
    }

    fn is_worth_a_claim(&self) -> bool {
        let spared = || self.spared.replace(self.spared.get() + 1);
        policy::is_worth_a_claim(self.ended.get() as u64, self.own.get(), self.trip.get(), spared)
    }

    /// The body of the function.
    fn compute(&self, key: Key) -> u64 {
        let began = self.world.now();
        self.within.set(Duration::ZERO);
        let needs = (self.recursion.needs)(key);
        self.all(&needs);
        let needed: Vec<u64> = needs.iter().map(|need| self.call(*need)).collect();
        self.link.pass(self.recursion.work);
        note(&self.own, (self.world.now() - began).saturating_sub(self.within.get()));
        self.ended.set(self.ended.get() + 1);
        (self.recursion.value)(key, &needed)
    }

    /// A group of calls, in an order of this machine's own.
    fn all(&self, keys: &[Key]) {
        let missing: Vec<&Key> = keys.iter().filter(|key| !self.memory.borrow().contains_key(*key)).collect();
        if missing.len() < 2 {
            return missing.iter().for_each(|key| _ = self.call(**key));
        }
        let group = group(&self.link, &missing, self.is_worth_a_claim());
        let Group { order, there, first, .. } = group.expect("the server answers");
        self.ahead.borrow_mut().extend(there.into_iter().map(|(index, value)| (*missing[index], value)));
        let mut seat = first;
        for index in order {
            self.call(*missing[index]);
            seat = None;
        }
        drop(seat);
    }
}

fn note(mean: &Cell<u64>, took: Duration) {
    mean.set(policy::mean(mean.get(), took.as_nanos() as u64));
}
