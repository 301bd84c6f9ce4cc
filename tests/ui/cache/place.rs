//! Types that do not live long enough for a table, and a trait, which has no body to cache.

use speedup::cache;

struct Holder<T>(T);

impl<T> Holder<T> {
    #[cache]
    fn shared(n: u64) -> u64 {
        n
    }
}

trait Compute {
    #[cache]
    fn declared(n: u64) -> u64;

    #[cache]
    fn provided(n: u64) -> u64 {
        n
    }
}

impl<T> Compute for Holder<T> {
    #[cache]
    fn declared(n: u64) -> u64 {
        n
    }
}

fn main() {
    let _ = Holder::<u8>::shared(1);
    let _ = (<Holder<u8> as Compute>::declared(1), <Holder<u8> as Compute>::provided(1));
}
