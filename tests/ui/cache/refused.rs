//! A mistake is one error, also where the handle of the refused function is used: in an `impl`, in a block, in a module, and generic.

use speedup::cache;

/// Nothing that a key or a result could be.
struct Db;

struct Owner;

impl Owner {
    #[cache]
    fn of_self(&self, n: u64) -> u64 {
        if n == 0 { Self::OF_SELF.len() as u64 } else { self.of_self(n - 1) }
    }

    #[cache(cache_err, cache_none)]
    fn of_two(db: Db) -> Db {
        db
    }
}

/// The handles have names of their own.
impl Owner {
    #[cache(name = "QUOTED")]
    fn quoted(n: u64) -> u64 {
        n
    }

    #[cache(name = Self::REACHED)]
    fn reached(n: u64) -> u64 {
        n
    }

    #[cache(nmae = SLIPPED)]
    fn slipped(n: u64) -> u64 {
        n
    }

    #[cache(field = memo, name = ELSEWHERE)]
    fn elsewhere(&self, n: u64) -> u64 {
        n
    }

    #[cache(scoped, name = GONE)]
    fn gone(n: u64) -> u64 {
        n
    }
}

struct Of<T>(T);

impl<T> Of<T> {
    #[cache]
    fn generic<U: Clone>(&self, other: U) -> U {
        let _ = Self::GENERIC::<U>().len();
        other
    }
}

mod inner {
    #[speedup::cache(skip(other))]
    pub fn in_a_module(n: u64) -> u64 {
        n
    }
}

#[cache(cache_err)]
async fn later(n: u64) -> u64 {
    if n == 0 { LATER.len() as u64 } else { later(n - 1).await }
}

fn main() {
    #[cache(cache_none)]
    fn in_a_block(n: u64) -> u64 {
        n
    }

    for (key, value) in Owner::OF_SELF.entries() {
        let _: u64 = key.0 + value;
    }
    let _ = Owner::QUOTED.len() + Owner::REACHED.len() + Owner::SLIPPED.len();
    let _ = Owner::ELSEWHERE.stats().hits + Owner::GONE.stats().hits;
    let _: Option<Db> = Owner::OF_TWO.peek(&(Db,));
    let _ = Of::<u64>::GENERIC::<u8>().stats().hits + inner::IN_A_MODULE.len() + IN_A_BLOCK.len();
}
