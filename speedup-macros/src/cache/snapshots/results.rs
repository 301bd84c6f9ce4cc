//! Which results are kept.

use expect_test::expect;

use super::check;

#[test]
fn results_keep_ok() {
    check(
        "",
        "fn parse(n: u64) -> std::io::Result<u64> { Ok(n) }",
        &expect![[r##"
            #[inline]
            fn parse(n: u64) -> std::io::Result<u64> {
                match ::speedup::cache::Fallible::taken(::speedup::Cache::get_ref(PARSE, (&n,))) {
                    ::core::option::Option::Some(result) => result,
                    ::core::option::Option::None => __parse_uncached(n),
                }
            }
            /// The cache of [`parse()`].
            const PARSE: &::speedup::Cache<
                (u64,),
                <std::io::Result<u64> as ::speedup::cache::Fallible>::Shared,
            > = {
                static __PARSE_STATE: ::speedup::cache::State<
                    (u64,),
                    <std::io::Result<u64> as ::speedup::cache::Fallible>::Shared,
                > = ::speedup::cache::State::new();
                let _ = parse;
                &::speedup::Cache::of(
                    &__PARSE_STATE,
                    ::speedup::cache::Function::keeping(
                            "parse",
                            |(n,): &(u64,)| ::speedup::cache::Fallible::share(__parse_uncached(*n)),
                            |value| {
                                use ::speedup::__private::{
                                    KeepAny as _, KeepOption as _, KeepResult as _,
                                };
                                (&::speedup::__private::Keep(value)).__speedup_keep()
                            },
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            #[inline]
            fn __parse_uncached(n: u64) -> std::io::Result<u64> {
                Ok(n)
            }
        "##]],
    );
}

#[test]
fn errors_too() {
    check(
        "cache_err",
        "fn parse(n: u64) -> Result<u64, String> { Ok(n) }",
        &expect![[r##"
            #[inline]
            fn parse(n: u64) -> Result<u64, String> {
                ::speedup::Cache::get(PARSE, (n,))
            }
            /// The cache of [`parse()`].
            const PARSE: &::speedup::Cache<(u64,), Result<u64, String>> = {
                static __PARSE_STATE: ::speedup::cache::State<(u64,), Result<u64, String>> = ::speedup::cache::State::new();
                let _ = parse;
                &::speedup::Cache::of(
                    &__PARSE_STATE,
                    ::speedup::cache::Function::new("parse", |(n,): &(u64,)| __parse_uncached(*n))
                        .show(::core::fmt::Debug::fmt),
                )
            };
            #[inline]
            fn __parse_uncached(n: u64) -> Result<u64, String> {
                Ok(n)
            }
        "##]],
    );
}

#[test]
fn options_keep_some() {
    check(
        "",
        "fn find(n: u64) -> Option<u64> { None }",
        &expect![[r##"
            #[inline]
            fn find(n: u64) -> Option<u64> {
                ::speedup::Cache::get(FIND, (n,))
            }
            /// The cache of [`find()`].
            const FIND: &::speedup::Cache<(u64,), Option<u64>> = {
                static __FIND_STATE: ::speedup::cache::State<(u64,), Option<u64>> = ::speedup::cache::State::new();
                let _ = find;
                &::speedup::Cache::of(
                    &__FIND_STATE,
                    ::speedup::cache::Function::keeping(
                            "find",
                            |(n,): &(u64,)| __find_uncached(*n),
                            |value| {
                                use ::speedup::__private::{
                                    KeepAny as _, KeepOption as _, KeepResult as _,
                                };
                                (&::speedup::__private::Keep(value)).__speedup_keep()
                            },
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            #[inline]
            fn __find_uncached(n: u64) -> Option<u64> {
                None
            }
        "##]],
    );
}

#[test]
fn a_type_that_may_be_an_alias() {
    check(
        "",
        "fn compute(n: u64) -> Answer { todo() }",
        &expect![[r##"
            #[inline]
            fn compute(n: u64) -> Answer {
                ::speedup::Cache::<
                    _,
                    ::speedup::cache::Checked<Answer, { ::speedup::cache::output::<Answer>() }>,
                >::get(COMPUTE, (n,))
            }
            /// The cache of [`compute()`].
            const COMPUTE: &::speedup::Cache<
                (u64,),
                ::speedup::cache::Checked<Answer, { ::speedup::cache::output::<Answer>() }>,
            > = {
                static __COMPUTE_STATE: ::speedup::cache::State<
                    (u64,),
                    ::speedup::cache::Checked<Answer, { ::speedup::cache::output::<Answer>() }>,
                > = ::speedup::cache::State::new();
                let _ = compute;
                &::speedup::Cache::of(
                    &__COMPUTE_STATE,
                    ::speedup::cache::Function::keeping(
                            "compute",
                            |(n,): &(u64,)| __compute_uncached(*n),
                            |value: &Answer| {
                                use ::speedup::__private::{
                                    KeepAny as _, KeepOption as _, KeepResult as _,
                                };
                                (&::speedup::__private::Keep(value)).__speedup_keep()
                            },
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            #[inline]
            fn __compute_uncached(
                n: u64,
            ) -> ::speedup::cache::Checked<Answer, { ::speedup::cache::output::<Answer>() }> {
                todo()
            }
        "##]],
    );
}
