//! Type parameters of scoped functions that may borrow, where there is no room for that; and calls about other types.

use std::hash::Hash;

use speedup::cache;

trait Rated {
    fn rated<T: Clone + Send + Sync>(&self, items: &[T], n: usize) -> Option<T>;
}

impl Rated for u64 {
    #[cache(scoped)]
    fn rated<T: Clone + Send + Sync>(&self, items: &[T], n: usize) -> Option<T> {
        if n == 0 { items.first().cloned() } else { self.rated(items, n - 1) }
    }
}

#[cache(scoped, capacity = 100)]
fn bounded<T: Eq + Hash + Clone + Send + Sync>(items: &[T], last: T, n: usize) -> usize {
    if n == 0 { 0 } else { bounded(items, items[n].clone(), n - 1) + usize::from(items[n] == last) }
}

#[cache(scoped, key = |item, n| -> (T, u64) { (item.clone(), n) })]
fn with_key<T>(item: &T, n: u64) -> u64
where
    T: Eq + Hash + Clone + Send + Sync,
{
    if n == 0 { 0 } else { with_key(item, n - 1) }
}

#[cache(scoped)]
fn weighed<T: Eq + Hash + Clone + Send + Sync>(items: &[T], last: T, weight: f64) -> u64 {
    if weight < 1.0 || items[0] == last { 0 } else { weighed(items, items[1].clone(), weight - 1.0) }
}

#[cache(scoped)]
fn about_others<T: Eq + Hash + Clone + Send + Sync>(item: T, n: u64) -> u64 {
    if n == 0 { 0 } else { about_others(0_u8, n - 1) + about_others(item, n - 1) }
}

fn main() {}
