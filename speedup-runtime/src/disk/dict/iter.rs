//! Iteration over a dict, leaf by leaf, from both ends.

use std::marker::PhantomData;

use super::ordered::{Run, Span};
use super::state::DictState;
use crate::disk::Result;
use crate::disk::handle::{Access, Body};
use crate::disk::key::{self, Key};
use crate::disk::leaf::Leaf;
use crate::disk::value::{Codec, Value};
use crate::sync::Arc;

/// How many items the first steps of an iteration read.
const FIRST: usize = 4;
/// After how many items, merged one by one, the write buffer is merged into the tree: whoever reads that many reads on.
const ENOUGH: usize = 512;

/// The items between two bounds, from both ends, in runs; what lies in `span` was handed out by neither end.
pub(crate) struct Runs<'a> {
    access: &'a Access<DictState>,
    span: Span,
    /// How many items the next step may merge.
    limit: usize,
    /// Whether others may change the dict meanwhile.
    beside: bool,
}

impl<'a> Runs<'a> {
    pub(crate) fn new(access: &'a Access<DictState>, span: Span) -> Self {
        Runs { access, span, limit: FIRST, beside: false }
    }

    /// The same while others may change the dict: each step sees it as it is then.
    pub(crate) fn beside(access: &'a Access<DictState>, span: Span) -> Self {
        Runs { beside: true, ..Self::new(access, span) }
    }

    fn step(&mut self, front: bool) -> Option<Result<Run>> {
        let few = self.beside || self.limit <= ENOUGH;
        let (span, limit) = (&mut self.span, if self.beside { self.limit.min(ENOUGH) } else { self.limit });
        let seen = self.access.see(|state, view| {
            let look = state.look();
            let is_ready = look.is_ready() && (few || look.is_merged());
            if is_ready { look.slice(view, span, front, limit).map(Some) } else { Ok(None) }
        });
        let read = match seen {
            Ok(Some(run)) => Ok(run),
            Ok(None) => self.access.read(|state| {
                if !few {
                    state.gather_scattered()?;
                }
                state.slice(span, front, limit)
            }),
            Err(error) => Err(error),
        };
        self.limit = if self.limit > ENOUGH { usize::MAX } else { 4 * self.limit };
        match read {
            Ok(run) => run,
            Err(error) => {
                self.span.high = Some(Vec::new());
                Some(Err(error))
            }
        }
    }
}

impl Iterator for Runs<'_> {
    type Item = Result<Run>;

    fn next(&mut self) -> Option<Result<Run>> {
        self.step(true)
    }
}

impl DoubleEndedIterator for Runs<'_> {
    fn next_back(&mut self) -> Option<Result<Run>> {
        self.step(false)
    }
}

/// The dict that an iterator goes through, and how.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    access: &'a Access<DictState>,
    codec: Codec,
    beside: bool,
}

impl Source<'_> {
    /// Decodes a value of a leaf, whose key is `raw`; `None` if it is gone meanwhile.
    fn value<V: Value>(&self, raw: &[u8], leaf: &Leaf, index: usize) -> Result<Option<V>> {
        let val = leaf.val(index);
        if !val.outside {
            return self.codec.decode(val.bytes).map(Some);
        }
        self.access.see(|state, view| {
            if self.beside {
                // The pages of the value may be another's by now.
                return state.look().with(view, raw, |bytes| self.codec.decode(bytes));
            }
            state.seen().pager.with_value(val, |bytes| self.codec.decode(bytes)).map(Some)
        })
    }
}

/// Decodes all items of a run.
pub(super) fn decode_run<'a, K: Key + 'a, V: Value + 'a>(
    access: &'a Access<DictState>,
    codec: Codec,
    run: Result<Run>,
) -> impl Iterator<Item = Result<(K, V)>> + 'a {
    let (error, run) = match run {
        Ok(run) => (None, Some(run)),
        Err(error) => (Some(Err(error)), None),
    };
    let source = Source { access, codec, beside: false };
    let mut raw = Vec::new();
    let items =
        run.into_iter().flat_map(|Run { leaf, from, to }| (from..to).map(move |index| (Arc::clone(&leaf), index)));
    let entries = items.filter_map(move |(leaf, index)| {
        leaf.key_into(index, &mut raw);
        let entry = key::decode(&raw).and_then(|key| Ok(source.value(&raw, &leaf, index)?.map(|value| (key, value))));
        entry.transpose()
    });
    error.into_iter().chain(entries)
}

/// An iterator over entries in the order of their keys; made by [`DiskDict::iter`](super::DiskDict::iter).
pub struct Iter<'a, K, V> {
    ends: Ends<'a>,
    codec: Codec,
    /// Where keys are put together.
    key: Vec<u8>,
    types: PhantomData<fn() -> (K, V)>,
}

/// An iterator over the entries in a range; made by [`DiskDict::range`](super::DiskDict::range).
pub type Range<'a, K, V> = Iter<'a, K, V>;

impl<'a, K: Key, V: Value> Iter<'a, K, V> {
    pub(crate) fn new(runs: Runs<'a>, codec: Codec) -> Self {
        Iter { ends: Ends { runs, front: None, back: None }, codec, key: Vec::new(), types: PhantomData }
    }

    /// Decodes the key of the next item from an end, and of the rest of it what `rest` wants.
    fn step<R>(
        &mut self,
        front: bool,
        rest: impl FnOnce(K, Source<'_>, &[u8], &Leaf, usize) -> Result<R>,
    ) -> Option<Result<R>> {
        let Runs { access, beside, .. } = self.ends.runs;
        let source = Source { access, codec: self.codec, beside };
        let (run, index) = match self.ends.step(front)? {
            Ok(found) => found,
            Err(error) => return Some(Err(error)),
        };
        run.leaf.key_into(index, &mut self.key);
        Some(key::decode(&self.key).and_then(|key| rest(key, source, &self.key, &run.leaf, index)))
    }

    fn entry(&mut self, front: bool) -> Option<Result<(K, V)>> {
        loop {
            let entry = self.step(front, |key, source, raw, leaf, index| {
                Ok(source.value(raw, leaf, index)?.map(|value| (key, value)))
            })?;
            if let Some(entry) = entry.transpose() {
                return Some(entry);
            }
        }
    }
}

/// What is left of the runs, and of the one at each end.
struct Ends<'a> {
    runs: Runs<'a>,
    front: Option<Run>,
    back: Option<Run>,
}

impl Ends<'_> {
    /// The next item from an end: the run it is in, and its index there.
    #[inline]
    fn step(&mut self, front: bool) -> Option<Result<(&Run, usize)>> {
        let (near, far) = if front { (&mut self.front, &mut self.back) } else { (&mut self.back, &mut self.front) };
        while near.as_ref().is_none_or(|run| run.from >= run.to) {
            *near = match self.runs.step(front) {
                Some(Ok(run)) => Some(run),
                Some(Err(error)) => return Some(Err(error)),
                None => Some(far.take()?),
            };
        }
        let run = near.as_mut()?;
        let index = if front {
            run.from += 1;
            run.from - 1
        } else {
            run.to -= 1;
            run.to
        };
        Some(Ok((run, index)))
    }
}

impl<K: Key, V: Value> Iterator for Iter<'_, K, V> {
    type Item = Result<(K, V)>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.entry(true)
    }
}

impl<K: Key, V: Value> DoubleEndedIterator for Iter<'_, K, V> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.entry(false)
    }
}

impl<K, V> std::fmt::Debug for Iter<'_, K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

/// An iterator over keys in order, which reads no values; made by [`DiskDict::keys`](super::DiskDict::keys).
#[derive(Debug)]
pub struct Keys<'a, K, V>(pub(super) Iter<'a, K, V>);

/// An iterator over values in the order of their keys; made by [`DiskDict::values`](super::DiskDict::values).
#[derive(Debug)]
pub struct Values<'a, K, V>(pub(super) Iter<'a, K, V>);

impl<K: Key, V: Value> Iterator for Keys<'_, K, V> {
    type Item = Result<K>;

    fn next(&mut self) -> Option<Result<K>> {
        self.0.step(true, |key, _, _, _, _| Ok(key))
    }
}

impl<K: Key, V: Value> DoubleEndedIterator for Keys<'_, K, V> {
    fn next_back(&mut self) -> Option<Result<K>> {
        self.0.step(false, |key, _, _, _, _| Ok(key))
    }
}

impl<K: Key, V: Value> Iterator for Values<'_, K, V> {
    type Item = Result<V>;

    fn next(&mut self) -> Option<Result<V>> {
        self.0.next().map(|entry| entry.map(|(_, value)| value))
    }
}

impl<K: Key, V: Value> DoubleEndedIterator for Values<'_, K, V> {
    fn next_back(&mut self) -> Option<Result<V>> {
        self.0.next_back().map(|entry| entry.map(|(_, value)| value))
    }
}
