//! The graph of who waits for whom.
//!
//! A node is a thread, named by the number of its worker; an edge leads from a thread that waits to the one that it waits
//! for. All of it lies under one lock.
//!
//! - A thread has at most one edge: that of its innermost wait. It has one exactly as long as its [`Entered`] lives.
//! - An edge *counts* from when its thread, which is in the graph, has looked the key up and says so ([`Entered::count`]): the
//!   owner may have ended the claim before, and have claimed the same memory for another key. It counts as long as what it waits for is
//!   still claimed by the same owner. A thread whose claim has ended is running again, even if it has not noticed yet.
//! - The edges that count form no circle. Who would close one is refused, and exactly one of those who take part is.
//! - Who waits for those who visit what it has shown waits for those alone who visit it as long as they wait themselves. Where several do, one of
//!   them stands for all to others, and each for itself: so a circle through another one is found by that one, which looks again when it wakes.
//! - A claim that ends is told to every thread that had entered a wait for it by then ([`Graph::over`],
//!   [`Graph::deliver`]), and to no thread that waits for a later claim of the same slot. So is one that is found to need
//!   itself before it has ended.
//!
//! The lock is taken by who is about to sleep, and by who ends a claim while somebody is waiting: never on the short way of
//! a call.

use crate::cache::thread::claim::Busy;
use crate::sync::{Mutex, lock};

/// How to look whether a slot is still claimed. Asked under the lock of the graph, so it takes no lock itself.
pub(in crate::cache) trait Look {
    /// Whether the slot is claimed by this owner.
    fn is_claimed(&self, busy: &Busy) -> bool;
}

/// Who waits for whom. `L` looks at claims, `O` is what a claim that ends without a value gives to those who wait.
pub(in crate::cache) struct Graph<L, O> {
    edges: Mutex<Edges<L, O>>,
}

/// The edges by the numbers of their threads, in order. Those who wait are few, and a vector is little code.
struct Edges<L, O>(Vec<(u32, Edge<L, O>)>);

impl<L, O> Edges<L, O> {
    fn place(&self, number: u32) -> Result<usize, usize> {
        self.0.binary_search_by_key(&number, |(number, _)| *number)
    }

    fn get(&self, number: u32) -> Option<&Edge<L, O>> {
        self.place(number).ok().map(|place| &self.0[place].1)
    }

    fn get_mut(&mut self, number: u32) -> Option<&mut Edge<L, O>> {
        self.place(number).ok().map(|place| &mut self.0[place].1)
    }

    fn insert(&mut self, number: u32, edge: Edge<L, O>) {
        match self.place(number) {
            Ok(place) => self.0[place].1 = edge,
            Err(place) => self.0.insert(place, (number, edge)),
        }
    }

    fn remove(&mut self, number: u32) -> Option<Edge<L, O>> {
        self.place(number).ok().map(|place| self.0.remove(place).1)
    }
}

/// A thread that waits, and what for.
struct Edge<L, O> {
    wait: Wait<L, O>,
    /// See [`Waiter::visits`].
    visits: Vec<usize>,
}

/// What one thread waits for.
enum Wait<L, O> {
    /// The end of a claim.
    Claim { busy: Busy, look: L, end: End<O>, is_certain: bool },
    /// The end of what a worker computes in the thread's stead.
    Worker(u32),
    /// That nobody visits this any more; one of those who did.
    Visitors(usize, u32),
}

/// A thread that is about to wait.
pub(in crate::cache) struct Waiter {
    pub(in crate::cache) number: u32,
    /// What it visits: looks at, or works on, where the thread to which it belongs waits for that.
    pub(in crate::cache) visits: Vec<usize>,
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
        Self { edges: Mutex::new(Edges(Vec::new())) }
    }

    /// Enters that `me` waits until a claim ends: from here on it is told of that. The edge does not [count](Entered::count) yet.
    pub(in crate::cache) fn enter(&self, me: Waiter, busy: Busy, look: L) -> Entered<'_, L, O> {
        self.insert(&mut lock(&self.edges), me, Wait::Claim { busy, look, end: End::NotYet, is_certain: false })
    }

    /// Enters that `me` waits for another worker, whatever that one waits for: who closes a circle by this leaves it to the
    /// others.
    pub(in crate::cache) fn enter_for(&self, me: Waiter, other: u32) -> Entered<'_, L, O> {
        self.insert(&mut lock(&self.edges), me, Wait::Worker(other))
    }

    /// The same, unless that would close a circle.
    pub(in crate::cache) fn enter_for_unless_circle(&self, me: Waiter, other: u32) -> Entering<'_, L, O> {
        let mut edges = lock(&self.edges);
        if Self::closes(&edges, other, me.number, &me.visits) {
            return Entering::Circle;
        }
        Entering::Waits(self.insert(&mut edges, me, Wait::Worker(other)))
    }

    /// Enters that `me` waits until nobody visits `what` any more; `one` did. That one may have left by now, and wait for this very thread:
    /// the edge leads to those alone that visit it as long as they wait. As for [`enter_for`](Self::enter_for), circles are left to them.
    pub(in crate::cache) fn enter_for_visitors(&self, me: Waiter, what: usize, one: u32) -> Entered<'_, L, O> {
        self.insert(&mut lock(&self.edges), me, Wait::Visitors(what, one))
    }

    fn insert(
        &self,
        edges: &mut Edges<L, O>,
        Waiter { number, visits }: Waiter,
        wait: Wait<L, O>,
    ) -> Entered<'_, L, O> {
        edges.insert(number, Edge { wait, visits });
        Entered { graph: self, me: number }
    }

    /// Wakes who waits for this worker.
    pub(in crate::cache) fn over_worker(&self, other: u32, wake: impl Fn(u32)) {
        for (number, edge) in lock(&self.edges).0.iter() {
            if matches!(edge.wait, Wait::Worker(awaited) if awaited == other) {
                wake(*number);
            }
        }
    }

    /// The thread at the end of the waits that begin with `from`: as far as can be told it is not waiting, or it is `me`.
    pub(in crate::cache) fn end(&self, mut from: u32, me: u32) -> u32 {
        let edges = lock(&self.edges);
        for _ in 0..=edges.0.len() {
            match Self::likely(&edges, from) {
                Some(next) if from != me => from = next,
                _ => break,
            }
        }
        from
    }

    /// The thread for which this one waits, as far as can be told, if it does.
    pub(in crate::cache) fn next(&self, from: u32) -> Option<u32> {
        Self::likely(&lock(&self.edges), from)
    }

    /// Of visitors that wait for nothing themselves, only one is known, which may have left.
    fn likely(edges: &Edges<L, O>, from: u32) -> Option<u32> {
        Self::certain(edges, from, |_| None).or(match edges.get(from)?.wait {
            Wait::Visitors(_, one) => Some(one),
            _ => None,
        })
    }

    /// How many of these threads wait.
    pub(in crate::cache) fn waiting(&self, among: impl Fn(u32) -> bool) -> usize {
        lock(&self.edges).0.iter().filter(|(number, _)| among(*number)).count()
    }

    /// Tells those who wait for a claim that it is over, by waking them.
    pub(in crate::cache) fn over(&self, busy: &Busy, wake: impl Fn(u32)) {
        for (number, edge) in lock(&self.edges).0.iter_mut() {
            if let Some(end) = edge.told(busy) {
                *end = End::Over;
                wake(*number);
            }
        }
    }

    /// As [`over`](Self::over), with an outcome for each of them as long as there are outcomes to be had.
    pub(in crate::cache) fn deliver(&self, busy: &Busy, make: impl Fn() -> Option<O>, wake: impl Fn(u32)) {
        let count = lock(&self.edges).0.iter_mut().filter_map(|(_, edge)| edge.told(busy)).count();
        // Made while the lock is not held: cloning a result runs users' code. Who enters meanwhile may go away without one
        // and asks again.
        let mut outcomes: Vec<O> = (0..count).map_while(|_| make()).collect();
        for (number, edge) in lock(&self.edges).0.iter_mut() {
            if let Some(end) = edge.told(busy) {
                *end = outcomes.pop().map_or(End::Over, End::With);
                wake(*number);
            }
        }
    }

    /// Whether the edges that count lead from `at` to `me`, who makes these visits. No more steps than there are edges: a circle without
    /// `me` is somebody else's, who is just leaving it.
    fn closes(edges: &Edges<L, O>, mut at: u32, me: u32, visits: &[usize]) -> bool {
        let mine = |what| visits.contains(&what).then_some(me);
        for _ in 0..=edges.0.len() {
            match Self::certain(edges, at, mine) {
                Some(next) if at != me => at = next,
                _ => break,
            }
        }
        at == me
    }

    /// The thread that this one waits for, if its edge counts. Of several visitors it is the one that `mine` says makes the visit: so
    /// each of them finds itself.
    fn certain(edges: &Edges<L, O>, from: u32, mine: impl Fn(usize) -> Option<u32>) -> Option<u32> {
        match &edges.get(from)?.wait {
            Wait::Worker(number) => Some(*number),
            Wait::Claim { busy, look, end: End::NotYet, is_certain: true } => {
                look.is_claimed(busy).then_some(busy.owner)
            }
            Wait::Claim { .. } => None,
            Wait::Visitors(what, _) => {
                let waiting = || edges.0.iter().find(|(_, edge)| edge.visits.contains(what)).map(|(number, _)| *number);
                mine(*what).or_else(waiting)
            }
        }
    }
}

impl<L, O> Edge<L, O> {
    /// Where to tell that this claim is over, if the edge is a wait for it and it has not been told.
    fn told(&mut self, over: &Busy) -> Option<&mut End<O>> {
        match &mut self.wait {
            Wait::Claim { busy, end: end @ End::NotYet, .. } if busy == over => Some(end),
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
    /// From here on the edge counts, unless that closes a circle; whether it does not. Only for who waits for a claim, and has seen since
    /// it entered that this is the claim of the key it needs.
    ///
    /// So if the claim has ended by now, that is about to be told: the owner has claimed nothing else in the meantime.
    pub(in crate::cache) fn count(&self) -> bool {
        let mut edges = lock(&self.graph.edges);
        let Some(Edge { wait: Wait::Claim { busy, look, end: End::NotYet, .. }, visits }) = edges.get(self.me) else {
            return true;
        };
        // The owner may have published since, and not have told yet.
        if look.is_claimed(busy) && Graph::closes(&edges, busy.owner, self.me, visits) {
            return false;
        }
        if let Some(Edge { wait: Wait::Claim { is_certain, .. }, .. }) = edges.get_mut(self.me) {
            *is_certain = true;
        }
        true
    }

    /// Leaves the graph with what was delivered meanwhile.
    pub(in crate::cache) fn leave(self) -> Option<O> {
        let edge = lock(&self.graph.edges).remove(self.me);
        std::mem::forget(self);
        match edge {
            Some(Edge { wait: Wait::Claim { end: End::With(outcome), .. }, .. }) => Some(outcome),
            _ => None,
        }
    }
}

impl<L: Look, O> Drop for Entered<'_, L, O> {
    fn drop(&mut self) {
        // Taken out first: dropping an outcome runs users' code.
        let edge = lock(&self.graph.edges).remove(self.me);
        drop(edge);
    }
}

#[cfg(all(test, loom))]
mod loom_tests;
