//! What the pages of a dict alone still say, for a repair that has neither its directory nor the spare.
//!
//! A page tells its epoch, of which leaf it is a version, and by its keys where it belongs. Old versions lie about until their slots are
//! used again, and versions that a killed process wrote and never published. So, for pages up to the epoch of the last checkpoint:
//!
//! - Of the versions of a leaf that was not split in between, the newest counts.
//! - Where pages overlap, the newer one counts from its first key to its last: it held all there was between them.
//!
//! Pages of later epochs may be all that is left of what they replaced, or may lack what was to be written beside them. Of their keys
//! the newest version counts, and nothing they lack is taken away: the journal, played afterwards, knows what was removed since.
//!
//! What comes back wrongly are entries that were removed at the edge of a leaf before it was split or merged, or whose leaf was emptied.
//! What stands in a damaged page may be found in an older version of it.
//!
//! A list cannot be read like this: its pages do not know where they stand.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::Result;
use super::inner::Kid;
use super::leaf::Leaf;
use super::page_file::{PageFile, Seen};
use super::superblock::Superblock;

/// Some items of one page.
struct Segment {
    first: Vec<u8>,
    kid: Kid,
    range: Range<usize>,
}

/// The items that count, in the order of their keys.
pub(crate) struct Scan {
    /// The last key first, so that the next segment is at the end.
    segments: Vec<Segment>,
    /// The segments that hold what comes next: the page, the place in it, and its end.
    open: Vec<(Leaf, u64, Range<usize>)>,
}

impl Scan {
    /// Looks through a page file.
    pub(crate) fn of(file: &PageFile, block: &Superblock) -> Result<Self> {
        let mut found = pages(file, block.floor)?;
        let late = |kid: &Kid| kid.stamp > block.epoch;
        let mut newest: HashMap<u64, u64> = HashMap::new();
        for (kid, version) in found.iter().filter(|(kid, _)| !late(kid)) {
            let stamp = newest.entry(*version).or_default();
            *stamp = kid.stamp.max(*stamp);
        }
        found.retain(|(kid, version)| late(kid) || *version == 0 || newest.get(version) == Some(&kid.stamp));
        found.sort_unstable_by_key(|(kid, _)| std::cmp::Reverse((kid.stamp, kid.at)));
        let (mut covered, mut segments) = (Covered::default(), Vec::new());
        for (kid, _) in found {
            let Some(leaf) = leaf_at(file, &kid) else { continue };
            let whole = 0..leaf.count();
            let ranges = if late(&kid) { vec![whole] } else { covered.add(&leaf) };
            segments.extend(ranges.into_iter().map(|range| {
                let first = leaf.item(range.start).key();
                Segment { first, kid, range }
            }));
        }
        segments.sort_unstable_by(|a, b| b.first.cmp(&a.first));
        Ok(Scan { segments, open: Vec::new() })
    }

    /// Hands the next item to `found`: its page and its place there; false at the end.
    pub(crate) fn next<E>(
        &mut self,
        file: &PageFile,
        found: impl FnOnce(&Leaf, usize) -> Result<(), E>,
    ) -> Result<bool, E> {
        self.open.retain(|(_, _, range)| !range.is_empty());
        let key_of = |(leaf, _, range): &(Leaf, u64, Range<usize>)| leaf.item(range.start).key();
        let mut least = self.open.iter().map(key_of).min();
        while let Some(next) = self.segments.pop_if(|next| least.as_ref().is_none_or(|key| next.first <= *key)) {
            if let Some(leaf) = leaf_at(file, &next.kid) {
                least = Some(next.first);
                self.open.push((leaf, next.kid.stamp, next.range));
            }
        }
        let Some(key) = least else { return Ok(false) };
        let same: Vec<usize> = (0..self.open.len()).filter(|&index| key_of(&self.open[index]) == key).collect();
        let newest = same.iter().copied().max_by_key(|&index| self.open[index].1);
        let result = newest.map_or(Ok(()), |index| found(&self.open[index].0, self.open[index].2.start));
        same.into_iter().for_each(|index| self.open[index].2.start += 1);
        result.map(|()| true)
    }
}

/// Every sound leaf of the epochs from `floor` on, and which version of which leaf it is.
fn pages(file: &PageFile, floor: u64) -> Result<Vec<(Kid, u64)>> {
    let mut found = Vec::new();
    let (mut slot, end) = (0, file.slots()?);
    while slot < end {
        let Some(Seen { slots, stamp, leaf }) = file.look(slot) else {
            slot += 1;
            continue;
        };
        if let Some(leaf) = leaf.and_then(Leaf::parse).filter(|leaf| stamp >= floor && leaf.count() > 0) {
            found.push((Kid { at: slot, slots, count: leaf.count() as u64, stamp }, leaf.id()));
        }
        slot += u64::from(slots.max(1));
    }
    Ok(found)
}

fn leaf_at(file: &PageFile, kid: &Kid) -> Option<Leaf> {
    let seen = file.look(kid.at).filter(|seen| seen.stamp == kid.stamp)?;
    seen.leaf.and_then(Leaf::parse)
}

/// The ranges of keys that newer pages answer for: first and last key of each, none touching another.
#[derive(Debug, Default)]
struct Covered(BTreeMap<Vec<u8>, Vec<u8>>);

impl Covered {
    /// Adds the range of a leaf, and returns which of its items were not covered yet.
    fn add(&mut self, leaf: &Leaf) -> Vec<Range<usize>> {
        let (mut first, mut last) = (leaf.item(0).key(), leaf.item(leaf.count() - 1).key());
        let before = self.0.range(..=first.clone()).next_back().filter(|(_, end)| **end >= first);
        let start = before.map_or_else(|| first.clone(), |(start, _)| start.clone());
        let met: Vec<(Vec<u8>, Vec<u8>)> =
            self.0.range(start..=last.clone()).map(|(start, end)| (start.clone(), end.clone())).collect();
        let (mut ranges, mut from) = (Vec::new(), 0);
        for (start, end) in met {
            let (Ok(to) | Err(to)) = leaf.search(&start);
            if from < to {
                ranges.push(from..to);
            }
            from = from.max(leaf.search(&end).map_or_else(|index| index, |index| index + 1));
            self.0.remove(&start);
            first = first.min(start);
            last = last.max(end);
        }
        if from < leaf.count() {
            ranges.push(from..leaf.count());
        }
        self.0.insert(first, last);
        ranges
    }
}
