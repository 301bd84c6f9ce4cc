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
    /// The memory of a leaf that was put out of the cache: the next one is read into it, so that readers do not meet where memory is given out.
    room: Vec<u8>,
}

impl Default for Own {
    fn default() -> Self {
        Own { pager: 0, leaves: Cache::new(0), inners: Cache::new(DIRECTORY), room: Vec::new() }
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
        let leaf = match self.pager.cached_leaf(kid) {
            // A copy as long as there is room, for readers that count the users of one page wait for each other.
            Some(leaf) if keep && self.own.leaves.has_room(leaf_weight(leaf)) => Leaf::clone(leaf),
            Some(leaf) => return Ok(Arc::clone(leaf)),
            None => self.pager.read_leaf(kid, std::mem::take(&mut self.own.room))?,
        };
        let leaf = Arc::new(leaf);
        if keep {
            self.own.leaves.put(kid.at, version, Arc::clone(&leaf), leaf_weight(&leaf), false);
            while let Some((_, _, leaf, _)) = self.own.leaves.evict(false) {
                self.own.room = Leaf::room(leaf);
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::body::Body;
    use crate::disk::testing::open_list;

    #[test]
    fn readers_beside_one_another_share_no_counts_while_there_is_room() {
        let place = tempfile::tempdir().unwrap();
        let mut list = open_list(place.path());
        for n in 0..10_000_u64 {
            list.push(&n.to_le_bytes()).unwrap();
        }
        list.checkpoint().unwrap();
        let store = list.store();
        let (root, pager) = (store.tree.root.unwrap(), &mut store.pager);
        let kids = pager.inner(&root).unwrap().kids.clone();
        kids.iter().for_each(|kid| drop(pager.leaf(kid, true).unwrap()));
        assert!(kids.len() > 10 && kids.iter().all(|kid| pager.cached_leaf(kid).is_some()));
        let pager = &*pager;
        let (mut one, mut other) = (Own::default(), Own::default());
        for kid in &kids {
            let shared = Arc::clone(pager.cached_leaf(kid).unwrap());
            let of_one = one.view(pager).leaf(kid, true).unwrap();
            let of_other = other.view(pager).leaf(kid, true).unwrap();
            assert_eq!((Arc::strong_count(&shared), Arc::strong_count(&of_one)), (2, 2));
            assert_eq!(of_one.page(), shared.page());
            assert!(
                !Arc::ptr_eq(&of_one, &of_other) && Arc::ptr_eq(&of_one, &one.view(pager).leaf(kid, true).unwrap())
            );
        }
        // Where there is none, the page of the pager does: a copy would put another one out.
        one.leaves = Cache::new(leaf_weight(pager.cached_leaf(&kids[0]).unwrap()));
        for kid in &kids[..3] {
            let leaf = one.view(pager).leaf(kid, true).unwrap();
            assert_eq!(Arc::ptr_eq(&leaf, pager.cached_leaf(kid).unwrap()), kid.at != kids[0].at);
        }
    }
}
