//! Changing a tree: the root, and what hangs on it.

use super::edit::{MERGED_LEAF, apply, fresh, write_inners, write_leaves};
use super::{Edits, Seek, Tree};
use crate::disk::Result;
use crate::disk::inner::Kid;
use crate::disk::leaf::{Item, Leaf};
use crate::disk::pager::Pager;
use crate::sync::Arc;

impl Tree {
    /// Applies changes.
    ///
    /// After an error the tree in memory is not usable any more; the last commit is untouched.
    pub(crate) fn edit(&mut self, pager: &mut Pager, edits: &Edits<'_>) -> Result<()> {
        let mut parts = match self.root {
            Some(root) => apply(pager, &root, Box::default(), self.level, edits)?,
            None => {
                let id = if let Edits::Append(_, id) = edits { *id } else { 0 };
                let items: Vec<Item<'_>> = match edits {
                    Edits::Keys(edits) => edits.iter().filter_map(fresh).collect(),
                    Edits::Insert(_, val) => vec![Item { prefix: &[], suffix: &[], val: *val }],
                    Edits::Append(items, _) => items.to_vec(),
                    Edits::Set(..) | Edits::Cut(_) => Vec::new(),
                };
                self.level = 0;
                write_leaves(pager, (None, id), Box::default(), &items)?
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
        let Some(found) = self.find(pager, Seek::Last, false)? else { return Ok(None) };
        let leaf = match found.leaf {
            Ok(leaf) if any || leaf.size() <= MERGED_LEAF => leaf,
            Err(error) if any => return Err(error),
            // One that cannot be read stays where it is; what is added comes after it.
            _ => return Ok(None),
        };
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
            inner.pop();
        }
    }
    if inner.kids.is_empty() {
        pager.free_inner(kid);
        return Ok(None);
    }
    Ok(Some(pager.write_inner(Some(kid), inner)))
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
    // What lies below a node that cannot be read takes its space until the structure is compacted.
    if let Ok(inner) = pager.inner(kid) {
        inner.kids.iter().try_for_each(|kid| free_all(pager, kid, level - 1))?;
    }
    pager.free_inner(kid);
    Ok(())
}
