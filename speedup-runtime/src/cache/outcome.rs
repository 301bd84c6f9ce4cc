//! What a call that leaves no value behind gives to those who waited for it.

use std::{any::Any, panic::resume_unwind};

use super::key::Output;
use crate::panics::Payload;

/// What a call that leaves no value behind gives to those who waited for it.
pub(super) enum Outcome {
    /// A result that is not kept.
    Value(Box<dyn Any + Send>),
    /// A panic.
    Panic(Payload),
}

impl Outcome {
    /// A result that is not kept.
    pub(super) fn value<R: Output>(value: R) -> Self {
        Self::Value(Box::new(value))
    }

    /// A panic.
    pub(super) fn panic(payload: Payload) -> Self {
        Self::Panic(payload)
    }

    /// The value; `None` for one of another type, which does not happen.
    ///
    /// # Panics
    /// With the payload of a panic.
    pub(super) fn into_value<R: Output>(self) -> Option<R> {
        match self {
            Self::Value(value) => (value as Box<dyn Any>).downcast::<R>().ok().map(|value| *value),
            Self::Panic(payload) => resume_unwind(payload),
        }
    }
}
