//! Connect Four on a small board, played perfectly; a position and its mirror image are one.

use speedup::cache;

use super::show::{Outcome, Shown, check, ratio, show, timed};

/// The board and how many in a row win. A column takes `height + 1` bits, the highest of which stays empty.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
struct Board {
    width: u32,
    height: u32,
    row: u32,
}

impl Board {
    fn column(self, column: u32) -> u32 {
        ((1 << self.height) - 1) << (column * (self.height + 1))
    }

    /// Whether these stones have a row in one of the four directions.
    fn wins(self, stones: u32) -> bool {
        [1, self.height, self.height + 1, self.height + 2]
            .iter()
            .any(|step| (1..self.row).fold(stones, |row, k| row & stones >> (step * k)) != 0)
    }

    /// Where a stone falls in a column, if there is room.
    fn falls(self, taken: u32, column: u32) -> Option<u32> {
        let free = self.column(column) & !taken;
        (free != 0).then_some(free & free.wrapping_neg())
    }

    fn mirrored(self, stones: u32) -> u32 {
        let turn = |column: u32| {
            let bits = (stones & self.column(column)) >> (column * (self.height + 1));
            bits << ((self.width - 1 - column) * (self.height + 1))
        };
        (0..self.width).map(turn).sum()
    }

    /// The same for a position and its mirror image.
    fn canonical(self, own: u32, others: u32) -> (u32, u32) {
        (own, others).min((self.mirrored(own), self.mirrored(others)))
    }
}

/// What the player to move can reach: 1 is a win, 0 a draw, -1 a loss.
#[cache]
fn outcome(board: Board, own: u32, others: u32) -> i32 {
    let mut best = None;
    for column in 0..board.width {
        if let Some(stone) = board.falls(own | others, column) {
            if board.wins(own | stone) {
                return 1;
            }
            let (next, mine) = board.canonical(others, own | stone);
            best = best.max(Some(-outcome(board, next, mine)));
        }
    }
    best.unwrap_or(0)
}

/// The same without a table and without symmetry.
fn plain(board: Board, own: u32, others: u32) -> i32 {
    let stones: Vec<u32> = (0..board.width).filter_map(|column| board.falls(own | others, column)).collect();
    if stones.iter().any(|stone| board.wins(own | stone)) {
        return 1;
    }
    stones.iter().map(|stone| -plain(board, others, own | stone)).max().unwrap_or(0)
}

pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let small = Board { width: 4, height: 3, row: 4 };
    let (wanted, slow) = timed(|| plain(small, 0, 0));
    let (found, fast) = timed(|| outcome(small, 0, 0));
    check(found == wanted, "the plain search finds the same")?;

    let board = Board { height: if quick { 3 } else { 4 }, ..small };
    let (result, cached) = timed(|| outcome(board, 0, 0));
    check(result == 0, "it is a draw, as is known of this board")?;
    Ok(Shown::new(
        format!("a draw on 4 x {}, in {}; {} positions", board.height, show(cached), OUTCOME.len()),
        format!("4 x 3: {:.0} times as fast as without the line and the symmetry", ratio(slow, fast)),
    ))
}
