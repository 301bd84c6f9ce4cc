//! Changes of many entries of a dict as one step, over encoded keys and values.

use super::ordered::{Run, Span};
use super::state::DictState;
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
    /// Applies a few changes, [`FEW`] bytes in all, that a crash cannot part: one frame of the journal is played whole or not at all.
    pub(super) fn apply_few(&mut self, changes: &[Change]) -> Result<()> {
        self.store.write_journal()?;
        self.held = true;
        let result = changes.iter().try_for_each(|(key, value)| match value {
            Some(value) => self.put_blind(key, value),
            None => self.remove(key, |_| Ok(())).map(drop),
        });
        self.held = false;
        result?;
        let result = self.keep_bounded();
        self.store.settle(result)
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
