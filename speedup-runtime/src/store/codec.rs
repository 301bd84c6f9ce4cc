//! How stores write keys and values: a stable encoding of keys, a versioned one of values, and what tells both from garbage.
//!
//! Keys and values are written with postcard or, where their type must be asked what comes next (`untagged` and `tag = ..` enums, `flatten`, `serde_json::Value`), with
//! MessagePack and the names of fields. Of values a leading byte tells which. Keys that serialize alike have the same bytes, in every run and on every machine.
//!
//! What is put on a server is [sealed](seal): it is read back only if it is whole and belongs to that very key.

use std::{any::type_name, marker::PhantomData};

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::{Error, Result};
use crate::shape;

/// Values written with postcard.
const COMPACT: u8 = 1;
/// Values written with MessagePack, with names.
const NAMED: u8 = 2;

/// How the keys and values of one store are written. Made once: it looks at the types.
///
/// # Examples
/// ```
/// use speedup_runtime::store::codec::Codec;
///
/// let codec = Codec::<(u64, String), Vec<f64>>::new();
/// let bytes = codec.encode(&vec![0.5, 2.0])?;
/// assert_eq!(codec.decode(&bytes)?, [0.5, 2.0]);
/// assert!(codec.decode(b"garbage").is_err());
///
/// let key = codec.encode_key(&(7, "seven".to_string()))?;
/// assert_eq!(codec.decode_key(&key)?, (7, "seven".to_string()));
/// # Ok::<(), speedup_runtime::store::Error>(())
/// ```
#[derive(Debug)]
pub struct Codec<K, V> {
    named: bool,
    named_keys: bool,
    /// Whether values are of the standard library's types alone.
    is_plain: bool,
    /// A number of the shapes of both types.
    fingerprint: u64,
    types: PhantomData<fn(K) -> V>,
}

impl<K, V> Clone for Codec<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Codec<K, V> {}

impl<K: Serialize + DeserializeOwned, V: Serialize + DeserializeOwned> Default for Codec<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Serialize + DeserializeOwned, V: Serialize + DeserializeOwned> Codec<K, V> {
    /// The codec of these types.
    #[must_use]
    pub fn new() -> Self {
        let (key, value) = (shape::of::<K>(), shape::of::<V>());
        let mut hash = Sha256::new();
        for part in [key.encode(), value.encode()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        if key.asks.is_some() {
            // Earlier versions wrote them in another way.
            hash.update(b"named keys");
        }
        let (named, named_keys) = (value.asks.is_some(), key.asks.is_some());
        let fingerprint = u64::from_le_bytes(first(&hash.finalize()));
        Codec { named, named_keys, is_plain: is_plain(type_name::<V>()), fingerprint, types: PhantomData }
    }

    /// A number of both types: of what their `Deserialize` asks for, not of their names. What was written under another one is not read.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The bytes of a key, the same in every run.
    ///
    /// # Errors
    /// [`Error::Unfit`] if serde cannot write it.
    pub fn encode_key(&self, key: &K) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.append_key(key, &mut out)?;
        Ok(out)
    }

    /// As [`encode_key`](Self::encode_key), written to the end of `out`; nothing is where it fails.
    pub(super) fn append_key(&self, key: &K, out: &mut Vec<u8>) -> Result<()> {
        write(key, self.named_keys, out)
    }

    /// The key of these bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`] if they are not the bytes of one.
    pub fn decode_key(&self, bytes: &[u8]) -> Result<K> {
        read(bytes, self.named_keys)
    }

    /// The bytes of a value.
    ///
    /// They are read back and written again before they are returned, unless the type is the standard library's alone: serde's attributes can make values that read
    /// as others.
    ///
    /// # Errors
    /// [`Error::Unfit`] if it cannot be written, or would be read as another one.
    pub fn encode(&self, value: &V) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.append(value, &mut out)?;
        Ok(out)
    }

    /// As [`encode`](Self::encode), written to the end of `out`; nothing is where it fails.
    pub(super) fn append(&self, value: &V, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        self.write(value, out)?;
        if self.is_plain {
            return Ok(());
        }
        let mut again = Vec::new();
        let read = self.decode(&out[start..]).and_then(|value| self.write(&value, &mut again));
        let checked = match read {
            Ok(()) if is_alike(&out[start..], &again) => return Ok(()),
            Ok(()) => unfit::<V>("another value would be read"),
            Err(error) => unfit::<V>(error),
        };
        out.truncate(start);
        Err(checked)
    }

    fn write(&self, value: &V, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        out.push(if self.named { NAMED } else { COMPACT });
        write(value, self.named, out).inspect_err(|_| out.truncate(start))
    }

    /// The value of these bytes.
    ///
    /// # Errors
    /// [`Error::Damaged`] if they are not the bytes of one, or were written by a later version.
    pub fn decode(&self, bytes: &[u8]) -> Result<V> {
        match bytes.split_first() {
            Some((&COMPACT, rest)) => read(rest, false),
            Some((&NAMED, rest)) => read(rest, true),
            Some((other, _)) => Err(damaged(format!("an encoding {other} that this version does not know"))),
            None => Err(damaged("no bytes")),
        }
    }
}

/// Writes something to the end of `out`, compact or with names; nothing where it fails.
fn write<T: Serialize>(value: &T, named: bool, out: &mut Vec<u8>) -> Result<()> {
    let start = out.len();
    let written = if named {
        let mut writer = rmp_serde::Serializer::new(&mut *out).with_struct_map().with_human_readable();
        value.serialize(&mut writer).map_err(unfit::<T>)
    } else {
        postcard::to_extend(value, End(out)).map(drop).map_err(unfit::<T>)
    };
    written.inspect_err(|_| out.truncate(start))
}

/// What is written goes to the end of these bytes.
struct End<'a>(&'a mut Vec<u8>);

impl Extend<u8> for End<'_> {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        self.0.extend(bytes);
    }
}

/// Reads something that takes all of the bytes.
fn read<T: DeserializeOwned>(mut bytes: &[u8], named: bool) -> Result<T> {
    if !named {
        return whole(postcard::take_from_bytes(bytes).map_err(|error| error.to_string()));
    }
    let mut reader = rmp_serde::Deserializer::new(&mut bytes).with_human_readable();
    let value = T::deserialize(&mut reader).map_err(|error| error.to_string());
    whole(value.map(|value| (value, bytes)))
}

/// Refuses what leaves bytes over.
fn whole<T>(read: Result<(T, &[u8]), String>) -> Result<T> {
    match read {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(damaged(format!("{} bytes are left over", rest.len()))),
        Err(error) => Err(damaged(error)),
    }
}

fn damaged(reason: impl ToString) -> Error {
    Error::damaged("the store", reason)
}

fn unfit<T>(reason: impl ToString) -> Error {
    Error::Unfit { type_name: type_name::<T>(), reason: reason.to_string() }
}

/// The same bytes, but for the order of parts: that of a hash map may change.
fn is_alike(a: &[u8], b: &[u8]) -> bool {
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    a == b || (a.len() == b.len() && sum(a) == sum(b))
}

/// Whether a type is made of the standard library's alone, whose encodings are known to come back.
fn is_plain(name: &str) -> bool {
    let mut words = name.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    words.all(|word| match word.split_once("::") {
        Some((home, _)) => ["alloc", "core", "std"].contains(&home),
        None => true,
    })
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(bytes).for_each(|(out, byte)| *out = *byte);
    out
}

/// 128 bits of SHA-256.
#[must_use]
pub fn hash(bytes: &[u8]) -> [u8; 16] {
    first(&Sha256::digest(bytes))
}

/// Where a key lies on a server: a text of printable characters that is not too long.
///
/// A short key is written out, in hexadecimal; of a longer one, 128 bits of SHA-256 are. In both cases what is read there is verified to be that key's.
///
/// # Examples
/// ```
/// use speedup_runtime::store::codec::{address, open, seal};
///
/// assert_eq!(address("squares", &[7], 250), "squares:07");
/// let long = address("squares", &[7; 300], 250);
/// assert!(long.len() < 50 && long.starts_with("squares#"));
///
/// let sealed = seal(&[7], b"49");
/// assert_eq!(open(&[7], &sealed)?, b"49");
/// assert!(open(&[8], &sealed).is_err(), "another key's");
/// # Ok::<(), speedup_runtime::store::Error>(())
/// ```
#[must_use]
pub fn address(space: &str, key: &[u8], longest: usize) -> String {
    let mut text = Vec::new();
    write_address(&mut text, space, key, longest);
    // All of it is text.
    String::from_utf8(text).unwrap_or_default()
}

/// As [`address`], written to the end of `out`.
pub(super) fn write_address(out: &mut Vec<u8>, space: &str, key: &[u8], longest: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hashed;
    let (mark, shown) = if space.len() + 1 + 2 * key.len() <= longest {
        (b':', key)
    } else {
        hashed = hash(key);
        (b'#', &hashed[..])
    };
    out.reserve(space.len() + 1 + 2 * shown.len());
    out.extend_from_slice(space.as_bytes());
    out.push(mark);
    out.extend(shown.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]));
}

/// What a sealed value begins with: who wrote it, and how.
const MAGIC: [u8; 2] = [0xc5, 1];
/// Magic, length of the key, checksum.
const HEAD: usize = 2 + 4 + 4;

/// A value as it is put on a server: with its key, and a checksum over both.
#[must_use]
pub fn seal(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD + key.len() + value.len());
    out.extend(MAGIC);
    out.extend((key.len() as u32).to_le_bytes());
    out.extend(sum(key, value).to_le_bytes());
    out.extend(key);
    out.extend(value);
    out
}

fn sum(key: &[u8], value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(key.len() as u64).to_le_bytes());
    hasher.update(key);
    hasher.update(value);
    hasher.finalize()
}

/// The value that was [sealed](seal) for this key.
///
/// # Errors
/// [`Error::Damaged`] if it is not whole, not ours, or another key's.
pub fn open<'a>(key: &[u8], sealed: &'a [u8]) -> Result<&'a [u8]> {
    let (found, value) = open_any(sealed)?;
    if found == key { Ok(value) } else { Err(damaged("the value of another key")) }
}

/// The key and the value that were [sealed](seal).
///
/// # Errors
/// [`Error::Damaged`] if it is not whole or not ours.
pub fn open_any(sealed: &[u8]) -> Result<(&[u8], &[u8])> {
    let Some((head, rest)) = sealed.split_first_chunk::<HEAD>().filter(|(head, _)| head.starts_with(&MAGIC)) else {
        return Err(damaged("something that is not ours"));
    };
    let len = u32::from_le_bytes(first(&head[2..])) as usize;
    let (key, value) = rest.split_at_checked(len).ok_or_else(|| damaged("it was cut"))?;
    if sum(key, value) != u32::from_le_bytes(first(&head[6..])) {
        return Err(damaged("its checksum is another one"));
    }
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn values_come_back_and_nothing_else_does() {
        let codec = Codec::<(u8,), HashMap<String, Vec<u32>>>::new();
        let value: HashMap<_, _> = (0..9).map(|n| (n.to_string(), vec![n; 3])).collect();
        let bytes = codec.encode(&value).unwrap();
        assert_eq!(codec.decode(&bytes).unwrap(), value);
        let fails = |bytes: &[u8]| assert!(matches!(codec.decode(bytes), Err(Error::Damaged { .. })), "{bytes:?}");
        fails(&[]);
        fails(&[9, 0]);
        fails(&bytes[..bytes.len() - 1]);
        fails(&[bytes, vec![0]].concat());
    }

    #[test]
    fn types_that_ask_what_comes_are_written_with_names() {
        #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
        #[serde(untagged)]
        enum Loose {
            Number(i64),
            Text { text: String },
        }
        let codec = Codec::<Vec<Loose>, Vec<Loose>>::new();
        let value = vec![Loose::Number(-7), Loose::Text { text: "seven".into() }];
        let (bytes, key) = (codec.encode(&value).unwrap(), codec.encode_key(&value).unwrap());
        assert_eq!(codec.decode_key(&key).unwrap(), value);
        assert_eq!((bytes[0], codec.decode(&bytes).unwrap()), (NAMED, value));
    }

    #[test]
    fn values_that_would_be_read_as_others_are_refused() {
        #[derive(serde::Serialize, serde::Deserialize)]
        struct Holey {
            #[serde(skip_serializing_if = "Option::is_none")]
            a: Option<u8>,
            b: Option<u8>,
        }
        let codec = Codec::<(u8,), Holey>::new();
        assert!(matches!(codec.encode(&Holey { a: None, b: Some(7) }), Err(Error::Unfit { .. })));
    }

    #[test]
    fn the_fingerprint_is_that_of_the_types() {
        let of_u64 = Codec::<(u8,), u64>::new().fingerprint();
        assert_eq!(of_u64, Codec::<(u8,), u64>::new().fingerprint());
        assert_ne!(of_u64, Codec::<(u8,), u32>::new().fingerprint());
        assert_ne!(of_u64, Codec::<(u16,), u64>::new().fingerprint());
    }

    #[test]
    fn a_seal_notices_every_changed_byte() {
        let sealed = seal(b"key", b"value");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(b"key", &changed).is_err(), "byte {at}");
        }
        for len in 0..sealed.len() {
            assert!(open(b"key", &sealed[..len]).is_err(), "{len} bytes");
        }
    }
}
