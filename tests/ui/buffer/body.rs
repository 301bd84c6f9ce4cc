//! A body that says nothing about its values.

use speedup::buffer;

#[buffer]
fn number() -> u64 {
    3
}

#[buffer]
fn nothing() {}

#[buffer]
fn text() -> String {
    String::new()
}

#[buffer]
fn both() -> impl Iterator<Item = u64> {
    yield_!(3);
}

#[buffer]
fn never() -> ! {
    yield_!(3);
    loop {}
}

#[buffer]
fn ends() -> impl DoubleEndedIterator<Item = u64> {
    0..10
}

#[buffer]
fn boxed() -> Box<dyn Iterator<Item = u64>> {
    Box::new(0..10)
}

#[buffer]
fn no_iterator() -> std::time::Duration {
    std::time::Duration::ZERO
}

fn main() {}
