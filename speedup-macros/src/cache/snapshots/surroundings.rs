//! Options, places and attributes.

use expect_test::expect;

use super::{check, check_in_impl};

#[test]
fn sequential_under_another_name() {
    check(
        "sequential, name = TABLE",
        "fn f(n: u64) -> u64 { f(n - 1) + f(n - 2) }",
        &expect![[r##"
            #[inline]
            fn f(n: u64) -> u64 {
                ::speedup::Cache::get(TABLE, (n,))
            }
            /// The cache of [`f()`].
            const TABLE: &::speedup::Cache<(u64,), u64> = {
                static __TABLE_STATE: ::speedup::cache::State<(u64,), u64> = ::speedup::cache::State::new();
                let _ = f;
                &::speedup::Cache::of(
                    &__TABLE_STATE,
                    ::speedup::cache::Function::new("f", |(n,): &(u64,)| __f_uncached(*n))
                        .show(::core::fmt::Debug::fmt)
                        .sequential(),
                )
            };
            #[inline]
            fn __f_uncached(n: u64) -> u64 {
                f(n - 1) + f(n - 2)
            }
            const _: () = {
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn f(n: u64) -> u64 {
                    f(n - 1) + f(n - 2)
                }
            };
        "##]],
    );
}

#[test]
fn a_body_with_rayon() {
    check(
        "",
        "fn f(n: u64) -> u64 { (0..n).into_par_iter().map(|k| f(k)).sum() }",
        &expect![[r##"
            #[inline]
            fn f(n: u64) -> u64 {
                ::speedup::Cache::get(F, (n,))
            }
            /** The cache of [`f()`].

             # What runs as it is written

             - line 1: `f(k)`: nothing runs beside it*/
            const F: &::speedup::Cache<(u64,), u64> = {
                static __F_STATE: ::speedup::cache::State<(u64,), u64> = ::speedup::cache::State::new();
                let _ = f;
                &::speedup::Cache::of(
                    &__F_STATE,
                    ::speedup::cache::Function::new("f", |(n,): &(u64,)| __f_uncached(*n))
                        .show(::core::fmt::Debug::fmt)
                        .uses_rayon(),
                )
            };
            #[inline]
            fn __f_uncached(n: u64) -> u64 {
                (0..n)
                    .into_par_iter()
                    .map(#[cfg_attr(not(debug_assertions), inline(always))] |k| f(k))
                    .sum()
            }
        "##]],
    );
}

#[test]
fn in_an_impl() {
    check_in_impl(
        "",
        "pub(crate) fn paths(x: u64, y: u64) -> u64 { Self::paths(x - 1, y) + Point::paths(x, y - 1) }",
        &expect![[r#"
            impl Point {
                #[inline]
                pub(crate) fn paths(x: u64, y: u64) -> u64 {
                    ::speedup::Cache::get(Self::PATHS, (x, y))
                }
                /** The cache of [`Self::paths()`].

             # What runs side by side

             - line 1: `paths(x - 1, y)`, `paths(x, y - 1)`*/
                pub(crate) const PATHS: &'static ::speedup::Cache<(u64, u64), u64> = {
                    static __PATHS_STATE: ::speedup::cache::State<(u64, u64), u64> = ::speedup::cache::State::new();
                    let _ = Self::paths;
                    &::speedup::Cache::of(
                        &__PATHS_STATE,
                        ::speedup::cache::Function::new(
                                "paths",
                                |(x, y): &(u64, u64)| Self::__paths_uncached(*x, *y),
                            )
                            .show(::core::fmt::Debug::fmt),
                    )
                };
                #[inline]
                #[allow(clippy::trivially_copy_pass_by_ref, clippy::unnecessary_wraps)]
                fn __paths_uncached(x: u64, y: u64) -> u64 {
                    ::speedup::Cache::ahead(
                        Self::PATHS,
                        move |call| {
                            call((x - 1, y));
                            call((x, y - 1));
                        },
                    );
                    Self::paths(x - 1, y) + Point::paths(x, y - 1)
                }
                #[doc(hidden)]
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn __speedup_endless_paths(argument_0: u64, argument_1: u64) -> u64 {
                    Self::__speedup_endless_paths(argument_0, argument_1)
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
                static __F_STATE: ::speedup::cache::State<(u64,), u64> = ::speedup::cache::State::new();
                let _ = f;
                &::speedup::Cache::of(
                    &__F_STATE,
                    ::speedup::cache::Function::new("f", |(n,): &(u64,)| __f_uncached(*n))
                        .show(::core::fmt::Debug::fmt),
                )
            };
            #[inline]
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
