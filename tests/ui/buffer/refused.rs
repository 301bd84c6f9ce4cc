//! A mistake is one error, also where the handle of the refused function is used: in an `impl`, in a block and in a module.

use speedup::buffer;

struct Owner;

impl Owner {
    #[buffer(name = "QUOTED")]
    fn quoted() -> impl Iterator<Item = u64> {
        0..
    }

    #[buffer(size = 0)]
    fn small() -> u64 {
        yield_!(1);
    }

    #[buffer]
    fn generic<T: Clone>(first: T) -> impl Iterator<Item = T> {
        std::iter::repeat(first)
    }
}

mod inner {
    #[speedup::buffer]
    pub fn nothing() {
        yield_!(1);
    }
}

fn main() {
    #[buffer]
    async fn later() -> impl Iterator<Item = u64> {
        0..
    }

    for value in Owner::QUOTED.iter() {
        let _: u64 = *value;
    }
    let _: Option<&u8> = Owner::GENERIC.get(3);
    let _ = Owner::SMALL[15] + inner::NOTHING.len_ready() + LATER.len_ready();
}
