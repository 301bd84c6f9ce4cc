//! The records of a log: what is written, and what is made of bytes that are found.
//!
//! ```text
//! head   magic (8), length of the identity (4), its CRC (4), identity
//! record length of the body (4), CRC of the length (4), CRC of the body (4); body: kind (1), end (8), length of the key (4), key, value
//! ```
//!
//! Numbers are little endian. `end` is when the time to live is over, in milliseconds since 1970, or 0.

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
        let len = BODY + self.key.len() + self.value.len();
        if len > LONGEST {
            return false;
        }
        let start = out.len();
        out.reserve(PREFIX + len);
        let prefix = (len as u32).to_le_bytes();
        out.extend(prefix);
        out.extend(crc32fast::hash(&prefix).to_le_bytes());
        out.extend([0; 4]);
        out.push(self.kind as u8);
        out.extend(self.end.to_le_bytes());
        out.extend((self.key.len() as u32).to_le_bytes());
        out.extend(self.key);
        out.extend(self.value);
        let sum = crc32fast::hash(&out[start + PREFIX..]);
        out[start + 8..start + PREFIX].copy_from_slice(&sum.to_le_bytes());
        true
    }
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
    if crc32fast::hash(body) != u32_at(prefix, 8) {
        return Found::Damage;
    }
    let kind = match body[0] {
        1 => Kind::Put,
        2 => Kind::Remove,
        3 => Kind::Clear,
        _ => return Found::Damage,
    };
    let end = body[1..9].try_into().map_or(0, u64::from_le_bytes);
    let Some((key, value)) = body[BODY..].split_at_checked(u32_at(body, 9) as usize) else { return Found::Damage };
    Found::Record(Record { kind, end, key, value }, PREFIX + len)
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
        }
        for len in 0..bytes.len() {
            assert_eq!(read(&bytes[..len]), Found::Cut, "{len} bytes");
        }
    }
}
