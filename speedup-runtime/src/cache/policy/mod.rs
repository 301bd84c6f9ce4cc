//! Caches that are bounded and whose values age: [`PolicyCache`], and [`AsyncPolicyCache`] for `async` functions.
//!
//! The engine is the one of [`Cache`](crate::Cache), of values that also hold what the policies know of them (`kept`). A hit looks at
//! that under the same pin, and writes a mark at most. Whatever is published is settled by who publishes it (`shared`): it gets its times and its place in
//! the queue (`room`, `queue`), and what no longer fits is taken out, as `remove` would.
//!
//! | what | invariant |
//! |---|---|
//! | a value in the table of a bounded cache | has a place in the queue, or is about to get one from who has published it |
//! | a place in the queue | belongs to a value in the table, or is found to be empty when it comes to the front |
//! | the queue's lock | is held by no code of users': keys are copied, looked up and dropped before or after |

#[cfg(feature = "async")]
mod async_builder;
#[cfg(feature = "async")]
mod async_memo;
#[cfg(feature = "async")]
mod async_renewing;
#[cfg(feature = "async")]
mod asynchronous;
mod behind;
mod builder;
mod cache;
mod held;
mod look;
mod memo;
mod put_in;
mod renewing;
mod rules;
mod scoped;
mod serving;
mod several;
mod shared;
mod state;
mod types;

#[cfg(feature = "async")]
pub use self::{
    async_memo::AsyncMemo,
    asynchronous::{AsyncPolicyCache, AsyncPolicyState},
    types::of_async_types_with_policies,
};
pub use self::{
    cache::PolicyCache,
    memo::Memo,
    rules::{Life, OnEvict, Rules, Weight},
    state::PolicyState,
    types::of_types_with_policies,
};
