//! Who reads pages: the one that may also change them, or one of several at a time.
//!
//! Readers beside one another share what the pager holds, and cache what they read in caches of their own, so that they do not wait for each
//! other. A page keeps its place and stamp only as long as it stays the same, but for those of the epoch that is being written.

use super::Result;
use super::cache::Cache;
use super::inner::{Inner, Kid};
use super::leaf::Leaf;
use super::pager::{Pager, leaf_weight};
use crate::sync::Arc;

/// How many bytes of the directory a reader caches.
const DIRECTORY: usize = 4 << 20;

/// Where a tree is read.
pub(crate) trait Pages {
    /// The leaf at `kid`; with `keep`, it stays cached.
    fn leaf(&mut self, kid: &Kid, keep: bool) -> Result<Arc<Leaf>>;

    /// The directory node at `kid`.
    fn inner(&mut self, kid: &Kid) -> Result<Arc<Inner>>;

    /// What holds the pages.
    fn pager(&self) -> &Pager;
}

impl Pages for Pager {
    #[inline]
    fn leaf(&mut self, kid: &Kid, keep: bool) -> Result<Arc<Leaf>> {
        Pager::leaf(self, kid, keep)
    }

    #[inline]
    fn inner(&mut self, kid: &Kid) -> Result<Arc<Inner>> {
        Pager::inner(self, kid)
    }

    fn pager(&self) -> &Pager {
        self
    }
}

/// The pages that one reader has cached.
#[derive(Debug)]
pub(crate) struct Own {
    /// Whose pages they are.
    pager: u64,
    leaves: Cache<Leaf>,
    inners: Cache<Inner>,
}

impl Default for Own {
    fn default() -> Self {
        Own { pager: 0, leaves: Cache::new(0), inners: Cache::new(DIRECTORY) }
    }
}

impl Own {
    /// Reads the pages of `pager` with this cache.
    #[inline]
    pub(crate) fn view<'a>(&'a mut self, pager: &'a Pager) -> View<'a> {
        if self.pager != pager.id() {
            *self = Own { pager: pager.id(), leaves: Cache::new(pager.budget()), ..Own::default() };
        }
        View { pager, own: self }
    }
}

/// A reader while nothing changes; others may read at the same time.
pub(crate) struct View<'a> {
    pager: &'a Pager,
    own: &'a mut Own,
}

impl Pages for View<'_> {
    #[inline]
    fn leaf(&mut self, kid: &Kid, keep: bool) -> Result<Arc<Leaf>> {
        let version = self.pager.version(kid);
        if let Some(leaf) = self.own.leaves.get(kid.at, version) {
            return Ok(leaf);
        }
        if let Some(leaf) = self.pager.cached_leaf(kid) {
            return Ok(Arc::clone(leaf));
        }
        let leaf = Arc::new(self.pager.read_leaf(kid)?);
        if keep {
            self.own.leaves.put(kid.at, version, Arc::clone(&leaf), leaf_weight(&leaf), false);
            while self.own.leaves.evict(false).is_some() {}
        }
        Ok(leaf)
    }

    #[inline]
    fn inner(&mut self, kid: &Kid) -> Result<Arc<Inner>> {
        let version = self.pager.version(kid);
        if let Some(inner) = self.own.inners.get(kid.at, version) {
            return Ok(inner);
        }
        // A copy, for readers that count the users of one node wait for each other.
        let inner = match self.pager.cached_inner(kid) {
            Some(inner) => Inner::clone(inner),
            None => self.pager.read_inner(kid)?,
        };
        let inner = Arc::new(inner);
        self.own.inners.put(kid.at, version, Arc::clone(&inner), inner.footprint(), false);
        while self.own.inners.evict(false).is_some() {}
        Ok(inner)
    }

    fn pager(&self) -> &Pager {
        self.pager
    }
}
