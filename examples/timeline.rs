//! Who computes what, and when: a picture of an edit distance that runs in parallel.
//!
//! The table of the two texts is cut into blocks. A block needs the last row of the one above, and the last column of the one to its
//! left, so those on a diagonal can be computed at the same time. Nothing in the code says so.

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::{io, path::Path, sync::Arc, sync::LazyLock};

use speedup::{cache, trace};

/// Letters to a side of a block, and blocks to a side of the table.
const SIDE: usize = 400;
const BLOCKS: usize = 10;

/// Two texts that are alike in places.
static TEXTS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    [3_u64, 5].map(|step| {
        let letters =
            (0..(SIDE * BLOCKS) as u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7) / step % 4);
        letters.map(|letter| b"acgt"[letter as usize]).collect()
    })
});

/// The distances along the lower and the right side of a block, one more than it has letters.
struct Edges {
    lower: Vec<usize>,
    right: Vec<usize>,
}

/// The distances of what lies before this block, and the block.
#[cache]
fn block(row: usize, column: usize) -> Arc<Edges> {
    let upper = || (column * SIDE..=(column + 1) * SIDE).collect::<Vec<usize>>();
    let left = || (row * SIDE..=(row + 1) * SIDE).collect::<Vec<usize>>();
    match (row, column) {
        (0, 0) => fill(row, column, &upper(), &left()),
        (0, _) => fill(row, column, &upper(), &block(row, column - 1).right),
        (_, 0) => fill(row, column, &block(row - 1, column).lower, &left()),
        _ => {
            let (above, before) = (block(row - 1, column), block(row, column - 1));
            fill(row, column, &above.lower, &before.right)
        }
    }
}

/// The block with these distances along its upper and its left side.
fn fill(row: usize, column: usize, upper: &[usize], left: &[usize]) -> Arc<Edges> {
    let [a, b] = &*TEXTS;
    let (a, b) = (&a[row * SIDE..][..SIDE], &b[column * SIDE..][..SIDE]);
    let mut line = upper.to_vec();
    let mut right = vec![line[SIDE]];
    for (x, start) in a.iter().zip(&left[1..]) {
        let mut diagonal = std::mem::replace(&mut line[0], *start);
        for (at, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = line[at + 1];
            line[at + 1] = changed.min(diagonal + 1).min(line[at] + 1);
        }
        right.push(line[SIDE]);
    }
    Arc::new(Edges { lower: line, right })
}

/// Letters to change, leave out or put in to make one text of the other.
fn distance() -> usize {
    block(BLOCKS - 1, BLOCKS - 1).lower[SIDE]
}

/// Writes `timeline.svg` and `trace.json` to a folder.
pub(crate) fn run(folder: &Path) -> io::Result<()> {
    // A few calls tell what one costs; dear ones are shared out from the first on.
    block(3, 3);
    BLOCK.clear();
    let mut found = 0;
    let timeline = trace::record(|| found = distance());
    timeline.save(folder)?;
    let calls = timeline.spans.iter().filter(|span| span.what == trace::What::Call);
    assert_eq!(calls.count(), BLOCKS * BLOCKS, "each block is computed once");
    assert!(found > 0 && found <= SIDE * BLOCKS);
    println!("a distance of {found}, by {} threads in {:?}", timeline.threads.len(), timeline.took);
    println!("see {} and, in a browser's tracing view, trace.json beside it", folder.join("timeline.svg").display());
    Ok(())
}

pub(crate) fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).map_or_else(|| std::env::temp_dir().join("speedup-timeline"), Into::into);
    run(&folder)
}
