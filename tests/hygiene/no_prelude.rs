//! Without a prelude, everything has its full path.

#![no_implicit_prelude]

use ::speedup::{buffer, cache};

#[cache]
fn fibonacci(n: u64) -> u64 {
    if n < 2 { n } else { fibonacci(n - 1) + fibonacci(n - 2) }
}

#[cache]
fn parse(text: &str, spare: &[u8]) -> ::std::result::Result<u64, ::std::num::ParseIntError> {
    let _ = spare;
    ::std::primitive::str::parse(text)
}

#[derive(::std::clone::Clone, ::std::cmp::PartialEq, ::std::cmp::Eq, ::std::hash::Hash)]
struct Opaque(u64);

#[cache(sequential)]
fn opaque(opaque: Opaque) -> u64 {
    opaque.0
}

#[buffer]
fn count() -> u64 {
    for n in 0..10 {
        yield_!(n);
    }
}

#[buffer]
fn multiples(k: u64) -> impl ::std::iter::Iterator<Item = u64> {
    ::std::iter::Iterator::map(0..10, move |n| n * k)
}

#[test]
fn nothing_needs_the_prelude() {
    ::std::assert_eq!((fibonacci(10), FIBONACCI.len()), (55, 11));
    ::std::assert_eq!((parse("7", &[]).is_ok(), parse("x", &[]).is_ok(), PARSE.len()), (true, false, 1));
    ::std::assert_eq!((opaque(Opaque(3)), COUNT[3]), (3, 3));
    ::std::assert_eq!(::std::iter::Iterator::nth(&mut multiples(2), 3), ::std::option::Option::Some(6));
}
