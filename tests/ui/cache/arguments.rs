//! What cannot be an argument.

use speedup::cache;

#[cache]
fn anything(n: impl Into<u64>) -> u64 {
    n.into()
}

#[cache]
fn nested(list: Vec<impl Into<u64>>) -> u64 {
    list.len() as u64
}

#[cache]
fn changed(list: &mut Vec<u64>) -> u64 {
    list.len() as u64
}

#[cache]
fn object(show: &dyn std::fmt::Debug) -> u64 {
    let _ = show;
    1
}

#[cache]
fn inside(words: Vec<&str>, pair: (&u8, u64), text: std::borrow::Cow<'_, str>) -> u64 {
    let _ = (words, pair, text);
    1
}

#[cache]
fn sometimes(#[cfg(all())] n: u64) -> u64 {
    n
}

#[cache]
#[rustfmt::skip]
fn many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8, m: u8) -> u64 {
    u64::from(a + b + c + d + e + f + g + h + i + j + k + l + m)
}

fn main() {}
