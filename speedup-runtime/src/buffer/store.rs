//! What the engine asks of a place where values are kept.

use super::sink::Room;
use crate::sync::AtomicUsize;

/// Kept values: all of them (`segments`) or the last few (`ring`).
///
/// `published`, `room` and `settle` are for the holder of the turn.
pub(super) trait Store<T> {
    /// How many values were ever made visible.
    fn len(&self) -> usize;

    /// How many of them are still there. Reports ask, of which models have none.
    #[cfg(not(loom))]
    fn held(&self) -> usize {
        self.len()
    }

    /// The counter behind `len`.
    fn visible(&self) -> &AtomicUsize;

    /// The counter that a sink raises with each value.
    fn published(&self) -> &AtomicUsize;

    /// Room for at least the value `len`.
    fn room(&self, len: usize) -> Room<T>;

    /// As `room`, where there is memory for it and a sink's counter is all that makes values visible.
    fn ready_room(&self, len: usize) -> Option<Room<T>>;

    /// Makes the values below `len` visible; called whenever a sink pauses, and after every production. Values below
    /// `floor` may be forgotten.
    fn settle(&self, len: usize, floor: usize);

    /// Whether the value before `len` passes the test.
    fn last_is(&self, len: usize, test: fn(&T) -> bool) -> bool;
}
