//! What was read of a log lately, so that not each look-up is a call of the system: results of one run lie near each other.

use std::{fs::File, io};

use super::positioned;
use crate::sync::global::{Mutex, lock};

/// Bytes a block.
const SIZE: u64 = 1 << 14;
/// Blocks that are kept; each has one place where it can be.
const COUNT: u64 = 256;

/// Blocks of a log, 4 MiB at most.
pub(super) struct Blocks {
    slots: Box<[Mutex<Option<Block>>]>,
}

struct Block {
    /// The number of the file, and that of the block in it.
    of: (u64, u64),
    /// Fewer than [`SIZE`] at the end of the log as it was when they were read.
    bytes: Vec<u8>,
}

impl Blocks {
    pub(super) fn new() -> Self {
        Blocks { slots: (0..COUNT).map(|_| Mutex::new(None)).collect() }
    }

    /// Appends bytes of the file with this number to `out`, if all of them are kept. Returns false, and appends none, if not.
    pub(super) fn find(&self, number: u64, at: u64, len: usize, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        if len as u64 > SIZE {
            return false;
        }
        while out.len() < start + len {
            let part = Part::of(at, len, out.len() - start);
            if !self.copy(number, &part, out) {
                out.truncate(start);
                return false;
            }
        }
        true
    }

    /// Appends bytes of the file with this number, which ends there: what lies behind the end may change.
    pub(super) fn read(
        &self,
        (file, number): (&File, u64),
        end: u64,
        at: u64,
        len: usize,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let start = out.len();
        if len as u64 > SIZE {
            out.resize(start + len, 0);
            return positioned::read_exact_at(file, &mut out[start..], at);
        }
        while out.len() < start + len {
            let part = Part::of(at, len, out.len() - start);
            if self.copy(number, &part, out) {
                continue;
            }
            let first = part.block * SIZE;
            let mut bytes = vec![0; SIZE.min(end.saturating_sub(first)) as usize];
            positioned::read_exact_at(file, &mut bytes, first)?;
            out.extend(bytes.get(part.from..part.to).ok_or(io::ErrorKind::UnexpectedEof)?);
            let old = lock(self.slot(part.block)).replace(Block { of: (number, part.block), bytes });
            drop(old);
        }
        Ok(())
    }

    fn slot(&self, block: u64) -> &Mutex<Option<Block>> {
        &self.slots[(block % COUNT) as usize]
    }

    /// Appends a part that is kept.
    fn copy(&self, number: u64, part: &Part, out: &mut Vec<u8>) -> bool {
        let kept = lock(self.slot(part.block));
        let block = kept.as_ref().filter(|kept| kept.of == (number, part.block));
        let bytes = block.and_then(|block| block.bytes.get(part.from..part.to));
        bytes.inspect(|bytes| out.extend_from_slice(bytes)).is_some()
    }
}

/// What lies in one block.
struct Part {
    block: u64,
    from: usize,
    to: usize,
}

impl Part {
    /// The next part of so many bytes at a place, of which some are there already.
    fn of(at: u64, len: usize, there: usize) -> Self {
        let next = at + there as u64;
        let from = (next % SIZE) as usize;
        Part { block: next / SIZE, from, to: (from + len - there).min(SIZE as usize) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_found_and_nothing_else() {
        let file = tempfile::tempfile().unwrap();
        let all: Vec<u8> = (0..3 * SIZE as u32).map(|n| (n >> 3) as u8).collect();
        positioned::write_all_at(&file, &all, 0).unwrap();
        let (blocks, end) = (Blocks::new(), 2 * SIZE + 100);
        let found = |number, at, len| {
            let mut out = b"key".to_vec();
            let is_there = blocks.find(number, at, len, &mut out);
            assert!(out.starts_with(b"key") && out.len() == 3 + if is_there { len } else { 0 });
            is_there.then(|| out.split_off(3))
        };
        // Within a block, and from one to the next.
        for at in [10, SIZE - 20, 2 * SIZE - 1] {
            let (from, len) = (at as usize, 50);
            let mut out = b"key".to_vec();
            blocks.read((&file, 1), end, at, len, &mut out).unwrap();
            assert_eq!(out[3..], all[from..from + len]);
            assert_eq!(found(1, at, len).unwrap(), all[from..from + len]);
            assert_eq!(found(2, at, len), None, "another file");
        }
        assert_eq!(found(1, end - 10, 20), None, "behind the end as it was");
        let long = SIZE as usize + 1;
        assert_eq!(found(1, 0, long), None, "long ones are not kept");
        let mut out = b"key".to_vec();
        blocks.read((&file, 1), 3 * SIZE, 7, long, &mut out).unwrap();
        assert_eq!(out[3..], all[7..7 + long]);
        assert!(blocks.read((&file, 1), end, end - 10, 20, &mut Vec::new()).is_err());
    }
}
