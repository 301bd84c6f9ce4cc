//! What `yield_!`, `?` and `return` cannot mean.

use speedup::buffer;

#[buffer]
fn closure() -> u64 {
    (0..3).for_each(|n| yield_!(n));
    yield_!(4);
}

#[buffer]
fn asynchronous() -> u64 {
    let later = async { yield_!(1) };
    later.await;
}

#[buffer]
fn returns(n: u64) -> u64 {
    if n > 3 {
        return n + 1;
    }
    yield_!(n);
}

#[buffer]
fn asks(text: String) -> u64 {
    yield_!(text.parse::<u64>()?);
}

#[buffer]
fn several() -> u64 {
    yield_!();
    yield_!(1, 2);
    speedup::yield_!(1);
    7
}

fn main() {
    let _ = (closure().next(), asynchronous().next(), returns(3).next(), asks(String::new()).next(), several().next());
}
