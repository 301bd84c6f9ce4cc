//! Trees and graphs.

macro_rules! graphs {
    ($(#[$attribute:meta])?) => {
        use super::*;

        $(#[$attribute])?
        pub(super) fn longest_path(node: usize) -> u64 {
            crate::work();
            EDGES.iter().filter(|(from, _, _)| *from == node).map(|&(_, to, length)| length + longest_path(to)).max().unwrap_or(0)
        }

        $(#[$attribute])?
        pub(super) fn paths_between(from: usize, to: usize) -> u64 {
            crate::work();
            if from == to {
                return 1;
            }
            let mut paths = 0;
            for &(a, b, _) in EDGES {
                if a == from {
                    paths += paths_between(b, to);
                }
            }
            paths
        }

        $(#[$attribute])?
        pub(super) fn shortest_path(from: usize, to: usize) -> Option<u64> {
            crate::work();
            if from == to {
                return Some(0);
            }
            let mut best = None;
            for &(next, length) in &neighbours(from) {
                let Some(rest) = shortest_path(next, to) else { continue };
                best = Some(best.map_or(rest + length, |known: u64| known.min(rest + length)));
            }
            best
        }

        $(#[$attribute])?
        pub(super) fn ways_through(node: usize, seen_four: bool, seen_five: bool) -> u64 {
            crate::work();
            let (seen_four, seen_five) = (seen_four || node == 4, seen_five || node == 5);
            if node == 7 {
                return u64::from(seen_four || seen_five);
            }
            neighbours(node).into_iter().map(|(next, _)| ways_through(next, seen_four, seen_five)).sum()
        }

        $(#[$attribute])?
        pub(super) fn tree_height(node: usize) -> usize {
            crate::work();
            let children = [2 * node + 1, 2 * node + 2];
            if node >= 12 {
                return 0;
            }
            1 + children.map(tree_height).into_iter().max().unwrap()
        }

        $(#[$attribute])?
        pub(super) fn independent_set(node: usize, taken_above: bool) -> u64 {
            crate::work();
            if node >= 12 {
                return 0;
            }
            let (left, right) = (2 * node + 1, 2 * node + 2);
            let without = independent_set(left, false) + independent_set(right, false);
            if taken_above {
                return without;
            }
            let with = node as u64 % 5 + independent_set(left, true) + independent_set(right, true);
            with.max(without)
        }

        $(#[$attribute])?
        pub(super) fn critical_path(task: &str) -> u32 {
            crate::work();
            let (_, cost, needs) = TASKS.iter().find(|(name, _, _)| *name == task).expect("a task");
            cost + needs.split(' ').filter(|name| !name.is_empty()).map(critical_path).max().unwrap_or(0)
        }

        $(#[$attribute])?
        pub(super) fn circuit(wire: String) -> u16 {
            crate::work();
            if let Ok(number) = wire.parse() {
                return number;
            }
            let gate = GATES.iter().find(|(name, _)| *name == wire).map(|(_, gate)| *gate).unwrap_or("0");
            match *gate.split(' ').collect::<Vec<_>>() {
                [source] => circuit(source.to_string()),
                ["NOT", source] => !circuit(source.to_string()),
                [a, "AND", b] => circuit(a.to_string()) & circuit(b.to_string()),
                [a, "OR", b] => circuit(a.to_owned()) | circuit(b.to_owned()),
                [a, "LSHIFT", by] => circuit(a.into()) << by.parse::<u16>().unwrap(),
                _ => unreachable!("no such gate"),
            }
        }

        $(#[$attribute])?
        pub(super) fn floyd(stops: usize, from: usize, to: usize) -> Option<u64> {
            crate::work();
            let Some(by) = stops.checked_sub(1) else {
                return neighbours(from).iter().find(|(next, _)| *next == to).map(|(_, length)| *length);
            };
            let direct = floyd(by, from, to);
            let there = floyd(by, from, by).zip(floyd(by, by, to)).map(|(a, b)| a + b);
            match (direct, there) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            }
        }

        $(#[$attribute])?
        pub(super) fn bellman(edges_left: u32, node: usize) -> Option<u64> {
            crate::work();
            if node == 0 {
                return Some(0);
            }
            if edges_left == 0 {
                return None;
            }
            let mut best: Option<u64> = bellman(edges_left - 1, node);
            for (from, to, length) in EDGES.iter().copied() {
                if to != node {
                    continue;
                }
                if let Some(before) = bellman(edges_left - 1, from) {
                    best = Some(best.unwrap_or(u64::MAX).min(before + length));
                }
            }
            best
        }
    };
}

/// Eight nodes, and what lies in layers before the last one of them.
const EDGES: &[(usize, usize, u64)] = &edges();
const FEW: [(usize, usize, u64); 11] = [
    (0, 1, 4),
    (0, 2, 1),
    (1, 3, 2),
    (2, 1, 1),
    (2, 4, 7),
    (3, 4, 3),
    (3, 5, 1),
    (4, 6, 2),
    (5, 6, 5),
    (5, 7, 9),
    (6, 7, 1),
];
const LAYERS: usize = 20;
/// The first node of the layers, of six nodes each.
const ENTRY: usize = 10;

/// Three edges lead from each node of a layer into the next one.
const fn edges() -> [(usize, usize, u64); FEW.len() + 18 * LAYERS] {
    let mut edges = [(0, 0, 0); FEW.len() + 18 * LAYERS];
    let mut at = 0;
    while at < edges.len() {
        edges[at] = if at < FEW.len() {
            FEW[at]
        } else {
            let (layer, node, k) = ((at - FEW.len()) / 18, (at - FEW.len()) / 3 % 6, (at - FEW.len()) % 3);
            let next = ENTRY + 6 * (layer + 1) + (node + k * k + layer) % 6;
            let to = if layer + 1 == LAYERS { [4, 5, 6][k] } else { next };
            (ENTRY + 6 * layer + node, to, ((layer * 7 + node * 3 + k * 5) % 9 + 1) as u64)
        };
        at += 1;
    }
    edges
}

const TASKS: [(&str, u32, &str); 6] = [
    ("plan", 3, ""),
    ("dig", 5, "plan"),
    ("order", 2, "plan"),
    ("walls", 9, "dig order"),
    ("roof", 4, "walls"),
    ("paint", 2, "walls roof"),
];

const GATES: [(&str, &str); 8] = [
    ("x", "123"),
    ("y", "456"),
    ("d", "x AND y"),
    ("e", "x OR y"),
    ("f", "x LSHIFT 2"),
    ("h", "NOT x"),
    ("i", "d OR f"),
    ("a", "i AND h"),
];

fn neighbours(node: usize) -> Vec<(usize, u64)> {
    EDGES.iter().filter(|(from, _, _)| *from == node).map(|(_, to, length)| (*to, *length)).collect()
}

family!(graphs);

agree! {
    longest_path(0) or (ENTRY);
    paths_between(0, 7) or (ENTRY, 7);
    shortest_path(0, 7) or (ENTRY, 7);
    ways_through(0, false, false) or (ENTRY, false, false);
    tree_height(0);
    independent_set(0, false);
    critical_path("paint");
    circuit("a".to_owned());
    floyd(8, 0, 7);
    bellman(6, 7);
}
