//! Bounds and ages, by form.

use expect_test::expect;

use super::{check, check_in_impl};

#[test]
fn of_a_plain_function() {
    check(
        "capacity = 100, ttl = \"30s\"",
        "fn square(n: u64) -> u64 { n * n }",
        &expect![[r##"
        #[inline]
        fn square(n: u64) -> u64 {
            ::speedup::PolicyCache::get(SQUARE, (n,))
        }
        /// The cache of [`square()`].
        const SQUARE: &::speedup::PolicyCache<(u64,), u64> = {
            const __SQUARE_RULES: ::speedup::cache::Rules<(u64,), u64> = ::speedup::cache::Rules::new()
                .capacity((100) as u64)
                .ttl(::core::time::Duration::from_nanos(30000000000u64));
            static __SQUARE_STATE: ::speedup::cache::PolicyState<(u64,), u64> = ::speedup::cache::PolicyState::new(
                __SQUARE_RULES,
            );
            let _ = square;
            &::speedup::PolicyCache::of(
                &__SQUARE_STATE,
                __SQUARE_RULES,
                ::speedup::cache::Function::new(
                        "square",
                        |::speedup::cache::Hashed((n,)): &::speedup::cache::Hashed<(u64,)>| ::speedup::cache::Stored::of(
                            __square_uncached(*n),
                        ),
                    )
                    .show(::core::fmt::Debug::fmt),
            )
        };
        #[inline]
        fn __square_uncached(n: u64) -> u64 {
            n * n
        }
    "##]],
    );
}

#[test]
fn of_a_generic_function() {
    check(
        "capacity = 100",
        "fn count<T: Hash>(items: &[T]) -> Option<usize> { Some(items.len()) }",
        &expect![[r##"
            #[inline]
            fn count<T: Hash>(items: &[T]) -> Option<usize> {
                ::speedup::PolicyCache::get_ref(COUNT::<T>(), (items,))
            }
            /// The cache of [`count()`].
            #[allow(non_snake_case, dead_code, trivial_bounds, clippy::multiple_bound_locations)]
            #[inline]
            fn COUNT<T: Hash>() -> &'static ::speedup::PolicyCache<
                (::std::vec::Vec<T>,),
                Option<usize>,
            >
            where
                ::std::vec::Vec<T>: ::speedup::cache::Argument,
            {
                ::speedup::cache::of_types_with_policies(
                    count::<T>,
                    || ::speedup::cache::Rules::new().capacity((100) as u64),
                    || {
                        ::speedup::cache::Function::new(
                                "count",
                                |
                                    ::speedup::cache::Hashed(
                                        (items,),
                                    ): &::speedup::cache::Hashed<(::std::vec::Vec<T>,)>|
                                ::speedup::cache::Stored::of(__count_uncached::<T>(items)),
                            )
                            .keep(|stored: &::speedup::cache::Stored<Option<usize>>| {
                                #[allow(unused_imports)]
                                use ::speedup::__private::{
                                    KeepAny as _, KeepOption as _, KeepResult as _,
                                };
                                (&::speedup::__private::Keep(::speedup::cache::Stored::get(stored)))
                                    .__speedup_keep()
                            })
                            .show(|key, out| {
                                use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
                                (&::speedup::__private::Show(key)).__speedup_show(out)
                            })
                    },
                )
            }
            #[inline]
            fn __count_uncached<T: Hash>(items: &[T]) -> Option<usize> {
                Some(items.len())
            }
        "##]],
    );
}

#[test]
fn of_a_method_whose_calls_can_force_a_renewal() {
    check_in_impl(
        "skip(self), ttl = \"1m\", force_refresh = |id| id == 0",
        "fn load(&self, id: u64) -> u64 { self.get(id) }",
        &expect![[r#"
            impl Point {
                #[inline]
                fn load(&self, id: u64) -> u64 {
                    let body = ::speedup::cache::Local(|
                        ::speedup::cache::Hashed((id,)): &::speedup::cache::Hashed<(u64,)>,
                    | -> ::speedup::cache::Stored<u64> {
                        ::speedup::cache::Stored::of(
                            (|| -> u64 {
                                #[allow(clippy::shadow_unrelated)]
                                let id: u64 = *id;
                                { self.get(id) }
                            })(),
                        )
                    });
                    if (|| -> bool { id == 0 })() {
                        ::speedup::PolicyCache::refresh_with(Self::LOAD, (id,), body)
                    } else {
                        ::speedup::PolicyCache::get_with(Self::LOAD, (id,), body)
                    }
                }
                /// The cache of [`Self::load()`].
                const LOAD: &'static ::speedup::PolicyCache<(u64,), u64> = {
                    const __LOAD_RULES: ::speedup::cache::Rules<(u64,), u64> = ::speedup::cache::Rules::new()
                        .ttl(::core::time::Duration::from_nanos(60000000000u64));
                    static __LOAD_STATE: ::speedup::cache::PolicyState<(u64,), u64> = ::speedup::cache::PolicyState::new(
                        __LOAD_RULES,
                    );
                    &::speedup::PolicyCache::of(
                        &__LOAD_STATE,
                        __LOAD_RULES,
                        ::speedup::cache::Function::of_context("load").show(::core::fmt::Debug::fmt),
                    )
                };
            }
        "#]],
    );
}

#[test]
fn of_an_async_function_that_gets_more_than_its_key() {
    check(
        "skip(db), idle = \"5m\"",
        "async fn load(db: &Arc<Db>, id: u64) -> u64 { db.get(id).await }",
        &expect![[r#"
            async fn load(db: &Arc<Db>, id: u64) -> u64 {
                let cache = LOAD;
                match ::speedup::cache::AsyncPolicyCache::find(cache, (id,)) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        let db = ::speedup::cache::passed_on(db);
                        ::speedup::cache::boxed(
                                ::speedup::cache::AsyncPolicyCache::get_with(
                                    cache,
                                    key,
                                    move |key| __load_started(db, key),
                                ),
                            )
                            .await
                    }
                }
            }
            /// The cache of [`load()`].
            const LOAD: &::speedup::cache::AsyncPolicyCache<(u64,), u64> = {
                static __LOAD_STATE: ::speedup::cache::AsyncPolicyState<(u64,), u64> = ::speedup::cache::AsyncPolicyState::new(
                    ::speedup::cache::Rules::new()
                        .idle(::core::time::Duration::from_nanos(300000000000u64)),
                );
                &::speedup::cache::AsyncPolicyCache::of(
                    &__LOAD_STATE,
                    ::speedup::cache::AsyncFunction::of_context("load")
                        .show(|key: &::speedup::cache::Hashed<(u64,)>, out| {
                            use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
                            (&::speedup::__private::Show(key)).__speedup_show(out)
                        }),
                )
            };
            fn __load_started(
                db: Arc<Db>,
                ::speedup::cache::Hashed((id,)): ::speedup::cache::Hashed<(u64,)>,
            ) -> ::speedup::cache::Boxed<::speedup::cache::Stored<u64>> {
                ::speedup::cache::boxed(async move {
                    ::speedup::cache::Stored::of(__load_uncached(&db, id).await)
                })
            }
            async fn __load_uncached(db: &Arc<Db>, id: u64) -> u64 {
                db.get(id).await
            }
        "#]],
    );
}
