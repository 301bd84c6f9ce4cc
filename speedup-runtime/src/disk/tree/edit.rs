//! How changes come down the tree and replaced pages go up.

use super::{Edits, KeyEdit, Part};
use crate::disk::inner::{HEAVY, Inner, Kid};
use crate::disk::leaf::{Item, Leaf, Plan, common};
use crate::disk::page_file::SLOT;
use crate::disk::pager::Pager;
use crate::disk::{Error, Result};

/// Leaves below this size are merged with a neighbour where both fit well into one page.
const SMALL_LEAF: usize = 1024;
/// The largest leaf a merge may make.
pub(super) const MERGED_LEAF: usize = 3072;

pub(super) fn fresh<'a>(edit: &KeyEdit<'a>) -> Option<Item<'a>> {
    edit.val.map(|val| Item { prefix: &[], suffix: edit.key, val })
}

/// Applies changes below `kid` and returns what takes its place, nothing if nothing is left.
pub(super) fn apply(pager: &mut Pager, kid: &Kid, sep: Box<[u8]>, level: u8, edits: &Edits<'_>) -> Result<Vec<Part>> {
    if level == 0 {
        return apply_leaf(pager, kid, sep, edits);
    }
    let old = match pager.inner(kid) {
        Err(_) if takes_all(edits, kid) => {
            pager.free_inner(kid);
            return Ok(Vec::new());
        }
        old => old?,
    };
    let mut inner = Inner::with_capacity(old.kids.len() + 2);
    let (mut small, mut done) = (Vec::new(), 0);
    for (index, edits) in split(&old, edits) {
        inner.copy(&old, done..index);
        let sep = old.sep(index).unwrap_or_default().into();
        for part in apply(pager, &old.kids[index], sep, level - 1, &edits)? {
            small.extend(part.small.then_some(part.kid.at));
            inner.push(part.kid, &part.sep);
        }
        done = index + 1;
    }
    inner.copy(&old, done..old.kids.len());
    drop(old);
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
    let part = |(index, &kid)| Part { kid, sep: inner.sep(index).unwrap_or_default().into(), small: false };
    let parts = inner.kids.iter().enumerate().map(part).collect();
    let mut parts = write_inners(pager, Some(kid), parts);
    parts[0].sep = sep;
    Ok(parts)
}

/// Whether nothing below `kid` is to be left, so that it need not be readable.
fn takes_all(edits: &Edits<'_>, kid: &Kid) -> bool {
    matches!(edits, Edits::Cut(range) if range.start == 0 && range.end >= kid.count)
}

/// Which children the changes concern, and what each of them is told.
fn split<'a>(inner: &Inner, edits: &Edits<'a>) -> Vec<(usize, Edits<'a>)> {
    match edits {
        Edits::Keys(edits) => {
            let mut rest = *edits;
            let mut found = Vec::new();
            while let Some(first) = rest.first() {
                let index = inner.child(first.key, false);
                let count = inner.sep(index + 1).map_or(rest.len(), |sep| rest.partition_point(|edit| edit.key < sep));
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
        Edits::Append(items, id) => vec![(inner.kids.len() - 1, Edits::Append(items, *id))],
    }
}

fn apply_leaf(pager: &mut Pager, kid: &Kid, sep: Box<[u8]>, edits: &Edits<'_>) -> Result<Vec<Part>> {
    if let Edits::Append(items, id) = edits {
        let mut parts = vec![Part { kid: *kid, sep, small: false }];
        let first = items.first().map(Item::key).unwrap_or_default();
        parts.extend(write_leaves(pager, (None, *id), first.into_boxed_slice(), items)?);
        return Ok(parts);
    }
    let leaf = match pager.leaf(kid, false) {
        Err(_) if takes_all(edits, kid) => {
            pager.free_leaf(kid);
            return Ok(Vec::new());
        }
        leaf => leaf?,
    };
    if let Some(spliced) = splice(&leaf, edits) {
        let (kid, size) = pager.put_leaf(Some(kid), spliced)?;
        return Ok(vec![Part { kid, sep, small: size < SMALL_LEAF }]);
    }
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
        Edits::Append(..) => {}
    }
    write_leaves(pager, (Some(kid), leaf.id()), sep, &items)
}

/// The leaf after a change of one position, where that needs no decoding.
fn splice(leaf: &Leaf, edits: &Edits<'_>) -> Option<Leaf> {
    let (at, remove, val) = match edits {
        Edits::Insert(at, val) => (*at, false, Some(*val)),
        Edits::Set(at, val) => (*at, true, Some(*val)),
        Edits::Cut(range) if range.end - range.start == 1 => (range.start, true, None),
        _ => return None,
    };
    leaf.spliced(usize::try_from(at).ok()?, remove, val, SLOT)
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

/// Writes items as leaves, the first in the place of `old` and with its number.
pub(super) fn write_leaves(
    pager: &mut Pager,
    (mut old, mut id): (Option<&Kid>, u64),
    sep: Box<[u8]>,
    items: &[Item<'_>],
) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut before: Option<&Item<'_>> = None;
    for run in runs(items) {
        let sep = match (before, run.first()) {
            (Some(before), Some(first)) => between(&before.key(), &first.key()),
            _ => sep.clone(),
        };
        if parts.is_empty() && run.len() < items.len() && id != 0 {
            id = id & !0xff | u64::from((id as u8).wrapping_add(1));
        }
        let (kid, size) = pager.write_leaf(old.take(), std::mem::take(&mut id), run)?;
        parts.push(Part { kid, sep, small: size < SMALL_LEAF });
        before = run.last();
    }
    if let Some(old) = old {
        pager.free_leaf(old);
    }
    Ok(parts)
}

/// Cuts items into runs that each fill a page well: one run if they fit, otherwise runs of about equal weight.
fn runs<'s, 'a>(items: &'s [Item<'a>]) -> impl Iterator<Item = &'s [Item<'a>]> {
    let size = Plan::of(items).size();
    let pieces = if size <= SLOT { 1 } else { size.div_ceil(SLOT - SLOT / 10) };
    let total: usize = items.iter().map(Item::weight).sum();
    let (mut rest, mut weight, mut piece) = (items, 0, 0);
    std::iter::from_fn(move || {
        piece += 1;
        let limit = total * piece / pieces;
        let taken = rest.iter().take_while(|item| {
            let fits = piece == pieces || weight + item.weight() / 2 <= limit;
            weight += if fits { item.weight() } else { 0 };
            fits
        });
        let count = taken.count().max(1).min(rest.len());
        let (run, left) = rest.split_at(count);
        rest = left;
        (!run.is_empty()).then_some(run)
    })
}

/// The shortest key that is greater than `low` and at most `high`.
fn between(low: &[u8], high: &[u8]) -> Box<[u8]> {
    high[..high.len().min(common(low, high) + 1)].into()
}

/// Writes parts as inner nodes of about equal weight, the first in the place of `old`.
pub(super) fn write_inners(pager: &mut Pager, old: Option<&Kid>, parts: Vec<Part>) -> Vec<Part> {
    let weight: usize = parts.iter().map(|part| part.sep.len() + 16).sum();
    let nodes = weight.div_ceil(HEAVY).clamp(1, parts.len().div_ceil(2));
    let fill = parts.len().div_ceil(nodes);
    let mut old = old;
    let mut written = Vec::with_capacity(nodes);
    let mut parts = parts.into_iter().peekable();
    while parts.peek().is_some() {
        let mut inner = Inner::with_capacity(fill + 2);
        for part in parts.by_ref().take(fill) {
            inner.push(part.kid, &part.sep);
        }
        let sep = inner.sep(0).unwrap_or_default().into();
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
            let (kid, _) = pager.write_leaf(Some(&a), first.id(), &items)?;
            pager.free_leaf(&b);
            kid
        } else {
            let (first, second) = (pager.inner(&a)?, pager.inner(&b)?);
            if first.weight() + second.weight() > HEAVY * 3 / 4 {
                continue;
            }
            drop((first, second));
            let (mut first, second) = (pager.take_inner(&a)?, pager.take_inner(&b)?);
            if let (Some(&kid), Some(sep)) = (second.kids.first(), inner.sep(left + 1)) {
                first.push(kid, sep);
                first.copy(&second, 1..second.kids.len());
            }
            pager.free_inner(&b);
            pager.write_inner(Some(&a), first)
        };
        inner.merged(left, merged);
        return Ok(());
    }
    Ok(())
}
