//! Results that outlive the process.

use expect_test::expect;

use super::{check, check_in_impl};

#[test]
fn on_disk() {
    check(
        "disk",
        "fn square(n: u64) -> u64 { n * n }",
        &expect![[r##"
            #[inline]
            fn square(n: u64) -> u64 {
                ::speedup::Cache::get(SQUARE, (n,))
            }
            /// The cache of [`square()`].
            const SQUARE: &::speedup::Cache<(u64,), u64> = {
                static __SQUARE_STATE: ::speedup::cache::State<(u64,), u64> = ::speedup::cache::State::new();
                static __SQUARE_STORE: ::speedup::store::Dock<(u64,), u64> = ::speedup::store::Dock::new();
                let _ = square;
                &::speedup::Cache::of(
                    &__SQUARE_STATE,
                    ::speedup::cache::Function::new(
                            "square",
                            |key: &(u64,)| ::speedup::Cache::stored(
                                SQUARE,
                                key,
                                || -> u64 {
                                    let (n,) = key;
                                    __square_uncached(*n)
                                },
                            ),
                        )
                        .show(::core::fmt::Debug::fmt)
                        .behind(
                            &__SQUARE_STORE,
                            || ::speedup::store::opened::<
                                (u64,),
                                u64,
                                _,
                            >(
                                ::speedup::store::on_disk::<
                                    (u64,),
                                    u64,
                                >(
                                    ::speedup::store::Origin {
                                        package: ::core::option_env!("CARGO_PKG_NAME")
                                            .unwrap_or_default(),
                                        module: ::core::module_path!(),
                                        in_impl: false,
                                        version: "f735ccd0854b47fedac8d5730d45c4d6",
                                    },
                                    &square,
                                    ::core::option::Option::None,
                                ),
                            ),
                            |key| ::speedup::Cache::forget(SQUARE, key),
                        ),
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
fn of_a_result_in_a_store_of_ones_own_in_an_impl() {
    check_in_impl(
        "store = STORE.clone(), on_store_error = \"fail\", skip(self)",
        "fn load(&self, id: u64) -> Result<u64, Error> { self.get(id) }",
        &expect![[r#"
            impl Point {
                #[inline]
                fn load(&self, id: u64) -> Result<u64, Error> {
                    ::speedup::Cache::<
                        _,
                        ::speedup::cache::Checked<
                            Result<u64, Error>,
                            { ::speedup::cache::output::<Result<u64, Error>>() },
                        >,
                    >::get_with(
                        Self::LOAD,
                        (id,),
                        ::speedup::cache::Local(|
                            key: &(u64,),
                        | -> ::speedup::cache::Checked<
                            Result<u64, Error>,
                            { ::speedup::cache::output::<Result<u64, Error>>() },
                        > {
                            ::speedup::Cache::stored_or_fail(
                                Self::LOAD,
                                key,
                                || -> ::speedup::cache::Checked<
                                    Result<u64, Error>,
                                    { ::speedup::cache::output::<Result<u64, Error>>() },
                                > {
                                    let (id,) = key;
                                    #[allow(clippy::shadow_unrelated)]
                                    let id: u64 = *id;
                                    { self.get(id) }
                                },
                            )
                        }),
                    )
                }
                /// The cache of [`Self::load()`].
                const LOAD: &'static ::speedup::Cache<
                    (u64,),
                    ::speedup::cache::Checked<
                        Result<u64, Error>,
                        { ::speedup::cache::output::<Result<u64, Error>>() },
                    >,
                > = {
                    static __LOAD_STATE: ::speedup::cache::State<
                        (u64,),
                        ::speedup::cache::Checked<
                            Result<u64, Error>,
                            { ::speedup::cache::output::<Result<u64, Error>>() },
                        >,
                    > = ::speedup::cache::State::new();
                    static __LOAD_STORE: ::speedup::store::Dock<
                        (u64,),
                        ::speedup::cache::Checked<
                            Result<u64, Error>,
                            { ::speedup::cache::output::<Result<u64, Error>>() },
                        >,
                    > = ::speedup::store::Dock::new();
                    &::speedup::Cache::of(
                        &__LOAD_STATE,
                        ::speedup::cache::Function::of_context("load")
                            .show(::core::fmt::Debug::fmt)
                            .keep(|value: &Result<u64, Error>| {
                                use ::speedup::__private::{
                                    KeepAny as _, KeepOption as _, KeepResult as _,
                                };
                                (&::speedup::__private::Keep(value)).__speedup_keep()
                            })
                            .behind(
                                &__LOAD_STORE,
                                || ::speedup::store::opened_kept::<
                                    (u64,),
                                    ::speedup::cache::Checked<
                                        Result<u64, Error>,
                                        { ::speedup::cache::output::<Result<u64, Error>>() },
                                    >,
                                    _,
                                >(STORE.clone()),
                                |key| ::speedup::Cache::forget(Self::LOAD, key),
                            ),
                    )
                };
            }
        "#]],
    );
}

#[test]
fn of_a_generic_function_with_a_version() {
    check(
        "disk = \"here\", version = 2",
        "fn len<T: Key>(text: T) -> Option<u64> { text.len() }",
        &expect![[r##"
            #[inline]
            fn len<T: Key>(text: T) -> Option<u64> {
                ::speedup::Cache::get(LEN::<T>(), (text,))
            }
            /// The cache of [`len()`].
            #[allow(non_snake_case, dead_code, trivial_bounds, clippy::multiple_bound_locations)]
            #[inline]
            fn LEN<T: Key>() -> &'static ::speedup::Cache<(T,), Option<u64>>
            where
                T: ::speedup::cache::Argument,
            {
                ::speedup::cache::of_types(
                    len::<T>,
                    || {
                        ::speedup::cache::Function::new(
                                "len",
                                |key: &(T,)| ::speedup::Cache::stored(
                                    LEN::<T>(),
                                    key,
                                    || -> Option<u64> {
                                        let (text,) = key;
                                        __len_uncached::<T>(::core::clone::Clone::clone(text))
                                    },
                                ),
                            )
                            .keep(|value| {
                                use ::speedup::__private::{
                                    KeepAny as _, KeepOption as _, KeepResult as _,
                                };
                                (&::speedup::__private::Keep(value)).__speedup_keep()
                            })
                            .show(|key, out| {
                                use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
                                (&::speedup::__private::Show(key)).__speedup_show(out)
                            })
                            .behind(
                                ::speedup::store::Dock::leaked(),
                                || ::speedup::store::opened_kept::<
                                    (T,),
                                    Option<u64>,
                                    _,
                                >(
                                    ::speedup::store::on_disk::<
                                        (T,),
                                        <Option<u64> as ::speedup::store::Kept>::Value,
                                    >(
                                        ::speedup::store::Origin {
                                            package: ::core::option_env!("CARGO_PKG_NAME")
                                                .unwrap_or_default(),
                                            module: ::core::module_path!(),
                                            in_impl: false,
                                            version: "2 1d464886975f3a0e1be81af7e560a709",
                                        },
                                        &len::<T>,
                                        ::core::option::Option::Some(
                                            ::core::convert::From::from("here"),
                                        ),
                                    ),
                                ),
                                |key| ::speedup::Cache::forget(LEN::<T>(), key),
                            )
                    },
                )
            }
            #[inline]
            fn __len_uncached<T: Key>(text: T) -> Option<u64> {
                text.len()
            }
        "##]],
    );
}

#[test]
fn of_an_async_function() {
    check(
        "store = Shop::open()",
        "async fn price(n: u64) -> u64 { n }",
        &expect![[r##"
            #[inline]
            async fn price(n: u64) -> u64 {
                match ::speedup::AsyncCache::find(PRICE, (n,)) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        ::speedup::cache::boxed(::speedup::AsyncCache::get(PRICE, key)).await
                    }
                }
            }
            /// The cache of [`price()`].
            const PRICE: &::speedup::AsyncCache<(u64,), u64> = {
                static __PRICE_STATE: ::speedup::cache::AsyncState<(u64,), u64> = ::speedup::cache::AsyncState::new();
                static __PRICE_STORE: ::speedup::store::Dock<(u64,), u64> = ::speedup::store::Dock::new();
                let _ = price;
                &::speedup::AsyncCache::of(
                    &__PRICE_STATE,
                    ::speedup::cache::AsyncFunction::new(
                            "price",
                            |key: (u64,)| {
                                ::speedup::cache::boxed(
                                    ::speedup::AsyncCache::stored(
                                        PRICE,
                                        key,
                                        |(n,): (u64,)| async move { __price_uncached(n).await },
                                    ),
                                )
                            },
                        )
                        .show(::core::fmt::Debug::fmt)
                        .behind(
                            &__PRICE_STORE,
                            || ::speedup::store::opened::<(u64,), u64, _>(Shop::open()),
                            |key| ::speedup::AsyncCache::forget(PRICE, key),
                        ),
                )
            };
            async fn __price_uncached(n: u64) -> u64 {
                n
            }
        "##]],
    );
}
