//! Changes of many entries of a dict as one step, over encoded keys and values.

use super::ordered::{Run, Span};
use super::state::{DictState, Step};
use crate::disk::journal::Op;
use crate::disk::rebuild::{self, Pair};
use crate::disk::tree::Edits;
use crate::disk::{Error, Result};

/// How many bytes of changes go through the journal as one frame; for more, the dict is written anew.
pub(super) const FEW: usize = 32 << 10;

/// An encoded key with its new value, or none if it is to go.
pub(super) type Change = (Vec<u8>, Option<Vec<u8>>);

/// Reads a span from its start.
pub(super) struct Cursor {
    span: Span,
    run: Option<Run>,
}

impl Cursor {
    pub(super) fn new(span: Span) -> Self {
        Cursor { span, run: None }
    }

    /// The next entry.
    pub(super) fn next(&mut self, state: &mut DictState) -> Result<Option<Pair>> {
        loop {
            if let Some(run) = self.run.as_mut().filter(|run| run.from < run.to) {
                run.from += 1;
                let index = run.from - 1;
                return Ok(Some((run.leaf.item(index).key(), state.value(run.leaf.val(index))?)));
            }
            match state.slice(&mut self.span, true, usize::MAX)?.transpose()? {
                Some(run) => self.run = Some(run),
                None => return Ok(None),
            }
        }
    }
}

impl DictState {
    /// Applies a few changes, [`FEW`] bytes in all, as one step.
    pub(super) fn apply_few(&mut self, changes: &[Change]) -> Result<()> {
        let steps: Vec<Step<'_>> = changes.iter().map(|(key, value)| (&**key, value.as_deref())).collect();
        self.batch(&steps)
    }

    /// Puts the entries that `next` yields, in order of their keys, in the place of all entries, as one step.
    pub(super) fn replace(&mut self, next: impl FnMut(&mut Self) -> Result<Option<Pair>>) -> Result<()> {
        rebuild::replace(self, next)?;
        self.renewed();
        Ok(())
    }

    /// Removes the entries of a span, as one step; returns how many there were.
    pub(super) fn remove_span(&mut self, span: &Span) -> Result<u64> {
        self.gather()?;
        if span.is_empty() {
            return Ok(0);
        }
        // The pages at both ends are read before the operation is noted.
        let store = &mut self.store;
        let from = store.tree.rank(&mut store.pager, &span.low)?;
        let to = match &span.high {
            Some(high) => store.tree.rank(&mut store.pager, high)?,
            None => store.tree.len(),
        };
        if from < to {
            let result = self.apply_remove_span(span, from..to);
            self.store.settle(result)?;
        }
        Ok(to.saturating_sub(from))
    }

    fn apply_remove_span(&mut self, span: &Span, range: std::ops::Range<u64>) -> Result<()> {
        let store = &mut self.store;
        store.note(Op::RemoveRange { from: &span.low, to: span.high.as_deref().unwrap_or_default() })?;
        store.tree.edit(&mut store.pager, &Edits::Cut(range))?;
        self.count();
        self.keep_bounded()
    }

    /// Applies an operation of the journal that is neither of one entry nor of all.
    pub(super) fn redo_rare(&mut self, op: Op<'_>) -> Result<()> {
        match op {
            Op::RemoveRange { from, to } => {
                let high = (!to.is_empty()).then(|| to.to_vec());
                self.remove_span(&Span { low: from.to_vec(), high }).map(drop)
            }
            Op::Append { key, count, parts } => self.append(key, count, parts),
            _ => Err(Error::damaged(self.store.folder(), "its journal holds operations of a list")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::body::Body;
    use crate::disk::testing::open_dict;

    #[test]
    fn a_few_changes_of_which_one_cannot_be_made_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = open_dict(folder.path());
        for n in 0..2000_u32 {
            state.put_blind(&n.to_be_bytes(), format!("value {n:04}").as_bytes()).unwrap();
        }
        state.checkpoint().unwrap();
        drop(state);
        let pages = folder.path().join("d.speedup/pages.0");
        let mut bytes = std::fs::read(&pages).unwrap();
        let at = bytes.windows(10).rposition(|bytes| bytes == b"value 1500").unwrap();
        bytes[at] ^= 1;
        std::fs::write(&pages, bytes).unwrap();
        let key = |n: u32| n.to_be_bytes().to_vec();
        let first = |state: &mut DictState| state.with(&key(1), |bytes| Ok(bytes.to_vec())).unwrap();
        let mut state = open_dict(folder.path());
        let changes = [(key(1), Some(b"new".to_vec())), (key(2), None), (key(1500), None)];
        assert!(matches!(state.apply_few(&changes), Err(Error::Damaged { .. })));
        assert_eq!((first(&mut state), state.len()), (Some(b"value 0001".to_vec()), 2000));
        state.store().write_journal().unwrap();
        drop(state);
        let mut state = open_dict(folder.path());
        assert_eq!((first(&mut state), state.len()), (Some(b"value 0001".to_vec()), 2000));
    }
}
