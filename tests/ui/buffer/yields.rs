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

#[buffer]
fn returns_yielded() -> u64 {
    return yield_!(vec![1].len() as u64);
}

#[buffer]
fn ends_with_yielded() -> u64 {
    (yield_!(1), 2)
}

macro_rules! select {
    ($value:expr => $name:ident) => {
        $value
    };
}

#[buffer]
fn asks_in_another_syntax(text: String) -> Result<u64, std::num::ParseIntError> {
    yield_!(Ok(select!((text.parse::<u64>()?) => number)));
}

fn main() {
    let _ = (returns_yielded().next(), ends_with_yielded().next(), asks_in_another_syntax(String::new()).next());
    let _ = (closure().next(), asynchronous().next(), returns(3).next(), asks(String::new()).next(), several().next());
}
