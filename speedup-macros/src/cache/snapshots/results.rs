//! Which results are kept.

use expect_test::expect;

use super::{check, check_in_impl};

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
                    ::speedup::cache::Function::new(
                            "parse",
                            |(n,): &(u64,)| ::speedup::cache::Fallible::share(__parse_uncached(*n)),
                        )
                        .show(::core::fmt::Debug::fmt)
                        .keep(|value| {
                            use ::speedup::__private::{
                                KeepAny as _, KeepOption as _, KeepResult as _,
                            };
                            (&::speedup::__private::Keep(value)).__speedup_keep()
                        }),
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
                    ::speedup::cache::Function::new("find", |(n,): &(u64,)| __find_uncached(*n))
                        .show(::core::fmt::Debug::fmt)
                        .keep(|value| {
                            use ::speedup::__private::{
                                KeepAny as _, KeepOption as _, KeepResult as _,
                            };
                            (&::speedup::__private::Keep(value)).__speedup_keep()
                        }),
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
                ::speedup::Cache::get(COMPUTE, (n,))
            }
            /// The cache of [`compute()`].
            const COMPUTE: &::speedup::Cache<(u64,), Answer> = {
                static __COMPUTE_STATE: ::speedup::cache::State<(u64,), Answer> = ::speedup::cache::State::new();
                let _ = compute;
                &::speedup::Cache::of(
                    &__COMPUTE_STATE,
                    ::speedup::cache::Function::new(
                            "compute",
                            |(n,): &(u64,)| __compute_uncached(*n),
                        )
                        .show(::core::fmt::Debug::fmt)
                        .keep(|value| {
                            use ::speedup::__private::{
                                KeepAny as _, KeepOption as _, KeepResult as _,
                            };
                            (&::speedup::__private::Keep(value)).__speedup_keep()
                        }),
                )
            };
            #[inline]
            fn __compute_uncached(n: u64) -> Answer {
                todo()
            }
        "##]],
    );
}

#[test]
fn an_error_is_moved_out_of_a_scope() {
    check_in_impl(
        "scoped",
        "fn total(&self, from: usize, to: usize) -> anyhow::Result<u64> { self.total(from, to - 1) }",
        &expect![[r#"
            impl Point {
                fn total(&self, from: usize, to: usize) -> anyhow::Result<u64> {
                    static __TOTAL_SCOPES: ::speedup::cache::Scoped = ::speedup::cache::Scoped::new();
                    loop {
                        if let ::core::option::Option::Some(result) = ::speedup::cache::Fallible::taken(
                            ::speedup::cache::Scoped::get(
                                &__TOTAL_SCOPES,
                                [
                                    ::speedup::cache::place_of(self),
                                    ::speedup::cache::number_of(&from),
                                ],
                                (to,),
                                || {
                                    ::speedup::cache::Function::of_context("total")
                                        .show(::core::fmt::Debug::fmt)
                                        .keep(|
                                            value: &<anyhow::Result<
                                                u64,
                                            > as ::speedup::cache::Fallible>::Shared|
                                        {
                                            use ::speedup::__private::{
                                                KeepAny as _, KeepOption as _, KeepResult as _,
                                            };
                                            (&::speedup::__private::Keep(value)).__speedup_keep()
                                        })
                                },
                                |
                                    (to,): &(usize,),
                                | -> <anyhow::Result<u64> as ::speedup::cache::Fallible>::Shared {
                                    let to: usize = *to;
                                    {
                                        ::speedup::__private::share(|| -> anyhow::Result<u64> {
                                            self.total(from, to - 1)
                                        })
                                    }
                                },
                            ),
                        ) {
                            break result;
                        }
                    }
                }
                #[doc(hidden)]
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn __speedup_endless_total(
                    &self,
                    argument_1: usize,
                    argument_2: usize,
                ) -> anyhow::Result<u64> {
                    Self::__speedup_endless_total(self, argument_1, argument_2)
                }
            }
        "#]],
    );
}

#[test]
fn an_error_of_an_async_function_is_for_the_first_who_gets_it() {
    check(
        "skip(db)",
        "async fn load(db: &Arc<Db>, id: u64) -> anyhow::Result<u64> { db.load(id).await }",
        &expect![[r#"
            async fn load(db: &Arc<Db>, id: u64) -> anyhow::Result<u64> {
                let cache = LOAD;
                match ::speedup::cache::found(::speedup::AsyncCache::find(cache, (id,))) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        let db = ::speedup::cache::passed_on(db);
                        ::speedup::cache::until_taken(move || {
                                let db = ::core::clone::Clone::clone(&db);
                                ::speedup::AsyncCache::get_with(
                                    cache,
                                    ::core::clone::Clone::clone(&key),
                                    move |key| __load_started(db, key),
                                )
                            })
                            .await
                    }
                }
            }
            /// The cache of [`load()`].
            const LOAD: &::speedup::AsyncCache<
                (u64,),
                <anyhow::Result<u64> as ::speedup::cache::AsyncFallible>::Shared,
            > = {
                static __LOAD_STATE: ::speedup::cache::AsyncState<
                    (u64,),
                    <anyhow::Result<u64> as ::speedup::cache::AsyncFallible>::Shared,
                > = ::speedup::cache::AsyncState::new();
                &::speedup::AsyncCache::of(
                    &__LOAD_STATE,
                    ::speedup::cache::AsyncFunction::of_context("load")
                        .show(|key: &(u64,), out| {
                            use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
                            (&::speedup::__private::Show(key)).__speedup_show(out)
                        })
                        .keep(|
                            value: &<anyhow::Result<u64> as ::speedup::cache::AsyncFallible>::Shared|
                        {
                            use ::speedup::__private::{
                                KeepAny as _, KeepOption as _, KeepResult as _,
                            };
                            (&::speedup::__private::Keep(value)).__speedup_keep()
                        }),
                )
            };
            fn __load_started(
                db: Arc<Db>,
                (id,): (u64,),
            ) -> ::speedup::cache::Boxed<
                <anyhow::Result<u64> as ::speedup::cache::AsyncFallible>::Shared,
            > {
                ::speedup::cache::boxed(async move {
                    ::speedup::cache::AsyncFallible::share(__load_uncached(&db, id).await)
                })
            }
            async fn __load_uncached(db: &Arc<Db>, id: u64) -> anyhow::Result<u64> {
                db.load(id).await
            }
        "#]],
    );
    check(
        "",
        "async fn size(id: u64) -> anyhow::Result<u64> { Ok(size(id / 2).await? + size(id / 3).await?) }",
        &expect![[r##"
            #[inline]
            async fn size(id: u64) -> anyhow::Result<u64> {
                match ::speedup::cache::found(::speedup::AsyncCache::find(SIZE, (id,))) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        ::speedup::cache::until_taken(move || ::speedup::AsyncCache::get(
                                SIZE,
                                ::core::clone::Clone::clone(&key),
                            ))
                            .await
                    }
                }
            }
            /// The cache of [`size()`].
            const SIZE: &::speedup::AsyncCache<
                (u64,),
                <anyhow::Result<u64> as ::speedup::cache::AsyncFallible>::Shared,
            > = {
                static __SIZE_STATE: ::speedup::cache::AsyncState<
                    (u64,),
                    <anyhow::Result<u64> as ::speedup::cache::AsyncFallible>::Shared,
                > = ::speedup::cache::AsyncState::new();
                let _ = size;
                &::speedup::AsyncCache::of(
                    &__SIZE_STATE,
                    ::speedup::cache::AsyncFunction::new(
                            "size",
                            |(id,): (u64,)| {
                                ::speedup::cache::boxed(async move {
                                    ::speedup::cache::AsyncFallible::share(__size_uncached(id).await)
                                })
                            },
                        )
                        .show(::core::fmt::Debug::fmt)
                        .keep(|value| {
                            use ::speedup::__private::{
                                KeepAny as _, KeepOption as _, KeepResult as _,
                            };
                            (&::speedup::__private::Keep(value)).__speedup_keep()
                        }),
                )
            };
            async fn __size_uncached(id: u64) -> anyhow::Result<u64> {
                Ok(size(id / 2).await? + size(id / 3).await?)
            }
            const _: () = {
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn size(argument_0: u64) -> anyhow::Result<u64> {
                    size(argument_0)
                }
            };
        "##]],
    );
}

#[test]
fn what_borrows_goes_on_within_its_scope() {
    check(
        "scoped",
        "fn rest<'a>(words: &'a [&'a str], at: usize, last: &'a str) -> &'a str { rest(words, at + 1, words[at]) }",
        &expect![[r#"
            fn rest<'a>(words: &'a [&'a str], at: usize, last: &'a str) -> &'a str {
                __rest_within(::core::option::Option::None, words, at, last)
            }
            #[doc(hidden)]
            #[inline(always)]
            #[allow(clippy::inline_always, clippy::too_many_arguments)]
            fn __rest_within<'a>(
                within: ::core::option::Option<
                    ::speedup::cache::Within<
                        '_,
                        (usize, &'static str),
                        &'static str,
                        (usize, &'a str),
                        &'a str,
                    >,
                >,
                words: &'a [&'a str],
                at: usize,
                last: &'a str,
            ) -> &'a str {
                static __REST_SCOPES: ::speedup::cache::Scoped = ::speedup::cache::Scoped::new();
                ::speedup::cache::Scoped::get_within(
                    &__REST_SCOPES,
                    within,
                    [::speedup::cache::place_of(words)],
                    (at, last),
                    || ::speedup::cache::Function::of_context("rest").show(::core::fmt::Debug::fmt),
                    #[allow(unused_variables)]
                    |
                        (at, last): &(usize, &'a str),
                        inside: ::speedup::cache::Within<
                            '_,
                            (usize, &'static str),
                            &'static str,
                            (usize, &'a str),
                            &'a str,
                        >,
                    | -> &'a str {
                        let at: usize = *at;
                        let last: &'a str = *last;
                        #[allow(unused_variables, clippy::redundant_closure)]
                        let rest = |words: &'a [&'a str], at: usize, last: &'a str| -> &'a str {
                            __rest_within(::core::option::Option::Some(inside), words, at, last)
                        };
                        { rest(words, at + 1, words[at]) }
                    },
                )
            }
            const _: () = {
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn rest<'a>(words: &'a [&'a str], at: usize, last: &'a str) -> &'a str {
                    rest(words, at + 1, words[at])
                }
            };
        "#]],
    );
}

#[test]
fn a_method_borrows_from_itself() {
    check_in_impl(
        "scoped",
        "fn name(&self, at: usize) -> &str { self.name(at - 1) }",
        &expect![[r#"
            impl Point {
                fn name<'__lent>(&'__lent self, at: usize) -> &'__lent str {
                    Self::__name_within(self, ::core::option::Option::None, at)
                }
                #[doc(hidden)]
                #[inline(always)]
                #[allow(clippy::inline_always, clippy::too_many_arguments)]
                fn __name_within<'__lent>(
                    &'__lent self,
                    within: ::core::option::Option<
                        ::speedup::cache::Within<'_, (usize,), &'static str, (usize,), &'__lent str>,
                    >,
                    at: usize,
                ) -> &'__lent str {
                    static __NAME_SCOPES: ::speedup::cache::Scoped = ::speedup::cache::Scoped::new();
                    ::speedup::cache::Scoped::get_within(
                        &__NAME_SCOPES,
                        within,
                        [::speedup::cache::place_of(self)],
                        (at,),
                        || {
                            ::speedup::cache::Function::of_context("name")
                                .show(::core::fmt::Debug::fmt)
                        },
                        #[allow(unused_variables)]
                        |
                            (at,): &(usize,),
                            inside: ::speedup::cache::Within<
                                '_,
                                (usize,),
                                &'static str,
                                (usize,),
                                &'__lent str,
                            >,
                        | -> &'__lent str {
                            let at: usize = *at;
                            #[allow(unused_variables, clippy::redundant_closure)]
                            let __own_name = |at: usize| -> &'__lent str {
                                Self::__name_within(self, ::core::option::Option::Some(inside), at)
                            };
                            { __own_name(at - 1) }
                        },
                    )
                }
                #[doc(hidden)]
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn __speedup_endless_name<'__lent>(
                    &'__lent self,
                    argument_1: usize,
                ) -> &'__lent str {
                    Self::__speedup_endless_name(self, argument_1)
                }
            }
        "#]],
    );
}
