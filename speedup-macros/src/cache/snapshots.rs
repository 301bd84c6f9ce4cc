//! What `#[cache]` writes, one snapshot for each shape of function; `UPDATE_EXPECT=1 cargo test` writes them anew.

use expect_test::{Expect, expect};

use crate::expansion::testing;
use crate::place::Place;

/// Asserts what a function in a module or a block becomes.
fn check(options: &str, function: &str, expected: &Expect) {
    expected.assert_eq(&testing::pretty(super::attribute_at(
        testing::tokens(options),
        testing::tokens(function),
        |_| Place::Free,
    )));
}

/// Asserts what a function in `impl Point` becomes.
fn check_in_impl(options: &str, function: &str, expected: &Expect) {
    let place = Place::Inherent { ty: Some("Point".to_owned()), generic: false };
    let expansion = super::attribute_at(testing::tokens(options), testing::tokens(function), |_| place);
    expected.assert_eq(&testing::pretty(quote::quote!(impl Point { #expansion })));
}

#[test]
fn recursion() {
    check(
        "",
        "/// Rabbits.
        #[must_use]
        pub fn fibonacci(n: u64) -> u128 { if n < 2 { 1 } else { fibonacci(n - 1) + fibonacci(n - 2) } }",
        &expect![[r#"
            /// Rabbits.
            #[must_use]
            pub fn fibonacci(n: u64) -> u128 {
                ::speedup::Cache::get(FIBONACCI, (n,))
            }
            /// The cache of [`fibonacci()`].
            pub const FIBONACCI: &::speedup::Cache<(u64,), u128> = {
                static STATE: ::speedup::cache::State<(u64,), u128> = ::speedup::cache::State::new();
                let _ = fibonacci;
                &::speedup::Cache::of(
                    &STATE,
                    ::speedup::cache::Function::new(
                            "fibonacci",
                            |(n,): &(u64,)| __fibonacci_uncached(*n),
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            fn __fibonacci_uncached(n: u64) -> u128 {
                if n < 2 {
                    1
                } else {
                    let [call_0, call_1] = ::speedup::Cache::group(FIBONACCI, [(n - 1,), (n - 2,)]);
                    call_0 + call_1
                }
            }
        "#]],
    );
}

#[test]
fn borrowed_arguments() {
    check(
        "",
        "fn distance(a: &str, b: &[u8], limit: usize) -> usize {
            distance(&a[1..], b, limit).min(distance(a, &b[1..], limit - 1))
        }",
        &expect![[r#"
            fn distance(a: &str, b: &[u8], limit: usize) -> usize {
                ::speedup::Cache::get_ref(DISTANCE, (a, b, &limit))
            }
            /// The cache of [`distance()`].
            const DISTANCE: &::speedup::Cache<
                (::std::string::String, ::std::vec::Vec<u8>, usize),
                usize,
            > = {
                static STATE: ::speedup::cache::State<
                    (::std::string::String, ::std::vec::Vec<u8>, usize),
                    usize,
                > = ::speedup::cache::State::new();
                let _ = distance;
                &::speedup::Cache::of(
                    &STATE,
                    ::speedup::cache::Function::new(
                            "distance",
                            |(a, b, limit): &(::std::string::String, ::std::vec::Vec<u8>, usize)| __distance_uncached(
                                a,
                                b,
                                *limit,
                            ),
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            fn __distance_uncached(a: &str, b: &[u8], limit: usize) -> usize {
                let [call_0, call_1] = ::speedup::Cache::group_ref::<
                    (&str, &[u8], &usize),
                    _,
                >(DISTANCE, [(&a[1..], b, &limit), (a, &b[1..], &(limit - 1))]);
                call_0.min(call_1)
            }
        "#]],
    );
}

#[test]
fn patterns_and_mut() {
    check(
        "",
        "fn area((w, h): (u32, u32), mut scale: u64, _unused: bool, _: char) -> u64 { scale += 1; scale }",
        &expect![[r#"
        fn area(argument_0: (u32, u32), scale: u64, unused: bool, argument_3: char) -> u64 {
            ::speedup::Cache::get(AREA, (argument_0, scale, unused, argument_3))
        }
        /// The cache of [`area()`].
        const AREA: &::speedup::Cache<((u32, u32), u64, bool, char), u64> = {
            static STATE: ::speedup::cache::State<((u32, u32), u64, bool, char), u64> = ::speedup::cache::State::new();
            let _ = area;
            &::speedup::Cache::of(
                &STATE,
                ::speedup::cache::Function::new(
                        "area",
                        |
                            (
                                argument_0,
                                scale,
                                unused,
                                argument_3,
                            ): &((u32, u32), u64, bool, char)|
                        __area_uncached(
                            ::core::clone::Clone::clone(argument_0),
                            *scale,
                            *unused,
                            *argument_3,
                        ),
                    )
                    .show(::core::fmt::Debug::fmt),
            )
        };
        fn __area_uncached((w, h): (u32, u32), mut scale: u64, _unused: bool, _: char) -> u64 {
            scale += 1;
            scale
        }
    "#]],
    );
}

#[test]
fn owned_arguments_of_other_types() {
    check(
        "",
        "fn ask(user: User, tags: Vec<String>) -> usize { 1 }",
        &expect![[r#"
        fn ask(user: User, tags: Vec<String>) -> usize {
            ::speedup::Cache::get(ASK, (user, tags))
        }
        /// The cache of [`ask()`].
        const ASK: &::speedup::Cache<(User, Vec<String>), usize> = {
            static STATE: ::speedup::cache::State<(User, Vec<String>), usize> = ::speedup::cache::State::new();
            let _ = ask;
            &::speedup::Cache::of(
                &STATE,
                ::speedup::cache::Function::new(
                        "ask",
                        |(user, tags): &(User, Vec<String>)| __ask_uncached(
                            ::core::clone::Clone::clone(user),
                            ::core::clone::Clone::clone(tags),
                        ),
                    )
                    .show(|key, out| {
                        use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
                        (&::speedup::__private::Show(key)).show(out)
                    }),
            )
        };
        fn __ask_uncached(user: User, tags: Vec<String>) -> usize {
            1
        }
    "#]],
    );
}

#[test]
fn no_arguments() {
    check(
        "",
        "fn table() -> Vec<u64> { vec![] }",
        &expect![[r#"
        fn table() -> Vec<u64> {
            ::speedup::Cache::get(TABLE, ())
        }
        /// The cache of [`table()`].
        const TABLE: &::speedup::Cache<(), Vec<u64>> = {
            static STATE: ::speedup::cache::State<(), Vec<u64>> = ::speedup::cache::State::new();
            let _ = table;
            &::speedup::Cache::of(
                &STATE,
                ::speedup::cache::Function::new("table", |(): &()| __table_uncached())
                    .show(::core::fmt::Debug::fmt),
            )
        };
        fn __table_uncached() -> Vec<u64> {
            vec![]
        }
    "#]],
    );
}

#[test]
fn results_keep_ok() {
    check(
        "",
        "fn parse(n: u64) -> std::io::Result<u64> { Ok(n) }",
        &expect![[r#"
        fn parse(n: u64) -> std::io::Result<u64> {
            ::speedup::Cache::get(PARSE, (n,))
        }
        /// The cache of [`parse()`].
        const PARSE: &::speedup::Cache<(u64,), std::io::Result<u64>> = {
            static STATE: ::speedup::cache::State<(u64,), std::io::Result<u64>> = ::speedup::cache::State::new();
            let _ = parse;
            &::speedup::Cache::of(
                &STATE,
                ::speedup::cache::Function::new("parse", |(n,): &(u64,)| __parse_uncached(*n))
                    .show(::core::fmt::Debug::fmt)
                    .keep(::core::result::Result::is_ok),
            )
        };
        fn __parse_uncached(n: u64) -> std::io::Result<u64> {
            Ok(n)
        }
    "#]],
    );
}

#[test]
fn errors_too() {
    check(
        "cache_err",
        "fn parse(n: u64) -> Result<u64, String> { Ok(n) }",
        &expect![[r#"
        fn parse(n: u64) -> Result<u64, String> {
            ::speedup::Cache::get(PARSE, (n,))
        }
        /// The cache of [`parse()`].
        const PARSE: &::speedup::Cache<(u64,), Result<u64, String>> = {
            static STATE: ::speedup::cache::State<(u64,), Result<u64, String>> = ::speedup::cache::State::new();
            let _ = parse;
            &::speedup::Cache::of(
                &STATE,
                ::speedup::cache::Function::new("parse", |(n,): &(u64,)| __parse_uncached(*n))
                    .show(::core::fmt::Debug::fmt),
            )
        };
        fn __parse_uncached(n: u64) -> Result<u64, String> {
            Ok(n)
        }
    "#]],
    );
}

#[test]
fn options_keep_some() {
    check(
        "",
        "fn find(n: u64) -> Option<u64> { None }",
        &expect![[r#"
        fn find(n: u64) -> Option<u64> {
            ::speedup::Cache::get(FIND, (n,))
        }
        /// The cache of [`find()`].
        const FIND: &::speedup::Cache<(u64,), Option<u64>> = {
            static STATE: ::speedup::cache::State<(u64,), Option<u64>> = ::speedup::cache::State::new();
            let _ = find;
            &::speedup::Cache::of(
                &STATE,
                ::speedup::cache::Function::new("find", |(n,): &(u64,)| __find_uncached(*n))
                    .show(::core::fmt::Debug::fmt)
                    .keep(::core::option::Option::is_some),
            )
        };
        fn __find_uncached(n: u64) -> Option<u64> {
            None
        }
    "#]],
    );
}

#[test]
fn a_type_that_may_be_an_alias() {
    check(
        "",
        "fn compute(n: u64) -> Answer { todo() }",
        &expect![[r#"
        fn compute(n: u64) -> Answer {
            ::speedup::Cache::get(COMPUTE, (n,))
        }
        /// The cache of [`compute()`].
        const COMPUTE: &::speedup::Cache<(u64,), Answer> = {
            static STATE: ::speedup::cache::State<(u64,), Answer> = ::speedup::cache::State::new();
            let _ = compute;
            &::speedup::Cache::of(
                &STATE,
                ::speedup::cache::Function::new(
                        "compute",
                        |(n,): &(u64,)| __compute_uncached(*n),
                    )
                    .show(::core::fmt::Debug::fmt)
                    .keep(|value| {
                        use ::speedup::__private::{
                            KeepAny as _, KeepOption as _, KeepResult as _,
                        };
                        (&::speedup::__private::Keep(value)).keep()
                    }),
            )
        };
        fn __compute_uncached(n: u64) -> Answer {
            todo()
        }
    "#]],
    );
}

#[test]
fn sequential_under_another_name() {
    check(
        "sequential, name = TABLE",
        "fn f(n: u64) -> u64 { f(n - 1) + f(n - 2) }",
        &expect![[r#"
        fn f(n: u64) -> u64 {
            ::speedup::Cache::get(TABLE, (n,))
        }
        /// The cache of [`f()`].
        const TABLE: &::speedup::Cache<(u64,), u64> = {
            static STATE: ::speedup::cache::State<(u64,), u64> = ::speedup::cache::State::new();
            let _ = f;
            &::speedup::Cache::of(
                &STATE,
                ::speedup::cache::Function::new("f", |(n,): &(u64,)| __f_uncached(*n))
                    .show(::core::fmt::Debug::fmt)
                    .sequential(),
            )
        };
        fn __f_uncached(n: u64) -> u64 {
            f(n - 1) + f(n - 2)
        }
    "#]],
    );
}

#[test]
fn a_body_with_rayon() {
    check(
        "",
        "fn f(n: u64) -> u64 { (0..n).into_par_iter().map(|k| f(k)).sum() }",
        &expect![[r#"
        fn f(n: u64) -> u64 {
            ::speedup::Cache::get(F, (n,))
        }
        /// The cache of [`f()`].
        const F: &::speedup::Cache<(u64,), u64> = {
            static STATE: ::speedup::cache::State<(u64,), u64> = ::speedup::cache::State::new();
            let _ = f;
            &::speedup::Cache::of(
                &STATE,
                ::speedup::cache::Function::new("f", |(n,): &(u64,)| __f_uncached(*n))
                    .show(::core::fmt::Debug::fmt)
                    .uses_rayon(),
            )
        };
        fn __f_uncached(n: u64) -> u64 {
            (0..n).into_par_iter().map(|k| f(k)).sum()
        }
    "#]],
    );
}

#[test]
fn in_an_impl() {
    check_in_impl(
        "",
        "pub(crate) fn paths(x: u64, y: u64) -> u64 { Self::paths(x - 1, y) + Point::paths(x, y - 1) }",
        &expect![[r#"
        impl Point {
            pub(crate) fn paths(x: u64, y: u64) -> u64 {
                ::speedup::Cache::get(Self::PATHS, (x, y))
            }
            /// The cache of [`Self::paths()`].
            pub(crate) const PATHS: &::speedup::Cache<(u64, u64), u64> = {
                static STATE: ::speedup::cache::State<(u64, u64), u64> = ::speedup::cache::State::new();
                let _ = Self::paths;
                &::speedup::Cache::of(
                    &STATE,
                    ::speedup::cache::Function::new(
                            "paths",
                            |(x, y): &(u64, u64)| Self::__paths_uncached(*x, *y),
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            fn __paths_uncached(x: u64, y: u64) -> u64 {
                let [call_0, call_1] = ::speedup::Cache::group(
                    Self::PATHS,
                    [(x - 1, y), (x, y - 1)],
                );
                call_0 + call_1
            }
        }
    "#]],
    );
}

#[test]
fn attributes_go_where_they_belong() {
    check(
        "",
        "#[cfg(unix)]
        #[deprecated]
        #[doc(hidden)]
        #[inline]
        #[allow(unused_variables)]
        #[expect(clippy::too_many_lines, reason = \"a table\")]
        #[cfg_attr(test, allow(dead_code))]
        fn f(n: u64) -> u64 { 1 }",
        &expect![[r##"
            #[cfg(unix)]
            #[deprecated]
            #[doc(hidden)]
            #[inline]
            #[allow(unused_variables)]
            #[allow(clippy::too_many_lines, reason = "a table")]
            #[cfg_attr(test, allow(dead_code))]
            fn f(n: u64) -> u64 {
                ::speedup::Cache::get(F, (n,))
            }
            #[cfg(unix)]
            #[allow(deprecated)]
            #[doc(hidden)]
            /// The cache of [`f()`].
            const F: &::speedup::Cache<(u64,), u64> = {
                static STATE: ::speedup::cache::State<(u64,), u64> = ::speedup::cache::State::new();
                let _ = f;
                &::speedup::Cache::of(
                    &STATE,
                    ::speedup::cache::Function::new("f", |(n,): &(u64,)| __f_uncached(*n))
                        .show(::core::fmt::Debug::fmt),
                )
            };
            #[cfg(unix)]
            #[allow(deprecated)]
            #[allow(unused_variables)]
            #[allow(clippy::too_many_lines, reason = "a table")]
            #[cfg_attr(test, allow(dead_code))]
            fn __f_uncached(n: u64) -> u64 {
                1
            }
        "##]],
    );
}

#[test]
fn a_raw_name_with_a_lifetime() {
    check(
        "",
        "fn r#match<'a>(text: &'a str, r#type: u8) -> u64 where u8: Copy { 1 }",
        &expect![[r#"
        fn r#match<'a>(text: &'a str, r#type: u8) -> u64
        where
            u8: Copy,
        {
            ::speedup::Cache::get_ref(MATCH, (text, &r#type))
        }
        /// The cache of `r#match`.
        const MATCH: &::speedup::Cache<(::std::string::String, u8), u64> = {
            static STATE: ::speedup::cache::State<(::std::string::String, u8), u64> = ::speedup::cache::State::new();
            let _ = r#match;
            &::speedup::Cache::of(
                &STATE,
                ::speedup::cache::Function::new(
                        "match",
                        |(text, r#type): &(::std::string::String, u8)| __match_uncached(
                            text,
                            *r#type,
                        ),
                    )
                    .show(::core::fmt::Debug::fmt),
            )
        };
        fn __match_uncached<'a>(text: &'a str, r#type: u8) -> u64
        where
            u8: Copy,
        {
            1
        }
    "#]],
    );
}

#[test]
fn wrong_options_leave_the_function_cached() {
    check(
        "capasity = 3, sequential, sequential, cache_err",
        "fn f(n: u64) -> Result<u64, ()> { Ok(n) }",
        &expect![[r#"
        ::core::compile_error! {
            "unknown option `capasity`: the options are `name`, `sequential`, `cache_err`, `cache_none`"
        }
        ::core::compile_error! {
            "`sequential` is given twice: keep one of them"
        }
        fn f(n: u64) -> Result<u64, ()> {
            ::speedup::Cache::get(F, (n,))
        }
        /// The cache of [`f()`].
        const F: &::speedup::Cache<(u64,), Result<u64, ()>> = {
            static STATE: ::speedup::cache::State<(u64,), Result<u64, ()>> = ::speedup::cache::State::new();
            let _ = f;
            &::speedup::Cache::of(
                &STATE,
                ::speedup::cache::Function::new("f", |(n,): &(u64,)| __f_uncached(*n))
                    .show(::core::fmt::Debug::fmt)
                    .sequential(),
            )
        };
        fn __f_uncached(n: u64) -> Result<u64, ()> {
            Ok(n)
        }
    "#]],
    );
}

#[test]
fn a_wrong_signature_leaves_the_function_as_it_is() {
    check(
        "",
        "async fn f<T>(&self, n: &mut T) { }",
        &expect![[r#"
        ::core::compile_error! {
            "`#[cache]` does not support `async fn` yet: put it on a plain `fn` and call that from async code"
        }
        ::core::compile_error! {
            "`#[cache]` needs one type for each argument and the result: write a concrete type for `T`, and one function for each type that is needed"
        }
        ::core::compile_error! {
            "`#[cache]` cannot take `self`, its value is no part of the key: write a function without `self` that takes what it needs, such as `fn area(width: u32) -> u64`, and call it as `Self::area(self.width)`"
        }
        ::core::compile_error! {
            "a `&mut` argument can change and so is no key: take `T` by value and return what changes"
        }
        ::core::compile_error! {
            "a cached function returns a value: write its type, such as `-> u64`"
        }
        async fn f<T>(&self, n: &mut T) {}
    "#]],
    );
}

#[test]
fn other_items_stay() {
    check(
        "",
        "struct Point { x: u64 }",
        &expect![[r#"
        ::core::compile_error! {
            "`#[cache]` goes on a function, and this is a struct: move it to the function that does the work"
        }
        struct Point {
            x: u64,
        }
    "#]],
    );
}
