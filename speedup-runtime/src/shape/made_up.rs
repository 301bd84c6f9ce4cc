//! What those share that ask a type for its shape by giving made-up values to its own `Deserialize`.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer};

/// The walk ended early; what was noted stays.
#[derive(Debug)]
pub(crate) struct Stop;

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stop")
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Stop
    }
}

/// So many parts of a value, each of which the same deserializer makes up.
pub(crate) struct Parts<'a, D> {
    pub(crate) maker: &'a mut D,
    pub(crate) left: usize,
}

impl<'de, D> de::SeqAccess<'de> for Parts<'_, D>
where
    for<'m> &'m mut D: Deserializer<'de, Error = Stop>,
{
    type Error = Stop;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.maker).map(Some)
    }
}

impl<'de, D> de::MapAccess<'de> for Parts<'_, D>
where
    for<'m> &'m mut D: Deserializer<'de, Error = Stop>,
{
    type Error = Stop;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Stop> {
        de::SeqAccess::next_element_seed(self, seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Stop> {
        seed.deserialize(&mut *self.maker)
    }
}
