//! Functions and `impl` blocks that a `macro_rules!` makes.

use speedup::{Memo, buffer, cache};

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

/// Its own `rest` is not the one of who calls it.
macro_rules! parts {
    ($name:ident, $list:ident, $body:block) => {
        #[cache]
        fn $name($list: Vec<u64>) -> String {
            let rest = $list.len() as u64;
            let inside = $body;
            format!("{rest}{inside}")
        }
    };
}

parts!(parted, rest, {
    if rest.len() < 2 {
        String::from(".")
    } else {
        let (first, second) = rest.split_at(rest.len() / 2);
        let (first, second) = (first.to_vec(), second.to_vec());
        let inner = parted(first) + &parted(second);
        let all = format!("{}{}", parted(rest.clone()[1..].to_vec()), parted(rest[..1].to_vec()));
        inner + &all
    }
});

#[test]
fn names_that_a_macro_was_given_are_those_of_its_caller() {
    assert_eq!(parted(vec![7, 8]), "21.1.1.1.");
}

#[derive(Default)]
struct Steps {
    one: u64,
    memo: Memo<(u64,), u64>,
}

/// Its `self` is its own, the name of the method is not.
macro_rules! method_named {
    ($name:ident, $($option:tt)*) => {
        impl Steps {
            #[cache($($option)*)]
            fn $name(&self, n: u64) -> u64 {
                if n < 2 { self.one } else { self.$name(n - 1) + self.$name(n - 2) }
            }
        }
    };
}

method_named!(shared, skip(self));
method_named!(scoped, scoped);

/// Its `self` is that of its caller.
macro_rules! method_of {
    ([$($option:tt)*] $self:ident $name:ident($n:ident) $body:block) => {
        impl Steps {
            #[cache($($option)*)]
            fn $name(&$self, $n: u64) -> u64 $body
        }
    };
    (borrowed $self:ident $name:ident($words:ident, $at:ident) $body:block) => {
        impl Steps {
            #[cache(scoped)]
            fn $name<'a>(&$self, $words: &'a [&'a str], $at: usize) -> &'a str $body
        }
    };
}

method_of!([field = memo] self in_field(n) { if n < 2 { self.one } else { self.in_field(n - 1) + self.in_field(n - 2) } });
method_of!([field = memo, capacity = 50] self bounded(n) { if n < 2 { self.one } else { self.bounded(n - 1) + self.bounded(n - 2) } });
method_of!([scoped] self in_scope(n) { if n < 2 { self.one } else { self.in_scope(n - 1) + self.in_scope(n - 2) } });
method_of!(borrowed self last(words, at) {
    if at as u64 + self.one == words.len() as u64 { words[at] } else { self.last(words, at + 1) }
});

#[test]
fn self_is_whose_the_receiver_is() {
    let steps = Steps { one: 1, ..Steps::default() };
    assert_eq!((steps.shared(20), steps.scoped(20), steps.in_scope(20)), (10_946, 10_946, 10_946));
    assert_eq!((steps.in_field(20), steps.memo.len()), (10_946, 21));
    assert_eq!(Steps { one: 1, ..Steps::default() }.bounded(20), 10_946);
    assert_eq!(steps.last(&["a", "b", "c"], 0), "c");
}

macro_rules! generator {
    ($name:ident() -> $result:ty $body:block) => {
        #[buffer]
        fn $name() -> $result $body
    };
}

generator!(thirds() -> impl Iterator<Item = u64> { (0..3).map(|n| n * 3) });

#[test]
fn a_type_that_a_macro_was_given_may_be_an_impl() {
    assert_eq!(thirds().collect::<Vec<_>>(), [0, 3, 6]);
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
