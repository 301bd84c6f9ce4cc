//! An operation as it stands in the journal.

/// One operation on a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op<'a> {
    Put {
        key: &'a [u8],
        val: &'a [u8],
    },
    Remove {
        key: &'a [u8],
    },
    Push {
        val: &'a [u8],
    },
    Insert {
        at: u64,
        val: &'a [u8],
    },
    Set {
        at: u64,
        val: &'a [u8],
    },
    Cut {
        from: u64,
        to: u64,
    },
    Swap {
        a: u64,
        b: u64,
    },
    Clear,
    /// The keys from `from` on and below `to`, or all of them if that is empty.
    RemoveRange {
        from: &'a [u8],
        to: &'a [u8],
    },
    /// So many encoded parts at the end of a value.
    Append {
        key: &'a [u8],
        count: u64,
        parts: &'a [u8],
    },
    /// No operation: what follows is of the structure with this identity, from the operation with this number on. Only in a journal of several.
    Turn {
        identity: u64,
        seq: u64,
    },
}

pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(crate) fn take_number(input: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = input.split_first()?;
        *input = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_bytes<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(take_number(input)?).ok()?;
    let (bytes, rest) = input.split_at_checked(len)?;
    *input = rest;
    Some(bytes)
}

impl<'a> Op<'a> {
    /// About how many nanoseconds it takes to apply the operation when the journal is played.
    #[inline]
    pub(crate) fn cost(self) -> u64 {
        match self {
            Op::Push { val } => 150 + val.len() as u64,
            // Gathered and merged in order.
            Op::Put { val, .. } => 400 + val.len() as u64,
            Op::Remove { .. } => 400,
            Op::Append { parts, .. } => 1000 + parts.len() as u64,
            // Each goes down the tree by itself.
            Op::Insert { val, .. } | Op::Set { val, .. } => 8000 + val.len() as u64,
            Op::Cut { .. } | Op::Swap { .. } | Op::Clear | Op::RemoveRange { .. } => 8000,
            Op::Turn { .. } => 0,
        }
    }

    /// The value that the encoding ends with, if it has one.
    #[inline]
    pub(crate) fn bulk(self) -> &'a [u8] {
        match self {
            Op::Append { parts, .. } => parts,
            Op::Put { val, .. } | Op::Push { val } | Op::Insert { val, .. } | Op::Set { val, .. } => val,
            Op::Remove { .. } | Op::RemoveRange { .. } | Op::Cut { .. } | Op::Swap { .. } => &[],
            Op::Clear | Op::Turn { .. } => &[],
        }
    }

    #[inline]
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        self.encode_front(out);
        out.extend_from_slice(self.bulk());
    }

    /// Appends everything before the value.
    #[inline]
    pub(super) fn encode_front(self, out: &mut Vec<u8>) {
        match self {
            Op::Put { key, val } => {
                out.push(1);
                put_bytes(out, key);
                put_number(out, val.len() as u64);
            }
            Op::Remove { key } => {
                out.push(2);
                put_bytes(out, key);
            }
            Op::Push { val } => {
                out.push(3);
                put_number(out, val.len() as u64);
            }
            Op::Insert { at, val } => {
                out.push(4);
                put_number(out, at);
                put_number(out, val.len() as u64);
            }
            Op::Set { at, val } => {
                out.push(5);
                put_number(out, at);
                put_number(out, val.len() as u64);
            }
            Op::Cut { from, to } => {
                out.push(6);
                put_number(out, from);
                put_number(out, to);
            }
            Op::Clear => out.push(7),
            Op::Append { key, count, parts } => {
                out.push(10);
                put_bytes(out, key);
                put_number(out, count);
                put_number(out, parts.len() as u64);
            }
            Op::RemoveRange { from, to } => {
                out.push(9);
                put_bytes(out, from);
                put_bytes(out, to);
            }
            Op::Swap { a, b } => {
                out.push(8);
                put_number(out, a);
                put_number(out, b);
            }
            Op::Turn { identity, seq } => {
                out.push(11);
                put_number(out, identity);
                put_number(out, seq);
            }
        }
    }

    pub(super) fn decode(input: &mut &'a [u8]) -> Option<Self> {
        let (&what, rest) = input.split_first()?;
        *input = rest;
        Some(match what {
            1 => Op::Put { key: take_bytes(input)?, val: take_bytes(input)? },
            2 => Op::Remove { key: take_bytes(input)? },
            3 => Op::Push { val: take_bytes(input)? },
            4 => Op::Insert { at: take_number(input)?, val: take_bytes(input)? },
            5 => Op::Set { at: take_number(input)?, val: take_bytes(input)? },
            6 => Op::Cut { from: take_number(input)?, to: take_number(input)? },
            7 => Op::Clear,
            10 => Op::Append { key: take_bytes(input)?, count: take_number(input)?, parts: take_bytes(input)? },
            9 => Op::RemoveRange { from: take_bytes(input)?, to: take_bytes(input)? },
            8 => Op::Swap { a: take_number(input)?, b: take_number(input)? },
            11 => Op::Turn { identity: take_number(input)?, seq: take_number(input)? },
            _ => return None,
        })
    }
}
