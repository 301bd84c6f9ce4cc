//! Each form of a function with each option: a test a cell. What cannot be is refused in `tests/ui/cache/cells.rs`.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use speedup::cache;

/// Another cached function, whose calls take part.
#[cache]
fn half(n: u64) -> u64 {
    if n == 0 { 0 } else { half(n / 2) + 1 }
}

/// The functions of a form: `given` is what they get beside `n`, which its calls pass on as `again`.
macro_rules! functions {
    ([$($form:tt)*], [$($generics:tt)*], ($($given:ident: $ty:ty = $again:expr),*), $n:ident) => {
        #[allow(unused_imports, reason = "one form has no forecasts")]
        use super::{AtomicUsize, HALF, Relaxed, cache, half};

        pub(super) static RUNS: AtomicUsize = AtomicUsize::new(0);

        #[cache($($form)* sequential)]
        pub(super) fn ordered $($generics)* ($($given: $ty,)* $n: u64) -> u64 {
            RUNS.fetch_add(1, Relaxed);
            if $n < 2 { $n } else { ordered($($again,)* $n - 1) + ordered($($again,)* $n - 2) }
        }

        #[cache($($form)* cache_err)]
        pub(super) fn failing $($generics)* ($($given: $ty,)* $n: u64) -> Result<u64, String> {
            RUNS.fetch_add(1, Relaxed);
            if $n == 0 { Err("nothing left".to_owned()) } else { Ok(failing($($again,)* $n - 1)? + 1) }
        }

        #[cache($($form)* cache_none)]
        pub(super) fn missing $($generics)* ($($given: $ty,)* $n: u64) -> Option<u64> {
            RUNS.fetch_add(1, Relaxed);
            if $n == 0 { None } else { Some(missing($($again,)* $n - 1)? + 1) }
        }

        #[cache($($form)* with(half))]
        pub(super) fn together $($generics)* ($($given: $ty,)* $n: u64) -> u64 {
            RUNS.fetch_add(1, Relaxed);
            if $n == 0 { 1 } else { together($($again,)* $n - 1) + half($n) + half($n + 1) }
        }
    };
}

/// The same with a handle of another name.
macro_rules! named {
    ([$($form:tt)*], [$($generics:tt)*], ($($given:ident: $ty:ty = $again:expr),*), $n:ident) => {
        #[cache($($form)* name = OTHER)]
        pub(super) fn named $($generics)* ($($given: $ty,)* $n: u64) -> u64 {
            RUNS.fetch_add(1, Relaxed);
            if $n == 0 { 1 } else { $n * named($($again,)* $n - 1) }
        }
    };
}

/// What the functions of a form do; `stays` says whether a second call finds the values of the first, `keys` how many there are in the recursion of
/// Fibonacci's numbers.
macro_rules! tests {
    ($form:ident, ($($given:expr),*), stays: $stays:expr, keys: $keys:expr) => {
        #[test]
        fn $form() {
            let twice = |run: &dyn Fn()| {
                $form::RUNS.store(0, Relaxed);
                run();
                let once = $form::RUNS.load(Relaxed);
                run();
                let both = $form::RUNS.load(Relaxed);
                assert_eq!(both, if $stays { once } else { 2 * once });
                once
            };
            assert_eq!(twice(&|| assert_eq!($form::ordered($($given,)* 20), 6765)), $keys);
            assert_eq!(twice(&|| assert_eq!($form::failing($($given,)* 5), Err("nothing left".to_owned()))), 6);
            assert_eq!(twice(&|| assert_eq!($form::missing($($given,)* 5), None)), 6);
            let expected = 1 + (1..=9).map(|n| half(n) + half(n + 1)).sum::<u64>();
            assert_eq!(twice(&|| assert_eq!($form::together($($given,)* 9), expected)), 10);
        }
    };
}

mod plain {
    functions!([], [], (), n);
    named!([], [], (), n);
}

mod steady {
    functions!([], [], (weights: &[u64] = weights), n);
    named!([tables = 4,], [], (weights: &[u64] = weights), n);
}

mod parts {
    functions!([], [], (text: &str = &text[1..]), n);
    named!([], [], (text: &str = &text[1..]), n);
}

mod context {
    functions!([skip(count),], [], (count: &AtomicUsize = count), n);
    named!([skip(count),], [], (count: &AtomicUsize = count), n);
}

mod keyed {
    functions!([key = |n| -> u64 { n },], [], (count: &AtomicUsize = count), n);
    named!([key = |n| -> u64 { n },], [], (count: &AtomicUsize = count), n);
}

mod generic {
    functions!([], [<T: Clone + std::hash::Hash + Eq + Send + Sync + 'static>], (item: T = item.clone()), n);
    named!([], [<T: Clone + std::hash::Hash + Eq + Send + Sync + 'static>], (item: T = item.clone()), n);
}

mod scoped {
    functions!([scoped,], [], (count: &AtomicUsize = count), n);
}

const LONG: &str = "a text that is long enough to be known by the places of its parts, and not by their contents";

tests!(plain, (), stays: true, keys: 21);
tests!(steady, (&[1, 2, 3]), stays: true, keys: 21);
tests!(parts, (LONG), stays: true, keys: 120);
tests!(context, (&AtomicUsize::new(0)), stays: true, keys: 21);
tests!(keyed, (&AtomicUsize::new(0)), stays: true, keys: 21);
tests!(generic, ('x'), stays: true, keys: 21);
tests!(scoped, (&AtomicUsize::new(0)), stays: false, keys: 21);

#[test]
fn handles_have_the_name_that_they_are_given() {
    let count = AtomicUsize::new(0);
    assert_eq!((plain::named(5), plain::OTHER.len()), (120, 6));
    assert_eq!((steady::named(&[1], 5), steady::OTHER.len()), (120, 6));
    assert_eq!((parts::named(LONG, 5), parts::OTHER.len()), (120, 1));
    assert_eq!((context::named(&count, 5), context::OTHER.len()), (120, 6));
    assert_eq!((keyed::named(&count, 5), keyed::OTHER.len()), (120, 6));
    assert_eq!((generic::named('x', 5), generic::OTHER::<char>().len()), (120, 6));
}

mod methods {
    use speedup::{Memo, cache};

    use super::{HALF, half};

    #[derive(Default)]
    pub(super) struct Owner {
        pub(super) runs: std::cell::Cell<usize>,
        numbers: Memo<(u64,), u64>,
        results: Memo<(u64,), Result<u64, String>>,
        options: Memo<(u64,), Option<u64>>,
    }

    impl Owner {
        fn ran(&self) {
            self.runs.set(self.runs.get() + 1);
        }

        #[cache(field = numbers, sequential)]
        pub(super) fn ordered(&self, n: u64) -> u64 {
            self.ran();
            if n < 2 { n } else { self.ordered(n - 1) + self.ordered(n - 2) }
        }

        #[cache(field = results, cache_err, sequential)]
        pub(super) fn failing(&self, n: u64) -> Result<u64, String> {
            self.ran();
            if n == 0 { Err("nothing left".to_owned()) } else { Ok(self.failing(n - 1)? + 1) }
        }

        #[cache(field = options, cache_none, sequential)]
        pub(super) fn missing(&self, n: u64) -> Option<u64> {
            self.ran();
            if n == 0 { None } else { Some(self.missing(n - 1)? + 1) }
        }
    }

    #[derive(Default)]
    pub(super) struct Shared(Memo<(u64,), u64>);

    impl Shared {
        #[cache(skip(self), name = OTHER, with(half))]
        pub(super) fn together(&self, n: u64) -> u64 {
            assert!(self.0.is_empty());
            if n == 0 { 1 } else { self.together(n - 1) + half(n) + half(n + 1) }
        }
    }
}

#[test]
fn methods() {
    let owner = methods::Owner::default();
    let twice = |run: &dyn Fn()| {
        owner.runs.set(0);
        run();
        let once = owner.runs.get();
        run();
        assert_eq!(owner.runs.get(), once);
        once
    };
    assert_eq!(twice(&|| assert_eq!(owner.ordered(20), 6765)), 21);
    assert_eq!(twice(&|| assert_eq!(owner.failing(5), Err("nothing left".to_owned()))), 6);
    assert_eq!(twice(&|| assert_eq!(owner.missing(5), None)), 6);
    let expected = 1 + (1..=9).map(|n| half(n) + half(n + 1)).sum::<u64>();
    assert_eq!((methods::Shared::default().together(9), methods::Shared::OTHER.len()), (expected, 10));
}

mod asynchronous {
    use std::sync::Arc;

    use super::{AtomicUsize, Relaxed, cache};

    pub(super) static RUNS: AtomicUsize = AtomicUsize::new(0);

    #[cache(sequential, name = OTHER)]
    pub(super) async fn ordered(n: u64) -> u64 {
        RUNS.fetch_add(1, Relaxed);
        if n < 2 { n } else { ordered(n - 1).await + ordered(n - 2).await }
    }

    #[cache(cache_err, skip(owner), name = ERRORS)]
    pub(super) async fn failing(owner: &Arc<u64>, n: u64) -> Result<u64, String> {
        RUNS.fetch_add(1, Relaxed);
        if n == **owner { Err("nothing left".to_owned()) } else { Ok(failing(owner, n - 1).await? + 1) }
    }

    #[cache(cache_none, name = NONE)]
    pub(super) async fn missing<T: Clone + std::hash::Hash + Eq + Send + Sync + 'static>(
        item: T,
        n: u64,
    ) -> Option<u64> {
        RUNS.fetch_add(1, Relaxed);
        if n == 0 { None } else { Some(missing(item.clone(), n - 1).await? + 1) }
    }
}

#[test]
fn asynchronous() {
    use asynchronous::{ERRORS, NONE, OTHER, RUNS, failing, missing, ordered};
    let twice = |run: &dyn Fn()| {
        RUNS.store(0, Relaxed);
        run();
        let once = RUNS.load(Relaxed);
        run();
        assert_eq!(RUNS.load(Relaxed), once);
        once
    };
    let owner = std::sync::Arc::new(0);
    assert_eq!(twice(&|| assert_eq!(pollster::block_on(ordered(20)), 6765)), 21);
    assert_eq!(twice(&|| assert!(pollster::block_on(failing(&owner, 5)).is_err())), 6);
    assert_eq!(twice(&|| assert_eq!(pollster::block_on(missing('x', 5)), None)), 6);
    assert_eq!((OTHER.len(), ERRORS.len(), NONE::<char>().len()), (21, 6, 6));
}
