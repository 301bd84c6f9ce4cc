//! A cache whose values are in several tables, as its handle sees them.

use crate::seeing::stats::Stats;

/// A function's tables as one cache of all its arguments: what its handle sees.
pub(in crate::cache) trait Divided<K, R>: Sync {
    fn peek(&self, key: &K) -> Option<R>;
    fn insert(&self, key: K, value: R) -> Option<R>;
    fn remove(&self, key: &K) -> Option<R>;
    fn refresh(&self, key: K) -> R;
    fn entries(&self) -> Vec<(K, R)>;
    /// Whether such a result is kept.
    fn keeps(&self, value: &R) -> bool;
    fn len(&self) -> usize;
    fn clear(&self);
    /// With what a hit costs, if asked for.
    fn stats(&self, with_costs: bool) -> Stats;
}
