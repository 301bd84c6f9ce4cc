//! The counted tree over the pages: a directory of inner nodes that finds a leaf by key or by position.
//!
//! Leaves hold items in order; every reference to a page knows how many items lie below it and when that page was written.
//! Changes come down as [`Edits`] and go up as the [`Part`]s that take the place of the page they changed.

mod change;
mod edit;

use std::ops::Range;

use super::Result;
use super::inner::Kid;
use super::leaf::{Item, Leaf, Val};
use super::pager::Pager;
use super::pages::Pages;
use crate::sync::Arc;

/// A change of one key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyEdit<'a> {
    pub(crate) key: &'a [u8],
    /// `None` removes the key.
    pub(crate) val: Option<Val<'a>>,
}

/// What is to change below a node.
#[derive(Clone, Debug)]
pub(crate) enum Edits<'a> {
    /// In order of keys, each at most once.
    Keys(&'a [KeyEdit<'a>]),
    /// A new item at a position, which may be the end.
    Insert(u64, Val<'a>),
    /// Another value at a position.
    Set(u64, Val<'a>),
    /// Takes out a range of positions.
    Cut(Range<u64>),
    /// New last items, whose keys come after all others, and the number of the leaf they were in, or 0.
    Append(&'a [Item<'a>], u64),
}

/// A page that takes the place of another in its parent.
#[derive(Clone, Debug)]
struct Part {
    kid: Kid,
    sep: Box<[u8]>,
    /// Worth merging with a neighbour.
    small: bool,
}

/// A leaf found by key, and the range of keys it is responsible for.
#[derive(Debug)]
pub(crate) struct Found {
    /// The leaf, or why it cannot be read.
    pub(crate) leaf: Result<Arc<Leaf>>,
    /// No key of the leaf or of one after it is below this; `None` for the first leaf.
    pub(crate) from: Option<Box<[u8]>>,
    /// Every key of the leaf is below this; `None` for the last leaf.
    pub(crate) to: Option<Box<[u8]>>,
}

/// A leaf found by position: the positions it holds, and the leaf or why it cannot be read.
pub(crate) type Place = (Range<u64>, Result<Arc<Leaf>>);

/// Where to look for a leaf.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seek<'a> {
    Last,
    /// The leaf responsible for a key.
    Of(&'a [u8]),
    /// The leaf responsible for what comes just before a key.
    Before(&'a [u8]),
}

/// A tree; the pages it refers to are in the [`Pager`] it is given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    pub(crate) root: Option<Kid>,
    /// The height of the root above the leaves.
    pub(crate) level: u8,
}

impl Tree {
    pub(crate) fn len(&self) -> u64 {
        self.root.map_or(0, |root| root.count)
    }

    /// Where a key lies: its leaf and index.
    pub(crate) fn get(&self, pager: &mut impl Pages, key: &[u8]) -> Result<Option<(Arc<Leaf>, usize)>> {
        let Some(mut kid) = self.root else { return Ok(None) };
        for _ in 0..self.level {
            let inner = pager.inner(&kid)?;
            kid = inner.kids[inner.child(key, false)];
        }
        let leaf = pager.leaf(&kid, true)?;
        Ok(leaf.search(key).ok().map(|index| (leaf, index)))
    }

    /// How many items come before a key.
    pub(crate) fn rank(&self, pager: &mut impl Pages, key: &[u8]) -> Result<u64> {
        let Some(mut kid) = self.root else { return Ok(0) };
        let mut before = 0;
        for _ in 0..self.level {
            let inner = pager.inner(&kid)?;
            let index = inner.child(key, false);
            before += inner.kids[..index].iter().map(|kid| kid.count).sum::<u64>();
            kid = inner.kids[index];
        }
        let (Ok(index) | Err(index)) = pager.leaf(&kid, true)?.search(key);
        Ok(before + index as u64)
    }

    /// Where a position lies: the range of its leaf, and the leaf or why it cannot be read.
    pub(crate) fn at(&self, pager: &mut impl Pages, at: u64, keep: bool) -> Result<Option<Place>> {
        let Some(mut kid) = self.root.filter(|root| at < root.count) else { return Ok(None) };
        let mut first = 0;
        for _ in 0..self.level {
            let inner = pager.inner(&kid)?;
            let (index, before) = inner.child_at(at - first);
            first += before;
            kid = inner.kids[index];
        }
        Ok(Some((first..first + kid.count, pager.leaf(&kid, keep))))
    }

    /// The leaf a search leads to; with `keep`, it stays cached.
    pub(crate) fn find(&self, pager: &mut impl Pages, seek: Seek<'_>, keep: bool) -> Result<Option<Found>> {
        let Some(mut kid) = self.root else { return Ok(None) };
        let (mut from, mut to) = (None, None);
        for _ in 0..self.level {
            let inner = pager.inner(&kid)?;
            let index = match seek {
                Seek::Last => inner.kids.len() - 1,
                Seek::Of(key) => inner.child(key, false),
                Seek::Before(key) => inner.child(key, true),
            };
            if index > 0 {
                from = inner.sep(index).map(Box::from);
            }
            to = inner.sep(index + 1).map(Box::from).or(to);
            kid = inner.kids[index];
        }
        Ok(Some(Found { leaf: pager.leaf(&kid, keep), from, to }))
    }

    /// Hands every leaf to `visit` in order, with how many items it holds; a leaf or node that cannot be read as its error.
    pub(crate) fn walk(&self, pager: &mut Pager, visit: &mut Visit<'_>) -> Result<()> {
        self.root.map_or(Ok(()), |root| walk(pager, &root, self.level, visit))
    }
}

/// Looks keys up that come in order, in a tree that stays as it is: a leaf is found once for all of its keys.
#[derive(Debug, Default)]
pub(crate) struct Ahead(Option<Found>);

impl Ahead {
    /// As [`Tree::get`].
    pub(crate) fn get(
        &mut self,
        tree: &Tree,
        pager: &mut impl Pages,
        key: &[u8],
    ) -> Result<Option<(Arc<Leaf>, usize)>> {
        let is_in = |found: &Found| found.to.as_deref().is_none_or(|to| key < to);
        let found = match self.0.take().filter(is_in) {
            Some(found) => found,
            None => match tree.find(pager, Seek::Of(key), true)? {
                Some(found) => found,
                None => return Ok(None),
            },
        };
        let Found { leaf, from, to } = found;
        let leaf = leaf?;
        let place = leaf.search(key).ok().map(|index| (Arc::clone(&leaf), index));
        self.0 = Some(Found { leaf: Ok(leaf), from, to });
        Ok(place)
    }
}

/// What a walk over a tree calls.
pub(crate) type Visit<'a> = dyn FnMut(&mut Pager, u64, Result<Arc<Leaf>>) -> Result<()> + 'a;

fn walk(pager: &mut Pager, kid: &Kid, level: u8, visit: &mut Visit<'_>) -> Result<()> {
    if level == 0 {
        let leaf = pager.leaf(kid, false);
        return visit(pager, kid.count, leaf);
    }
    match pager.inner(kid) {
        Ok(inner) => inner.kids.iter().try_for_each(|kid| walk(pager, kid, level - 1, visit)),
        Err(error) => visit(pager, kid.count, Err(error)),
    }
}
