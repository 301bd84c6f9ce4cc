//! Putting other items in the place of all items, as one step that a crash cannot split.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::Result;
use super::body::Body;
use super::store::Store;
use super::tail::Tail;
use super::tree::{Edits, Tree};

/// An encoded key (empty in a list) and value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// Puts the items that `next` yields, in order, in the place of all items.
///
/// After an error, and after a panic of `next`, everything is as it was.
pub(crate) fn replace<B: Body>(body: &mut B, mut next: impl FnMut(&mut B) -> Result<Option<Pair>>) -> Result<()> {
    body.checkpoint()?;
    let (mut tree, mut tail) = (Tree::default(), Tail::default());
    let made = catch_unwind(AssertUnwindSafe(|| gather(body, &mut tree, &mut tail, &mut next)));
    let store = body.store();
    if let Ok(Ok(())) = made {
        let result = switch(store, tree);
        return store.settle(result);
    }
    // What was built so far is of no use.
    let freed = discard(store, tree, &tail);
    store.touch();
    match made {
        Err(panic) => resume_unwind(panic),
        Ok(result) => result.and(freed),
    }
}

/// Builds a tree of the items that `next` yields.
fn gather<B: Body>(
    body: &mut B,
    tree: &mut Tree,
    tail: &mut Tail,
    next: &mut impl FnMut(&mut B) -> Result<Option<Pair>>,
) -> Result<()> {
    let mut place = Vec::new();
    while let Some((key, bytes)) = next(body)? {
        let store = body.store();
        let val = store.pager.place(&bytes, &mut place)?;
        if tail.is_full(&key, val) {
            add_leaf(store, tree, tail)?;
        }
        tail.insert(tail.len(), &key, val);
    }
    add_leaf(body.store(), tree, tail)
}

fn add_leaf(store: &mut Store, tree: &mut Tree, tail: &mut Tail) -> Result<()> {
    if !tail.is_empty() {
        tree.edit(&mut store.pager, &Edits::Append(&tail.items(), 0))?;
        tail.clear();
    }
    if store.pager.is_crowded() {
        store.publish_part()?;
    }
    Ok(())
}

fn discard(store: &mut Store, tree: Tree, tail: &Tail) -> Result<()> {
    (0..tail.len()).try_for_each(|index| store.pager.free_value(tail.val(index)))?;
    tree.free(&mut store.pager)
}

fn switch(store: &mut Store, tree: Tree) -> Result<()> {
    let old = std::mem::replace(&mut store.tree, tree);
    old.free(&mut store.pager)?;
    store.touch();
    store.checkpoint()
}
