//! Games: who wins, and by how much.

macro_rules! games {
    ($(#[$attribute:meta])?) => {
        use super::*;

        $(#[$attribute])?
        pub(super) fn nim(piles: [u8; 3]) -> bool {
            crate::work();
            for pile in 0..piles.len() {
                for taken in 1..=piles[pile] {
                    let mut next = piles;
                    next[pile] -= taken;
                    if !nim(next) {
                        return true;
                    }
                }
            }
            false
        }

        $(#[$attribute])?
        pub(super) fn grundy(stones: u32) -> u32 {
            crate::work();
            let reachable: Vec<u32> = (1..=stones.min(3)).map(|taken| grundy(stones - taken)).collect();
            (0..).find(|value| !reachable.contains(value)).unwrap()
        }

        $(#[$attribute])?
        pub(super) fn kayles(pins: usize) -> usize {
            crate::work();
            let mut seen = std::collections::BTreeSet::new();
            for taken in 1..=2 {
                for left in 0..=pins.saturating_sub(taken) {
                    if pins >= taken {
                        seen.insert(kayles(left) ^ kayles(pins - taken - left));
                    }
                }
            }
            (0..).find(|value| !seen.contains(value)).unwrap()
        }

        $(#[$attribute])?
        pub(super) fn ends_of_a_row(left: usize, right: usize) -> i32 {
            crate::work();
            if left > right {
                return 0;
            }
            let take_left = ROW[left] - ends_of_a_row(left + 1, right);
            let take_right = if right > 0 { ROW[right] - ends_of_a_row(left, right - 1) } else { i32::MIN };
            take_left.max(take_right)
        }

        $(#[$attribute])?
        pub(super) fn two_players(scores: (u32, u32), positions: (u32, u32), first: bool) -> (u64, u64) {
            crate::work();
            if scores.0 >= 6 {
                return (1, 0);
            }
            if scores.1 >= 6 {
                return (0, 1);
            }
            let (mut won, mut lost) = (0, 0);
            for (roll, ways) in [(3, 1), (4, 3), (5, 6)] {
                let mut places = positions;
                let mut points = scores;
                if first {
                    places.0 = (places.0 + roll) % 10;
                    points.0 += places.0 + 1;
                } else {
                    places.1 = (places.1 + roll) % 10;
                    points.1 += places.1 + 1;
                }
                let (a, b) = two_players(points, places, !first);
                won += a * ways;
                lost += b * ways;
            }
            (won, lost)
        }

        $(#[$attribute])?
        pub(super) fn euclid_game(a: u32, b: u32) -> bool {
            crate::work();
            let (small, large) = (a.min(b), a.max(b));
            if small == 0 {
                return false;
            }
            (1..=large / small).any(|times| !euclid_game(small, large - times * small))
        }

        $(#[$attribute])?
        pub(super) fn minimax(board: Vec<i8>, turn: i8) -> i8 {
            crate::work();
            if let Some(winner) = winner(&board) {
                return winner;
            }
            let scores = board.iter().enumerate().filter(|(_, cell)| **cell == 0).map(|(at, _)| {
                let mut next = board.clone();
                next[at] = turn;
                minimax(next, -turn) * turn
            });
            scores.max().map_or(0, |best| best * turn)
        }

        $(#[$attribute])?
        pub(super) fn egg_drop(eggs: u32, floors: u32) -> u32 {
            crate::work();
            if floors == 0 || eggs == 1 {
                return floors;
            }
            let mut best = floors;
            for floor in 1..=floors {
                let broken = egg_drop(eggs - 1, floor - 1);
                let whole = egg_drop(eggs, floors - floor);
                best = best.min(1 + broken.max(whole));
            }
            best
        }

        $(#[$attribute])?
        pub(super) fn option_price(steps_left: u32, ups: i32) -> f64 {
            crate::work();
            let price = 100.0 * 1.1f64.powi(ups);
            if steps_left == 0 {
                return (price - 100.0).max(0.0);
            }
            let up = option_price(steps_left - 1, ups + 1);
            let down = option_price(steps_left - 1, ups - 1);
            let hold = 0.99 * (0.5 * up + 0.5 * down);
            hold.max(price - 100.0)
        }
    };
}

const ROW: [i32; 8] = [8, 15, 3, 7, 2, 9, 4, 6];

/// Who has three in a row on a board of three by two.
fn winner(board: &[i8]) -> Option<i8> {
    [[0, 1, 2], [3, 4, 5]].iter().find_map(|line| {
        let sum: i8 = line.iter().map(|at| board[*at]).sum();
        (sum.abs() == 3).then_some(sum.signum())
    })
}

family!(games);

agree! {
    nim([3, 2, 4]);
    grundy(12);
    kayles(7);
    ends_of_a_row(0, 7);
    two_players((0, 0), (3, 7), true);
    euclid_game(9, 14);
    minimax(vec![0; 6], 1);
    egg_drop(2, 9);
    option_price(8, 0);
}
