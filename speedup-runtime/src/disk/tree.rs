//! The counted tree over the pages: a directory of inner nodes that finds a leaf by key or by position.
//!
//! Leaves hold items in order; every reference to a page knows how many items lie below it and when that page was written.
//! Changes come down as [`Edits`] and go up as the [`Part`]s that take the place of the page they changed.

mod edit;

use std::ops::Range;

use self::edit::{MERGED_LEAF, apply, fresh, write_inners, write_leaves};
use super::Result;
use super::inner::Kid;
use super::leaf::{Item, Leaf, Val};
use super::pager::Pager;
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
    /// A new last leaf; its keys come after all others.
    Append(&'a [Item<'a>]),
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

/// Where to look for a leaf.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seek<'a> {
    First,
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
    pub(crate) fn get(&self, pager: &mut Pager, key: &[u8]) -> Result<Option<(Arc<Leaf>, usize)>> {
        let Some(mut kid) = self.root else { return Ok(None) };
        for _ in 0..self.level {
            let inner = pager.inner(&kid)?;
            kid = inner.kids[inner.child(key, false)];
        }
        let leaf = pager.leaf(&kid, true)?;
        Ok(leaf.search(key).ok().map(|index| (leaf, index)))
    }

    /// Where a position lies: the range of its leaf, and the leaf or why it cannot be read.
    pub(crate) fn at(&self, pager: &mut Pager, at: u64, keep: bool) -> Result<Option<(Range<u64>, Result<Arc<Leaf>>)>> {
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

    /// The leaf a search leads to, without caching it.
    pub(crate) fn find(&self, pager: &mut Pager, seek: Seek<'_>) -> Result<Option<Found>> {
        let Some(mut kid) = self.root else { return Ok(None) };
        let (mut from, mut to) = (None, None);
        for _ in 0..self.level {
            let inner = pager.inner(&kid)?;
            let index = match seek {
                Seek::First => 0,
                Seek::Last => inner.kids.len() - 1,
                Seek::Of(key) => inner.child(key, false),
                Seek::Before(key) => inner.child(key, true),
            };
            if index > 0 {
                from = Some(inner.seps[index].clone());
            }
            to = inner.seps.get(index + 1).cloned().or(to);
            kid = inner.kids[index];
        }
        Ok(Some(Found { leaf: pager.leaf(&kid, false), from, to }))
    }

    /// Hands every leaf to `visit` in order, with how many items it holds; a leaf or node that cannot be read as its error.
    pub(crate) fn walk(&self, pager: &mut Pager, visit: &mut Visit<'_>) -> Result<()> {
        self.root.map_or(Ok(()), |root| walk(pager, &root, self.level, visit))
    }

    /// Applies changes.
    ///
    /// After an error the tree in memory is not usable any more; the last commit is untouched.
    pub(crate) fn edit(&mut self, pager: &mut Pager, edits: &Edits<'_>) -> Result<()> {
        let mut parts = match self.root {
            Some(root) => apply(pager, &root, Box::default(), self.level, edits)?,
            None => {
                let items: Vec<Item<'_>> = match edits {
                    Edits::Keys(edits) => edits.iter().filter_map(fresh).collect(),
                    Edits::Insert(_, val) => vec![Item { prefix: &[], suffix: &[], val: *val }],
                    Edits::Append(items) => items.to_vec(),
                    Edits::Set(..) | Edits::Cut(_) => Vec::new(),
                };
                self.level = 0;
                write_leaves(pager, None, Box::default(), &items)?
            }
        };
        while parts.len() > 1 {
            parts = write_inners(pager, None, parts);
            self.level += 1;
        }
        self.root = parts.pop().map(|part| part.kid);
        self.lower(pager)
    }

    /// Takes away roots with a single child.
    fn lower(&mut self, pager: &mut Pager) -> Result<()> {
        while let (Some(root), true) = (self.root, self.level > 0) {
            let inner = pager.inner(&root)?;
            if inner.kids.len() > 1 {
                break;
            }
            pager.free_inner(&root);
            self.root = inner.kids.first().copied();
            self.level -= 1;
        }
        if self.root.is_none() {
            self.level = 0;
        }
        Ok(())
    }

    /// Removes the last leaf and returns it; unless `any` will do, only one with room for more.
    pub(crate) fn detach_last(&mut self, pager: &mut Pager, any: bool) -> Result<Option<Arc<Leaf>>> {
        let Some(found) = self.find(pager, Seek::Last)? else { return Ok(None) };
        let leaf = found.leaf?;
        if !any && leaf.size() > MERGED_LEAF {
            return Ok(None);
        }
        // Its large values stay alive: the caller has them now.
        if let Some(root) = self.root {
            self.root = drop_last(pager, &root, self.level)?;
        }
        self.lower(pager)?;
        Ok(Some(leaf))
    }

    /// Gives back every page below.
    pub(crate) fn free(self, pager: &mut Pager) -> Result<()> {
        self.root.map_or(Ok(()), |root| free_all(pager, &root, self.level))
    }
}

/// Removes the last leaf below `kid` without freeing its values; returns what is left of `kid`.
fn drop_last(pager: &mut Pager, kid: &Kid, level: u8) -> Result<Option<Kid>> {
    if level == 0 {
        pager.free_leaf(kid);
        return Ok(None);
    }
    let mut inner = pager.take_inner(kid)?;
    let last = inner.kids.len() - 1;
    match drop_last(pager, &inner.kids[last].clone(), level - 1)? {
        Some(left) => inner.kids[last] = left,
        None => {
            inner.kids.pop();
            inner.seps.pop();
        }
    }
    if inner.kids.is_empty() {
        pager.free_inner(kid);
        return Ok(None);
    }
    Ok(Some(pager.write_inner(Some(kid), inner)))
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

fn free_all(pager: &mut Pager, kid: &Kid, level: u8) -> Result<()> {
    if level == 0 {
        // A leaf that cannot be read has no values to free.
        if let Ok(leaf) = pager.leaf(kid, false) {
            leaf.items().try_for_each(|item| pager.free_value(item.val))?;
        }
        pager.free_leaf(kid);
        return Ok(());
    }
    let inner = pager.inner(kid)?;
    inner.kids.iter().try_for_each(|kid| free_all(pager, kid, level - 1))?;
    pager.free_inner(kid);
    Ok(())
}
<<<<<<< HEAD
=======

fn fresh<'a>(edit: &KeyEdit<'a>) -> Option<Item<'a>> {
    edit.val.map(|val| Item { prefix: &[], suffix: edit.key, val })
}

/// Applies changes below `kid` and returns what takes its place, nothing if nothing is left.
fn apply(pager: &mut Pager, kid: &Kid, sep: Box<[u8]>, level: u8, edits: &Edits<'_>) -> Result<Vec<Part>> {
    if level == 0 {
        return apply_leaf(pager, kid, sep, edits);
    }
    let inner = pager.inner(kid)?;
    let mut changes = Vec::new();
    for (index, edits) in split(&inner, edits) {
        let parts = apply(pager, &inner.kids[index], inner.seps[index].clone(), level - 1, &edits)?;
        changes.push((index, parts));
    }
    drop(inner);
    let mut inner = pager.take_inner(kid)?;
    let mut small = Vec::new();
    for (index, parts) in changes.into_iter().rev() {
        small.extend(parts.iter().filter(|part| part.small).map(|part| part.kid.at));
        if let [part] = &parts[..] {
            inner.kids[index] = part.kid;
        } else {
            inner.kids.splice(index..=index, parts.iter().map(|part| part.kid));
            inner.seps.splice(index..=index, parts.into_iter().map(|part| part.sep));
        }
    }
    for at in small {
        if let Some(index) = inner.kids.iter().position(|kid| kid.at == at) {
            merge(pager, &mut inner, index, level - 1)?;
        }
    }
    if inner.kids.is_empty() {
        pager.free_inner(kid);
        return Ok(Vec::new());
    }
    if inner.weight() <= HEAVY || inner.kids.len() < 4 {
        let small = inner.weight() < HEAVY / 4;
        return Ok(vec![Part { kid: pager.write_inner(Some(kid), inner), sep, small }]);
    }
    let parts = inner.kids.into_iter().zip(inner.seps).map(|(kid, sep)| Part { kid, sep, small: false }).collect();
    let mut parts = write_inners(pager, Some(kid), parts);
    parts[0].sep = sep;
    Ok(parts)
}

/// Which children the changes concern, and what each of them is told.
fn split<'a>(inner: &Inner, edits: &Edits<'a>) -> Vec<(usize, Edits<'a>)> {
    match edits {
        Edits::Keys(edits) => {
            let mut rest = *edits;
            let mut found = Vec::new();
            while let Some(first) = rest.first() {
                let index = inner.child(first.key, false);
                let count =
                    inner.seps.get(index + 1).map_or(rest.len(), |sep| rest.partition_point(|edit| *edit.key < **sep));
                let (mine, others) = rest.split_at(count);
                found.push((index, Edits::Keys(mine)));
                rest = others;
            }
            found
        }
        Edits::Insert(at, val) => {
            let (index, first) = inner.child_at(*at);
            vec![(index, Edits::Insert(at - first, *val))]
        }
        Edits::Set(at, val) => {
            let (index, first) = inner.child_at(*at);
            vec![(index, Edits::Set(at - first, *val))]
        }
        Edits::Cut(range) => {
            let mut first = 0;
            let mut found = Vec::new();
            for (index, kid) in inner.kids.iter().enumerate() {
                let (from, to) = (range.start.max(first), range.end.min(first + kid.count));
                if from < to {
                    found.push((index, Edits::Cut(from - first..to - first)));
                }
                first += kid.count;
            }
            found
        }
        Edits::Append(items) => vec![(inner.kids.len() - 1, Edits::Append(items))],
    }
}

fn apply_leaf(pager: &mut Pager, kid: &Kid, sep: Box<[u8]>, edits: &Edits<'_>) -> Result<Vec<Part>> {
    if let Edits::Append(items) = edits {
        let mut parts = vec![Part { kid: *kid, sep, small: false }];
        let first = items.first().map(Item::key).unwrap_or_default();
        parts.extend(write_leaves(pager, None, first.into_boxed_slice(), items)?);
        return Ok(parts);
    }
    let leaf = pager.leaf(kid, false)?;
    let position = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(leaf.count());
    let mut items: Vec<Item<'_>> = Vec::with_capacity(leaf.count() + 1);
    match edits {
        Edits::Keys(edits) => merge_keys(pager, &leaf, edits, &mut items)?,
        Edits::Insert(at, val) => {
            items.extend(leaf.items());
            items.insert(position(*at), Item { prefix: &[], suffix: &[], val: *val });
        }
        Edits::Set(at, val) => {
            items.extend(leaf.items());
            if let Some(item) = items.get_mut(position(*at)) {
                pager.free_value(std::mem::replace(&mut item.val, *val))?;
            }
        }
        Edits::Cut(range) => {
            items.extend(leaf.items());
            for item in items.drain(position(range.start)..position(range.end)) {
                pager.free_value(item.val)?;
            }
        }
        Edits::Append(_) => {}
    }
    write_leaves(pager, Some(kid), sep, &items)
}

/// Merges sorted changes into the items of a leaf.
fn merge_keys<'a>(
    pager: &mut Pager,
    leaf: &'a Leaf,
    edits: &[KeyEdit<'a>],
    items: &mut Vec<Item<'a>>,
) -> Result<(), Error> {
    let mut next = 0;
    for edit in edits {
        let (upto, hit) = match leaf.search(edit.key) {
            Ok(index) => (index, true),
            Err(index) => (index, false),
        };
        items.extend((next..upto).map(|index| leaf.item(index)));
        next = upto;
        if hit {
            pager.free_value(leaf.val(upto))?;
            next += 1;
        }
        items.extend(fresh(edit));
    }
    items.extend((next..leaf.count()).map(|index| leaf.item(index)));
    Ok(())
}

/// Writes items as leaves, the first in the place of `old`.
fn write_leaves(pager: &mut Pager, old: Option<&Kid>, sep: Box<[u8]>, items: &[Item<'_>]) -> Result<Vec<Part>> {
    let mut old = old;
    let mut parts: Vec<Part> = Vec::new();
    let mut before: Option<&Item<'_>> = None;
    for run in runs(items) {
        let sep = match (before, run.first()) {
            (Some(before), Some(first)) => between(&before.key(), &first.key()),
            _ => sep.clone(),
        };
        let (kid, size) = pager.write_leaf(old.take(), run)?;
        parts.push(Part { kid, sep, small: size < SMALL_LEAF });
        before = run.last();
    }
    if let Some(old) = old {
        pager.free_leaf(old);
    }
    Ok(parts)
}

/// The shortest key that is greater than `low` and at most `high`.
fn between(low: &[u8], high: &[u8]) -> Box<[u8]> {
    high[..high.len().min(common(low, high) + 1)].into()
}

/// Writes parts as inner nodes of about equal weight, the first in the place of `old`.
fn write_inners(pager: &mut Pager, old: Option<&Kid>, parts: Vec<Part>) -> Vec<Part> {
    let weight: usize = parts.iter().map(|part| part.sep.len() + 16).sum();
    let nodes = weight.div_ceil(HEAVY).clamp(1, parts.len().div_ceil(2));
    let fill = parts.len().div_ceil(nodes);
    let mut old = old;
    let mut written = Vec::with_capacity(nodes);
    let mut parts = parts.into_iter().peekable();
    while parts.peek().is_some() {
        let mut inner = Inner::default();
        for part in parts.by_ref().take(fill) {
            inner.kids.push(part.kid);
            inner.seps.push(part.sep);
        }
        let sep = inner.seps[0].clone();
        written.push(Part { kid: pager.write_inner(old.take(), inner), sep, small: false });
    }
    written
}

/// Merges the child at `index` with a neighbour, if both fit well into one.
fn merge(pager: &mut Pager, inner: &mut Inner, index: usize, level: u8) -> Result<()> {
    for left in [index, index.wrapping_sub(1)] {
        let (Some(&a), Some(&b)) = (inner.kids.get(left), inner.kids.get(left.wrapping_add(1))) else { continue };
        let merged = if level == 0 {
            // A neighbour that cannot be read stays alone.
            let (Ok(first), Ok(second)) = (pager.leaf(&a, false), pager.leaf(&b, false)) else { continue };
            if first.size() + second.size() > MERGED_LEAF {
                continue;
            }
            let items: Vec<Item<'_>> = first.items().chain(second.items()).collect();
            let (kid, _) = pager.write_leaf(Some(&a), &items)?;
            pager.free_leaf(&b);
            kid
        } else {
            let (first, second) = (pager.inner(&a)?, pager.inner(&b)?);
            if first.weight() + second.weight() > HEAVY * 3 / 4 {
                continue;
            }
            drop((first, second));
            let (mut first, mut second) = (pager.take_inner(&a)?, pager.take_inner(&b)?);
            second.seps[0] = inner.seps[left + 1].clone();
            first.kids.append(&mut second.kids);
            first.seps.append(&mut second.seps);
            pager.free_inner(&b);
            pager.write_inner(Some(&a), first)
        };
        inner.kids[left] = merged;
        inner.kids.remove(left + 1);
        inner.seps.remove(left + 1);
        return Ok(());
    }
    Ok(())
}
>>>>>>> buffer
