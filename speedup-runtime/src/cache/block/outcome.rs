//! What a call that leaves no value behind gives to those who waited for it.

use std::{any::Any, panic::resume_unwind};

use crate::cache::table::key::Output;
use crate::panics::Payload;

/// What a call that leaves no value behind gives to those who waited for it.
pub(in crate::cache) enum Outcome {
    /// A result that is not kept.
    Value(Box<dyn Any + Send>),
    /// A panic.
    Panic(Payload),
}

impl Outcome {
    /// A result that is not kept.
    pub(in crate::cache) fn value<R: Output>(value: R) -> Self {
        Self::Value(Box::new(value))
    }

    /// A panic.
    pub(in crate::cache) fn panic(payload: Payload) -> Self {
        Self::Panic(payload)
    }

    /// Whether it is a panic.
    pub(in crate::cache) fn is_panic(&self) -> bool {
        matches!(self, Self::Panic(_))
    }

    /// The value; `None` for one of another type, which does not happen.
    ///
    /// # Panics
    /// With the payload of a panic.
    pub(in crate::cache) fn into_value<R: Output>(self) -> Option<R> {
        match self {
            Self::Value(value) => (value as Box<dyn Any>).downcast::<R>().ok().map(|value| *value),
            Self::Panic(payload) => resume_unwind(payload),
        }
    }
}
