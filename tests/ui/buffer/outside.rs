//! `yield_!` needs a buffer around it.

use speedup::yield_;

fn plain() {
    yield_!(3);
}

fn main() {
    plain();
    speedup::yield_!(4);
}
