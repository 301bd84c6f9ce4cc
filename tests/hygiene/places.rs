//! Where a function can stand.

use speedup::{buffer, cache};

struct Borrowing<'a>(&'a str);

impl<'a> Borrowing<'a> {
    const STEP: u64 = 1;

    #[cache]
    fn way(n: u64) -> u64 {
        if n == 0 { 0 } else { Self::way(n - Self::STEP) + Borrowing::way(n - 1) + 1 }
    }

    #[buffer]
    fn steps() -> impl Iterator<Item = u64> {
        (0..).map(|n| n * Self::STEP)
    }

    fn longest(&self) -> &'a str {
        self.0
    }
}

impl Borrowing<'_> {
    #[cache]
    fn short(n: u64) -> u64 {
        n + Self::STEP
    }
}

struct Holder<T>(T);

impl Holder<&u8> {
    #[cache]
    fn held(n: u64) -> u64 {
        n
    }

    fn get(&self) -> u8 {
        *self.0
    }
}

#[test]
fn an_impl_can_have_lifetimes() {
    assert_eq!((Borrowing::way(10), Borrowing::WAY.len()), (1023, 11));
    assert_eq!((Borrowing::steps().nth(3), Borrowing::STEPS[4]), (Some(3), 4));
    assert_eq!((Borrowing::short(1), Borrowing("ab").longest()), (2, "ab"));
    assert_eq!((Holder::<&u8>::held(4), Holder(&5).get()), (4, 5));
}

/// Shadows an argument's type where the body begins.
mod other {
    #[derive(Clone, PartialEq, Eq, Hash)]
    pub(crate) struct Point(pub(crate) u64);
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Point(u64);

#[cache]
fn shadowing(point: &Point, depth: u64) -> u64 {
    use self::other::Point;
    let Point(extra) = Point(1);
    if depth == 0 {
        return point.0 + extra;
    }
    shadowing(point, depth - 1) + extra
}

#[test]
fn a_body_can_shadow_the_type_of_an_argument() {
    assert_eq!(shadowing(&Point(2), 3), 6);
}

#[cache]
extern "C" fn foreign(n: u64) -> u64 {
    if n < 2 { n } else { foreign(n - 1) + foreign(n - 2) }
}

#[test]
fn a_function_for_other_languages_keeps_its_abi() {
    let foreign: extern "C" fn(u64) -> u64 = foreign;
    assert_eq!((foreign(20), FOREIGN.len()), (6765, 21));
}
