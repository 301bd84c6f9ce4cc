//! The front of a list: items that were taken there are cut off a leaf at a time.

use crate::disk::leaf::Leaf;
use crate::sync::Arc;

/// Items of the tree that are removed already, but still there: the first `gone` ones, all in the first leaf.
#[derive(Debug, Default)]
pub(super) struct Front {
    pub(super) gone: u64,
    /// The leaf that the next item is in, as it was when it was looked up.
    pub(super) leaf: Option<Arc<Leaf>>,
}

impl Front {
    /// Some item of the tree is about to change.
    pub(super) fn forget(&mut self) {
        self.leaf = None;
    }
}
