//! What may be a value of a buffer, and what the arguments of a family of them.

use std::hash::Hash;

/// A type that the values of a buffer may have: `Send + Sync + 'static`.
///
/// Implemented for every such type. Whatever makes a [`Buffer`](super::Buffer), [`Buffers`](super::Buffers) or
/// [`Window`](super::Window) asks for it; what reads them need not.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the item of a buffer",
    label = "these items are kept and read by any thread",
    note = "the type needs `Send + Sync + 'static`; use `Arc` for `Rc`, `Mutex` or an atomic for `Cell` and `RefCell`, and owned values for borrowed ones"
)]
pub trait Item: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> Item for T {}

/// A tuple of arguments that a buffer may be kept by: `Hash + Eq + Clone + Send + Sync + 'static`.
///
/// Implemented for every such type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the arguments of a buffer",
    label = "there is one buffer for each distinct arguments",
    note = "the arguments are kept and compared: each needs `Hash + Eq + Clone + Send + Sync + 'static`, for example by `#[derive(Hash, PartialEq, Eq, Clone)]`",
    note = "floating-point numbers are not `Eq`: pass their bits (`x.to_bits()`) or a type with a total order"
)]
pub trait Arguments: Hash + Eq + Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<K: Hash + Eq + Clone + Send + Sync + 'static> Arguments for K {}

/// What the function under `#[buffer]` can give away: `Clone`.
///
/// Implemented for every such type. The handle lends its values and does not ask for it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `Clone`, and the function of a buffer gives clones of its values",
    label = "gives clones of `{Self}`",
    note = "write `#[buffer(lend)]` and the function lends them, as the handle does (`for value in NAME`); or put them into an `Arc`"
)]
pub trait Given: Clone {}

#[diagnostic::do_not_recommend]
impl<T: Clone> Given for T {}
