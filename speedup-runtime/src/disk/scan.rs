//! What the pages of a dict alone still say, for a repair that has neither its directory nor the spare.
//!
//! A page tells its epoch and which leaf it is a version of; the keys tell the order. Old versions lie about until their slots are
//! used again. Of each leaf the newest version counts. Where pages overlap, the newer one counts from its first key to its last: it
//! held all there was between them. What comes back wrongly are entries at the edge of a leaf, and those of leaves that were
//! emptied, if they were removed; what stands in a damaged page may be found in an older version of it.
//!
//! A list cannot be read like this: its pages do not know where they stand.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::Result;
use super::inner::Kid;
use super::leaf::Leaf;
use super::page_file::{PageFile, Seen};

/// Some items of one page; those of different segments do not overlap.
pub(crate) struct Segment {
    first: Vec<u8>,
    pub(crate) kid: Kid,
    pub(crate) range: Range<usize>,
}

/// The segments of a page file in the order of their keys, without pages of epochs before `floor`.
pub(crate) fn segments(file: &PageFile, floor: u64) -> Result<Vec<Segment>> {
    let mut found: Vec<(Kid, u64)> = Vec::new();
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
    let mut newest: HashMap<u64, u64> = HashMap::new();
    for (kid, id) in &found {
        let stamp = newest.entry(*id).or_default();
        *stamp = kid.stamp.max(*stamp);
    }
    found.retain(|(kid, id)| *id == 0 || newest.get(id) == Some(&kid.stamp));
    found.sort_unstable_by_key(|(kid, _)| std::cmp::Reverse((kid.stamp, kid.at)));
    let (mut covered, mut segments) = (Covered::default(), Vec::new());
    for (kid, _) in found {
        if let Some(leaf) = leaf_at(file, &kid) {
            segments.extend(covered.add(&leaf).into_iter().map(|range| {
                let first = leaf.item(range.start).key();
                Segment { first, kid, range }
            }));
        }
    }
    segments.sort_unstable_by(|a, b| a.first.cmp(&b.first));
    Ok(segments)
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
