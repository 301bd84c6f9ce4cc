//! What to pack: the files of this repository into a given number of KiB.

use speedup::cache;

use super::show::{Outcome, Shown, check, ratio, repository, show, text_files, timed};

/// An item's size and worth.
type Item = (usize, u64);

/// The most that the first `count` items are worth in so much room.
#[cache]
fn most(items: &[Item], count: usize, room: usize) -> u64 {
    if count == 0 {
        return 0;
    }
    let (size, worth) = items[count - 1];
    let without = most(items, count - 1, room);
    if size > room { without } else { without.max(worth + most(items, count - 1, room - size)) }
}

/// The loop over items and room.
fn by_hand(items: &[Item], room: usize) -> u64 {
    let mut best = vec![0; room + 1];
    for (size, worth) in items {
        for room in (*size..=room).rev() {
            best[room] = best[room].max(best[room - size] + worth);
        }
    }
    best[room]
}

/// Files are worth the number of their lines.
pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    let files = text_files(&repository(), &["rs", "md"])?;
    let mut items = Vec::new();
    for file in files.iter().take(if quick { 20 } else { 200 }) {
        // What is no UTF-8 is no text.
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        items.push((text.len() / 256 + 1, text.lines().count() as u64));
    }
    let room = items.iter().map(|item| item.0).sum::<usize>() / 3;
    let (worth, cached) = timed(|| most(&items, items.len(), room));
    let (wanted, table) = timed(|| by_hand(&items, room));
    check(worth == wanted, "the loop packs as much")?;
    Ok(Shown::new(
        format!("{} files, {worth} lines in {} KB", items.len(), room / 4),
        format!("{}, {:.1} times the loop by hand", show(cached), ratio(cached, table)),
    ))
}
