//! What a cache calls on a miss, and what it is told about the function.

use std::{fmt, sync::Arc};

/// A function whose results are cached: its name, its body, and what is special about it.
///
/// Attributes make it in a constant, so everything about it is known when the program is compiled.
pub struct Function<K: 'static, R: 'static> {
    pub(super) name: &'static str,
    pub(super) call: Call<K, R>,
    pub(super) keep: Option<fn(&R) -> bool>,
    pub(super) show: Option<Show<K>>,
    pub(super) sequential: bool,
    pub(super) uses_rayon: bool,
}

/// Writes the arguments of a call.
pub(super) type Show<K> = fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result;

/// The body.
pub(super) enum Call<K: 'static, R: 'static> {
    Plain(fn(&K) -> R),
    Shared(Arc<dyn Fn(&K) -> R + Send + Sync>),
}

impl<K, R> Clone for Call<K, R> {
    fn clone(&self) -> Self {
        match self {
            Self::Plain(call) => Self::Plain(*call),
            Self::Shared(call) => Self::Shared(call.clone()),
        }
    }
}

impl<K, R> Clone for Function<K, R> {
    fn clone(&self) -> Self {
        Self { call: self.call.clone(), ..*self }
    }
}

impl<K, R> Function<K, R> {
    /// A function with its name and its body; every result is kept.
    #[must_use]
    pub const fn new(name: &'static str, call: fn(&K) -> R) -> Self {
        Self::of(name, Call::Plain(call))
    }

    pub(super) const fn of(name: &'static str, call: Call<K, R>) -> Self {
        Self { name, call, keep: None, show: None, sequential: false, uses_rayon: false }
    }

    /// Keeps only the results for which this is true; others go to those who asked while they were computed.
    #[must_use]
    pub const fn keep(mut self, keep: fn(&R) -> bool) -> Self {
        self.keep = Some(keep);
        self
    }

    /// Writes the arguments in messages about cycles; without it they are left out.
    #[must_use]
    pub const fn show(mut self, show: fn(&K, &mut fmt::Formatter<'_>) -> fmt::Result) -> Self {
        self.show = Some(show);
        self
    }

    /// Computes the members of groups one after the other, from left to right.
    #[must_use]
    pub const fn sequential(mut self) -> Self {
        self.sequential = true;
        self
    }

    /// Says that the body uses rayon, so that a thread waiting for it need not find out.
    #[must_use]
    pub const fn uses_rayon(mut self) -> Self {
        self.uses_rayon = true;
        self
    }

    #[inline]
    pub(super) fn call(&self, key: &K) -> R {
        match &self.call {
            Call::Plain(call) => call(key),
            Call::Shared(call) => call(key),
        }
    }
}
