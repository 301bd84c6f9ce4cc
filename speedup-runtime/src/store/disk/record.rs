//! The records of a log: what is written, and what is made of bytes that are found.
//!
//! ```text
//! head   magic (8), length of the identity (4), its CRC (4), identity
//! record length of the body (4), CRC of the length (4), CRC of the body (4); body: kind (1), end (8), length of the key (4), key, value
//! ```
//!
//! Numbers are little endian. `end` is when the time to live is over, in milliseconds since 1970, or 0.

use std::{convert::Infallible, ops::Range};

/// What a log of this format begins with; another format has another file name, too.
const MAGIC: &[u8; 8] = b"speedup\x01";
/// Before the body of a record.
pub(super) const PREFIX: usize = 12;
/// Kind, end, length of the key.
const BODY: usize = 13;
/// No record is longer: a length beyond is damage.
pub(super) const LONGEST: usize = 1 << 30;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Put = 1,
    Remove = 2,
    Clear = 3,
}

/// A record, as it lies in a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) kind: Kind,
    pub(super) end: u64,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
}

/// What is found at a place of a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A record, and how many bytes it takes.
    Record(Record<'a>, usize),
    /// The log ends within a record: what a crash leaves.
    Cut,
    /// Something that was not written here.
    Damage,
}

impl Record<'_> {
    /// Whether its time is not over.
    pub(super) fn is_alive(&self, now: u64) -> bool {
        self.end == 0 || self.end > now
    }

    /// Appends the record. Returns false, and appends nothing, if it is too long.
    pub(super) fn append(&self, out: &mut Vec<u8>) -> bool {
        fn copy(part: &[u8]) -> impl FnOnce(&mut Vec<u8>) -> Result<(), Infallible> {
            move |out| {
                out.extend(part);
                Ok(())
            }
        }
        matches!(append(out, self.kind, self.end, copy(self.key), copy(self.value)), Ok(Some(_)))
    }
}

/// Appends a record whose key and value are written by these. Returns where the key is. Nothing is appended where one of them fails, nor if the record is too long: then
/// `None` is returned.
pub(super) fn append<E>(
    out: &mut Vec<u8>,
    kind: Kind,
    end: u64,
    key: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    value: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Option<Range<usize>>, E> {
    let start = out.len();
    out.extend([0; PREFIX]);
    out.push(kind as u8);
    out.extend(end.to_le_bytes());
    out.extend([0; 4]);
    let key_at = out.len();
    key(out).inspect_err(|_| out.truncate(start))?;
    let key_end = out.len();
    value(out).inspect_err(|_| out.truncate(start))?;
    let body = start + PREFIX;
    let len = out.len() - body;
    if len > LONGEST {
        out.truncate(start);
        return Ok(None);
    }
    out[key_at - 4..key_at].copy_from_slice(&((key_end - key_at) as u32).to_le_bytes());
    let prefix = (len as u32).to_le_bytes();
    let sums = [crc32fast::hash(&prefix), crc32fast::hash(&out[body..])];
    out[start..start + 4].copy_from_slice(&prefix);
    for (at, sum) in [(start + 4, sums[0]), (start + 8, sums[1])] {
        out[at..at + 4].copy_from_slice(&sum.to_le_bytes());
    }
    Ok(Some(key_at..key_end))
}

/// The length of a body, if these are the first bytes of a record.
pub(super) fn length(prefix: &[u8; PREFIX]) -> Option<usize> {
    let len = u32_at(prefix, 0) as usize;
    let is_sound = (BODY..=LONGEST).contains(&len) && crc32fast::hash(&prefix[..4]) == u32_at(prefix, 4);
    is_sound.then_some(len)
}

/// Reads the record at the front.
pub(super) fn read(bytes: &[u8]) -> Found<'_> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() else { return Found::Cut };
    let Some(len) = length(prefix) else { return Found::Damage };
    let Some(body) = rest.get(..len) else { return Found::Cut };
    read_body(prefix, body).map_or(Found::Damage, |record| Found::Record(record, PREFIX + len))
}

/// Reads the record that these bytes are: how long it is was known before, so that the checksum over its length need not tell. `None` if they are not one.
pub(super) fn read_whole(bytes: &[u8]) -> Option<Record<'_>> {
    let (prefix, body) = bytes.split_first_chunk::<PREFIX>()?;
    if u32_at(prefix, 0) as usize == body.len() { read_body(prefix, body) } else { None }
}

fn read_body<'a>(prefix: &[u8; PREFIX], body: &'a [u8]) -> Option<Record<'a>> {
    if body.len() < BODY || crc32fast::hash(body) != u32_at(prefix, 8) {
        return None;
    }
    let kind = match body[0] {
        1 => Kind::Put,
        2 => Kind::Remove,
        3 => Kind::Clear,
        _ => return None,
    };
    let end = body[1..9].try_into().map_or(0, u64::from_le_bytes);
    let (key, value) = body[BODY..].split_at_checked(u32_at(body, 9) as usize)?;
    Some(Record { kind, end, key, value })
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}

/// The head of a log.
pub(super) fn head(identity: &str) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend((identity.len() as u32).to_le_bytes());
    out.extend(crc32fast::hash(identity.as_bytes()).to_le_bytes());
    out.extend(identity.as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_and_damage_is_noticed() {
        let record = Record { kind: Kind::Put, end: 77, key: b"key", value: b"value" };
        let mut bytes = Vec::new();
        assert!(record.append(&mut bytes));
        assert_eq!(read(&bytes), Found::Record(record, bytes.len()));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert!(!matches!(read(&changed), Found::Record(..)), "byte {at}");
            // Of one whose length was known, all but the checksum over that.
            assert_eq!(read_whole(&changed).is_some(), (4..8).contains(&at), "byte {at}");
        }
        for len in 0..bytes.len() {
            assert_eq!(read(&bytes[..len]), Found::Cut, "{len} bytes");
            assert_eq!(read_whole(&bytes[..len]), None, "{len} bytes");
        }
    }

    #[test]
    fn of_a_record_that_fails_on_the_way_nothing_is_appended() {
        let good = |out: &mut Vec<u8>| {
            out.push(7);
            Ok(())
        };
        let bad = |out: &mut Vec<u8>| {
            out.push(8);
            Err("fails")
        };
        let mut bytes = b"before".to_vec();
        assert_eq!(append(&mut bytes, Kind::Put, 0, bad, good), Err("fails"));
        assert_eq!(append(&mut bytes, Kind::Put, 0, good, bad), Err("fails"));
        assert_eq!(bytes, b"before");
        let key = append(&mut bytes, Kind::Put, 0, good, good).unwrap().unwrap();
        assert_eq!(bytes[key], [7]);
        assert!(matches!(read(&bytes[6..]), Found::Record(Record { key: [7], value: [7], .. }, _)));
    }
}
