//! What users and expansions meet: the handle, its function, keys, tasks and counts.

#[cfg(not(loom))]
pub(in crate::cache) mod at_place;
#[cfg(not(loom))]
pub mod autoref;
#[cfg(not(loom))]
mod behind;
#[cfg(not(loom))]
pub(in crate::cache) mod borrowed;
#[cfg(not(loom))]
pub(in crate::cache) mod branches;
#[cfg(not(loom))]
pub(in crate::cache) mod cache;
#[cfg(not(loom))]
mod contents;
#[cfg(not(loom))]
pub(in crate::cache) mod context;
#[cfg(not(loom))]
pub(in crate::cache) mod divided;
#[cfg(not(loom))]
pub(in crate::cache) mod fallible;
#[cfg(not(loom))]
pub mod foretold;
#[cfg(not(loom))]
mod group;
#[cfg(all(feature = "stores", not(loom)))]
mod helping;
#[cfg(not(loom))]
pub(in crate::cache) mod in_scope;
#[cfg(not(loom))]
pub(in crate::cache) mod in_table;
#[cfg(not(loom))]
pub(in crate::cache) mod into_function;
pub(in crate::cache) mod lasting;
#[cfg(not(loom))]
pub(in crate::cache) mod of_types;
#[cfg(not(loom))]
pub(in crate::cache) mod outermost;
#[cfg(not(loom))]
pub(in crate::cache) mod scoped;
#[cfg(not(loom))]
pub(in crate::cache) mod spans;
#[cfg(not(loom))]
pub(in crate::cache) mod spawn;
#[cfg(not(loom))]
mod stats;
#[cfg(not(loom))]
pub(in crate::cache) mod stretch;
#[cfg(not(loom))]
pub(in crate::cache) mod tables;
#[cfg(not(loom))]
mod tables_of;
#[cfg(not(loom))]
pub(in crate::cache) mod task;
#[cfg(not(loom))]
pub(in crate::cache) mod warming;
