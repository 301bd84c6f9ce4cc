//! Which flight waits for which: who would close a circle learns of it instead of waiting for ever.
//!
//! The graph is kept in order, so that whoever waits stands before what it waits for: then an edge that agrees with the order closes no
//! circle, and is all there is to do. Calls begin before those that they need, so most edges agree. For the others, only the part
//! of the graph that stands between the two is searched, and put in order (Pearce and Kelly, "A dynamic topological sort
//! algorithm for directed acyclic graphs", 2006).

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Weak},
};

use crate::sync::{
    AtomicBool, Ordering,
    global::{AtomicU64, Mutex},
    lock,
};

/// All flights of the process that have waited for a flight, or were waited for by one. Locked when a wait of one for another
/// begins and ends, and when such a flight is gone.
static WAITS: Mutex<Graph> = Mutex::new(Graph { nodes: BTreeMap::new() });

/// The next flight's number. Relaxed: only distinctness and the order on one thread matter.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A call that can be written, and has its place in the graph.
pub(super) trait Named: fmt::Display + Send + Sync {
    /// Its place.
    fn ticket(&self) -> &Ticket;
}

/// What the graph knows a flight by.
pub(super) struct Ticket {
    /// No other flight of the process has this number; those that began later have higher ones.
    pub(super) number: u64,
    /// Whether the graph knows it. Set when the graph is locked, read by who drops the flight.
    known: AtomicBool,
}

impl Ticket {
    /// A number that is higher than all before.
    pub(super) fn new() -> Self {
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), known: AtomicBool::new(false) }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if *self.known.get_mut() {
            lock(&WAITS).nodes.remove(&self.number);
        }
    }
}

/// A flight waits for another as long as this lives, which is no longer than either.
pub(super) struct Wait {
    from: u64,
    to: u64,
}

impl Wait {
    /// Notes that a flight waits for another, and has to be woken by it.
    ///
    /// # Errors
    /// If the other waits for it, through others or at once: the calls from `from` to the one that needs it.
    pub(super) fn begin(from: &Arc<dyn Named>, to: &Arc<dyn Named>) -> Result<Self, Vec<Arc<dyn Named>>> {
        let mut waits = lock(&WAITS);
        waits.add(from);
        waits.add(to);
        let (from, to) = (from.ticket().number, to.ticket().number);
        let Err(circle) = waits.connect(from, to) else { return Ok(Self { from, to }) };
        Err(circle.iter().filter_map(|number| waits.nodes.get(number)?.call.as_ref()?.upgrade()).collect())
    }

    /// The number of the flight that waits.
    pub(super) fn from(&self) -> u64 {
        self.from
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        lock(&WAITS).disconnect(self.from, self.to);
    }
}

/// Who waits for whom: there are no circles, no two have the same place, and places rise along every edge.
struct Graph {
    nodes: BTreeMap<u64, Node>,
}

struct Node {
    place: u64,
    /// `None` in tests alone.
    call: Option<Weak<dyn Named>>,
    /// Several times the same where several parts of a body wait for it.
    needs: Vec<u64>,
    needed_by: Vec<u64>,
}

impl Node {
    /// A node whose place is its number, which nobody else has: places change hands only among nodes.
    fn new(number: u64, call: Option<Weak<dyn Named>>) -> Self {
        Self { place: number, call, needs: Vec::new(), needed_by: Vec::new() }
    }
}

impl Graph {
    fn add(&mut self, call: &Arc<dyn Named>) {
        let ticket = call.ticket();
        // Relaxed: see `Ticket::known`.
        if !ticket.known.swap(true, Ordering::Relaxed) {
            self.nodes.insert(ticket.number, Node::new(ticket.number, Some(Arc::downgrade(call))));
        }
    }

    /// Adds an edge between two nodes of the graph, unless it closes a circle: then all of that from `from` on.
    fn connect(&mut self, from: u64, to: u64) -> Result<(), Vec<u64>> {
        let (low, high) = (self.place(to), self.place(from));
        if low <= high {
            let after = self.reach(to, |node| &node.needs, |place| place <= high);
            if after.contains_key(&from) {
                return Err(circle(&after, from, to));
            }
            let before = self.reach(from, |node| &node.needed_by, |place| place >= low);
            self.reorder(before.into_keys().collect(), after.into_keys().collect());
        }
        self.node(from, |node| node.needs.push(to));
        self.node(to, |node| node.needed_by.push(from));
        Ok(())
    }

    fn disconnect(&mut self, from: u64, to: u64) {
        self.node(from, |node| remove_one(&mut node.needs, to));
        self.node(to, |node| remove_one(&mut node.needed_by, from));
    }

    fn place(&self, number: u64) -> u64 {
        self.nodes.get(&number).map_or(number, |node| node.place)
    }

    fn node(&mut self, number: u64, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(&number) {
            change(node);
        }
    }

    /// The nodes that are reached from one, each with the one that it was reached from.
    fn reach(&self, start: u64, next: impl Fn(&Node) -> &Vec<u64>, within: impl Fn(u64) -> bool) -> HashMap<u64, u64> {
        let mut reached = HashMap::from([(start, start)]);
        let mut ahead = vec![start];
        while let Some(number) = ahead.pop() {
            for other in self.nodes.get(&number).into_iter().flat_map(&next) {
                if within(self.place(*other)) && !reached.contains_key(other) {
                    reached.insert(*other, number);
                    ahead.push(*other);
                }
            }
        }
        reached
    }

    /// Gives these nodes their places in a new order: `before`, then `after`, each as they stand now.
    fn reorder(&mut self, mut before: Vec<u64>, mut after: Vec<u64>) {
        before.sort_by_key(|number| self.place(*number));
        after.sort_by_key(|number| self.place(*number));
        before.extend(after);
        let mut places: Vec<u64> = before.iter().map(|number| self.place(*number)).collect();
        places.sort_unstable();
        for (number, place) in before.into_iter().zip(places) {
            self.node(number, |node| node.place = place);
        }
    }
}

/// The way from `from` over `to` to the last one before `from`.
fn circle(reached: &HashMap<u64, u64>, from: u64, to: u64) -> Vec<u64> {
    let mut way = Vec::new();
    let mut at = from;
    while at != to {
        at = reached[&at];
        way.push(at);
    }
    way.push(from);
    way.reverse();
    way
}

fn remove_one(numbers: &mut Vec<u64>, number: u64) {
    if let Some(at) = numbers.iter().position(|there| *there == number) {
        numbers.swap_remove(at);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::{Graph, Node};

    const NODES: u64 = 9;

    fn graph() -> Graph {
        Graph { nodes: (0..NODES).map(|number| (number, Node::new(number, None))).collect() }
    }

    /// Whether there is a way, found without regard to any order.
    fn leads(edges: &BTreeMap<(u64, u64), usize>, from: u64, to: u64) -> bool {
        let (mut ahead, mut seen) = (vec![from], BTreeSet::new());
        while let Some(at) = ahead.pop() {
            if at == to {
                return true;
            }
            if seen.insert(at) {
                ahead.extend(edges.keys().filter(|(start, _)| *start == at).map(|(_, end)| *end));
            }
        }
        false
    }

    proptest! {
        #[test]
        fn exactly_the_edges_that_close_a_circle_are_refused(
            changes in prop::collection::vec((any::<bool>(), 0..NODES, 0..NODES), 0..120),
        ) {
            let (mut graph, mut edges) = (graph(), BTreeMap::<(u64, u64), usize>::new());
            for (removes, from, to) in changes {
                if removes {
                    if edges.get(&(from, to)).is_some_and(|count| *count > 0) {
                        graph.disconnect(from, to);
                        *edges.entry((from, to)).or_default() -= 1;
                        edges.retain(|_, count| *count > 0);
                    }
                    continue;
                }
                match graph.connect(from, to) {
                    Ok(()) => {
                        prop_assert!(!leads(&edges, to, from), "{from} -> {to} closes a circle");
                        *edges.entry((from, to)).or_default() += 1;
                    }
                    Err(circle) => {
                        prop_assert_eq!(circle[0], from);
                        prop_assert!(circle.get(1).is_none_or(|second| *second == to));
                        for pair in circle.windows(2).skip(1) {
                            prop_assert!(edges.contains_key(&(pair[0], pair[1])));
                        }
                        prop_assert!(from == to || edges.contains_key(&(circle[circle.len() - 1], from)));
                    }
                }
                for (from, to) in edges.keys() {
                    prop_assert!(graph.place(*from) < graph.place(*to));
                }
            }
        }
    }

    #[test]
    fn a_chain_in_its_order_costs_nothing_to_extend() {
        let mut graph = graph();
        for from in (0..NODES - 1).rev() {
            assert_eq!(graph.connect(from, from + 1), Ok(()));
        }
        assert!((0..NODES).all(|number| graph.place(number) == number));
        assert_eq!(graph.connect(NODES - 1, 0).map_err(|circle| circle.len()), Err(NODES as usize));
    }
}
