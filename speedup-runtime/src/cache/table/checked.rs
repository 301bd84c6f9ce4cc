//! What the types of a cached function's arguments and result have is checked by constants.

use crate::cache::table::key::{Argument, Output};

/// `T`, of which a constant has found out that it can be a part of a key or a result.
///
/// A constant with a fault has no value, so this is no type there: the compiler tells of the fault, and of nothing that follows from it.
pub type Checked<T, const CHECKED: bool> = <T as Checks<CHECKED>>::Checked;

/// A type and what a constant says of it.
#[doc(hidden)]
pub trait Checks<const CHECKED: bool> {
    /// The type itself.
    type Checked;
}

impl<T, const CHECKED: bool> Checks<CHECKED> for T {
    type Checked = T;
}

/// True of types that can be arguments; others have no answer.
#[must_use]
pub const fn argument<T: Argument>() -> bool {
    true
}

/// True of types that can be results; others have no answer.
#[must_use]
pub const fn output<T: Output>() -> bool {
    true
}
