//! A frame of a journal, and whose operations are in it.

use super::{FRAME, Op};
use crate::disk::Result;

/// The operations of one frame.
pub(crate) struct Frame {
    /// The number of the first, or of the frame where several structures share the journal.
    pub(crate) first: u64,
    pub(super) bytes: Vec<u8>,
    /// Whose operations are meant, where several structures share the journal.
    pub(super) of: Option<u64>,
}

impl Frame {
    /// Calls `each` for every operation that is meant; false if the bytes are no operations.
    pub(crate) fn for_each(&self, mut each: impl FnMut(u64, Op<'_>) -> Result<()>) -> Result<bool> {
        self.walk(|of, seq, op, _| if of == self.of { each(seq, op) } else { Ok(()) })
    }

    /// Calls `each` for every operation of every structure, with whose it is, its number and its bytes; false if the bytes are no operations.
    pub(crate) fn for_each_of_all(&self, mut each: impl FnMut(u64, u64, &[u8])) -> Result<bool> {
        self.walk(|of, seq, _, raw| {
            of.into_iter().for_each(|of| each(of, seq, raw));
            Ok(())
        })
    }

    fn walk(&self, mut each: impl FnMut(Option<u64>, u64, Op<'_>, &[u8]) -> Result<()>) -> Result<bool> {
        let mut body = &self.bytes[FRAME..];
        let mut seq = self.first;
        let mut turn = None;
        while !body.is_empty() {
            let from = body;
            let Some(op) = Op::decode(&mut body) else { return Ok(false) };
            if let (Op::Turn { identity, seq: next }, Some(_)) = (op, self.of) {
                (turn, seq) = (Some(identity), next);
                continue;
            }
            // In a journal of several, each operation is somebody's.
            if matches!(op, Op::Turn { .. }) || self.of.is_some() != turn.is_some() {
                return Ok(false);
            }
            each(turn, seq, op, &from[..from.len() - body.len()])?;
            // A forged frame may begin at the last number.
            seq = seq.wrapping_add(1);
        }
        Ok(true)
    }
}
