//! The graph of who waits for whom.
//!
//! A node is a thread, named by the number of its worker; an edge leads from a thread that waits to the one that it waits
//! for. All of it lies under one lock.
//!
//! - A thread has at most one edge: that of its innermost wait. It has one exactly as long as its [`Entered`] lives.
//! - An edge *counts* as long as what it waits for is still claimed by the same owner. A thread whose claim has ended is
//!   running again, even if it has not noticed yet.
//! - The edges that count form no circle. Who would close one is refused, and exactly one of those who take part is.
//! - A claim that ends is told to every thread that had entered a wait for it by then ([`Graph::over`],
//!   [`Graph::deliver`]), and to no thread that waits for a later claim of the same slot. So is one that is found to need
//!   itself before it has ended.
//!
//! The lock is taken by who is about to sleep, and by who ends a claim while somebody is waiting: never on the short way of
//! a call.

use std::collections::BTreeMap;

use crate::cache::thread::claim::Busy;
use crate::sync::{Mutex, lock};

/// How to look whether a slot is still claimed. Asked under the lock of the graph, so it takes no lock itself.
pub(in crate::cache) trait Look {
    /// Whether the slot is claimed by this owner.
    fn is_claimed(&self, busy: &Busy) -> bool;
}

/// Who waits for whom. `L` looks at claims, `O` is what a claim that ends without a value gives to those who wait.
pub(in crate::cache) struct Graph<L, O> {
    edges: Mutex<BTreeMap<u32, Edge<L, O>>>,
}

/// What one thread waits for.
enum Edge<L, O> {
    /// The end of a claim.
    Claim { busy: Busy, look: L, end: End<O> },
    /// The end of what a worker computes in the thread's stead.
    Worker(u32),
}

/// What the owner of a claim has told a thread that waits for it.
enum End<O> {
    /// Nothing yet.
    NotYet,
    /// That it is over.
    Over,
    /// That it is over, and what came of it.
    With(O),
}

/// What came of beginning to wait.
pub(in crate::cache) enum Entering<'graph, L: Look, O> {
    /// The thread is in the graph until it leaves, or drops this.
    Waits(Entered<'graph, L, O>),
    /// It would wait for itself; it is not in the graph.
    Circle,
}

impl<L: Look, O> Graph<L, O> {
    /// A graph in which nobody waits.
    pub(in crate::cache) fn new() -> Self {
        Self { edges: Mutex::new(BTreeMap::new()) }
    }

    /// Enters that `me` waits until a claim ends, unless that would close a circle.
    pub(in crate::cache) fn enter(&self, me: u32, busy: Busy, look: L) -> Entering<'_, L, O> {
        let mut edges = lock(&self.edges);
        // The owner may have published since the slot was last looked at, gone on to something else and be waiting for
        // this very thread by now: that is no circle.
        if look.is_claimed(&busy) && Self::last(&edges, busy.owner, me) == me {
            return Entering::Circle;
        }
        edges.insert(me, Edge::Claim { busy, look, end: End::NotYet });
        Entering::Waits(Entered { graph: self, me })
    }

    /// Enters that `me` waits for another worker, whatever that one waits for: who closes a circle by this leaves it to the
    /// others.
    pub(in crate::cache) fn enter_for(&self, me: u32, other: u32) -> Entered<'_, L, O> {
        lock(&self.edges).insert(me, Edge::Worker(other));
        Entered { graph: self, me }
    }

    /// The same, unless that would close a circle.
    pub(in crate::cache) fn enter_for_unless_circle(&self, me: u32, other: u32) -> Entering<'_, L, O> {
        let mut edges = lock(&self.edges);
        if Self::last(&edges, other, me) == me {
            return Entering::Circle;
        }
        edges.insert(me, Edge::Worker(other));
        Entering::Waits(Entered { graph: self, me })
    }

    /// Wakes who waits for this worker.
    pub(in crate::cache) fn over_worker(&self, other: u32, wake: impl Fn(u32)) {
        for (number, edge) in lock(&self.edges).iter() {
            if matches!(edge, Edge::Worker(awaited) if *awaited == other) {
                wake(*number);
            }
        }
    }

    /// The thread at the end of the waits that begin with `from`: it is not waiting, or it is `me`.
    pub(in crate::cache) fn end(&self, from: u32, me: u32) -> u32 {
        Self::last(&lock(&self.edges), from, me)
    }

    /// The thread for which this one waits, if it does.
    pub(in crate::cache) fn next(&self, from: u32) -> Option<u32> {
        lock(&self.edges).get(&from).and_then(Edge::counts)
    }

    /// How many of these threads wait.
    pub(in crate::cache) fn waiting(&self, among: impl Fn(u32) -> bool) -> usize {
        lock(&self.edges).keys().filter(|number| among(**number)).count()
    }

    /// Tells those who wait for a claim that it is over, by waking them.
    pub(in crate::cache) fn over(&self, busy: &Busy, wake: impl Fn(u32)) {
        for (number, edge) in lock(&self.edges).iter_mut() {
            if let Some(end) = edge.told(busy) {
                *end = End::Over;
                wake(*number);
            }
        }
    }

    /// As [`over`](Self::over), with an outcome for each of them as long as there are outcomes to be had.
    pub(in crate::cache) fn deliver(&self, busy: &Busy, make: impl Fn() -> Option<O>, wake: impl Fn(u32)) {
        let count = lock(&self.edges).values_mut().filter_map(|edge| edge.told(busy)).count();
        // Made while the lock is not held: cloning a result runs users' code. Who enters meanwhile may go away without one
        // and asks again.
        let mut outcomes: Vec<O> = (0..count).map_while(|_| make()).collect();
        for (number, edge) in lock(&self.edges).iter_mut() {
            if let Some(end) = edge.told(busy) {
                *end = outcomes.pop().map_or(End::Over, End::With);
                wake(*number);
            }
        }
    }

    /// Follows the edges that count. No more steps than there are edges: a circle without `me` is somebody else's, who is
    /// just leaving it.
    fn last(edges: &BTreeMap<u32, Edge<L, O>>, mut at: u32, me: u32) -> u32 {
        for _ in 0..=edges.len() {
            match edges.get(&at).and_then(Edge::counts) {
                Some(next) if at != me => at = next,
                _ => break,
            }
        }
        at
    }
}

impl<L: Look, O> Edge<L, O> {
    /// The thread that is waited for, if the edge counts.
    fn counts(&self) -> Option<u32> {
        match self {
            Self::Worker(number) => Some(*number),
            Self::Claim { busy, look, end: End::NotYet } if look.is_claimed(busy) => Some(busy.owner),
            Self::Claim { .. } => None,
        }
    }

    /// Where to tell that this claim is over, if the edge is a wait for it and it has not been told.
    fn told(&mut self, over: &Busy) -> Option<&mut End<O>> {
        match self {
            Self::Claim { busy, end: end @ End::NotYet, .. } if busy == over => Some(end),
            _ => None,
        }
    }
}

/// A thread's edge, taken out when dropped.
pub(in crate::cache) struct Entered<'graph, L: Look, O> {
    graph: &'graph Graph<L, O>,
    me: u32,
}

impl<L: Look, O> Entered<'_, L, O> {
    /// Leaves the graph with what was delivered meanwhile.
    pub(in crate::cache) fn leave(self) -> Option<O> {
        let edge = lock(&self.graph.edges).remove(&self.me);
        std::mem::forget(self);
        match edge {
            Some(Edge::Claim { end: End::With(outcome), .. }) => Some(outcome),
            _ => None,
        }
    }
}

impl<L: Look, O> Drop for Entered<'_, L, O> {
    fn drop(&mut self) {
        // Taken out first: dropping an outcome runs users' code.
        let edge = lock(&self.graph.edges).remove(&self.me);
        drop(edge);
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
