//! Which calls of an `async fn` are awaited together.

use expect_test::expect;

use super::{check, check_in_impl};

#[test]
fn calls_of_one_expression_are_awaited_together() {
    check(
        "",
        "async fn fib(n: u64) -> u64 { if n < 2 { n } else { fib(n - 1).await + fib(n - 2).await } }",
        &expect![[r##"
            #[inline]
            async fn fib(n: u64) -> u64 {
                match ::speedup::AsyncCache::find(FIB, (n,)) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        ::speedup::cache::boxed(::speedup::AsyncCache::get(FIB, key)).await
                    }
                }
            }
            /// The cache of [`fib()`].
            const FIB: &::speedup::AsyncCache<(u64,), u64> = {
                static __FIB_STATE: ::speedup::cache::AsyncState<(u64,), u64> = ::speedup::cache::AsyncState::new();
                let _ = fib;
                &::speedup::AsyncCache::of(
                    &__FIB_STATE,
                    ::speedup::cache::AsyncFunction::new(
                            "fib",
                            |(n,): (u64,)| {
                                ::speedup::cache::boxed(async move { __fib_uncached(n).await })
                            },
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            async fn __fib_uncached(n: u64) -> u64 {
                if n < 2 {
                    n
                } else {
                    let [call_0, call_1] = ::speedup::cache::boxed(
                            ::speedup::AsyncCache::group(FIB, [(n - 1,), (n - 2,)]),
                        )
                        .await;
                    call_0 + call_1
                }
            }
        "##]],
    );
}

#[test]
fn calls_of_a_run_of_lets_are_awaited_together() {
    check(
        "",
        "async fn sum(n: u64) -> u64 { let half = n / 2; let a = sum(half).await; let b = sum(n - half).await; let c = sum(b).await; a + b + c }",
        &expect![[r##"
            #[inline]
            async fn sum(n: u64) -> u64 {
                match ::speedup::AsyncCache::find(SUM, (n,)) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        ::speedup::cache::boxed(::speedup::AsyncCache::get(SUM, key)).await
                    }
                }
            }
            /// The cache of [`sum()`].
            const SUM: &::speedup::AsyncCache<(u64,), u64> = {
                static __SUM_STATE: ::speedup::cache::AsyncState<(u64,), u64> = ::speedup::cache::AsyncState::new();
                let _ = sum;
                &::speedup::AsyncCache::of(
                    &__SUM_STATE,
                    ::speedup::cache::AsyncFunction::new(
                            "sum",
                            |(n,): (u64,)| {
                                ::speedup::cache::boxed(async move { __sum_uncached(n).await })
                            },
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            async fn __sum_uncached(n: u64) -> u64 {
                let half = n / 2;
                let [call_0, call_1] = ::speedup::cache::boxed(
                        ::speedup::AsyncCache::group(SUM, [(half,), (n - half,)]),
                    )
                    .await;
                let a = call_0;
                let b = call_1;
                let c = sum(b).await;
                a + b + c
            }
            const _: () = {
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn sum(argument_0: u64) -> u64 {
                    sum(argument_0)
                }
            };
        "##]],
    );
}

#[test]
fn the_question_mark_behind_a_call_that_takes_part() {
    check(
        "",
        "async fn depth(left: u64, right: u64) -> Result<u64, E> { Ok(depth(left, 0).await?.max(depth(right, 1).await?) + depth(left - 1, 1).await?) }",
        &expect![[r##"
            #[inline]
            async fn depth(left: u64, right: u64) -> Result<u64, E> {
                match ::speedup::AsyncCache::<
                    _,
                    ::speedup::cache::Checked<
                        Result<u64, E>,
                        { ::speedup::cache::output::<Result<u64, E>>() },
                    >,
                >::find(DEPTH, (left, right)) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        ::speedup::cache::boxed(
                                ::speedup::AsyncCache::<
                                    _,
                                    ::speedup::cache::Checked<
                                        Result<u64, E>,
                                        { ::speedup::cache::output::<Result<u64, E>>() },
                                    >,
                                >::get(DEPTH, key),
                            )
                            .await
                    }
                }
            }
            /// The cache of [`depth()`].
            const DEPTH: &::speedup::AsyncCache<
                (u64, u64),
                ::speedup::cache::Checked<
                    Result<u64, E>,
                    { ::speedup::cache::output::<Result<u64, E>>() },
                >,
            > = {
                static __DEPTH_STATE: ::speedup::cache::AsyncState<
                    (u64, u64),
                    ::speedup::cache::Checked<
                        Result<u64, E>,
                        { ::speedup::cache::output::<Result<u64, E>>() },
                    >,
                > = ::speedup::cache::AsyncState::new();
                let _ = depth;
                &::speedup::AsyncCache::of(
                    &__DEPTH_STATE,
                    ::speedup::cache::AsyncFunction::new(
                            "depth",
                            |(left, right): (u64, u64)| {
                                ::speedup::cache::boxed(async move {
                                    __depth_uncached(left, right).await
                                })
                            },
                        )
                        .show(::core::fmt::Debug::fmt)
                        .keep(|value: &Result<u64, E>| {
                            use ::speedup::__private::{
                                KeepAny as _, KeepOption as _, KeepResult as _,
                            };
                            (&::speedup::__private::Keep(value)).__speedup_keep()
                        }),
                )
            };
            async fn __depth_uncached(
                left: u64,
                right: u64,
            ) -> ::speedup::cache::Checked<
                Result<u64, E>,
                { ::speedup::cache::output::<Result<u64, E>>() },
            > {
                let [call_0, call_1] = ::speedup::cache::boxed(
                        ::speedup::AsyncCache::group(DEPTH, [(left, 0), (right, 1)]),
                    )
                    .await;
                Ok(call_0?.max(call_1?) + depth(left - 1, 1).await?)
            }
            const _: () = {
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn depth(argument_0: u64, argument_1: u64) -> Result<u64, E> {
                    depth(argument_0, argument_1)
                }
            };
        "##]],
    );
}

#[test]
fn texts_keep_their_types() {
    check(
        "",
        "async fn score(text: &str, n: u32) -> u32 { match n { 0 => 0, _ => score(text, n - 1).await.max(score(&text, n - 2).await) } }",
        &expect![[r##"
            #[inline]
            async fn score(text: &str, n: u32) -> u32 {
                match ::speedup::AsyncCache::find_ref(SCORE, (text, &n)) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        ::speedup::cache::boxed(::speedup::AsyncCache::get(SCORE, key)).await
                    }
                }
            }
            /// The cache of [`score()`].
            const SCORE: &::speedup::AsyncCache<(::std::string::String, u32), u32> = {
                static __SCORE_STATE: ::speedup::cache::AsyncState<
                    (::std::string::String, u32),
                    u32,
                > = ::speedup::cache::AsyncState::new();
                let _ = score;
                &::speedup::AsyncCache::of(
                    &__SCORE_STATE,
                    ::speedup::cache::AsyncFunction::new(
                            "score",
                            |(text, n): (::std::string::String, u32)| {
                                ::speedup::cache::boxed(async move {
                                    __score_uncached(&text, n).await
                                })
                            },
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            async fn __score_uncached(text: &str, n: u32) -> u32 {
                match n {
                    0 => 0,
                    _ => {
                        let [call_0, call_1] = ::speedup::cache::boxed(
                                ::speedup::AsyncCache::group_ref::<
                                    (&str, &u32),
                                    _,
                                >(SCORE, [(text, &(n - 1)), (&text, &(n - 2))]),
                            )
                            .await;
                        call_0.max(call_1)
                    }
                }
            }
        "##]],
    );
}

#[test]
fn what_stands_behind_a_foreign_await_or_a_branch_stays() {
    check(
        "",
        "async fn f(n: u64, mut m: u64) -> u64 { let a = f(n, 1).await; other(a).await; let b = f(n, 2).await; let c = f(n, m).await; if f(n, 3).await > 0 && f(n, 4).await > 1 { m += 1; } b + c + m }",
        &expect![[r##"
            #[inline]
            async fn f(n: u64, m: u64) -> u64 {
                match ::speedup::AsyncCache::find(F, (n, m)) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        ::speedup::cache::boxed(::speedup::AsyncCache::get(F, key)).await
                    }
                }
            }
            /// The cache of [`f()`].
            const F: &::speedup::AsyncCache<(u64, u64), u64> = {
                static __F_STATE: ::speedup::cache::AsyncState<(u64, u64), u64> = ::speedup::cache::AsyncState::new();
                let _ = f;
                &::speedup::AsyncCache::of(
                    &__F_STATE,
                    ::speedup::cache::AsyncFunction::new(
                            "f",
                            |(n, m): (u64, u64)| {
                                ::speedup::cache::boxed(async move { __f_uncached(n, m).await })
                            },
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            async fn __f_uncached(n: u64, mut m: u64) -> u64 {
                let a = f(n, 1).await;
                other(a).await;
                let b = f(n, 2).await;
                let c = f(n, m).await;
                if f(n, 3).await > 0 && f(n, 4).await > 1 {
                    m += 1;
                }
                b + c + m
            }
            const _: () = {
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn f(argument_0: u64, argument_1: u64) -> u64 {
                    f(argument_0, argument_1)
                }
            };
        "##]],
    );
}

#[test]
fn nothing_is_awaited_together() {
    check(
        "sequential",
        "async fn fib(n: u64) -> u64 { fib(n - 1).await + fib(n - 2).await }",
        &expect![[r##"
            #[inline]
            async fn fib(n: u64) -> u64 {
                match ::speedup::AsyncCache::find(FIB, (n,)) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        ::speedup::cache::boxed(::speedup::AsyncCache::get(FIB, key)).await
                    }
                }
            }
            /// The cache of [`fib()`].
            const FIB: &::speedup::AsyncCache<(u64,), u64> = {
                static __FIB_STATE: ::speedup::cache::AsyncState<(u64,), u64> = ::speedup::cache::AsyncState::new();
                let _ = fib;
                &::speedup::AsyncCache::of(
                    &__FIB_STATE,
                    ::speedup::cache::AsyncFunction::new(
                            "fib",
                            |(n,): (u64,)| {
                                ::speedup::cache::boxed(async move { __fib_uncached(n).await })
                            },
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            async fn __fib_uncached(n: u64) -> u64 {
                fib(n - 1).await + fib(n - 2).await
            }
            const _: () = {
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn fib(argument_0: u64) -> u64 {
                    fib(argument_0)
                }
            };
        "##]],
    );
}

#[test]
fn calls_with_context_pass_it_on_and_are_awaited_together() {
    check_in_impl(
        "skip(self)",
        "async fn size(&self, n: u64) -> u64 { let a = self.size(n / 2).await; a + self.size(n - 1).await + other(n).await }",
        &expect![[r#"
            impl Point {
                async fn size(&self, n: u64) -> u64 {
                    let cache = Self::SIZE;
                    match ::speedup::AsyncCache::find(cache, (n,)) {
                        ::core::result::Result::Ok(value) => value,
                        ::core::result::Result::Err(key) => {
                            let this = ::speedup::cache::passed_on(self);
                            ::speedup::cache::boxed(
                                    ::speedup::AsyncCache::get_with(
                                        cache,
                                        key,
                                        move |key| Self::__size_started(this, key),
                                    ),
                                )
                                .await
                        }
                    }
                }
                /// The cache of [`Self::size()`].
                const SIZE: &'static ::speedup::AsyncCache<(u64,), u64> = {
                    static __SIZE_STATE: ::speedup::cache::AsyncState<(u64,), u64> = ::speedup::cache::AsyncState::new();
                    &::speedup::AsyncCache::of(
                        &__SIZE_STATE,
                        ::speedup::cache::AsyncFunction::of_context("size")
                            .show(|key: &(u64,), out| {
                                use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
                                (&::speedup::__private::Show(key)).__speedup_show(out)
                            }),
                    )
                };
                fn __size_started(this: Self, (n,): (u64,)) -> ::speedup::cache::Boxed<u64> {
                    ::speedup::cache::boxed(async move { Self::__size_uncached(&this, n).await })
                }
                async fn __size_uncached(&self, n: u64) -> u64 {
                    let [call_0, call_1] = ::speedup::cache::together([
                            ::speedup::cache::boxed(self.size(n / 2)),
                            ::speedup::cache::boxed(self.size(n - 1)),
                        ])
                        .await;
                    let a = call_0;
                    a + call_1 + other(n).await
                }
                #[doc(hidden)]
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn __speedup_endless_size(&self, argument_1: u64) -> u64 {
                    Self::__speedup_endless_size(self, argument_1)
                }
            }
        "#]],
    );
}
