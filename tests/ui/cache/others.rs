//! What `with` names is called by the body, and has a handle that can be asked ahead of the call.

use speedup::{Memo, cache};

fn plain(n: u64) -> u64 {
    n
}

#[cache(scoped)]
fn passing(n: u64) -> u64 {
    n
}

#[cache(name = OTHER)]
fn renamed(n: u64) -> u64 {
    n
}

#[cache]
fn generic<T: Clone + Eq + std::hash::Hash + Send + Sync + 'static>(value: T) -> T {
    value
}

#[cache]
async fn later(n: u64) -> u64 {
    n
}

mod shapes {
    use speedup::cache;

    pub fn flat(n: u64) -> u64 {
        n
    }

    #[cache]
    pub fn round(n: u64) -> u64 {
        n
    }

    pub mod solid {
        pub fn cube(n: u64) -> u64 {
            n
        }
    }
}

fn wait<T>(_: impl Future<Output = T>) -> u64 {
    0
}

#[cache(with(plain))]
fn of_plain(n: u64) -> u64 {
    plain(n) + plain(n + 1)
}

#[cache(with(shapes::flat))]
fn of_flat(n: u64) -> u64 {
    shapes::flat(n) + shapes::flat(n + 1)
}

#[cache(with(passing))]
fn of_passing(n: u64) -> u64 {
    if n == 0 { passing(n) + passing(1) } else { passing(n) + passing(n + 1) }
}

#[cache(with(renamed))]
fn of_renamed(n: u64) -> u64 {
    renamed(n) + renamed(n + 1)
}

#[cache(with(generic))]
fn of_generic(n: u64) -> u64 {
    generic(n) + generic(n + 1)
}

#[cache(with(later))]
fn of_later(n: u64) -> u64 {
    wait(later(n)) + wait(later(n + 1))
}

// In whatever file it stands, there is one error, at what is named.
#[cache(with(shapes::solid::cube))]
fn of_cube(n: u64) -> u64 {
    if n == 0 { shapes::solid::cube(n) + shapes::solid::cube(1) } else { shapes::solid::cube(n) + shapes::solid::cube(n + 1) }
}

#[cache(with(shapes::round))]
fn uncalled(n: u64) -> u64 {
    fn inner(n: u64) -> u64 {
        shapes::round(n)
    }
    inner(n)
}

#[cache(with(round, of_itself, plain))]
fn of_itself(n: u64) -> u64 {
    if n == 0 { 0 } else { shapes::round(n) + of_itself(n - 1) }
}

struct Shop {
    memo: Memo<(u64,), u64>,
}

impl Shop {
    #[cache(field = memo)]
    fn price(&self, n: u64) -> u64 {
        n
    }

    #[cache(skip(self), with(Self::price))]
    fn prices(&self, n: u64) -> u64 {
        Self::price(self, n) + Self::price(self, n + 1)
    }
}

// These are called, or may be: by a macro, or handed on.
#[cache(with(shapes::round))]
fn handed_on(n: u64) -> u64 {
    (0..n).map(shapes::round).sum()
}

macro_rules! given {
    ($($code:tt)*) => {
        $($code)*
    };
}

#[cache(with(shapes::round))]
fn in_a_macro(n: u64) -> u64 {
    given!(shapes::round(n) + shapes::round(n + 1))
}

fn main() {
    let shop = Shop { memo: Memo::default() };
    let _ = (of_plain(1), of_flat(1), of_passing(1), of_renamed(1), of_generic(1), of_later(1), of_cube(1), uncalled(1));
    let _ = (of_itself(1), shop.prices(1), handed_on(1), in_a_macro(1), OF_PLAIN.len(), OF_ITSELF.len(), OTHER.len());
}
