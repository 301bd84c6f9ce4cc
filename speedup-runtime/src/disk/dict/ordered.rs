//! Reading a dict in order: the tree, the write buffer and the open end, merged on the fly.

use super::look::{Look, count};
use super::state::DictState;
use crate::disk::Result;
use crate::disk::leaf::{Item, Leaf};
use crate::disk::pages::Pages;
use crate::disk::prefix::{self, KeyPrefix};
use crate::disk::tree::{Found, Seek};
use crate::disk::write_buffer::Known;
use crate::sync::Arc;
use crate::sync::global::Ordering;

/// Up to how many items a leaf that is read for is kept in the cache: whoever wants few comes again.
const FEW: usize = 64;

/// Some items of a leaf, which may have been put together for the reader.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(super) leaf: Arc<Leaf>,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// The encoded keys that are left to read: from `low` on, and below `high` if there is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Span {
    pub(crate) low: Vec<u8>,
    pub(crate) high: Option<Vec<u8>>,
}

impl Span {
    /// The keys that begin with a prefix.
    pub(super) fn of_prefix<K, P: KeyPrefix<K> + ?Sized>(prefix: &P) -> Self {
        let mut low = Vec::new();
        prefix.encode_prefix(&mut low);
        let high = prefix::end_of(low.clone());
        Span { low, high }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.high.as_ref().is_some_and(|high| *high <= self.low)
    }

    /// Leaves nothing.
    fn finish(&mut self) {
        self.high = Some(Vec::new());
    }
}

/// The smallest string of bytes after `key`.
pub(crate) fn after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

/// The earlier of two ends.
fn earlier<'a>(a: Option<&'a [u8]>, b: Option<&'a [u8]>) -> Option<&'a [u8]> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Look<'_> {
    /// Whether the dict can be read in order as it is; otherwise the write buffer is to be merged first.
    pub(crate) fn is_ready(&self) -> bool {
        // Once reading on has cost about as much as merging what was removed, merging is better.
        let skipped = self.skipped.load(Ordering::Relaxed);
        !self.buffer.has_appends() && skipped <= 1024 + 4 * self.buffer.len()
    }

    /// Whether no scattered changes wait to be merged.
    pub(crate) fn is_merged(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The next items of a span from an end, `limit` of them at most unless a whole leaf can be had as it is, and takes them out of the span.
    ///
    /// A leaf that cannot be read is left out of the span, and its error is the run. The dict must be [ready](Self::is_ready).
    pub(crate) fn slice<P: Pages>(
        &self,
        pages: &mut P,
        span: &mut Span,
        front: bool,
        limit: usize,
    ) -> Result<Option<Result<Run>>> {
        while !span.is_empty() {
            let run = if front { self.forward(pages, span, limit)? } else { self.backward(pages, span, limit)? };
            match run {
                Ok(run) if run.from == run.to => {}
                run => return Ok(Some(run)),
            }
        }
        Ok(None)
    }

    fn forward<P: Pages>(&self, pages: &mut P, span: &mut Span, limit: usize) -> Result<Result<Run>> {
        let tail = self.tail;
        if tail.owns(&span.low) {
            let (Ok(from) | Err(from)) = tail.search(&span.low);
            let end = span.high.as_ref().map_or(tail.len(), |high| place(tail.search(high)));
            let to = end.max(from).min(from.saturating_add(limit));
            let run = self.of_tail(from, to);
            if to == end.max(from) {
                span.finish();
            } else {
                span.low = after(self.tail.key(to - 1).to_vec());
            }
            return Ok(Ok(run));
        }
        let tail = (!tail.is_empty()).then(|| tail.key(0).to_vec());
        let found = self.tree.find(pages, Seek::Of(&span.low), limit <= FEW)?;
        let (leaf, to) = found.map_or((Ok(None), None), |Found { leaf, to, .. }| (leaf.map(Some), to));
        let end = earlier(span.high.as_deref(), tail.as_deref());
        let end = earlier(end, to.as_deref()).map(<[u8]>::to_vec);
        let part = Span { low: std::mem::take(&mut span.low), high: end.clone() };
        let run = leaf.map(|leaf| self.merge(leaf, &part, true, limit));
        match (&run, end) {
            (Ok((_, Some(last))), _) => span.low = after(last.clone()),
            (_, Some(end)) => span.low = end,
            (_, None) => span.finish(),
        }
        Ok(run.map(|(run, _)| run))
    }

    fn backward<P: Pages>(&self, pages: &mut P, span: &mut Span, limit: usize) -> Result<Result<Run>> {
        let tail = self.tail;
        if !tail.is_empty() && span.high.as_deref().is_none_or(|high| high > tail.key(0)) {
            let to = span.high.as_ref().map_or(tail.len(), |high| place(tail.search(high)));
            let start = place(tail.search(&span.low)).min(to);
            let from = start.max(to.saturating_sub(limit));
            let run = self.of_tail(from, to);
            match from {
                // What comes before the open end is in the tree.
                0 => span.high = Some(self.tail.key(0).to_vec()),
                _ if from > start => span.high = Some(self.tail.key(from).to_vec()),
                _ => span.finish(),
            }
            return Ok(Ok(run));
        }
        let seek = span.high.as_deref().map_or(Seek::Last, Seek::Before);
        let found = self.tree.find(pages, seek, limit <= FEW)?;
        let (leaf, from) = found.map_or((Ok(None), None), |Found { leaf, from, .. }| (leaf.map(Some), from));
        let start = from.as_deref().unwrap_or_default().max(&span.low).to_vec();
        let part = Span { low: start.clone(), high: span.high.take() };
        let run = leaf.map(|leaf| self.merge(leaf, &part, false, limit));
        span.high = match &run {
            Ok((_, Some(last))) => Some(last.clone()),
            _ => Some(start),
        };
        Ok(run.map(|(run, _)| run))
    }

    /// Items of the open end as a leaf.
    fn of_tail(&self, from: usize, to: usize) -> Run {
        let tail = self.tail;
        let items: Vec<Item<'_>> =
            (from..to).map(|index| Item { prefix: &[], suffix: tail.key(index), val: tail.val(index) }).collect();
        Run { leaf: Arc::new(Leaf::build(&items)), from: 0, to: items.len() }
    }

    /// The items of a leaf that lie in a span, with what the write buffer knows; if the limit cuts them off, also the last key.
    fn merge(&self, leaf: Option<Arc<Leaf>>, span: &Span, front: bool, limit: usize) -> (Run, Option<Vec<u8>>) {
        let leaf = leaf.unwrap_or_else(|| Arc::new(Leaf::build(&[])));
        let (mut from, to) = (place(leaf.search(&span.low)), span.high.as_ref());
        let mut to = to.map_or(leaf.count(), |high| place(leaf.search(high))).max(from);
        if self.buffer.is_empty() {
            return (Run { leaf, from, to }, None);
        }
        let sorted = self.buffer.order();
        let mut scan = self.buffer.scan(&sorted, &span.low, span.high.as_deref());
        if scan.is_empty() {
            return (Run { leaf, from, to }, None);
        }
        let mut items: Vec<Item<'_>> = Vec::new();
        let mut next = scan.next(front);
        let (mut key, mut skipped) = (Vec::new(), 0);
        while items.len() < limit && (from < to || next.is_some()) {
            let index = if front { from } else { to.wrapping_sub(1) };
            let order = match next {
                Some((found, _)) if from < to => {
                    leaf.key_into(index, &mut key);
                    if front { key.as_slice().cmp(found) } else { found.cmp(&key) }
                }
                Some(_) => std::cmp::Ordering::Greater,
                None => std::cmp::Ordering::Less,
            };
            if order.is_le() {
                (from, to) = if front { (from + 1, to) } else { (from, to - 1) };
            }
            match next {
                _ if order.is_lt() => items.push(leaf.item(index)),
                Some((found, known)) => {
                    match known {
                        Known::Put(val) => items.push(Item { prefix: &[], suffix: found, val }),
                        Known::Removed => skipped += 1,
                        // There are none: they are merged before anything is read in order.
                        Known::Append(_) => {}
                    }
                    next = scan.next(front);
                }
                None => {}
            }
        }
        count(self.skipped, skipped);
        let cut = from < to || next.is_some();
        let last = items.last().filter(|_| cut).map(Item::key);
        if !front {
            items.reverse();
        }
        let to = items.len();
        (Run { leaf: Arc::new(Leaf::build(&items)), from: 0, to }, last)
    }

    /// The key of the entry at an end, and what `found` makes of the entry.
    pub(crate) fn peek<P: Pages, R>(
        &self,
        pages: &mut P,
        front: bool,
        found: impl FnOnce(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<(Vec<u8>, R)>> {
        let Some(run) = self.slice(pages, &mut Span::default(), front, 1)?.transpose()? else { return Ok(None) };
        let index = if front { run.from } else { run.to - 1 };
        let key = run.leaf.item(index).key();
        let entry = pages.pager().with_value(run.leaf.val(index), |bytes| found(&key, bytes))?;
        Ok(Some((key, entry)))
    }
}

impl DictState {
    /// Makes the dict ready to be read in order.
    fn prepare(&mut self) -> Result<()> {
        if self.look().is_ready() { Ok(()) } else { self.gather() }
    }

    /// As [`Look::slice`].
    pub(crate) fn slice(&mut self, span: &mut Span, front: bool, limit: usize) -> Result<Option<Result<Run>>> {
        self.prepare()?;
        let (look, pager) = self.looking();
        look.slice(pager, span, front, limit)
    }

    /// As [`Look::peek`].
    pub(crate) fn peek<R>(
        &mut self,
        front: bool,
        found: impl FnOnce(&[u8], &[u8]) -> Result<R>,
    ) -> Result<Option<(Vec<u8>, R)>> {
        self.prepare()?;
        let (look, pager) = self.looking();
        look.peek(pager, front, found)
    }

    /// Takes the entry at an end out, and returns what `found` makes of it; nothing changes if that fails.
    pub(crate) fn pop<R>(&mut self, front: bool, found: impl FnOnce(&[u8], &[u8]) -> Result<R>) -> Result<Option<R>> {
        let Some((key, entry)) = self.peek(front, found)? else { return Ok(None) };
        self.remove_known(&key)?;
        Ok(Some(entry))
    }
}

/// Where a key is or would be.
fn place(found: Result<usize, usize>) -> usize {
    let (Ok(index) | Err(index)) = found;
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::options::Options;
    use crate::disk::store::Store;
    use crate::disk::superblock::Kind;

    #[test]
    fn reading_a_few_in_order_leaves_the_write_buffer_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut options = Options::new("ordered".into());
        options.set_location(folder.path().into());
        let (store, replay) = Store::open(&options, Kind::Dict, 0, 0).unwrap();
        let mut state = DictState::open(store, replay, 1 << 20).unwrap();
        let key = |n: u32| n.to_be_bytes();
        (0..10_000).for_each(|n| state.put_blind(&key(n * 2), b"old").unwrap());
        state.gather().unwrap();
        (0..2000).for_each(|n| state.put_blind(&key(n * 7919 % 20_000), b"new").unwrap());
        let buffered = state.buffer.len();
        assert!(buffered > 1000);
        let first = state.peek(true, |_, value| Ok(value.to_vec())).unwrap();
        assert_eq!(first, Some((key(0).to_vec(), b"new".to_vec())));
        let mut span = Span { low: key(4000).to_vec(), high: Some(key(4040).to_vec()) };
        let mut found = 0;
        while let Some(run) = state.slice(&mut span, false, 8).unwrap() {
            let run = run.unwrap();
            found += run.to - run.from;
        }
        assert!(found >= 20);
        assert_eq!(state.buffer.len(), buffered);
        // Removed keys that are gone past again and again are merged in time.
        for _ in 0..3000 {
            state.pop(true, |_, _| Ok(())).unwrap();
        }
        assert!(*state.skipped.get_mut() < 40_000 && state.buffer.len() < buffered);
    }
}
