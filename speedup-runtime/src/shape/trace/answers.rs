//! What is answered to each question of a `Deserialize`.

use serde::de::value::U32Deserializer;
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, Visitor};

use super::super::{Kind, Shape};
use super::{Form, Tracer, What};
use crate::shape::made_up::{Parts, Stop};

/// Texts that well-known types accept: nothing, a word, a number, a date, a moment, addresses, an identifier, a URL, a version.
const TEXTS: [&str; 10] = [
    "",
    "a",
    "1",
    "2000-01-01",
    "2000-01-01T00:00:00Z",
    "127.0.0.1",
    "a@example.org",
    "67e55044-10b1-426f-9247-bb680e5fe0c8",
    "https://example.org/",
    "1.0.0",
];
const BYTES: [&[u8]; 4] = [b"", &[1; 16], &[1; 32], &[1; 4]];

/// Noting `name` and answering with one of some values.
macro_rules! simple {
    ($($method:ident, $name:literal, $visit:ident, $values:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            self.step()?;
            self.give(Shape::Simple($name.into()));
            let values = $values;
            let choice = self.choice(values.len());
            visitor.$visit(values[choice])
        }
    )*};
}

/// What only a codec that writes down the types can answer.
macro_rules! refused {
    ($($method:ident, $name:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Stop> {
            self.give(Shape::Simple($name.into()));
            self.ended = true;
            let place = self.stack.last().map_or("it", |&index| self.types[index as usize].0.as_str());
            self.asks.get_or_insert(place.to_owned());
            Err(Stop)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Tracer {
    type Error = Stop;

    simple! {
        deserialize_bool, "bool", visit_bool, [false, true];
        deserialize_i8, "i8", visit_i8, [1, 0, 2, -1];
        deserialize_i16, "i16", visit_i16, [1, 0, 2, -1];
        deserialize_i32, "i32", visit_i32, [1, 0, 2, -1];
        deserialize_i64, "i64", visit_i64, [1, 0, 2, -1];
        deserialize_i128, "i128", visit_i128, [1, 0, 2, -1];
        deserialize_u8, "u8", visit_u8, [1, 0, 2, 100];
        deserialize_u16, "u16", visit_u16, [1, 0, 2, 100];
        deserialize_u32, "u32", visit_u32, [1, 0, 2, 100];
        deserialize_u64, "u64", visit_u64, [1, 0, 2, 100];
        deserialize_u128, "u128", visit_u128, [1, 0, 2, 100];
        deserialize_f32, "f32", visit_f32, [1.0, 0.0, -1.0];
        deserialize_f64, "f64", visit_f64, [1.0, 0.0, -1.0];
        deserialize_char, "char", visit_char, ['a', '1'];
        deserialize_str, "str", visit_borrowed_str, TEXTS;
        deserialize_string, "str", visit_borrowed_str, TEXTS;
        deserialize_bytes, "bytes", visit_borrowed_bytes, BYTES;
        deserialize_byte_buf, "bytes", visit_borrowed_bytes, BYTES;
    }

    refused! {
        deserialize_any, "any";
        deserialize_ignored_any, "any";
        deserialize_identifier, "name";
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.give(Shape::Simple("unit".into()));
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        if self.is_short() {
            self.give(Shape::Option(Box::new(Shape::Unknown)));
            return visitor.visit_none();
        }
        self.inside(What::Option, |tracer| visitor.visit_some(tracer))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        self.named::<V, _>(name, Form::Unit, |_| visitor.visit_unit())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Stop> {
        self.named::<V, _>(name, Form::Newtype, |tracer| visitor.visit_newtype_struct(tracer))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let left = usize::from(!self.is_short());
        self.inside(What::Seq, |tracer| visitor.visit_seq(Parts { maker: tracer, left }))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.inside(What::Tuple(len), |tracer| visitor.visit_seq(Parts { maker: tracer, left: len }))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.named::<V, _>(name, Form::Tuple(len), |tracer| visitor.visit_seq(Parts { maker: tracer, left: len }))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let left = usize::from(!self.is_short());
        self.inside(What::Map, |tracer| visitor.visit_map(Parts { maker: tracer, left }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        let left = fields.len();
        self.named::<V, _>(name, Form::Struct(fields), |tracer| visitor.visit_seq(Parts { maker: tracer, left }))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        if variants.is_empty() {
            self.ended = true;
            return Err(Stop);
        }
        let unseen = || Kind::Enum(variants.iter().map(|&variant| (variant.to_owned(), None)).collect());
        let index = self.number::<V>(name, unseen);
        let pick = self.pick(index);
        let value = self.visit(index, What::Variant(index, pick, Form::Unit), |tracer| {
            visitor.visit_enum(Variant { tracer, pick })
        })?;
        self.finite.entry(index).or_insert(pick);
        Ok(value)
    }
}

/// One variant of an enum.
struct Variant<'a> {
    tracer: &'a mut Tracer,
    pick: usize,
}

impl Variant<'_> {
    /// Notes what the variant holds.
    fn holds(&mut self, form: Form) {
        if self.tracer.terse == 0
            && let Some(What::Variant(_, _, known)) = self.tracer.frames.last_mut().map(|frame| &mut frame.what)
        {
            *known = form;
        }
    }
}

impl<'de> de::EnumAccess<'de> for Variant<'_> {
    type Error = Stop;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Stop> {
        let index: U32Deserializer<Stop> = (self.pick as u32).into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_> {
    type Error = Stop;

    fn unit_variant(self) -> Result<(), Stop> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(mut self, seed: T) -> Result<T::Value, Stop> {
        self.holds(Form::Newtype);
        seed.deserialize(self.tracer)
    }

    fn tuple_variant<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Stop> {
        self.holds(Form::Tuple(len));
        visitor.visit_seq(Parts { maker: self.tracer, left: len })
    }

    fn struct_variant<V: Visitor<'de>>(
        mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        self.holds(Form::Struct(fields));
        visitor.visit_seq(Parts { maker: self.tracer, left: fields.len() })
    }
}
