//! Dynamic programming over indices.

macro_rules! indices {
    ($(#[$attribute:meta])?) => {
        use super::*;

        $(#[$attribute])?
        pub(super) fn grid_paths(row: usize, column: usize) -> u64 {
            crate::work();
            if row == 0 && column == 0 {
                return 1;
            }
            let mut paths = 0;
            if row > 0 && !WALLS.contains(&(row - 1, column)) {
                paths += grid_paths(row - 1, column);
            }
            if column > 0 && !WALLS.contains(&(row, column - 1)) {
                paths += grid_paths(row, column - 1);
            }
            paths
        }

        $(#[$attribute])?
        pub(super) fn cheapest_path(row: usize, column: usize) -> u32 {
            crate::work();
            let here = FIELD[row][column];
            match (row, column) {
                (0, 0) => here,
                (0, _) => here + cheapest_path(0, column - 1),
                (_, 0) => here + cheapest_path(row - 1, 0),
                _ => here + cheapest_path(row - 1, column).min(cheapest_path(row, column - 1)),
            }
        }

        $(#[$attribute])?
        pub(super) fn knapsack(item: usize, room: u32) -> u32 {
            crate::work();
            if item == ITEMS.len() {
                return 0;
            }
            let (weight, value) = ITEMS[item];
            let without = knapsack(item + 1, room);
            if weight > room {
                return without;
            }
            without.max(value + knapsack(item + 1, room - weight))
        }

        $(#[$attribute])?
        pub(super) fn knapsack_of_structs(item: usize, room: u32) -> u32 {
            crate::work();
            let Some(&(weight, value)) = ITEMS.get(item) else { return 0 };
            let next = Item { weight, value };
            let skipped = knapsack_of_structs(item + 1, room);
            let taken = if next.weight <= room {
                next.value + knapsack_of_structs(item + 1, room - next.weight)
            } else {
                0
            };
            skipped.max(taken)
        }

        $(#[$attribute])?
        pub(super) fn rod_cutting(length: usize) -> u32 {
            crate::work();
            let mut best = 0;
            for cut in 1..=length.min(PRICES.len() - 1) {
                best = best.max(PRICES[cut] + rod_cutting(length - cut));
            }
            best
        }

        $(#[$attribute])?
        pub(super) fn matrix_chain(from: usize, to: usize) -> u64 {
            crate::work();
            if to - from < 2 {
                return 0;
            }
            (from + 1..to)
                .map(|k| matrix_chain(from, k) + matrix_chain(k, to) + DIMENSIONS[from] * DIMENSIONS[k] * DIMENSIONS[to])
                .min()
                .unwrap()
        }

        $(#[$attribute])?
        pub(super) fn search_tree(from: usize, to: usize) -> u64 {
            crate::work();
            if from >= to {
                return 0;
            }
            let weight: u64 = DIMENSIONS[from..to].iter().sum();
            let mut best = u64::MAX;
            for root in from..to {
                let cost = search_tree(from, root) + search_tree(root + 1, to);
                if cost < best {
                    best = cost;
                }
            }
            weight + best
        }

        $(#[$attribute])?
        pub(super) fn burst_balloons(left: usize, right: usize) -> u64 {
            crate::work();
            let mut best = 0;
            for last in left + 1..right {
                let gain = DIMENSIONS[left] * DIMENSIONS[last] * DIMENSIONS[right];
                best = std::cmp::max(best, gain + burst_balloons(left, last) + burst_balloons(last, right));
            }
            best
        }

        $(#[$attribute])?
        pub(super) fn increasing_subsequence(last: usize) -> usize {
            crate::work();
            1 + (0..last)
                .filter(|&earlier| HEIGHTS[earlier] < HEIGHTS[last])
                .map(|earlier| increasing_subsequence(earlier))
                .max()
                .unwrap_or(0)
        }

        $(#[$attribute])?
        pub(super) fn jumps(from: usize) -> Option<u32> {
            crate::work();
            if from + 1 >= REACH.len() {
                return Some(0);
            }
            (1..=REACH[from]).filter_map(|step| jumps(from + step)).min().map(|steps| steps + 1)
        }

        $(#[$attribute])?
        pub(super) fn house_robber(house: usize) -> u64 {
            crate::work();
            match house {
                0 => 0,
                1 => HEIGHTS[0],
                _ => u64::max(house_robber(house - 1), house_robber(house - 2) + HEIGHTS[house - 1]),
            }
        }

        $(#[$attribute])?
        pub(super) fn triangle(row: usize, column: usize) -> u32 {
            crate::work();
            if row == COSTS.len() {
                return 0;
            }
            let (left, right) = (triangle(row + 1, column), triangle(row + 1, column + 1));
            COSTS[row][column % 5] + left.max(right)
        }

        $(#[$attribute])?
        pub(super) fn largest_square(row: usize, column: usize) -> u32 {
            crate::work();
            if FIELD[row][column] == 1 {
                return 0;
            }
            if row == 0 || column == 0 {
                return 1;
            }
            let neighbours = [(1, 0), (0, 1), (1, 1)];
            let mut least = u32::MAX;
            for (down, along) in neighbours {
                least = least.min(largest_square(row - down, column - along));
            }
            least + 1
        }

        $(#[$attribute])?
        pub(super) fn stocks(day: usize, holding: bool, left: u8) -> i64 {
            crate::work();
            if day == DIMENSIONS.len() || left == 0 {
                return 0;
            }
            let price = DIMENSIONS[day] as i64;
            let wait = stocks(day + 1, holding, left);
            let act = if holding { price + stocks(day + 1, false, left - 1) } else { stocks(day + 1, true, left) - price };
            wait.max(act)
        }

        $(#[$attribute])?
        pub(super) fn text_justification(word: usize) -> u64 {
            crate::work();
            if word == REACH.len() {
                return 0;
            }
            let mut width = 0;
            let mut best = u64::MAX;
            for end in word..REACH.len() {
                width += REACH[end] + 1;
                if width > 9 {
                    break;
                }
                let slack = (9 - width) as u64;
                best = best.min(slack.pow(3) + text_justification(end + 1));
            }
            best
        }
    };
}

struct Item {
    weight: u32,
    value: u32,
}

const WALLS: [(usize, usize); 3] = [(1, 2), (3, 3), (4, 1)];
const COSTS: [[u32; 5]; 5] = [[4, 1, 3, 2, 9], [2, 2, 9, 1, 4], [7, 3, 2, 2, 2], [6, 1, 5, 4, 3], [2, 9, 8, 4, 6]];
const ITEMS: [(u32, u32); 7] = [(3, 4), (9, 10), (4, 5), (2, 3), (7, 9), (5, 6), (6, 8)];
const PRICES: [u32; 9] = [0, 1, 5, 8, 9, 10, 17, 17, 20];
const DIMENSIONS: [u64; 9] = [30, 35, 15, 5, 10, 20, 25, 8, 40];
/// From 51 on as far as one looks without the attribute.
const REACH: [usize; 60] = [
    3, 1, 2, 4, 2, 1, 3, 2, 4, 1, 2, 3, 3, 1, 4, 2, 1, 2, 3, 4, 1, 3, 2, 2, 4, 1, 3, 1, 2, 4, 3, 2, 1, 4, 2, 3, 1, 2,
    4, 3, 1, 2, 3, 4, 1, 2, 2, 3, 1, 4, 2, 2, 3, 1, 1, 2, 4, 1, 2, 1,
];
const FIELD: [[u32; 16]; 16] = field();
const HEIGHTS: [u64; 90] = heights();

const fn field() -> [[u32; 16]; 16] {
    let mut field = [[0; 16]; 16];
    let mut at = 0;
    while at < 256 {
        field[at / 16][at % 16] = (at as u32 * 7 + at as u32 / 16 * 5) % 9 + 1;
        at += 1;
    }
    field
}

const fn heights() -> [u64; 90] {
    let mut heights = [0; 90];
    let mut at = 0;
    while at < heights.len() {
        heights[at] = (at as u64 * 37 + 11) % 101;
        at += 1;
    }
    heights
}

family!(indices);

agree! {
    grid_paths(6, 6);
    cheapest_path(4, 4) or (15, 15);
    knapsack(0, 17) or (0, 60);
    knapsack_of_structs(0, 17) or (0, 60);
    rod_cutting(14) or (250);
    matrix_chain(0, 8);
    search_tree(0, 8);
    burst_balloons(0, 8);
    increasing_subsequence(8) or (89);
    jumps(51) or (0);
    house_robber(9) or (90);
    triangle(0, 0);
    largest_square(4, 4) or (15, 15);
    stocks(0, false, 3);
    text_justification(51) or (0);
}
