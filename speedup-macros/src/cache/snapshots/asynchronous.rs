//! What an `async fn` becomes.

use expect_test::expect;

use super::{check, check_in_impl};

#[test]
fn an_async_function() {
    check(
        "",
        "async fn fetch(id: u64) -> String { load(id).await }",
        &expect![[r##"
            #[inline]
            async fn fetch(id: u64) -> String {
                match ::speedup::AsyncCache::find(FETCH, (id,)) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        ::speedup::cache::boxed(::speedup::AsyncCache::get(FETCH, key)).await
                    }
                }
            }
            /// The cache of [`fetch()`].
            const FETCH: &::speedup::AsyncCache<(u64,), String> = {
                static __FETCH_STATE: ::speedup::cache::AsyncState<(u64,), String> = ::speedup::cache::AsyncState::new();
                let _ = fetch;
                &::speedup::AsyncCache::of(
                    &__FETCH_STATE,
                    ::speedup::cache::AsyncFunction::new(
                            "fetch",
                            |(id,): (u64,)| {
                                ::speedup::cache::boxed(async move { __fetch_uncached(id).await })
                            },
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            async fn __fetch_uncached(id: u64) -> String {
                load(id).await
            }
        "##]],
    );
}

#[test]
fn texts_and_lists_are_owned_by_the_call() {
    check(
        "name = PAGES",
        "pub async fn page(site: &str, parts: &[u8], n: u32, tag: Tag) -> Result<Page, Fault> { load(site, n).await }",
        &expect![[r##"
            #[inline]
            pub async fn page(site: &str, parts: &[u8], n: u32, tag: Tag) -> Result<Page, Fault> {
                match ::speedup::AsyncCache::<
                    _,
                    ::speedup::cache::Checked<
                        Result<Page, Fault>,
                        { ::speedup::cache::output::<Result<Page, Fault>>() },
                    >,
                >::find_ref(PAGES, (site, parts, &n, &tag)) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        ::speedup::cache::boxed(
                                ::speedup::AsyncCache::<
                                    _,
                                    ::speedup::cache::Checked<
                                        Result<Page, Fault>,
                                        { ::speedup::cache::output::<Result<Page, Fault>>() },
                                    >,
                                >::get(PAGES, key),
                            )
                            .await
                    }
                }
            }
            /// The cache of [`page()`].
            pub const PAGES: &::speedup::AsyncCache<
                (
                    ::std::string::String,
                    ::std::vec::Vec<u8>,
                    u32,
                    ::speedup::cache::Checked<Tag, { ::speedup::cache::argument::<Tag>() }>,
                ),
                ::speedup::cache::Checked<
                    Result<Page, Fault>,
                    { ::speedup::cache::output::<Result<Page, Fault>>() },
                >,
            > = {
                static __PAGES_STATE: ::speedup::cache::AsyncState<
                    (
                        ::std::string::String,
                        ::std::vec::Vec<u8>,
                        u32,
                        ::speedup::cache::Checked<Tag, { ::speedup::cache::argument::<Tag>() }>,
                    ),
                    ::speedup::cache::Checked<
                        Result<Page, Fault>,
                        { ::speedup::cache::output::<Result<Page, Fault>>() },
                    >,
                > = ::speedup::cache::AsyncState::new();
                let _ = page;
                &::speedup::AsyncCache::of(
                    &__PAGES_STATE,
                    ::speedup::cache::AsyncFunction::new(
                            "page",
                            |
                                (
                                    site,
                                    parts,
                                    n,
                                    tag,
                                ): (
                                    ::std::string::String,
                                    ::std::vec::Vec<u8>,
                                    u32,
                                    ::speedup::cache::Checked<
                                        Tag,
                                        { ::speedup::cache::argument::<Tag>() },
                                    >,
                                )|
                            {
                                ::speedup::cache::boxed(async move {
                                    __page_uncached(&site, &parts, n, tag).await
                                })
                            },
                        )
                        .show(|key, out| {
                            use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
                            (&::speedup::__private::Show(key)).__speedup_show(out)
                        })
                        .keep(|value: &Result<Page, Fault>| {
                            use ::speedup::__private::{
                                KeepAny as _, KeepOption as _, KeepResult as _,
                            };
                            (&::speedup::__private::Keep(value)).__speedup_keep()
                        }),
                )
            };
            async fn __page_uncached(
                site: &str,
                parts: &[u8],
                n: u32,
                tag: Tag,
            ) -> ::speedup::cache::Checked<
                Result<Page, Fault>,
                { ::speedup::cache::output::<Result<Page, Fault>>() },
            > {
                load(site, n).await
            }
        "##]],
    );
}

#[test]
fn errors_are_kept_where_told() {
    check(
        "cache_err",
        "async fn fetch(id: u64) -> Result<u64, u8> { Ok(id) }",
        &expect![[r##"
            #[inline]
            async fn fetch(id: u64) -> Result<u64, u8> {
                match ::speedup::AsyncCache::find(FETCH, (id,)) {
                    ::core::result::Result::Ok(value) => value,
                    ::core::result::Result::Err(key) => {
                        ::speedup::cache::boxed(::speedup::AsyncCache::get(FETCH, key)).await
                    }
                }
            }
            /// The cache of [`fetch()`].
            const FETCH: &::speedup::AsyncCache<(u64,), Result<u64, u8>> = {
                static __FETCH_STATE: ::speedup::cache::AsyncState<(u64,), Result<u64, u8>> = ::speedup::cache::AsyncState::new();
                let _ = fetch;
                &::speedup::AsyncCache::of(
                    &__FETCH_STATE,
                    ::speedup::cache::AsyncFunction::new(
                            "fetch",
                            |(id,): (u64,)| {
                                ::speedup::cache::boxed(async move { __fetch_uncached(id).await })
                            },
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            async fn __fetch_uncached(id: u64) -> Result<u64, u8> {
                Ok(id)
            }
        "##]],
    );
}

#[test]
fn an_associated_function() {
    check_in_impl(
        "",
        "pub async fn area(n: u64) -> u64 { Self::area(n / 2).await * Point::area(n / 3).await }",
        &expect![[r#"
            impl Point {
                #[inline]
                pub async fn area(n: u64) -> u64 {
                    match ::speedup::AsyncCache::find(Self::AREA, (n,)) {
                        ::core::result::Result::Ok(value) => value,
                        ::core::result::Result::Err(key) => {
                            ::speedup::cache::boxed(::speedup::AsyncCache::get(Self::AREA, key))
                                .await
                        }
                    }
                }
                /// The cache of [`Self::area()`].
                pub const AREA: &'static ::speedup::AsyncCache<(u64,), u64> = {
                    static __AREA_STATE: ::speedup::cache::AsyncState<(u64,), u64> = ::speedup::cache::AsyncState::new();
                    let _ = Self::area;
                    &::speedup::AsyncCache::of(
                        &__AREA_STATE,
                        ::speedup::cache::AsyncFunction::new(
                                "area",
                                |(n,): (u64,)| {
                                    ::speedup::cache::boxed(async move {
                                        Self::__area_uncached(n).await
                                    })
                                },
                            )
                            .show(::core::fmt::Debug::fmt),
                    )
                };
                async fn __area_uncached(n: u64) -> u64 {
                    let [call_0, call_1] = ::speedup::cache::boxed(
                            ::speedup::AsyncCache::group(Self::AREA, [(n / 2,), (n / 3,)]),
                        )
                        .await;
                    call_0 * call_1
                }
                #[doc(hidden)]
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn __speedup_endless_area(argument_0: u64) -> u64 {
                    Self::__speedup_endless_area(argument_0)
                }
            }
        "#]],
    );
}
