//! Functions whose context has a type parameter without bounds: each is one error. What the compiler says of it names a closure by its path, so
//! there is no text to compare.

use speedup::cache;

pub struct Shop<T>(pub T);

impl<T> Shop<T> {
    #[cache(skip(self))]
    pub fn price(&self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.price(n - 1) + self.price(n / 2) }
    }

    #[cache(key = |n| -> u64 { n })]
    pub fn keyed(&self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.keyed(n - 1) + self.keyed(n / 2) }
    }

    #[cache(skip(self), capacity = 100)]
    pub fn bounded(&self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.bounded(n - 1) + self.bounded(n / 2) }
    }

    #[cache(scoped)]
    pub fn scoped(&self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.scoped(n - 1) + self.scoped(n / 2) }
    }
}

pub trait Priced {
    fn priced(&self, n: u64) -> u64;
}

impl<T> Priced for Shop<T> {
    #[cache(skip(self))]
    fn priced(&self, n: u64) -> u64 {
        if n == 0 { 0 } else { self.priced(n - 1) + self.priced(n / 2) }
    }
}

#[cache(skip(db))]
pub fn total<T>(db: &T, n: u64) -> u64 {
    if n == 0 { 0 } else { total(db, n - 1) + total(db, n / 2) }
}
