//! Ways through graphs.

use std::collections::HashMap;

use speedup::cache;
use speedup_benches::Scramble;

use super::{LIMIT, below, solved};
use crate::Row;

/// The rows; of each the first contender is ours.
pub const ROWS: &[Row] = &[
    Row {
        work: "longest path, 200,000 nodes",
        limit: LIMIT,
        contenders: &[
            ("speedup", || {
                let graph = graph();
                solved(LENGTH, || longest(&graph, 0))
            }),
            ("Vec by hand", || {
                let graph = graph();
                solved(LENGTH, || longest_by_vec(&graph, 0, &mut vec![None; NODES]))
            }),
            ("HashMap by hand", || {
                let graph = graph();
                solved(LENGTH, || longest_by_map(&graph, 0, &mut HashMap::new()))
            }),
        ],
    },
    Row {
        work: "round trip, 16 towns",
        limit: LIMIT,
        contenders: &[
            ("speedup", || {
                let distances = distances();
                solved(SHORTEST, || trip(&distances, 0, OTHERS))
            }),
            ("Vec by hand", || {
                let distances = distances();
                solved(SHORTEST, || trip_by_vec(&distances, 0, OTHERS, &mut vec![None; TOWNS << TOWNS]))
            }),
            ("HashMap by hand", || {
                let distances = distances();
                solved(SHORTEST, || trip_by_map(&distances, 0, OTHERS, &mut HashMap::new()))
            }),
        ],
    },
];

const NODES: usize = 200_000;
const LENGTH: u64 = 18_390;

/// Where one gets from each node: some later ones, none of them far.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Graph {
    next: Vec<Vec<usize>>,
}

fn graph() -> Graph {
    let mut numbers = Scramble(1);
    let mut after = |node: usize| {
        let count = 3 + below(&mut numbers, 5);
        (0..count).map(|_| node + 1 + below(&mut numbers, 100)).filter(|next| *next < NODES).collect()
    };
    Graph { next: (0..NODES).map(&mut after).collect() }
}

/// The longest path in a graph without circles, as in AtCoder's Educational DP Contest, task G.
#[cache]
fn longest(graph: &Graph, node: usize) -> u64 {
    graph.next[node].iter().map(|&next| 1 + longest(graph, next)).max().unwrap_or(0)
}

fn longest_by_vec(graph: &Graph, node: usize, table: &mut [Option<u64>]) -> u64 {
    if let Some(value) = table[node] {
        return value;
    }
    let value = graph.next[node].iter().map(|&next| 1 + longest_by_vec(graph, next, table)).max().unwrap_or(0);
    table[node] = Some(value);
    value
}

fn longest_by_map(graph: &Graph, node: usize, table: &mut HashMap<usize, u64>) -> u64 {
    if let Some(value) = table.get(&node) {
        return *value;
    }
    let value = graph.next[node].iter().map(|&next| 1 + longest_by_map(graph, next, table)).max().unwrap_or(0);
    table.insert(node, value);
    value
}

const TOWNS: usize = 16;
/// All towns but the first, a bit for each.
const OTHERS: u32 = (1 << TOWNS) - 2;
const SHORTEST: u32 = 1_909;

fn distances() -> Vec<Vec<u32>> {
    let mut numbers = Scramble(2);
    (0..TOWNS).map(|_| (0..TOWNS).map(|_| 1 + below(&mut numbers, 1_000) as u32).collect()).collect()
}

/// The shortest way through all towns that are left, and home: the travelling salesman by Bellman, and by Held and Karp.
#[cache]
fn trip(distances: &[Vec<u32>], at: usize, left: u32) -> u32 {
    if left == 0 {
        return distances[at][0];
    }
    (0..distances.len())
        .filter(|town| left & (1 << town) != 0)
        .map(|town| distances[at][town] + trip(distances, town, left & !(1 << town)))
        .min()
        .unwrap()
}

fn trip_by_vec(distances: &[Vec<u32>], at: usize, left: u32, table: &mut [Option<u32>]) -> u32 {
    let index = left as usize * TOWNS + at;
    if let Some(value) = table[index] {
        return value;
    }
    let value = if left == 0 {
        distances[at][0]
    } else {
        (0..distances.len())
            .filter(|town| left & (1 << town) != 0)
            .map(|town| distances[at][town] + trip_by_vec(distances, town, left & !(1 << town), table))
            .min()
            .unwrap()
    };
    table[index] = Some(value);
    value
}

fn trip_by_map(distances: &[Vec<u32>], at: usize, left: u32, table: &mut HashMap<(usize, u32), u32>) -> u32 {
    if let Some(value) = table.get(&(at, left)) {
        return *value;
    }
    let value = if left == 0 {
        distances[at][0]
    } else {
        (0..distances.len())
            .filter(|town| left & (1 << town) != 0)
            .map(|town| distances[at][town] + trip_by_map(distances, town, left & !(1 << town), table))
            .min()
            .unwrap()
    };
    table.insert((at, left), value);
    value
}
