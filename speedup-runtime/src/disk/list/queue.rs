//! Taking items from the front of a list, a leaf at a time, and turning it over.

use super::front::Front;
use super::state::ListState;
use crate::disk::Result;
use crate::disk::joint::Step;
use crate::disk::journal::Op;
use crate::disk::tree::Edits;

/// How many bytes of items are moved as operations of the journal; more are moved by writing the list anew.
const FEW: usize = 32 << 10;

impl ListState {
    /// Takes the first item out, and returns what `found` makes of it; nothing changes if that fails.
    pub(crate) fn pop_front<R>(&mut self, found: impl FnOnce(&[u8]) -> Result<R>) -> Result<Option<R>> {
        let store = &mut self.store;
        if store.tree.len() == 0 {
            let first = self.with(0, found)?;
            if first.is_some() {
                self.cut(0..1)?;
            }
            return Ok(first);
        }
        let leaf = match &self.front.leaf {
            Some(leaf) => leaf,
            None => {
                let Some((_, leaf)) = store.tree.at(&mut store.pager, 0, true)? else { return Ok(None) };
                self.front.leaf.insert(leaf?)
            }
        };
        let first = store.pager.with_value(leaf.val(self.front.gone as usize), found)?;
        let result = self.apply_pop_front();
        self.store.settle(result)?;
        Ok(Some(first))
    }

    fn apply_pop_front(&mut self) -> Result<()> {
        self.store.note(Op::Cut { from: 0, to: 1 })?;
        self.front.gone += 1;
        if self.front.leaf.as_ref().is_some_and(|leaf| self.front.gone >= leaf.count() as u64) {
            self.settle_front()?;
        }
        self.keep_bounded()
    }

    /// Cuts off what is gone.
    pub(super) fn settle_front(&mut self) -> Result<()> {
        let Front { gone, .. } = std::mem::take(&mut self.front);
        if gone > 0 {
            let store = &mut self.store;
            store.tree.edit(&mut store.pager, &Edits::Cut(0..gone))?;
        }
        Ok(())
    }

    /// Moves the first `count` items to the end, as one step.
    pub(crate) fn rotate(&mut self, count: u64) -> Result<()> {
        let len = self.len();
        if count == 0 || count == len {
            return Ok(());
        }
        let (from_front, moved) = if count <= len / 2 { (true, 0..count) } else { (false, count..len) };
        let mut items = Vec::new();
        let mut bytes = 0;
        for at in moved {
            let Some(item) = self.with(at, |bytes| Ok(bytes.to_vec()))? else { break };
            bytes += item.len() + 32;
            items.push(item);
            if bytes > FEW {
                drop(items);
                let order = (count..len).chain(0..count);
                return self.rearrange(order);
            }
        }
        let steps: Vec<Step> = if from_front {
            items.into_iter().map(Step::Push).chain([Step::Cut(0, count)]).collect()
        } else {
            [Step::Cut(count, len)]
                .into_iter()
                .chain(items.into_iter().rev().map(|item| Step::Insert(0, item)))
                .collect()
        };
        self.batch(&steps)
    }

    /// Puts the items into another order, as one step.
    fn rearrange(&mut self, mut order: impl Iterator<Item = u64>) -> Result<()> {
        self.replace(|state| match order.next() {
            Some(at) => state.with(at, |bytes| Ok(bytes.to_vec())),
            None => Ok(None),
        })
    }
}
