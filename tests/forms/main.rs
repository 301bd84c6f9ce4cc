//! The forms of functions that can be cached: methods, context, scopes, fields, generics.
#![cfg(feature = "macros")]

mod borrowed;
mod cells;
mod context;
mod coordinates;
mod errors;
mod fields;
#[path = "../policy_forms/forms.rs"]
mod forms;
mod generics;
mod lent;
mod open_types;
mod own_calls;
mod parts;
mod scopes;
mod table;
