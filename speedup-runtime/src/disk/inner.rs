//! Inner nodes: which pages lie below, how many items each holds, and the keys that part them.

use std::fmt;
use std::ops::Range;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How heavy an inner node may get before it is split; it stays a value of 1 to 3 KiB in the engine.
pub(crate) const HEAVY: usize = 2560;

/// A reference to a page or an inner node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kid {
    /// The first slot of a leaf, or the number of an inner node.
    pub(crate) at: u64,
    /// How many slots a leaf takes; 0 for an inner node.
    pub(crate) slots: u32,
    /// The items below.
    pub(crate) count: u64,
    /// The epoch in which it was written last; a page that says otherwise is stale.
    pub(crate) stamp: u64,
}

/// A node of the directory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Inner {
    pub(crate) kids: Vec<Kid>,
    /// Separator `i` is at most every key below `kids[i]` and greater than every key below `kids[i - 1]`; the first is not
    /// looked at. All are empty in a list. As many as `kids`.
    seps: Seps,
}

impl Inner {
    pub(crate) fn with_capacity(kids: usize) -> Self {
        Inner { kids: Vec::with_capacity(kids), seps: Seps { bytes: Vec::new(), ends: Vec::with_capacity(kids) } }
    }

    pub(crate) fn count(&self) -> u64 {
        self.kids.iter().map(|kid| kid.count).sum()
    }

    /// About how many bytes it takes when encoded.
    pub(crate) fn weight(&self) -> usize {
        self.seps.bytes.len() + self.seps.ends.len() * 16
    }

    /// How many bytes it takes in memory.
    pub(crate) fn footprint(&self) -> usize {
        self.kids.capacity() * size_of::<Kid>() + self.seps.ends.capacity() * 4 + self.seps.bytes.capacity() + 128
    }

    /// Whether there is a separator for each child.
    pub(crate) fn is_sound(&self) -> bool {
        self.kids.len() == self.seps.ends.len()
    }

    /// The separator before child `index`, if there are that many.
    pub(crate) fn sep(&self, index: usize) -> Option<&[u8]> {
        (index < self.seps.ends.len()).then(|| self.seps.get(index))
    }

    /// Adds a last child.
    pub(crate) fn push(&mut self, kid: Kid, sep: &[u8]) {
        self.kids.push(kid);
        self.seps.push(sep);
    }

    /// Adds children of another node at the end.
    pub(crate) fn copy(&mut self, from: &Inner, range: Range<usize>) {
        self.kids.extend_from_slice(&from.kids[range.clone()]);
        range.for_each(|index| self.seps.push(from.seps.get(index)));
    }

    /// Takes the last child away.
    pub(crate) fn pop(&mut self) {
        self.kids.pop();
        self.seps.remove(self.kids.len());
    }

    /// Puts `kid` in the place of the children `index` and `index + 1`.
    pub(crate) fn merged(&mut self, index: usize, kid: Kid) {
        self.kids[index] = kid;
        self.kids.remove(index + 1);
        self.seps.remove(index + 1);
    }

    /// The child whose range holds `key`; with `below`, the one that holds what comes just before it.
    #[inline]
    pub(crate) fn child(&self, key: &[u8], below: bool) -> usize {
        let (mut low, mut high) = (1, self.kids.len());
        while low < high {
            let middle = low.midpoint(high);
            let sep = self.seps.get(middle);
            if if below { sep < key } else { sep <= key } {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low - 1
    }

    /// The child that holds position `at`, and the position of its first item; the last child for a position past the end.
    pub(crate) fn child_at(&self, at: u64) -> (usize, u64) {
        let mut first = 0;
        let last = self.kids.len().saturating_sub(1);
        for (index, kid) in self.kids.iter().enumerate() {
            if at < first + kid.count || index == last {
                return (index, first);
            }
            first += kid.count;
        }
        (0, 0)
    }
}

/// Byte strings side by side; `ends` says where each ends.
#[derive(Clone, Debug, Default)]
struct Seps {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Seps {
    #[inline]
    fn get(&self, index: usize) -> &[u8] {
        let from = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.bytes[from..self.ends[index] as usize]
    }

    fn push(&mut self, sep: &[u8]) {
        self.bytes.extend_from_slice(sep);
        self.ends.push(self.bytes.len() as u32);
    }

    fn remove(&mut self, index: usize) {
        let from = if index == 0 { 0 } else { self.ends[index - 1] };
        let len = self.ends.remove(index) - from;
        self.bytes.drain(from as usize..(from + len) as usize);
        self.ends[index..].iter_mut().for_each(|end| *end -= len);
    }
}

impl Serialize for Seps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.ends.len()).map(|index| self.get(index)))
    }
}

impl<'de> Deserialize<'de> for Seps {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Seps;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("byte strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Seps, A::Error> {
        let mut seps = Seps::default();
        // A slice is written like a sequence of its bytes, so it can be borrowed back.
        while let Some(sep) = seq.next_element::<&[u8]>()? {
            seps.push(sep);
        }
        seps.bytes.shrink_to_fit();
        seps.ends.shrink_to_fit();
        Ok(seps)
    }
}
