//! Where the values of a cache with policies are, and what it is made of.

use std::fmt;

use super::{
    rules::Rules,
    shared::{Home, Shared},
};
use crate::cache::{
    api::cache::State,
    bound::{Hashed, Stored},
    table::key::{Key, Output},
};

/// What a static holds for a [`PolicyCache`](super::PolicyCache): its values and its policies.
pub struct PolicyState<K: Key, R: Output> {
    pub(super) values: State<Hashed<K>, Stored<R>>,
    pub(super) shared: Shared<K, R>,
}

impl<K: Key, R: Output> PolicyState<K, R> {
    /// No values yet.
    #[must_use]
    pub const fn new(rules: Rules<K, R>) -> Self {
        Self { values: State::new(), shared: Shared::new(rules, Home::Static) }
    }
}

impl<K: Key, R: Output> fmt::Debug for PolicyState<K, R> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PolicyState").finish_non_exhaustive()
    }
}
