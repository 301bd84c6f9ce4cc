//! What is found in a log when it is opened.

use std::{
    fs::File,
    io::{self, BufReader, ErrorKind, Read},
};

use super::index::{Expiring, Index, Place, note, number};
use super::record::{self, Found, Kind, PREFIX, Record};

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
    let mut input = BufReader::with_capacity(1 << 18, file);
    let mut bytes = vec![0; head.len()];
    let read = fill(&mut input, &mut bytes)?;
    if bytes[..read] != *head {
        // A crash while it was made: nothing is lost.
        scan.is_damaged = !head.starts_with(&bytes[..read]) && !is_empty(&bytes[..read], &mut input)?;
        return Ok(scan);
    }
    scan.end = head.len() as u64;
    loop {
        let mut prefix = [0; PREFIX];
        let read = fill(&mut input, &mut prefix)?;
        if read < PREFIX {
            return Ok(scan);
        }
        let Some(len) = record::length(&prefix) else {
            scan.is_damaged = !is_empty(&prefix, &mut input)?;
            return Ok(scan);
        };
        bytes.clear();
        bytes.extend(prefix);
        input.by_ref().take(len as u64).read_to_end(&mut bytes)?;
        match record::read(&bytes) {
            Found::Record(record, len) => scan.note(&record, len, head.len() as u64, now),
            Found::Cut => return Ok(scan),
            Found::Damage => {
                scan.is_damaged = true;
                return Ok(scan);
            }
        }
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

/// Whether nothing but zeros is there and follows: what a power cut may leave of a file that was growing.
fn is_empty(found: &[u8], rest: &mut impl Read) -> io::Result<bool> {
    let mut block = [0; 4096];
    let mut only_zeros = found.iter().all(|byte| *byte == 0);
    while only_zeros {
        let read = fill(rest, &mut block)?;
        if read == 0 {
            break;
        }
        only_zeros = block[..read].iter().all(|byte| *byte == 0);
    }
    Ok(only_zeros)
}

/// Reads until the bytes are full or the input ends. Returns how many were read.
fn fill(input: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match input.read(&mut bytes[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
