//! Sets as bit masks.

macro_rules! masks {
    ($(#[$attribute:meta])?) => {
        use super::*;

        $(#[$attribute])?
        pub(super) fn salesman(visited: u32, last: usize) -> u64 {
            crate::work();
            if visited == (1 << N) - 1 {
                return DISTANCE[last][0];
            }
            (0..N)
                .filter(|&next| visited & 1 << next == 0)
                .map(|next| DISTANCE[last][next] + salesman(visited | 1 << next, next))
                .min()
                .expect("a city is left")
        }

        $(#[$attribute])?
        pub(super) fn assignment(worker: usize, free: u8) -> u64 {
            crate::work();
            let mut best = if worker == N { 0 } else { u64::MAX };
            let mut job = 0;
            while worker < N && job < N {
                if free >> job & 1 == 1 {
                    best = best.min(DISTANCE[worker][job] + assignment(worker + 1, free & !(1 << job)));
                }
                job += 1;
            }
            best
        }

        $(#[$attribute])?
        pub(super) fn queens(row: u32, columns: u32, rising: u32, falling: u32) -> u64 {
            crate::work();
            if row == 6 {
                return 1;
            }
            let mut free = !(columns | rising | falling) & 0b11_1111;
            let mut ways = 0;
            while free != 0 {
                let queen = free & free.wrapping_neg();
                free &= free - 1;
                ways += queens(row + 1, columns | queen, (rising | queen) << 1, (falling | queen) >> 1);
            }
            ways
        }

        $(#[$attribute])?
        pub(super) fn valves(time: u64, at: usize, open: u32) -> u64 {
            crate::work();
            let mut best = 0;
            for next in 0..N {
                let needed = DISTANCE[at][next] + 1;
                if open & (1 << next) != 0 || needed >= time {
                    continue;
                }
                let left = time - needed;
                let gained = left * next as u64;
                best = best.max(gained + valves(left, next, open | 1 << next));
            }
            best
        }

        $(#[$attribute])?
        pub(super) fn domino_rows(row: usize, taken: u8) -> u64 {
            crate::work();
            if row == 4 {
                return u64::from(taken == 0);
            }
            let mut ways = 0;
            for next in 0..16u8 {
                if next & taken == 0 && pairs(!(next | taken) & 15) {
                    ways += domino_rows(row + 1, next);
                }
            }
            ways
        }

        $(#[$attribute])?
        pub(super) fn permanent(row: usize, columns: u32) -> u64 {
            crate::work();
            if row == N {
                return 1;
            }
            let mut sum = 0;
            (0..N).for_each(|column| {
                if columns & (1 << column) == 0 {
                    sum += DISTANCE[row][column] * permanent(row + 1, columns | 1 << column);
                }
            });
            sum
        }

        $(#[$attribute])?
        pub(super) fn subset_sums(item: usize, left: i64) -> bool {
            crate::work();
            if left == 0 {
                return true;
            }
            item < N && left > 0 && (subset_sums(item + 1, left - DISTANCE[0][item] as i64) || subset_sums(item + 1, left))
        }

        $(#[$attribute])?
        pub(super) fn keys_and_doors(at: usize, keys: u8, steps: u32) -> Option<u32> {
            crate::work();
            if keys == 0b111 {
                return Some(0);
            }
            if steps == 0 {
                return None;
            }
            let go = |to: usize| {
                let found = if to < 3 { keys | 1 << to } else { keys };
                keys_and_doors(to, found, steps - 1)
            };
            let left = go((at + N - 1) % N);
            let right = go((at + 1) % N);
            left.into_iter().chain(right).min().map(|least| least + 1)
        }
    };
}

const N: usize = 8;
const DISTANCE: [[u64; N]; N] = [
    [9, 2, 7, 1, 4, 6, 3, 5],
    [3, 9, 4, 2, 6, 1, 5, 8],
    [5, 1, 9, 3, 2, 7, 4, 6],
    [2, 6, 1, 9, 5, 3, 8, 4],
    [4, 3, 2, 6, 9, 5, 1, 7],
    [7, 5, 3, 4, 1, 9, 2, 6],
    [1, 4, 6, 8, 3, 2, 9, 5],
    [6, 8, 5, 7, 2, 4, 1, 9],
];

/// Whether the bits that are set can be covered by pairs of neighbours.
fn pairs(mask: u8) -> bool {
    matches!(mask, 0 | 0b11 | 0b110 | 0b1100 | 0b1111)
}

family!(masks);

agree! {
    salesman(1, 0);
    assignment(0, 0b1111_1111);
    queens(0, 0, 0, 0);
    valves(18, 0, 1);
    domino_rows(0, 0);
    permanent(0, 0);
    subset_sums(0, 13);
    keys_and_doors(3, 0, 6);
}
