//! Functions that a macro makes of names that it is given: `self`, arguments, and those that have the same name as one of its own.

use speedup::{Memo, cache};

/// A method with a body of the caller's, which has its own `self`.
macro_rules! method {
    ($t:ident, $(#[$attribute:meta])* fn $name:ident(&$this:ident $(, $argument:ident)*): $args:ty $body:block) => {
        #[derive(Default)]
        struct $t {
            by: u64,
            memo: Memo<$args, u64>,
        }

        impl $t {
            $(#[$attribute])*
            fn $name(&$this $(, $argument: u64)*) -> u64 $body
        }
    };
}

method!(InField, #[cache(field = memo)] fn sum(&self, n): (u64,) {
    if n == 0 { self.by } else { self.sum(n - 1) + self.sum(n / 2) + self.by }
});
method!(Bounded, #[cache(field = memo, capacity = 2)] fn sum(&self, n): (u64,) {
    if n == 0 { self.by } else { self.sum(n - 1) + self.sum(n / 2) + self.by }
});
method!(OfACall, #[cache(scoped)] fn sum(&self, n): (u64,) {
    if n == 0 { self.by } else { self.sum(n - 1) + self.sum(n / 2) + self.by }
});
method!(Shared, #[cache(skip(self))] fn sum(&self, n): (u64,) {
    if n == 0 { self.by } else { self.sum(n - 1) + self.sum(n / 2) + self.by }
});
method!(Keyed, #[cache(key = |self, n| -> (u64, u64) { (self.by, n) })] fn sum(&self, n): (u64,) {
    if n == 0 { self.by } else { self.sum(n - 1) + self.sum(n / 2) + self.by }
});
method!(Six, #[cache(field = memo)] fn sum(&self, a, b, c, d, e, f): (u64, u64, u64, u64, u64, u64) {
    if a == 0 { self.by + b + c + d + e + f } else { self.sum(a - 1, b, c, d, e, f) + self.sum(a / 2, b, c, d, e, f + 1) }
});

#[test]
fn a_method_may_be_given_its_self() {
    // 1, 3, 7, 11
    assert_eq!(InField { by: 1, ..InField::default() }.sum(3), 11);
    assert_eq!(Bounded { by: 1, ..Bounded::default() }.sum(3), 11);
    let shop = OfACall { by: 1, ..OfACall::default() };
    assert_eq!((shop.sum(3), shop.memo.len()), (11, 0));
    let shop = Shared { by: 1, ..Shared::default() };
    assert_eq!((shop.sum(3), shop.memo.len(), Shared::SUM.len()), (11, 0, 4));
    let shop = Keyed { by: 1, ..Keyed::default() };
    assert_eq!((shop.sum(3), shop.memo.len(), Keyed::SUM.len()), (11, 0, 4));
    let six = Six { by: 1, ..Six::default() };
    assert_eq!((six.sum(1, 0, 0, 0, 0, 0), six.memo.len()), (3, 3));
}

macro_rules! borrowing {
    ($t:ident, fn $name:ident(&$this:ident, $n:ident) $body:block) => {
        struct $t<'a>(&'a str);

        impl<'a> $t<'a> {
            #[cache(scoped)]
            fn $name(&$this, $n: usize) -> &'a str $body
        }
    };
}

borrowing!(Text, fn ends(&self, n) {
    if n == 0 {
        return self.0;
    }
    let (one, other) = (self.ends(n - 1), self.ends(n / 2));
    if one.len() < other.len() { one } else { &other[1..] }
});

macro_rules! of_trait {
    ($trait:ident for $t:ty, fn $name:ident(&$this:ident, $n:ident) $body:block) => {
        impl $trait for $t {
            #[cache(scoped)]
            fn $name(&$this, $n: u64) -> u64 $body
        }
    };
}

trait Counts {
    fn counts(&self, n: u64) -> u64;
}

of_trait!(Counts for InField, fn counts(&self, n) {
    if n == 0 { self.by } else { self.counts(n - 1) + self.counts(n / 2) }
});

macro_rules! of_types {
    ($t:ident<$of:ident>, fn $name:ident(&$this:ident, $n:ident) $body:block) => {
        struct $t<$of> {
            by: $of,
            memo: Memo<(u64,), u64>,
        }

        impl<$of: Into<u64> + Copy + Sync> $t<$of> {
            #[cache(field = memo)]
            fn $name(&$this, $n: u64) -> u64 $body
        }
    };
}

of_types!(Of<T>, fn sum(&self, n) {
    if n == 0 { self.by.into() } else { self.sum(n - 1) + self.sum(n / 2) }
});

#[test]
fn in_impls_of_every_kind() {
    assert_eq!(Text("letters").ends(2), "tters");
    assert_eq!(InField { by: 1, ..InField::default() }.counts(3), 6);
    let of = Of { by: 1_u8, memo: Memo::default() };
    assert_eq!((of.sum(3), of.memo.len()), (6, 4));
}

macro_rules! whole {
    ($($word:ident)+ { $($items:tt)* }) => {
        $($word)+ {
            $($items)*
        }
    };
}

struct Head(u64);

whole! { impl Head {
    #[cache(scoped)]
    fn sum(&self, n: u64) -> u64 {
        if n == 0 { self.0 } else { self.sum(n - 1) + self.sum(n / 2) }
    }

    #[cache]
    fn depth(n: u64) -> u64 {
        if n == 0 { 0 } else { Head::depth(n - 1) + 1 }
    }
} }

#[test]
fn the_head_of_the_impl_may_be_given() {
    assert_eq!((Head(1).sum(3), Head::depth(3), Head::DEPTH.len()), (6, 3, 4));
}

/// Two arguments that are called alike, one by the macro and one by who calls it.
macro_rules! alike {
    ([$($option:tt)*] $name:ident($argument:ident)) => {
        #[cache($($option)*)]
        fn $name(left: u64, n: u64, $argument: u64) -> u64 {
            if left == 0 { $argument * 10 + n } else { $name(left - 1, $argument, n) }
        }
    };
}

alike!([] swapped(n));
alike!([scoped] swapped_in_a_call(n));
alike!([skip(left)] swapped_by_two(n));
alike!([capacity = 8] swapped_in_few(n));

macro_rules! alike_of_types {
    ($name:ident($argument:ident)) => {
        #[cache]
        fn $name<T: Clone + Eq + std::hash::Hash + Send + Sync + 'static>(value: T, n: u64, $argument: u64) -> u64 {
            if n == 0 { $argument } else { $name(value.clone(), n - 1, $argument + 2) }
        }
    };
}

alike_of_types!(counted(n));

#[test]
fn arguments_may_be_called_alike() {
    assert_eq!((swapped(2, 1, 3), swapped(3, 1, 3), SWAPPED.len()), (31, 13, 7));
    assert_eq!((swapped_in_a_call(2, 1, 3), swapped_in_a_call(3, 1, 3)), (31, 13));
    assert_eq!((swapped_in_few(2, 1, 3), swapped_in_few(3, 1, 3)), (31, 13));
    assert_eq!((swapped_by_two(0, 1, 3), SWAPPED_BY_TWO.peek(&(1, 3))), (31, Some(31)));
    assert_eq!(counted('x', 3, 0), 6);
}

/// Forecasts have copies of variables that only the caller of the macro can name.
macro_rules! changing {
    ($name:ident($n:ident) $body:block) => {
        #[cache]
        fn $name(mut $n: u64) -> u64 $body
    };
    ($name:ident(list $n:ident) $body:block) => {
        #[cache]
        fn $name($n: Vec<u64>) -> u64 $body
    };
}

changing!(downwards(n) {
    let mut sum = 1;
    while n > 2 {
        n -= 1;
        sum += downwards(n - 1);
    }
    sum
});
changing!(shorter(list items) {
    let (mut sum, mut rest) = (1, items.clone());
    rest.pop();
    if !rest.is_empty() {
        for _ in 0..2 {
            sum += shorter(rest.clone());
        }
        for item in rest {
            sum += shorter(vec![item]);
        }
    }
    sum
});

#[test]
fn forecasts_copy_what_the_caller_of_the_macro_has_named() {
    assert_eq!((downwards(9), DOWNWARDS.len()), (34, 8));
    assert_eq!((shorter(vec![1, 2, 3]), SHORTER.len()), (11, 4));
}
