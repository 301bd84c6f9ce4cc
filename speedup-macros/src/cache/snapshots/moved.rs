//! Errors that are moved to one caller.

use expect_test::expect;

use super::{check, check_in_impl};

#[test]
fn an_error_is_moved_out_of_a_scope() {
    check_in_impl(
        "scoped",
        "fn total(&self, from: usize, to: usize) -> anyhow::Result<u64> { self.total(from, to - 1) }",
        &expect![[r#"
            impl Point {
                #[inline(always)]
                #[allow(clippy::inline_always)]
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
                                        .moves_err()
                                },
                                ::speedup::cache::Keeping(
                                    |
                                        (to,): &(usize,),
                                    | -> <anyhow::Result<u64> as ::speedup::cache::Fallible>::Shared {
                                        #[allow(clippy::shadow_unrelated)]
                                        let to: usize = *to;
                                        {
                                            ::speedup::__private::share(|| -> anyhow::Result<u64> {
                                                self.total(from, to - 1)
                                            })
                                        }
                                    },
                                    |
                                        value: &<anyhow::Result<
                                            u64,
                                        > as ::speedup::cache::Fallible>::Shared|
                                    {
                                        use ::speedup::__private::{
                                            KeepAny as _, KeepOption as _, KeepResult as _,
                                        };
                                        (&::speedup::__private::Keep(value)).__speedup_keep()
                                    },
                                ),
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
}

#[test]
fn each_of_a_group_that_finds_no_error_asks_again() {
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
