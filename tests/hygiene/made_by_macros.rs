//! Functions and `impl` blocks that a `macro_rules!` makes.

use speedup::{buffer, cache};

macro_rules! shape {
    ($t:ident, $side:expr) => {
        struct $t;

        impl $t {
            #[cache]
            fn area(n: u64) -> u64 {
                n * $side
            }

            #[buffer]
            fn sides() -> impl Iterator<Item = u64> {
                std::iter::repeat($side).take(3)
            }
        }
    };
}

shape!(Square, 2);
shape!(Triangle, 3);

#[test]
fn an_impl_made_by_a_macro_is_recognised() {
    assert_eq!((Square::area(3), Triangle::area(3)), (6, 9));
    assert_eq!((Square::AREA.len(), Triangle::AREA.peek(&(3,))), (1, Some(9)));
    assert_eq!((Square::sides().count(), Triangle::SIDES.get(2)), (3, Some(&3)));
}

macro_rules! method {
    () => {
        #[cache]
        fn method(n: u64) -> u64 {
            n + 1
        }
    };
}

struct Called;

impl Called {
    method!();
}

#[test]
fn a_function_made_inside_of_an_impl_is_recognised_by_the_call() {
    assert_eq!((Called::method(3), Called::METHOD.len()), (4, 1));
}

macro_rules! named {
    ($t:ident, $name:ident) => {
        struct $t;

        impl $t {
            #[cache]
            fn $name(n: u64) -> u64 {
                n + 2
            }
        }
    };
}

named!(Named, given);

#[test]
fn the_function_stands_where_it_is_written_not_where_it_is_named() {
    assert_eq!((Named::given(1), Named::GIVEN.len()), (3, 1));
}

macro_rules! function {
    ($(#[$meta:meta])* $name:ident($argument:ident: $ty:ty) -> $result:ty $body:block) => {
        #[cache]
        $(#[$meta])*
        fn $name($argument: $ty) -> $result $body
    };
}

function!(
    /// With documentation.
    made(n: u64) -> u64 { if n < 2 { n } else { made(n - 1) + made(n - 2) } }
);
function!(length(text: &str) -> Result<usize, std::num::ParseIntError> { text.parse() });

#[test]
fn types_and_bodies_can_be_given_to_a_macro() {
    assert_eq!((made(30), MADE.len()), (832_040, 31));
    assert_eq!((length("7"), length("x").is_err(), LENGTH.len()), (Ok(7), true, 1));
}

macro_rules! with_options {
    ($name:ident, $other:path, $bound:expr, $weight:expr, $ttl:expr) => {
        #[cache(with($other), capacity = $bound, weight = $weight, ttl = $ttl)]
        fn $name(n: u64) -> u64 {
            if n == 0 { 0 } else { $name(n - 1) + $other(n) + $other(n + 1) }
        }
    };
}

mod others {
    use speedup::cache;

    #[cache(ttl = "1h")]
    pub(super) fn half(n: u64) -> u64 {
        n / 2
    }
}

with_options!(halves, others::half, "1 MiB", |_| 8, "1h");

macro_rules! searched {
    ($name:ident, $halt:expr, $size:expr) => {
        #[buffer(halt = $halt, size = $size)]
        fn $name() -> impl Iterator<Item = f64> {
            (1..).map(|n| f64::from(n) * if n % 2 == 0 { 1.0 } else { -1.0 })
        }
    };
}

searched!(alternating, AbsNonDecreasing, 4);

#[test]
fn what_options_say_can_be_given_to_a_macro() {
    assert_eq!((halves(4), HALVES.len(), others::HALF.len()), (10, 5, 5));
    assert!(ALTERNATING.contains(&4.0) && !ALTERNATING.contains(&5.0));
}
