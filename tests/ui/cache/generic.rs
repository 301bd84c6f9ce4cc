//! What a type parameter lacks is told once, at the function.

use std::hash::Hash;

use speedup::cache;

#[cache]
fn count<T>(items: Vec<T>) -> usize {
    items.len()
}

#[cache]
fn first<T: Hash + Eq + Clone + 'static>(n: usize, items: &[T]) -> T {
    items[n].clone()
}

#[cache]
fn twice<T: Clone>(item: T, n: u64) -> u64 {
    if n == 0 { 1 } else { twice(item.clone(), n - 1) + twice(item, n - 1) }
}

#[cache(capacity = 100)]
fn bounded<T: Hash + Eq>(item: T, n: u64) -> u64 {
    drop(item);
    n
}

#[cache]
async fn awaited<T>(item: T) -> u64 {
    drop(item);
    1
}

pub struct Pair<T>(pub T);

impl<T: Hash> Pair<T> {
    #[cache]
    fn own(item: T, n: u64) -> u64 {
        drop(item);
        n
    }
}

#[cache(scoped)]
fn scoped<T: Ord + Clone + Send + Sync>(items: &[T], n: usize, last: T) -> usize {
    if n == 0 { 0 } else { scoped(items, n - 1, items[n].clone()) + usize::from(last == items[n]) }
}

trait Named {
    type Name;
    fn named(&self, n: usize) -> Option<Self::Name>;
}

/// A trait has no room for what a result takes that may borrow.
impl<T: Clone + Send + Sync> Named for Pair<T> {
    type Name = T;

    #[cache(scoped)]
    fn named(&self, n: usize) -> Option<T> {
        if n == 0 { Some(self.0.clone()) } else { self.named(n - 1) }
    }
}

fn main() {
    COUNT::<u64>().clear();
    FIRST::<u64>().clear();
    TWICE::<u64>().clear();
    BOUNDED::<u64>().clear();
    AWAITED::<u64>().clear();
    count(vec![1]);
}
