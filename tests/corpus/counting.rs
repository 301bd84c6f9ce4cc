//! Counting, combinatorics and probabilities.

macro_rules! counting {
    ($(#[$attribute:meta])?) => {
        use super::*;

        $(#[$attribute])?
        pub(super) fn binomial(n: u64, k: u64) -> u64 {
            crate::work();
            if k == 0 || k == n { 1 } else { binomial(n - 1, k - 1) + binomial(n - 1, k) }
        }

        $(#[$attribute])?
        pub(super) fn catalan(n: u64) -> u64 {
            crate::work();
            if n <= 1 {
                return 1;
            }
            (0..n).map(|i| catalan(i) * catalan(n - 1 - i)).sum()
        }

        $(#[$attribute])?
        pub(super) fn partitions(n: i64, largest: i64) -> u64 {
            crate::work();
            if n == 0 {
                return 1;
            }
            if n < 0 || largest == 0 {
                return 0;
            }
            partitions(n - largest, largest) + partitions(n, largest - 1)
        }

        $(#[$attribute])?
        pub(super) fn pentagonal(n: i64) -> i64 {
            crate::work();
            if n == 0 {
                return 1;
            }
            let mut sum = 0;
            let mut k = 1;
            while k * (3 * k - 1) / 2 <= n {
                let sign = if k % 2 == 0 { -1 } else { 1 };
                sum += sign * pentagonal(n - k * (3 * k - 1) / 2);
                let second = n - k * (3 * k + 1) / 2;
                if second >= 0 {
                    sum += sign * pentagonal(second);
                }
                k += 1;
            }
            sum
        }

        $(#[$attribute])?
        pub(super) fn stirling(n: u32, k: u32) -> u64 {
            crate::work();
            match (n, k) {
                (0, 0) => 1,
                (0, _) | (_, 0) => 0,
                (n, k) if k > n => 0,
                (n, k) => u64::from(k) * stirling(n - 1, k) + stirling(n - 1, k - 1),
            }
        }

        $(#[$attribute])?
        pub(super) fn bell(n: u32) -> u64 {
            crate::work();
            if n == 0 {
                return 1;
            }
            let mut total = 0;
            let mut choose = 1;
            for k in 0..n {
                total += choose * bell(k);
                choose = choose * u64::from(n - 1 - k) / u64::from(k + 1);
            }
            total
        }

        $(#[$attribute])?
        pub(super) fn change_ways(amount: usize, coin: usize) -> u64 {
            crate::work();
            if amount == 0 {
                return 1;
            }
            let Some(&value) = COINS.get(coin) else { return 0 };
            (0..=amount / value).map(|count| change_ways(amount - count * value, coin + 1)).sum()
        }

        $(#[$attribute])?
        pub(super) fn fewest_coins(amount: usize) -> Option<usize> {
            crate::work();
            if amount == 0 {
                return Some(0);
            }
            let mut best: Option<usize> = None;
            for &coin in COINS.iter().filter(|&&coin| coin <= amount) {
                if let Some(rest) = fewest_coins(amount - coin) {
                    best = Some(best.map_or(rest + 1, |best| best.min(rest + 1)));
                }
            }
            best
        }

        $(#[$attribute])?
        pub(super) fn dice(count: u32, sum: u32) -> f64 {
            crate::work();
            if count == 0 {
                return if sum == 0 { 1.0 } else { 0.0 };
            }
            (1..=6u32).filter_map(|face| sum.checked_sub(face)).map(|left| dice(count - 1, left) / 6.0).sum()
        }

        $(#[$attribute])?
        pub(super) fn knight_stays(moves: u32, row: i32, column: i32) -> f64 {
            crate::work();
            if !(0..4).contains(&row) || !(0..4).contains(&column) {
                return 0.0;
            }
            if moves == 0 {
                return 1.0;
            }
            let mut stays = 0.0;
            for (down, along) in [(1, 2), (2, 1), (-1, 2), (-2, 1), (1, -2), (2, -1), (-1, -2), (-2, -1)] {
                stays += knight_stays(moves - 1, row + down, column + along) / 8.0;
            }
            stays
        }

        $(#[$attribute])?
        pub(super) fn motzkin(n: usize) -> u64 {
            crate::work();
            if n < 2 {
                return 1;
            }
            motzkin(n - 1) + (0..n - 1).map(|k| motzkin(k) * motzkin(n - 2 - k)).sum::<u64>()
        }

        $(#[$attribute])?
        pub(super) fn derangements(n: u64) -> u64 {
            crate::work();
            match n {
                0 => 1,
                1 => 0,
                _ => {
                    let fewer = derangements(n - 1);
                    let fewest = derangements(n - 2);
                    (n - 1) * (fewer + fewest)
                }
            }
        }

        $(#[$attribute])?
        pub(super) fn ackermann(m: u64, n: u64) -> u64 {
            crate::work();
            if m == 0 {
                n + 1
            } else if n == 0 {
                ackermann(m - 1, 1)
            } else {
                ackermann(m - 1, ackermann(m, n - 1))
            }
        }

        $(#[$attribute])?
        pub(super) fn hofstadter(n: u64) -> u64 {
            crate::work();
            if n < 3 { 1 } else { hofstadter(n - hofstadter(n - 1)) + hofstadter(n - hofstadter(n - 2)) }
        }

        $(#[$attribute])?
        pub(super) fn collatz(n: u64) -> u32 {
            crate::work();
            if n == 1 {
                return 0;
            }
            1 + if n % 2 == 0 { collatz(n / 2) } else { collatz(3 * n + 1) }
        }

        $(#[$attribute])?
        pub(super) fn stones(stone: u64, blinks: u32) -> u64 {
            crate::work();
            if blinks == 0 {
                return 1;
            }
            if stone == 0 {
                return stones(1, blinks - 1);
            }
            let digits = stone.ilog10() + 1;
            if digits.is_multiple_of(2) {
                let half = 10u64.pow(digits / 2);
                stones(stone / half, blinks - 1) + stones(stone % half, blinks - 1)
            } else {
                stones(stone * 2024, blinks - 1)
            }
        }

        $(#[$attribute])?
        pub(super) fn tilings(columns: usize) -> u64 {
            crate::work();
            const FIRST: [u64; 3] = [1, 1, 2];
            if let Some(known) = FIRST.get(columns) {
                return *known;
            }
            2 * tilings(columns - 1) + tilings(columns - 3)
        }
    };
}

const COINS: [usize; 4] = [25, 10, 5, 1];

family!(counting);

agree! {
    binomial(12, 5) or (28, 14);
    catalan(9) or (30);
    partitions(14, 14) or (24, 24);
    pentagonal(25) or (150);
    stirling(9, 4) or (22, 11);
    bell(9) or (22);
    change_ways(41, 0) or (200, 0);
    fewest_coins(23) or (300);
    dice(4, 13) or (10, 40);
    knight_stays(4, 0, 0);
    motzkin(10) or (30);
    derangements(12) or (20);
    ackermann(2, 5);
    hofstadter(15) or (200);
    collatz(27);
    stones(125, 12);
    tilings(14) or (60);
}
