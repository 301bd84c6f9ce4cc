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

    /// Reads bytes of the file with this number, which ends there: what lies behind the end may change.
    pub(super) fn read(&self, (file, number): (&File, u64), end: u64, at: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(len);
        if len as u64 > SIZE {
            out.resize(len, 0);
            positioned::read_exact_at(file, &mut out, at)?;
            return Ok(out);
        }
        while out.len() < len {
            let next = at + out.len() as u64;
            let (block, from) = (next / SIZE, (next % SIZE) as usize);
            let to = (from + len - out.len()).min(SIZE as usize);
            let slot = &self.slots[(block % COUNT) as usize];
            if let Some(kept) = &*lock(slot)
                && kept.of == (number, block)
                && let Some(bytes) = kept.bytes.get(from..to)
            {
                out.extend(bytes);
                continue;
            }
            let start = block * SIZE;
            let mut bytes = vec![0; SIZE.min(end.saturating_sub(start)) as usize];
            positioned::read_exact_at(file, &mut bytes, start)?;
            out.extend(bytes.get(from..to).ok_or(io::ErrorKind::UnexpectedEof)?);
            let old = lock(slot).replace(Block { of: (number, block), bytes });
            drop(old);
        }
        Ok(out)
    }
}
