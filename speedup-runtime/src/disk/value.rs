//! Values: anything serde can write and read, encoded with postcard.

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

/// Appends what it is given to a borrowed vector.
struct Appender<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Appender<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

#[inline]
pub(crate) fn encode<V: Value>(value: &V, out: &mut Vec<u8>) -> Result<()> {
    postcard::serialize_with_flavor(value, Appender(out)).map_err(|source| Error::Codec { doing: "encoded", source })
}

#[inline]
pub(crate) fn decode<V: Value>(bytes: &[u8]) -> Result<V> {
    postcard::from_bytes(bytes).map_err(|source| Error::Codec { doing: "decoded", source })
}
