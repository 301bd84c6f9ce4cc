//! What a buffered function cannot be.

use speedup::buffer;

struct Shape;

impl Shape {
    #[buffer]
    fn method(&self) -> impl Iterator<Item = u64> {
        0..
    }

    #[buffer]
    fn own() -> impl Iterator<Item = Self> {
        std::iter::empty()
    }
}

#[buffer]
fn generic<T: Clone>(value: T) -> T {
    yield_!(value);
}

#[buffer]
async fn asynchronous() -> u64 {
    yield_!(1);
}

#[buffer]
fn borrows(words: &[String]) -> String {
    for word in words {
        yield_!(word.clone());
    }
}

#[buffer]
fn lends(n: u64) -> impl Iterator<Item = &str> {
    std::iter::empty()
}

#[buffer(keep = 3)]
fn window(n: u64) -> impl Iterator<Item = u64> {
    n..
}

#[buffer]
struct Point;

fn main() {
    let _ = asynchronous().next();
}
