//! A type that cannot be a key or a value is named once, at the type.

use std::rc::Rc;

use speedup::cache;

struct Plain(u64);

#[cache]
fn plain(plain: Plain) -> u64 {
    plain.0
}

#[cache]
fn shared(n: u64) -> Rc<u64> {
    Rc::new(n)
}

#[cache]
fn unclonable(n: u64) -> Plain {
    Plain(n)
}

fn main() {}
