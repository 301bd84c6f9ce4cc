//! A literal that does not fit the argument is told of at its own place.

use speedup::cache;

#[cache]
fn steps(n: u8) -> u8 {
    if n < 2 {
        return n;
    }
    steps(n - 1)
        + steps(300)
}

fn main() {
    steps(3);
}
