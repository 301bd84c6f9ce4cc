//! What is found in a log when it is opened.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
};

use super::index::{Expiring, Index, Place, note, number};
use super::record::{self, Kind, PREFIX, Record};

/// So many bytes are read at once, unless a record is longer.
const AT_ONCE: usize = 1 << 16;

/// What lies in a file.
#[derive(Default)]
pub(super) struct Scan {
    pub(super) index: Index,
    /// Where the last whole record ends; 0 where there is not even a head.
    pub(super) end: u64,
    pub(super) garbage: u64,
    pub(super) expiring: Expiring,
    /// Something follows that was not written here.
    pub(super) is_damaged: bool,
}

/// Reads a log from its beginning. One that is cut ends before its last record.
pub(super) fn scan(file: &File, head: &[u8], now: u64) -> io::Result<Scan> {
    let mut scan = Scan::default();
    let mut input = Input { file, bytes: Vec::new(), from: 0, to: 0 };
    let found = input.front(head.len())?;
    if found.get(..head.len()) != Some(head) {
        // A crash while it was made: nothing is lost.
        scan.is_damaged = !head.starts_with(found) && !input.is_empty()?;
        return Ok(scan);
    }
    input.pass(head.len());
    scan.end = head.len() as u64;
    loop {
        let Some(prefix) = input.front(PREFIX)?.first_chunk() else { return Ok(scan) };
        let Some(len) = record::length(prefix) else {
            scan.is_damaged = !input.is_empty()?;
            return Ok(scan);
        };
        let len = PREFIX + len;
        let Some(bytes) = input.front(len)?.get(..len) else { return Ok(scan) };
        let Some(record) = record::read_whole(bytes) else {
            scan.is_damaged = true;
            return Ok(scan);
        };
        scan.note(&record, len, head.len() as u64, now);
        input.pass(len);
    }
}

impl Scan {
    fn note(&mut self, record: &Record<'_>, len: usize, head: u64, now: u64) {
        let place = Place { at: self.end, len: len as u32 };
        self.end += len as u64;
        // One whose time is over takes the one before it along.
        let kind = if record.is_alive(now) { record.kind } else { Kind::Remove };
        note(&mut self.index, kind, number(record.key), place, &mut self.garbage);
        match kind {
            Kind::Put => self.expiring.add(record.end, len),
            Kind::Remove => {}
            Kind::Clear => self.garbage = self.end - head,
        }
    }
}

/// A file that is gone through, with what was read of it ahead.
struct Input<R> {
    file: R,
    bytes: Vec<u8>,
    /// What was read and not passed.
    from: usize,
    to: usize,
}

impl<R: Read> Input<R> {
    /// What comes next: so many bytes or more, fewer only where the file ends.
    fn front(&mut self, len: usize) -> io::Result<&[u8]> {
        while self.to - self.from < len {
            if self.to == self.bytes.len() {
                self.make_room();
            }
            match self.file.read(&mut self.bytes[self.to..]) {
                Ok(0) => break,
                Ok(read) => self.to += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&self.bytes[self.from..self.to])
    }

    /// Makes room behind what was read: where that is all there is, there is twice as much afterwards. A length that was never written does not ask for more than the file has.
    fn make_room(&mut self) {
        self.bytes.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        if self.to == self.bytes.len() {
            self.bytes.resize((2 * self.to).max(AT_ONCE), 0);
        }
    }

    fn pass(&mut self, len: usize) {
        self.from += len;
    }

    /// Whether nothing but zeros follows: what a power cut may leave of a file that was growing.
    fn is_empty(&mut self) -> io::Result<bool> {
        loop {
            let found = self.front(1)?;
            if found.is_empty() || found.iter().any(|byte| *byte != 0) {
                return Ok(found.is_empty());
            }
            let len = found.len();
            self.pass(len);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Few<'a>(&'a [u8]);

    impl Read for Few<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let len = self.0.len().min(out.len()).min(1_000);
            self.0.read(&mut out[..len])
        }
    }

    #[test]
    fn what_was_read_ahead_is_whole_at_each_length() {
        let all: Vec<u8> = (0..500_000_u32).map(|n| ((n * 7) >> 3) as u8).collect();
        let mut input = Input { file: Few(&all), bytes: Vec::new(), from: 0, to: 0 };
        let mut at = 0;
        for len in [1, 12, AT_ONCE - 13, AT_ONCE, 3 * AT_ONCE, 7, 2 * AT_ONCE, 99] {
            assert_eq!(input.front(len).unwrap()[..len], all[at..at + len]);
            input.pass(len);
            at += len;
        }
        assert_eq!(input.front(usize::MAX / 4).unwrap(), &all[at..], "the file ends before that");
        assert!(!input.is_empty().unwrap());
        let mut zeros = Input { file: Few(&[0; 3 * AT_ONCE]), bytes: Vec::new(), from: 0, to: 0 };
        assert_eq!(zeros.front(5).unwrap()[..5], [0; 5]);
        assert!(zeros.is_empty().unwrap());
    }
}
