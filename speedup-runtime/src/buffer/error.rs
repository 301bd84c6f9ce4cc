//! What can go wrong, as types.

/// A value was asked for beyond the `max` of a buffer whose generator has more.
///
/// Raise `max`, or read less.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the buffer `{name}` is full: its generator has more than `max` = {max} values; raise `max` or read less")]
#[non_exhaustive]
pub struct Full {
    /// The name of the buffer.
    pub name: &'static str,
    /// How many values it may hold.
    pub max: usize,
}

/// A value is not in a [`Window`](super::Window) and cannot come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Gone {
    /// The value has left the window: newer values took its place.
    #[error("value {index} has left the window `{name}`, which now begins at {first}; give it a larger `keep`")]
    Left {
        /// The name of the window.
        name: &'static str,
        /// The value asked for.
        index: usize,
        /// The oldest value that is kept.
        first: usize,
    },
    /// The generator ended before the value.
    #[error("value {index} is past the end of the window `{name}`, whose generator ended after {len} values")]
    Ended {
        /// The name of the window.
        name: &'static str,
        /// The value asked for.
        index: usize,
        /// How many values the generator gave.
        len: usize,
    },
}
