//! The records of the write buffer, as bytes one after the other.

use crate::disk::leaf::Val;

/// What a record is: the two lowest bits of its second number.
pub(super) const PUT: usize = 0;
pub(super) const PUT_OUTSIDE: usize = 1;
pub(super) const REMOVE: usize = 2;
pub(super) const APPEND: usize = 3;

/// What the buffer knows about a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known<'a> {
    Put(Val<'a>),
    Removed,
    /// Something was added to what was there before.
    Append(Piece<'a>),
}

/// What was added to a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    /// The record before it, if the buffer holds one.
    pub(super) before: Option<u32>,
    /// How many bytes the whole value has at most.
    pub(crate) size: usize,
    pub(super) count: u64,
    pub(super) bytes: &'a [u8],
}

/// Appends a number, seven bits a byte.
#[inline]
pub(super) fn put_number(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// How many bytes [`put_number`] takes.
#[inline]
pub(super) fn number_len(number: usize) -> usize {
    (usize::BITS - (number | 1).leading_zeros()).div_ceil(7) as usize
}

#[inline]
fn take_number(arena: &[u8], at: &mut usize) -> usize {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = arena[*at];
        *at += 1;
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return number;
        }
    }
}

/// Reads the record at `at`: its key, and what it says.
#[inline]
pub(super) fn record(arena: &[u8], at: u32) -> (&[u8], Known<'_>) {
    let mut at = at as usize;
    let key_len = take_number(arena, &mut at);
    let val = take_number(arena, &mut at);
    let (key, rest) = arena[at..].split_at(key_len);
    let known = match val & 3 {
        REMOVE => Known::Removed,
        APPEND => {
            let (mut payload, rest) = (0, &rest[..val >> 2]);
            let before = take_number(rest, &mut payload);
            let [size, count] = [(); 2].map(|()| take_number(rest, &mut payload));
            let before = before.checked_sub(1).map(|at| at as u32);
            Known::Append(Piece { before, size, count: count as u64, bytes: &rest[payload..] })
        }
        what => Known::Put(Val { bytes: &rest[..val >> 2], outside: what == PUT_OUTSIDE }),
    };
    (key, known)
}

/// Where the record after the one at `at` starts.
pub(super) fn record_end(arena: &[u8], mut at: usize) -> usize {
    let key_len = take_number(arena, &mut at);
    let val = take_number(arena, &mut at);
    at + key_len + (val >> 2)
}

/// The first eight bytes of a key as a number that sorts like them.
#[inline]
pub(super) fn front(key: &[u8]) -> u64 {
    let mut raw = [0; 8];
    let len = key.len().min(8);
    raw[..len].copy_from_slice(&key[..len]);
    u64::from_be_bytes(raw)
}
