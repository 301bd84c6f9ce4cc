//! Generic functions with policies, and functions in implementations of traits: a cache for each set of types.

use std::any::TypeId;

#[cfg(feature = "async")]
use super::asynchronous::{AsyncPolicyCache, AsyncPolicyState};
use super::{cache::PolicyCache, rules::Rules, state::PolicyState};
#[cfg(feature = "async")]
use crate::cache::asynchronous::function::AsyncFunction;
use crate::cache::{
    api::of_types,
    bound::{Hashed, Stored},
    call::function::Function,
    table::key::{Key, Output},
};

/// The cache with policies of a function for one set of types, made by the first who asks. As [`of_types`](crate::cache::of_types).
#[inline]
pub fn of_types_with_policies<F: Copy + 'static, K: Key, R: Output>(
    function: F,
    rules: impl FnOnce() -> Rules<K, R>,
    describe: impl FnOnce() -> Function<Hashed<K>, Stored<R>>,
) -> &'static PolicyCache<K, R> {
    let _ = function;
    of_types::get(TypeId::of::<F>(), || {
        let state: &'static PolicyState<K, R> = Box::leak(Box::new(PolicyState::new(rules())));
        PolicyCache::of_way(state, state.shared.way, describe().of_type::<F>())
    })
}

/// The same of an `async fn`.
#[cfg(feature = "async")]
#[inline]
pub fn of_async_types_with_policies<F: Copy + 'static, K: Key, R: Output>(
    function: F,
    rules: impl FnOnce() -> Rules<K, R>,
    describe: impl FnOnce() -> AsyncFunction<Hashed<K>, Stored<R>>,
) -> &'static AsyncPolicyCache<K, R> {
    let _ = function;
    of_types::get(TypeId::of::<F>(), || {
        let state: &'static AsyncPolicyState<K, R> = Box::leak(Box::new(AsyncPolicyState::new(rules())));
        AsyncPolicyCache::of(state, describe().of_type::<F>())
    })
}
