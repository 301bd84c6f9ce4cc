//! What many keys of a dict start with.

use super::EncodeKey;
use super::key::encode_start;

/// What keys of type `K` may start with: a part of a text or of bytes, or the first parts of a tuple.
///
/// Used by [`DiskDict::prefix`](super::DiskDict::prefix).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no prefix of a key `{K}`",
    note = "prefixes are `str` for texts, `[u8]` for bytes, and tuples of the first parts of a tuple"
)]
pub trait KeyPrefix<K> {
    /// Appends the bytes that the keys start with.
    fn encode_prefix(&self, out: &mut Vec<u8>);
}

macro_rules! texts {
    ($($key:ty, $prefix:ty;)*) => {$(
        impl KeyPrefix<$key> for $prefix {
            fn encode_prefix(&self, out: &mut Vec<u8>) {
                encode_start(self.as_ref(), out);
            }
        }
    )*};
}

texts! {
    String, str;
    String, String;
    Box<str>, str;
    Vec<u8>, [u8];
    Vec<u8>, Vec<u8>;
    Box<[u8]>, [u8];
}

impl<K, P: KeyPrefix<K> + ?Sized> KeyPrefix<K> for &P {
    fn encode_prefix(&self, out: &mut Vec<u8>) {
        (**self).encode_prefix(out);
    }
}

/// A part of a tuple, or what it is borrowed as.
pub trait PartOf<K>: EncodeKey {}

impl<K: EncodeKey> PartOf<K> for K {}
impl PartOf<String> for &str {}
impl PartOf<Vec<u8>> for &[u8] {}

macro_rules! tuples {
    ($(($($part:ident $borrowed:ident $index:tt),+) ($($rest:ident),+);)*) => {$(
        impl<$($part, $borrowed: PartOf<$part>,)+ $($rest),+> KeyPrefix<($($part,)+ $($rest,)+)> for ($($borrowed,)+) {
            fn encode_prefix(&self, out: &mut Vec<u8>) {
                $(self.$index.encode_key(out);)+
            }
        }
    )*};
}

tuples! {
    (A P 0) (B);
    (A P 0) (B, C);
    (A P 0) (B, C, D);
    (A P 0) (B, C, D, E);
    (A P 0) (B, C, D, E, F);
    (A P 0, B Q 1) (C);
    (A P 0, B Q 1) (C, D);
    (A P 0, B Q 1) (C, D, E);
    (A P 0, B Q 1) (C, D, E, F);
    (A P 0, B Q 1, C R 2) (D);
    (A P 0, B Q 1, C R 2) (D, E);
    (A P 0, B Q 1, C R 2) (D, E, F);
    (A P 0, B Q 1, C R 2, D S 3) (E);
    (A P 0, B Q 1, C R 2, D S 3) (E, F);
    (A P 0, B Q 1, C R 2, D S 3, E T 4) (F);
}

/// The smallest string of bytes after all that start with `prefix`; `None` if there is none.
pub(crate) fn end_of(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if last < u8::MAX {
            prefix.push(last + 1);
            return Some(prefix);
        }
    }
    None
}
