//! Inner nodes: which pages lie below, how many items each holds, and the keys that part them.

use serde::{Deserialize, Serialize};

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
    /// `seps[i]` is at most every key below `kids[i]` and greater than every key below `kids[i - 1]`; `seps[0]` is not
    /// looked at. All are empty in a list. As long as `kids`.
    pub(crate) seps: Vec<Box<[u8]>>,
}

impl Inner {
    pub(crate) fn count(&self) -> u64 {
        self.kids.iter().map(|kid| kid.count).sum()
    }

    /// About how many bytes it takes when encoded.
    pub(crate) fn weight(&self) -> usize {
        self.seps.iter().map(|sep| sep.len() + 16).sum()
    }

    /// The child whose range holds `key`; with `below`, the one that holds what comes just before it.
    pub(crate) fn child(&self, key: &[u8], below: bool) -> usize {
        self.seps
            .get(1..)
            .map_or(0, |seps| seps.partition_point(|sep| if below { **sep < *key } else { **sep <= *key }))
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
