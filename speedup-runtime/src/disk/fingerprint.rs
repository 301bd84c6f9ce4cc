//! Fingerprints of types: numbers in the superblock.
//!
//! That of a key is of its own description, that of a value of its [shape](crate::shape). Earlier versions looked less closely at values:
//! their fingerprint is still made, so that their folders open; such a folder gets the present one at once.

use std::panic::catch_unwind;

use serde::de::value::U32Deserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};

use super::{Key, Value};
use crate::shape::made_up::{Parts, Stop};

/// How deep a recursive type is followed.
const DEPTH: usize = 6;
/// How much of a shape is kept; wider types are told apart by what comes first.
const LIMIT: usize = 4096;

/// The fingerprint of a key type.
pub(crate) fn of_key<K: Key>() -> u64 {
    let mut text = String::new();
    K::describe(&mut text);
    hash(&text)
}

/// The fingerprint that earlier versions gave a value type.
pub(crate) fn former_of_value<V: Value>() -> u64 {
    let text = catch_unwind(|| {
        let mut shape = Shape { text: String::new(), depth: 0 };
        // A type that refuses the answer (a `NonZero` given 0) has shown by then what it asks for.
        drop(V::deserialize(&mut shape));
        shape.text
    });
    // Where user code panics on a made-up value, earlier versions could not open a folder.
    text.map_or(0, |text| hash(&text))
}

/// By what the journal of the folder knows a structure: a copy beside it is another one.
pub(crate) fn member(folder: &std::path::Path, identity: u64) -> u64 {
    let name = folder.file_name().unwrap_or_default().as_encoded_bytes();
    of_bytes(&[&identity.to_le_bytes(), name].concat())
}

/// The fingerprint of some bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// FNV-1a: stable for ever, and there is no adversary here.
fn hash(text: &str) -> u64 {
    of_bytes(text.as_bytes())
}

struct Shape {
    text: String,
    depth: usize,
}

impl Shape {
    fn note(&mut self, what: &str) {
        if self.text.len() < LIMIT {
            self.text.push_str(what);
            self.text.push(' ');
        }
    }

    /// Visits what lies inside a container, if not too deep.
    fn inside<T>(&mut self, visit: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        if self.depth == DEPTH || self.text.len() >= LIMIT {
            return Err(Stop);
        }
        self.depth += 1;
        self.note("(");
        let result = visit(self);
        self.note(")");
        self.depth -= 1;
        result
    }
}

/// Noting `name`, answering with `visit(value)`.
macro_rules! answers {
    ($($method:ident, $name:literal, $visit:ident $(, $value:expr)?;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            self.note($name);
            visitor.$visit($($value)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Shape {
    type Error = Stop;

    answers! {
        deserialize_any, "any", visit_unit;
        deserialize_bool, "bool", visit_bool, false;
        deserialize_i8, "i8", visit_i8, 1;
        deserialize_i16, "i16", visit_i16, 1;
        deserialize_i32, "i32", visit_i32, 1;
        deserialize_i64, "i64", visit_i64, 1;
        deserialize_i128, "i128", visit_i128, 1;
        deserialize_u8, "u8", visit_u8, 1;
        deserialize_u16, "u16", visit_u16, 1;
        deserialize_u32, "u32", visit_u32, 1;
        deserialize_u64, "u64", visit_u64, 1;
        deserialize_u128, "u128", visit_u128, 1;
        deserialize_f32, "f32", visit_f32, 1.0;
        deserialize_f64, "f64", visit_f64, 1.0;
        deserialize_char, "char", visit_char, 'a';
        deserialize_str, "str", visit_borrowed_str, "";
        deserialize_string, "str", visit_borrowed_str, "";
        deserialize_bytes, "bytes", visit_borrowed_bytes, b"";
        deserialize_byte_buf, "bytes", visit_byte_buf, Vec::new();
        deserialize_unit, "unit", visit_unit;
        deserialize_ignored_any, "any", visit_unit;
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.note("option");
        if self.depth == DEPTH {
            return visitor.visit_none();
        }
        self.inside(|shape| visitor.visit_some(shape))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        self.note(name);
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        self.note(name);
        self.inside(|shape| visitor.visit_newtype_struct(shape))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.note("seq");
        self.inside(|shape| visitor.visit_seq(Parts { maker: shape, left: 1 }))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.note(&format!("tuple{len}"));
        self.inside(|shape| visitor.visit_seq(Parts { maker: shape, left: len }))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note(name);
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.note("map");
        self.inside(|shape| visitor.visit_map(Parts { maker: shape, left: 1 }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note(name);
        fields.iter().for_each(|field| self.note(field));
        self.inside(|shape| visitor.visit_seq(Parts { maker: shape, left: fields.len() }))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.note(name);
        variants.iter().for_each(|variant| self.note(variant));
        self.inside(|shape| visitor.visit_enum(First { shape }))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        visitor.visit_borrowed_str("")
    }
}

/// The first variant of an enum.
struct First<'a> {
    shape: &'a mut Shape,
}

impl<'de> de::EnumAccess<'de> for First<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Stop> {
        let index: U32Deserializer<Stop> = 0_u32.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for First<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Stop> {
        seed.deserialize(self.shape)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.shape.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Stop> {
        self.shape.deserialize_struct("", fields, visitor)
    }
}
