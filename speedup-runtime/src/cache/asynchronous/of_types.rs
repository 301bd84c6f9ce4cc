//! Generic `async` functions: a cache for each set of types.

use std::any::TypeId;

use super::{function::AsyncFunction, state::AsyncCache};
use crate::cache::{
    api::of_types,
    table::key::{Key, Output},
};

/// The cache of a generic `async fn` for one set of types, made by the first who asks. As [`of_types`](crate::cache::of_types).
#[inline]
pub fn of_async_types<F: Copy + 'static, K: Key, R: Output>(
    function: F,
    describe: impl FnOnce() -> AsyncFunction<K, R>,
) -> &'static AsyncCache<K, R> {
    let _ = function;
    of_types::get(TypeId::of::<F>(), || AsyncCache::own(describe().of_type::<F>()))
}
