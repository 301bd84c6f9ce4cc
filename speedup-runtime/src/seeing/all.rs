//! What is done with all caches at once.

use crate::seeing::registry;

/// Forgets the values of all caches that have been used, as their `clear` does. Buffers keep theirs, and so do caches that are part of
/// something else and go with it.
///
/// # Complexity
/// O(n) for n caches, and what freeing their values takes.
///
/// # Examples
/// ```
/// use speedup_runtime::{Cache, clear_all};
///
/// let squares = Cache::from_fn(|n: u64| n * n);
/// squares.get((3,));
/// clear_all();
/// assert!(squares.is_empty());
/// ```
pub fn clear_all() {
    for (_, used) in registry::all() {
        used.empty();
    }
}

/// About how many bytes the values, keys and tables of all caches and buffers take that have been used. What values own elsewhere (the text
/// of a `String`) is not known, and not in it.
///
/// # Complexity
/// O(n) for n values: they are counted.
///
/// # Examples
/// ```
/// use speedup_runtime::{Cache, memory};
///
/// let squares = Cache::from_fn(|n: u64| n * n);
/// let before = memory();
/// squares.get_all((0..10_000).map(|n| (n,)));
/// assert!(memory() >= before + 10_000 * 8);
/// ```
#[must_use]
pub fn memory() -> usize {
    registry::all().iter().filter_map(|(_, used)| Some(used.told()?.stats.estimated_bytes)).sum()
}
