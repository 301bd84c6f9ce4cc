//! Operations of one structure, taken out of a journal of several.

use std::collections::VecDeque;

use super::{FRAME, Frame, GATHER, Op};

/// Operations as frames of their own, which need no numbers and no sums.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    frames: VecDeque<Vec<u8>>,
    /// How long the last frame is, and which operation may follow in it without being named.
    last: usize,
    next: Option<u64>,
    size: usize,
}

impl Gathered {
    /// Adds operation `seq` of the structure `of`, which is `raw`, or only counts it; returns how much longer all of it is.
    pub(crate) fn add(&mut self, of: u64, seq: u64, raw: &[u8], keep: bool) -> usize {
        let before = self.size;
        if self.last == 0 || self.last + raw.len() > GATHER {
            if keep {
                self.frames.push_back(vec![0; FRAME]);
            }
            (self.last, self.next) = (FRAME, None);
            self.size += FRAME;
        }
        let mut name = Vec::new();
        if self.next != Some(seq) {
            Op::Turn { identity: of, seq }.encode(&mut name);
        }
        if let Some(frame) = self.frames.back_mut().filter(|_| keep) {
            frame.extend_from_slice(&name);
            frame.extend_from_slice(raw);
        }
        let len = name.len() + raw.len();
        (self.last, self.next) = (self.last + len, seq.checked_add(1));
        self.size += len;
        self.size - before
    }

    /// How many bytes all of it has, there or not.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// From here on it is only counted.
    pub(crate) fn give_back(&mut self) {
        self.frames = VecDeque::new();
    }

    pub(super) fn next_frame(&mut self, of: u64) -> Option<Frame> {
        self.frames.pop_front().map(|bytes| Frame { first: 0, bytes, of: Some(of) })
    }
}

#[cfg(test)]
thread_local! {
    static READ: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
pub(super) fn count_read(len: usize) {
    READ.set(READ.get() + len as u64);
}

/// How many bytes of journals this thread has read.
#[cfg(test)]
pub(crate) fn bytes_read() -> u64 {
    READ.get()
}
