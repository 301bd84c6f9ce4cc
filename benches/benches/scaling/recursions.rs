//! What is computed by how many workers: recursions of every form, all of whose calls do the same work.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use speedup::cache;

/// How many nanoseconds a call works. Relaxed: set before the first call.
static WORK: AtomicU64 = AtomicU64::new(0);
/// How many calls have been computed. Relaxed: read when all have ended.
static COMPUTED: AtomicU64 = AtomicU64::new(0);

/// Values are counts, which would get too large.
const MODULUS: u64 = 1_000_000_007;

/// Works for as long as told, and counts the call.
fn work() {
    COMPUTED.fetch_add(1, Ordering::Relaxed);
    super::worker::work(WORK.load(Ordering::Relaxed));
}

#[cache]
fn grid(x: u32, y: u32) -> u64 {
    if x == 0 || y == 0 {
        work();
        return 1;
    }
    let (left, below) = (grid(x - 1, y), grid(x, y - 1));
    work();
    (left + below) % MODULUS
}

#[cache]
fn tree(from: u32, to: u32) -> u64 {
    if to - from == 1 {
        work();
        return 1;
    }
    let middle = from + (to - from) / 2;
    let (left, right) = (tree(from, middle), tree(middle, to));
    work();
    (left + right) % MODULUS
}

#[cache]
fn graph(node: u32, _: u32) -> u64 {
    let sum: u64 = before(node).into_iter().map(|before| graph(before, 0)).sum();
    work();
    (sum + 1) % MODULUS
}

/// Three random nodes of the two hundred before one.
fn before(node: u32) -> Vec<u32> {
    let mut state = u64::from(node).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut back = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        1 + (state % 200) as u32
    };
    let mut nodes: Vec<u32> = (0..3).filter_map(|_| node.checked_sub(back())).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

#[cache]
fn knapsack(items: u32, room: u32) -> u64 {
    let Some(item) = items.checked_sub(1) else {
        work();
        return 1;
    };
    let without = knapsack(item, room);
    let with = if weight(item) <= room { knapsack(item, room - weight(item)) } else { 0 };
    work();
    (without + with) % MODULUS
}

fn weight(item: u32) -> u32 {
    2 + item * 7 % 11
}

#[cache]
fn chain(link: u32, _: u32) -> u64 {
    let before = if link == 0 { 0 } else { chain(link - 1, 0) };
    work();
    before + 1
}

#[cache]
fn fan(width: u32, leaf: u32) -> u64 {
    let sum: u64 = (0..width).map(|leaf| fan(0, leaf)).sum();
    work();
    (sum + u64::from(leaf)) % MODULUS
}

/// The arguments of a call.
pub type Key = (u32, u32);

/// A recursion: its function, and which calls a call needs.
#[derive(Clone, Copy)]
pub struct Recursion {
    pub name: &'static str,
    pub about: &'static str,
    pub root: Key,
    value: fn(u32, u32) -> u64,
    needs: fn(Key) -> Vec<Key>,
}

/// How much there is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub calls: u64,
    /// The most calls of which each needs the one before.
    pub longest: u64,
}

pub const ALL: [Recursion; 6] = [
    Recursion {
        name: "grid",
        about: "a grid of 64 x 64",
        root: (63, 63),
        value: grid,
        needs: |(x, y)| if x == 0 || y == 0 { Vec::new() } else { vec![(x - 1, y), (x, y - 1)] },
    },
    Recursion {
        name: "knapsack",
        about: "a knapsack of 50 things",
        root: (50, 120),
        value: knapsack,
        needs: |(items, room)| {
            let Some(item) = items.checked_sub(1) else { return Vec::new() };
            let with = room.checked_sub(weight(item)).map(|left| (item, left));
            [(item, room)].into_iter().chain(with).collect()
        },
    },
    Recursion {
        name: "graph",
        about: "a random graph of 4,000 nodes",
        root: (3_999, 0),
        value: graph,
        needs: |(node, _)| before(node).into_iter().map(|node| (node, 0)).collect(),
    },
    Recursion {
        name: "tree",
        about: "a tree of 2,048 leaves",
        root: (0, 2_048),
        value: tree,
        needs: |(from, to)| {
            let middle = from + (to - from) / 2;
            if to - from == 1 { Vec::new() } else { vec![(from, middle), (middle, to)] }
        },
    },
    Recursion {
        name: "fan",
        about: "a call that needs 2,000",
        root: (2_000, 0),
        value: fan,
        needs: |(width, _)| (0..width).map(|leaf| (0, leaf)).collect(),
    },
    Recursion {
        name: "chain",
        about: "a chain of 2,000 calls",
        root: (1_999, 0),
        value: chain,
        needs: |(link, _)| link.checked_sub(1).map(|before| (before, 0)).into_iter().collect(),
    },
];

impl Recursion {
    /// The recursion of a name.
    pub fn of(name: &str) -> Self {
        *ALL.iter().find(|recursion| recursion.name == name).unwrap_or_else(|| panic!("no recursion {name}"))
    }

    /// Computes it, with calls that work for so long, and says how many were computed.
    pub fn compute(&self, nanoseconds: u64) -> u64 {
        WORK.store(nanoseconds, Ordering::Relaxed);
        (self.value)(self.root.0, self.root.1);
        COMPUTED.load(Ordering::Relaxed)
    }

    /// How much there is to do, told from what calls need.
    pub fn size(&self) -> Size {
        let mut lengths = HashMap::new();
        let longest = self.length(&mut lengths, self.root);
        Size { calls: lengths.len() as u64, longest }
    }

    /// The length of the longest chain that ends with this call.
    fn length(&self, lengths: &mut HashMap<Key, u64>, key: Key) -> u64 {
        if let Some(length) = lengths.get(&key) {
            return *length;
        }
        let before = (self.needs)(key).into_iter().map(|need| self.length(lengths, need)).max();
        let length = before.unwrap_or(0) + 1;
        lengths.insert(key, length);
        length
    }
}
