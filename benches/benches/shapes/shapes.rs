//! The shapes of the guide's page, with hundreds of keys each.

use std::time::Duration;

macro_rules! shapes {
    ($(#[$attribute:meta])?) => {
        use super::*;

        $(#[$attribute])?
        pub(super) fn one_expression(i: u64, j: u64) -> u64 {
            crate::work();
            if i == 0 || j == 0 {
                return 1;
            }
            one_expression(i - 1, j).wrapping_add(one_expression(i, j - 1))
        }

        $(#[$attribute])?
        pub(super) fn argument_calls_another(k: u64) -> u64 {
            crate::work();
            if k < 2 {
                return k;
            }
            let window = k.min(40);
            let a = argument_calls_another(k - 1 - mix(k) % window);
            let b = argument_calls_another(k - 1 - mix(k + 1_000) % window);
            a.wrapping_mul(3).wrapping_add(b)
        }

        $(#[$attribute])?
        pub(super) fn loop_over_range(n: usize) -> u64 {
            crate::work();
            let mut best = 0;
            for k in 1..=n {
                best = best.max(PRICE[k % 8] + loop_over_range(n - k));
            }
            best
        }

        $(#[$attribute])?
        pub(super) fn loop_over_parents(n: u64) -> u64 {
            crate::work();
            let mut total = 1_u64;
            for parent in parents(n) {
                total = total.wrapping_add(loop_over_parents(parent));
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn loop_over_array(x: i32, y: i32) -> u64 {
            crate::work();
            if x < 1 || y < 1 {
                return 1;
            }
            let mut total = 0_u64;
            for (dx, dy) in [(0, 1), (1, 0), (1, 1)] {
                total = total.wrapping_add(loop_over_array(x - dx, y - dy));
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn while_loop(amount: u64, coin: usize) -> u64 {
            crate::work();
            if coin + 1 == COINS.len() {
                return u64::from(amount % COINS[coin] == 0);
            }
            let mut total = 0;
            let mut k = 0;
            while k * COINS[coin] <= amount {
                total += while_loop(amount - k * COINS[coin], coin + 1);
                k += 1;
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn two_in_one_closure(n: u64) -> u64 {
            crate::work();
            if n == 0 {
                return 1;
            }
            (0..n).map(|k| two_in_one_closure(k) ^ two_in_one_closure(n - 1 - k)).sum::<u64>() & 0xffff
        }

        $(#[$attribute])?
        pub(super) fn least_of_a_range(lo: usize, hi: usize) -> u64 {
            crate::work();
            if hi - lo < 2 {
                return 0;
            }
            (lo + 1..hi)
                .map(|k| least_of_a_range(lo, k) + least_of_a_range(k, hi) + PRICE[lo % 8] * PRICE[k % 8])
                .min()
                .unwrap_or(0)
        }

        $(#[$attribute])?
        pub(super) fn filtered_and_folded(n: u64) -> u64 {
            crate::work();
            parents(n)
                .into_iter()
                .filter(|parent| parent % 3 != 0)
                .map(|parent| filtered_and_folded(parent))
                .fold(1, |all, one| all ^ one.wrapping_add(n))
        }

        $(#[$attribute])?
        pub(super) fn fold_that_calls(n: u64) -> u64 {
            crate::work();
            if n < 4 {
                return n;
            }
            (1..=4).fold(0_u64, |all, k| all.wrapping_add(fold_that_calls(n - k)))
        }

        $(#[$attribute])?
        pub(super) fn successive_ifs(i: u64, j: u64) -> u64 {
            crate::work();
            let mut total = u64::from(i == 0 && j == 0);
            if i > 0 {
                total = total.wrapping_add(successive_ifs(i - 1, j));
            }
            if j > 0 {
                total = total.wrapping_add(successive_ifs(i, j - 1));
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn branches_as_values(i: u64, j: u64) -> u64 {
            crate::work();
            let up = if i > 0 { branches_as_values(i - 1, j) } else { 1 };
            let left = if j > 0 { branches_as_values(i, j - 1) } else { 1 };
            up.wrapping_add(left)
        }

        $(#[$attribute])?
        pub(super) fn tries_in_one_expression(i: u64, j: u64) -> Option<u64> {
            crate::work();
            if i == 0 || j == 0 {
                return Some(1);
            }
            Some(tries_in_one_expression(i - 1, j)?.wrapping_add(tries_in_one_expression(i, j - 1)?))
        }

        $(#[$attribute])?
        pub(super) fn tries_in_lets(i: u64, j: u64) -> Result<u64, String> {
            crate::work();
            if i == 0 || j == 0 {
                return Ok(1);
            }
            let up = tries_in_lets(i - 1, j)?;
            let left = tries_in_lets(i, j - 1)?;
            Ok(up.wrapping_add(left))
        }

        $(#[$attribute])?
        pub(super) fn a_return_between(item: usize, room: u64) -> u64 {
            crate::work();
            if item == 24 {
                return 0;
            }
            let first = 1 + mix(item as u64) % 9;
            let without = a_return_between(item + 1, room);
            if first > room {
                return without;
            }
            without.max(first + a_return_between(item + 1, room - first))
        }

        $(#[$attribute])?
        pub(super) fn local_closure(i: u64, j: u64) -> u64 {
            crate::work();
            if i == 0 || j == 0 {
                return 1;
            }
            let go = |di, dj| local_closure(i - di, j - dj);
            go(1, 0).wrapping_add(go(0, 1))
        }

        $(#[$attribute])?
        pub(super) fn by_join(i: u64, j: u64) -> u64 {
            crate::work();
            if i == 0 || j == 0 {
                return 1;
            }
            let (up, left) = speedup::join(|| by_join(i - 1, j), || by_join(i, j - 1));
            up.wrapping_add(left)
        }

        $(#[$attribute])?
        pub(super) fn arguments_half_the_cost(i: u64, j: u64) -> u64 {
            crate::work_for(MICROS * 30);
            if i == 0 || j == 0 {
                return 1;
            }
            let up = arguments_half_the_cost(slowly(i - 1, 15), j);
            up.wrapping_add(arguments_half_the_cost(i, slowly(j - 1, 15)))
        }

        $(#[$attribute])?
        pub(super) fn chain_of_dear_arguments(n: u64) -> u64 {
            if n < 2 {
                return n;
            }
            let total = chain_of_dear_arguments(slowly(n - 1, 15)) + chain_of_dear_arguments(slowly(n - 2, 15));
            crate::work_for(MICROS * 30);
            total % 1_000
        }

        $(#[$attribute])?
        pub(super) fn fan_of_1_us(n: u64) -> u64 {
            if n < 1_000 {
                crate::work_for(MICROS);
                return n;
            }
            (0..1_000).map(|k| fan_of_1_us(k)).sum()
        }

        $(#[$attribute])?
        pub(super) fn fan_of_100_ns(n: u64) -> u64 {
            if n < 1_000 {
                crate::work_for(MICROS / 10);
                return n;
            }
            (0..1_000).map(|k| fan_of_100_ns(k)).sum()
        }

        $(#[$attribute])?
        pub(super) fn intervals_25_by_25(lo: usize, hi: usize) -> u64 {
            crate::work();
            let mut best = u64::MAX;
            for k in lo + 1..hi {
                best = best.min(intervals_25_by_25(lo, k) + intervals_25_by_25(k, hi) + PRICE[k % 8]);
            }
            if hi - lo < 2 { 0 } else { best }
        }
    };
}

const PRICE: [u64; 8] = [0, 1, 5, 8, 9, 10, 17, 17];
const COINS: [u64; 6] = [50, 25, 10, 5, 2, 1];

fn mix(k: u64) -> u64 {
    k.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) % 1_009
}

/// Three numbers below this one, not far away.
fn parents(n: u64) -> Vec<u64> {
    (0..3).filter(|_| n > 0).map(|k| n - 1 - mix(n + 77 * k) % n.min(40)).collect()
}

/// The number, after so many microseconds.
fn slowly(n: u64, time: u32) -> u64 {
    crate::take(MICROS * time);
    n
}

const MICROS: Duration = Duration::from_micros(1);

family!(shapes);

agree! {
    one_expression(20, 20);
    argument_calls_another(500);
    loop_over_range(300);
    loop_over_parents(600);
    loop_over_array(20, 20);
    while_loop(200, 0);
    two_in_one_closure(300);
    least_of_a_range(0, 25);
    filtered_and_folded(600);
    fold_that_calls(300);
    successive_ifs(20, 20);
    branches_as_values(20, 20);
    tries_in_one_expression(20, 20);
    tries_in_lets(20, 20);
    a_return_between(0, 40);
    local_closure(20, 20);
    by_join(20, 20);
    arguments_half_the_cost(20, 20);
    chain_of_dear_arguments(400);
    fan_of_1_us(1_000);
    fan_of_100_ns(1_000);
    intervals_25_by_25(0, 25);
}
