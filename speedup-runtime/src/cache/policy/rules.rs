//! What a cache is told of sizes and ages.

use std::time::Duration;

use crate::{
    cache::{
        bound::{self, Form, Stored},
        call::function::Hook,
    },
    clock,
};

/// What a value weighs.
pub type Weight<R> = dyn Fn(&R) -> u64 + Send + Sync;
/// How long a value lives.
pub type Life<R> = dyn Fn(&R) -> Duration + Send + Sync;
/// What is told of values that the cache lets go.
pub type OnEvict<K, R> = dyn Fn(&K, &R) + Send + Sync;

/// The policies of a cache, in a static: what `#[cache(capacity = .., ttl = ..)]` makes.
pub struct Rules<K: 'static, R: 'static> {
    /// What all values may weigh together.
    pub(super) bound: u64,
    pub(super) weight: Option<Hook<Weight<R>>>,
    pub(super) on_evict: Option<Hook<OnEvict<K, R>>>,
    pub(super) life: Option<Hook<Life<R>>>,
    /// Ages in nanoseconds; `u64::MAX` and 0 for none.
    pub(super) ttl: u64,
    pub(super) idle: u64,
    pub(super) ahead: u64,
    pub(super) stale_on_err: bool,
}

/// No bound.
pub(super) const UNBOUNDED: u64 = u64::MAX;

const fn nanos(duration: Duration) -> u64 {
    let nanos = duration.as_nanos();
    if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 }
}

/// What a hit looks at beside the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Nothing; it notes the visit.
    Bounded,
    /// The end, and nothing else.
    Ending,
    /// More than that.
    Closely,
}

impl<K, R> Clone for Rules<K, R> {
    fn clone(&self) -> Self {
        let (weight, on_evict, life) = (self.weight.clone(), self.on_evict.clone(), self.life.clone());
        Self { weight, on_evict, life, ..*self }
    }
}

impl<K, R> Rules<K, R> {
    /// No policy.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "made in statics")]
    pub const fn new() -> Self {
        Self {
            bound: UNBOUNDED,
            weight: None,
            on_evict: None,
            life: None,
            ttl: u64::MAX,
            idle: u64::MAX,
            ahead: 0,
            stale_on_err: false,
        }
    }

    /// See [`PolicyCache::capacity`](super::PolicyCache::capacity).
    #[must_use]
    pub const fn capacity(mut self, most: u64) -> Self {
        self.bound = most;
        self
    }

    /// See [`PolicyCache::weight`](super::PolicyCache::weight).
    #[must_use]
    pub const fn weight(mut self, weight: &'static Weight<R>) -> Self {
        std::mem::forget(self.weight.replace(Hook::Known(weight)));
        self
    }

    /// See [`PolicyCache::on_evict`](super::PolicyCache::on_evict).
    #[must_use]
    pub const fn on_evict(mut self, tell: &'static OnEvict<K, R>) -> Self {
        std::mem::forget(self.on_evict.replace(Hook::Known(tell)));
        self
    }

    /// See [`PolicyCache::ttl`](super::PolicyCache::ttl).
    #[must_use]
    pub const fn ttl(mut self, age: Duration) -> Self {
        self.ttl = nanos(age);
        self
    }

    /// See [`PolicyCache::ttl_of`](super::PolicyCache::ttl_of).
    #[must_use]
    pub const fn ttl_of(mut self, life: &'static Life<R>) -> Self {
        std::mem::forget(self.life.replace(Hook::Known(life)));
        self
    }

    /// See [`PolicyCache::idle`](super::PolicyCache::idle).
    #[must_use]
    pub const fn idle(mut self, age: Duration) -> Self {
        self.idle = nanos(age);
        self
    }

    /// See [`PolicyCache::refresh_ahead`](super::PolicyCache::refresh_ahead).
    #[must_use]
    pub const fn refresh_ahead(mut self, before_the_end: Duration) -> Self {
        self.ahead = nanos(before_the_end);
        self
    }

    /// See [`PolicyCache::stale_on_err`](super::PolicyCache::stale_on_err).
    #[must_use]
    pub const fn stale_on_err(mut self) -> Self {
        self.stale_on_err = true;
        self
    }

    /// What a hit looks at.
    pub(super) const fn way(&self) -> Way {
        match (self.is_bounded(), self.ages()) {
            (_, false) => Way::Bounded,
            (false, true) if self.idle == u64::MAX && self.ahead == 0 => Way::Ending,
            _ => Way::Closely,
        }
    }

    pub(super) const fn is_bounded(&self) -> bool {
        self.bound != UNBOUNDED
    }

    /// Whether values end.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) const fn ages(&self) -> bool {
        self.ttl != u64::MAX || self.idle != u64::MAX || self.life.is_some()
    }

    /// When a value ends that was published now.
    pub(super) fn end(&self, now: u64, value: &R) -> u64 {
        let life = self.life.as_ref().map_or(self.ttl, |life| clock::nanos(life(value)));
        now.saturating_add(life)
    }

    /// What of a value is to be known.
    pub(super) const fn form(&self) -> Form {
        let is_more = self.is_bounded() || self.idle != u64::MAX || self.life.is_some() || self.ttl > LONGEST;
        match (self.ages(), is_more) {
            (false, _) => Form::Place,
            (true, false) => Form::End,
            (true, true) => Form::All,
        }
    }

    /// When a value lives that is published now. One that came from a store may have been told its end.
    pub(super) fn life_of(&self, now: u64, stored: &Stored<R>) -> bound::Life {
        let (born, ends) = match stored.ends() {
            _ if !self.ages() => (now, u64::MAX),
            u64::MAX => (now, self.end(now, stored.get())),
            told if self.ttl == u64::MAX => (now, told),
            told => {
                let ends = told.min(now.saturating_add(self.ttl));
                (ends.saturating_sub(self.ttl).clamp(1, now), ends)
            }
        };
        bound::Life { born, ends, now }
    }

    /// How long after its end a value is kept for want of a better one.
    pub(super) fn grace(&self) -> u64 {
        match self.stale_on_err {
            true if self.ttl != u64::MAX => self.ttl,
            true => GRACE,
            false => 0,
        }
    }
}

/// Ends that are no further ahead, nine years, stand in a word with the rest.
const LONGEST: u64 = 1 << 58;
/// How long the last `Ok` stays in service where each value has a life of its own.
const GRACE: u64 = 3_600_000_000_000;
