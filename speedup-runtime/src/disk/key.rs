//! Keys: types whose encoded bytes sort like the values.
//!
//! | type | encoding |
//! |---|---|
//! | unsigned | big endian |
//! | signed | big endian with the sign bit flipped |
//! | floats | total order: negative ones with all bits flipped, others with the sign bit flipped |
//! | `bool`, `char` | one byte, four bytes big endian |
//! | strings, byte strings | bytes 0 and 1 become `01 01` and `01 02`, then a 0 ends it |
//! | tuples, arrays, structs | one part after the other |
//! | enums | the place of the variant, one byte, and its parts |
//! | `Option` | 0, or 1 and the value |

use super::Error;

/// The encoding half of [`Key`], also for borrowed forms such as `str`.
///
/// If `K: Borrow<Q>`, both encode equal values to the same bytes, as `String` and `str` do.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be looked up as a key on disk",
    note = "keys are integers, floats, bool, char, String, Vec<u8>, arrays, tuples and options of these, or a type with `#[derive(speedup::disk::Key)]`"
)]
pub trait EncodeKey {
    /// Appends the bytes of `self` to `out`.
    ///
    /// No encoding is a proper prefix of another, and bytes compare like values.
    fn encode_key(&self, out: &mut Vec<u8>);
}

/// A type that can be the key of a [`DiskDict`](super::DiskDict).
///
/// Structs and enums of keys get it from `#[derive(speedup::disk::Key)]`, structs without the macros from [`impl_key!`](crate::impl_key).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key on disk",
    note = "keys are integers, floats, bool, char, String, Vec<u8>, arrays, tuples and options of these, or a type with `#[derive(speedup::disk::Key)]`"
)]
pub trait Key: EncodeKey + Sized {
    /// Appends a name of the encoding to `out`; folders written under another name are refused.
    fn describe(out: &mut String);

    /// Reads one value from the front of `input`; `None` if it is not one.
    fn decode_key(input: &mut &[u8]) -> Option<Self>;

    /// What `#[derive(Key)]` calls on a field: asks for the same trait as its other calls, so that a field that is no key is
    /// reported once.
    #[doc(hidden)]
    #[inline]
    fn encode_part(part: &Self, out: &mut Vec<u8>) {
        part.encode_key(out);
    }
}

/// Decodes a whole key.
pub(crate) fn decode<K: Key>(mut bytes: &[u8]) -> Result<K, Error> {
    match K::decode_key(&mut bytes) {
        Some(key) if bytes.is_empty() => Ok(key),
        _ => Err(Error::BadKey),
    }
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*head)
}

/// `encode` maps a value to the unsigned integer that sorts like it, `decode` back.
macro_rules! fixed {
    ($($t:ty, $u:ty, $name:literal, |$v:ident| $encode:expr, |$r:ident| $decode:expr;)*) => {$(
        impl EncodeKey for $t {
            #[inline]
            fn encode_key(&self, out: &mut Vec<u8>) {
                let $v = *self;
                let raw: $u = $encode;
                out.extend_from_slice(&raw.to_be_bytes());
            }
        }
        impl Key for $t {
            fn describe(out: &mut String) {
                out.push_str($name);
            }
            #[inline]
            fn decode_key(input: &mut &[u8]) -> Option<Self> {
                let $r = <$u>::from_be_bytes(take(input)?);
                $decode
            }
        }
    )*};
}

const SIGN32: u32 = 1 << 31;
const SIGN64: u64 = 1 << 63;

fixed! {
    u8, u8, "u8", |v| v, |r| Some(r);
    u16, u16, "u16", |v| v, |r| Some(r);
    u32, u32, "u32", |v| v, |r| Some(r);
    u64, u64, "u64", |v| v, |r| Some(r);
    u128, u128, "u128", |v| v, |r| Some(r);
    usize, u64, "u64", |v| v as u64, |r| usize::try_from(r).ok();
    i8, u8, "i8", |v| v.cast_unsigned() ^ (1 << 7), |r| Some((r ^ (1 << 7)).cast_signed());
    i16, u16, "i16", |v| v.cast_unsigned() ^ (1 << 15), |r| Some((r ^ (1 << 15)).cast_signed());
    i32, u32, "i32", |v| v.cast_unsigned() ^ SIGN32, |r| Some((r ^ SIGN32).cast_signed());
    i64, u64, "i64", |v| v.cast_unsigned() ^ SIGN64, |r| Some((r ^ SIGN64).cast_signed());
    i128, u128, "i128", |v| v.cast_unsigned() ^ (1 << 127), |r| Some((r ^ (1 << 127)).cast_signed());
    isize, u64, "i64", |v| (v as i64).cast_unsigned() ^ SIGN64, |r| isize::try_from((r ^ SIGN64).cast_signed()).ok();
    f32, u32, "f32", |v| if v.to_bits() & SIGN32 == 0 { v.to_bits() | SIGN32 } else { !v.to_bits() },
        |r| Some(f32::from_bits(if r & SIGN32 == 0 { !r } else { r ^ SIGN32 }));
    f64, u64, "f64", |v| if v.to_bits() & SIGN64 == 0 { v.to_bits() | SIGN64 } else { !v.to_bits() },
        |r| Some(f64::from_bits(if r & SIGN64 == 0 { !r } else { r ^ SIGN64 }));
    bool, u8, "bool", |v| u8::from(v), |r| match r { 0 => Some(false), 1 => Some(true), _ => None };
    char, u32, "char", |v| u32::from(v), |r| char::from_u32(r);
}

/// Ends a byte string; no escaped byte is as low.
const END: u8 = 0;
/// Stands before a byte that would otherwise be `END` or `ESCAPE`.
const ESCAPE: u8 = 1;

fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    encode_start(bytes, out);
    out.push(END);
}

/// What the encodings of all byte strings that start with `bytes` start with.
pub(crate) fn encode_start(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 1);
    if bytes.iter().all(|&byte| byte > ESCAPE) {
        out.extend_from_slice(bytes);
    } else {
        for &byte in bytes {
            match byte {
                END | ESCAPE => out.extend_from_slice(&[ESCAPE, byte + 1]),
                _ => out.push(byte),
            }
        }
    }
}

fn decode_bytes(input: &mut &[u8]) -> Option<Vec<u8>> {
    let end = input.iter().position(|&byte| byte == END)?;
    let (body, rest) = (&input[..end], &input[end + 1..]);
    *input = rest;
    if !body.contains(&ESCAPE) {
        return Some(body.to_vec());
    }
    let mut out = Vec::with_capacity(body.len());
    let mut bytes = body.iter();
    while let Some(&byte) = bytes.next() {
        out.push(match byte {
            ESCAPE => match bytes.next()? {
                code @ (1 | 2) => code - 1,
                _ => return None,
            },
            _ => byte,
        });
    }
    Some(out)
}

impl EncodeKey for str {
    fn encode_key(&self, out: &mut Vec<u8>) {
        encode_bytes(self.as_bytes(), out);
    }
}

impl EncodeKey for [u8] {
    fn encode_key(&self, out: &mut Vec<u8>) {
        encode_bytes(self, out);
    }
}

macro_rules! text {
    ($($t:ty, $name:literal, |$bytes:ident| $decode:expr;)*) => {$(
        impl EncodeKey for $t {
            fn encode_key(&self, out: &mut Vec<u8>) {
                (**self).encode_key(out);
            }
        }
        impl Key for $t {
            fn describe(out: &mut String) {
                out.push_str($name);
            }
            fn decode_key(input: &mut &[u8]) -> Option<Self> {
                let $bytes = decode_bytes(input)?;
                $decode
            }
        }
    )*};
}

text! {
    String, "str", |bytes| String::from_utf8(bytes).ok();
    Box<str>, "str", |bytes| String::from_utf8(bytes).ok().map(String::into_boxed_str);
    Vec<u8>, "bytes", |bytes| Some(bytes);
    Box<[u8]>, "bytes", |bytes| Some(bytes.into_boxed_slice());
}

impl<T: EncodeKey + ?Sized> EncodeKey for &T {
    fn encode_key(&self, out: &mut Vec<u8>) {
        (**self).encode_key(out);
    }
}

impl<T: EncodeKey> EncodeKey for Option<T> {
    fn encode_key(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_some()));
        if let Some(value) = self {
            value.encode_key(out);
        }
    }
}

impl<T: Key> Key for Option<T> {
    fn describe(out: &mut String) {
        out.push('?');
        T::describe(out);
    }

    fn decode_key(input: &mut &[u8]) -> Option<Self> {
        match take::<1>(input)? {
            [0] => Some(None),
            [1] => T::decode_key(input).map(Some),
            _ => None,
        }
    }
}

impl<T: EncodeKey, const N: usize> EncodeKey for [T; N] {
    fn encode_key(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|item| item.encode_key(out));
    }
}

impl<T: Key, const N: usize> Key for [T; N] {
    fn describe(out: &mut String) {
        out.push_str(&format!("[{N}"));
        T::describe(out);
        out.push(']');
    }

    fn decode_key(input: &mut &[u8]) -> Option<Self> {
        let mut items = Vec::with_capacity(N);
        for _ in 0..N {
            items.push(T::decode_key(input)?);
        }
        items.try_into().ok()
    }
}

macro_rules! tuple {
    ($(($($part:ident . $index:tt),*))*) => {$(
        impl<$($part: EncodeKey),*> EncodeKey for ($($part,)*) {
            #[allow(unused_variables)]
            fn encode_key(&self, out: &mut Vec<u8>) {
                $(self.$index.encode_key(out);)*
            }
        }
        impl<$($part: Key),*> Key for ($($part,)*) {
            fn describe(out: &mut String) {
                out.push('(');
                $($part::describe(out); out.push(',');)*
                out.push(')');
            }
            #[allow(unused_variables)]
            fn decode_key(input: &mut &[u8]) -> Option<Self> {
                Some(($($part::decode_key(input)?,)*))
            }
        }
    )*};
}

tuple! {
    ()
    (A.0)
    (A.0, B.1)
    (A.0, B.1, C.2)
    (A.0, B.1, C.2, D.3)
    (A.0, B.1, C.2, D.3, E.4)
    (A.0, B.1, C.2, D.3, E.4, F.5)
}

/// Makes a struct of keys a [`Key`](crate::disk::Key), ordered by its fields from first to last.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), speedup_runtime::disk::Error> {
/// # let folder = tempfile::tempdir().unwrap();
/// use speedup_runtime::disk::DiskDict;
///
/// #[derive(Debug, PartialEq)]
/// struct Place { country: String, number: u32 }
/// speedup_runtime::impl_key!(Place { country: String, number: u32 });
///
/// let mut places = DiskDict::<Place, f64>::builder("places").location(folder.path()).open()?;
/// places.insert(Place { country: "it".into(), number: 7 }, 0.5)?;
/// assert_eq!(places.first()?.unwrap().0.number, 7);
/// # Ok(()) }
/// ```
#[macro_export]
macro_rules! impl_key {
    ($name:ident { $($field:ident : $type:ty),+ $(,)? }) => {
        impl $crate::disk::EncodeKey for $name {
            fn encode_key(&self, out: &mut ::std::vec::Vec<u8>) {
                $($crate::disk::EncodeKey::encode_key(&self.$field, out);)+
            }
        }
        impl $crate::disk::Key for $name {
            fn describe(out: &mut ::std::string::String) {
                out.push('{');
                $(<$type as $crate::disk::Key>::describe(out); out.push(',');)+
                out.push('}');
            }
            fn decode_key(input: &mut &[u8]) -> ::std::option::Option<Self> {
                ::std::option::Option::Some($name {
                    $($field: <$type as $crate::disk::Key>::decode_key(input)?,)+
                })
            }
        }
    };
}
