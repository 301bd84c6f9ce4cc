//! Values: anything serde can write and read, encoded with postcard or, where that cannot carry a type, with MessagePack.

use std::any::type_name;
use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Error, Result};

/// A type that can be stored; implemented for every serde type that owns its data.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored on disk",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it"
)]
pub trait Value: Serialize + DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> Value for T {}

/// How values are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Postcard: small, without names; the reader must know the type.
    Compact {
        /// Every value comes back as it was, so nobody need look.
        sure: bool,
    },
    /// MessagePack with the names of fields and variants.
    Named,
}

/// Appends what it is given to a borrowed vector.
struct Appender<'a>(&'a mut Vec<u8>);

impl Appender<'_> {
    /// Makes room for more; a huge value does not get twice the room it needs.
    #[inline]
    fn make_room(&mut self, more: usize) {
        let len = self.0.len();
        if self.0.capacity() - len < more && len > 1 << 20 {
            self.0.reserve_exact(more.max(len / 8));
        }
    }
}

impl postcard::ser_flavors::Flavor for Appender<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.make_room(1);
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.make_room(bytes.len());
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Whether a type is made of the standard library's alone, whose encodings are known to come back.
fn is_standard<V>() -> bool {
    const PRIMITIVES: [&str; 18] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64", "bool",
        "char", "str", "",
    ];
    let mut words = type_name::<V>().split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    words.all(|word| {
        PRIMITIVES.contains(&word)
            || ["alloc::", "core::", "std::"].iter().any(|home| word.starts_with(home))
            || word.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether equal values of a type have equal encodings, and only they.
pub(crate) fn is_canonical<V>() -> bool {
    let name = type_name::<V>();
    let known = ["alloc::string::", "alloc::vec::", "alloc::boxed::", "core::option::", "alloc::collections::"];
    let paths = name.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).filter(|word| word.contains(':'));
    is_standard::<V>()
        && !name.contains("f32")
        && !name.contains("f64")
        && paths.into_iter().all(|path| known.iter().any(|home| path.starts_with(home)))
        && !name.contains("BinaryHeap")
}

impl Codec {
    /// Postcard for values of type `V`.
    pub(crate) fn compact<V>() -> Self {
        Codec::Compact { sure: is_standard::<V>() }
    }

    /// Appends the bytes of a part of a value, in the compact form, to `out`.
    pub(crate) fn encode_part<P: Serialize + ?Sized>(self, part: &P, out: &mut Vec<u8>) -> Result<()> {
        postcard::serialize_with_flavor(part, Appender(out)).map_err(|error| Error::codec("encoded", error))
    }

    /// Appends the bytes of `value` to `out`.
    #[inline]
    pub(crate) fn encode<V: Value>(self, value: &V, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Codec::Compact { .. } => {
                postcard::serialize_with_flavor(value, Appender(out)).map_err(|error| Error::codec("encoded", error))
            }
            Codec::Named => {
                let mut writer = rmp_serde::Serializer::new(out).with_struct_map().with_human_readable();
                value.serialize(&mut writer).map_err(|error| Error::codec("encoded", error))
            }
        }
    }

    /// Reads what `encode` wrote, all of it.
    #[inline]
    pub(crate) fn decode<V: Value>(self, bytes: &[u8]) -> Result<V> {
        let (value, rest) = match self {
            Codec::Compact { .. } => {
                postcard::take_from_bytes(bytes).map_err(|error| Error::codec("decoded", error))?
            }
            Codec::Named => {
                let mut rest = bytes;
                let mut reader = rmp_serde::Deserializer::new(&mut rest).with_human_readable();
                let value = V::deserialize(&mut reader).map_err(|error| Error::codec("decoded", error))?;
                (value, rest)
            }
        };
        if rest.is_empty() { Ok(value) } else { Err(Error::codec("decoded", Trailing(rest.len()))) }
    }

    /// Puts the bytes of `value` in the place of what `out` holds, after making sure that they are read back as they were written.
    #[inline]
    pub(crate) fn write<V: Value>(self, value: V, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        self.encode(&value, out)?;
        // Of a huge value there are two forms at a time, and not three.
        drop(value);
        if self == (Codec::Compact { sure: true }) { Ok(()) } else { self.verify::<V>(out) }
    }

    /// As [`write`](Self::write), for a value that is still needed.
    pub(crate) fn write_ref<V: Value>(self, value: &V, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        self.encode(value, out)?;
        if self == (Codec::Compact { sure: true }) { Ok(()) } else { self.verify::<V>(out) }
    }

    /// Refuses bytes that do not come back: read and written again, they must be the same.
    ///
    /// The order of a hash map may change, and a type may bring a value into another form once.
    pub(crate) fn verify<V: Value>(self, bytes: &[u8]) -> Result<()> {
        let refused = |error: Error| Error::unfit::<V>(&error.to_string());
        let value: V = self.decode(bytes).map_err(refused)?;
        let mut probe = Probe { wanted: bytes, at: 0, same: true, sum: 0 };
        self.write_to(&value, &mut probe).map_err(refused)?;
        if probe.is_alike() {
            return Ok(());
        }
        let mut again = Vec::new();
        self.encode(&value, &mut again).map_err(refused)?;
        drop(value);
        let value: V = self.decode(&again).map_err(refused)?;
        let mut probe = Probe { wanted: &again, at: 0, same: true, sum: 0 };
        self.write_to(&value, &mut probe).map_err(refused)?;
        if probe.is_alike() { Ok(()) } else { Err(Error::unfit::<V>("another value would be read")) }
    }

    fn write_to<V: Value>(self, value: &V, probe: &mut Probe<'_>) -> Result<()> {
        match self {
            Codec::Compact { .. } => {
                postcard::serialize_with_flavor(value, probe).map_err(|error| Error::codec("encoded", error))
            }
            Codec::Named => {
                let mut writer = rmp_serde::Serializer::new(probe).with_struct_map().with_human_readable();
                value.serialize(&mut writer).map_err(|error| Error::codec("encoded", error))
            }
        }
    }
}

/// Compares what is written with what was expected, without keeping it.
struct Probe<'a> {
    wanted: &'a [u8],
    at: usize,
    same: bool,
    sum: u64,
}

impl Probe<'_> {
    fn push(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        self.same &= self.wanted.get(self.at..end) == Some(bytes);
        self.sum += bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        self.at = end;
    }

    /// Whether it was the same but for the order of its parts.
    fn is_alike(&self) -> bool {
        let sum = || self.wanted.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        self.at == self.wanted.len() && (self.same || self.sum == sum())
    }
}

impl postcard::ser_flavors::Flavor for &mut Probe<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.push(&[byte]);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.push(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

impl io::Write for Probe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// More bytes than the value took.
#[derive(Debug, thiserror::Error)]
#[error("{0} bytes are left over")]
struct Trailing(usize);

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    #[test]
    fn types_of_the_standard_library_are_known() {
        assert!(is_standard::<Vec<(u32, String)>>() && is_standard::<HashMap<Box<str>, [Option<f64>; 3]>>());
        assert!(!is_standard::<Codec>() && !is_standard::<Vec<Codec>>());
        assert!(is_canonical::<BTreeMap<String, Vec<Option<(u8, i32)>>>>() && is_canonical::<u64>());
        assert!(!is_canonical::<f64>() && !is_canonical::<HashMap<u8, u8>>() && !is_canonical::<Vec<f32>>());
    }
}
