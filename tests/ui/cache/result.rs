//! What cannot be a result.

use speedup::cache;

#[cache]
fn nothing(n: u64) {
    let _ = n;
}

#[cache]
fn opaque(n: u64) -> impl Iterator<Item = u64> {
    0..n
}

#[cache]
fn nested(n: u64) -> Option<impl Iterator<Item = u64>> {
    Some(0..n)
}

#[cache]
fn never(n: u64) -> ! {
    panic!("{n}")
}

#[cache]
fn text(text: &str) -> &str {
    text
}

#[cache]
fn slice<'a>(list: &'a [u64]) -> &'a [u64] {
    list
}

#[cache]
fn inside(text: &str) -> Option<&str> {
    Some(text)
}

fn main() {}
