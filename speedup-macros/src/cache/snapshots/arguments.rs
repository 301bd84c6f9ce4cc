//! Arguments of all kinds, and what the key makes of them.

use expect_test::expect;

use super::check;

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
            #[inline]
            pub fn fibonacci(n: u64) -> u128 {
                ::speedup::Cache::get(FIBONACCI, (n,))
            }
            /** The cache of [`fibonacci()`].

             # What runs side by side

             - line 3: `fibonacci(n - 1)`, `fibonacci(n - 2)`*/
            pub const FIBONACCI: &::speedup::Cache<(u64,), u128> = {
                static __FIBONACCI_STATE: ::speedup::cache::State<(u64,), u128> = ::speedup::cache::State::new();
                let _ = fibonacci;
                &::speedup::Cache::of(
                    &__FIBONACCI_STATE,
                    ::speedup::cache::Function::new(
                            "fibonacci",
                            |(n,): &(u64,)| __fibonacci_uncached(*n),
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            #[inline]
            #[allow(clippy::trivially_copy_pass_by_ref, clippy::unnecessary_wraps)]
            fn __fibonacci_uncached(n: u64) -> u128 {
                if n < 2 {
                    1
                } else {
                    ::speedup::Cache::ahead(
                        FIBONACCI,
                        move |call| {
                            call((n - 1,));
                            call((n - 2,));
                        },
                    );
                    fibonacci(n - 1) + fibonacci(n - 2)
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
        &expect![[r##"
            #[inline(always)]
            #[allow(clippy::inline_always)]
            fn distance(a: &str, b: &[u8], limit: usize) -> usize {
                match ::speedup::cache::Spans::get(
                    __DISTANCE_SPANS,
                    || (a, b, &limit),
                    |own| {
                        ::core::option::Option::Some((
                            ::speedup::cache::span_of(a, &own.key().0)?,
                            ::speedup::cache::span_of(b, &own.key().1)?,
                            limit,
                        ))
                    },
                ) {
                    ::core::option::Option::Some(value) => value,
                    ::core::option::Option::None => {
                        ::speedup::Cache::get_ref(DISTANCE, (a, b, &limit))
                    }
                }
            }
            /** The cache of [`distance()`].

             # What runs side by side

             - line 2: `distance(&a[1..], b, limit)`, `distance(a, &b[1..], limit - 1)`*/
            const DISTANCE: &::speedup::Cache<
                (::std::string::String, ::std::vec::Vec<u8>, usize),
                usize,
            > = {
                static __DISTANCE_STATE: ::speedup::cache::State<
                    (::std::string::String, ::std::vec::Vec<u8>, usize),
                    usize,
                > = ::speedup::cache::State::new();
                let _ = distance;
                &::speedup::Cache::of(
                    &__DISTANCE_STATE,
                    ::speedup::cache::Function::new(
                            "distance",
                            |key: &(::std::string::String, ::std::vec::Vec<u8>, usize)| {
                                if let ::core::option::Option::Some(value) = ::speedup::cache::Spans::enter(
                                    __DISTANCE_SPANS,
                                    &(),
                                    key,
                                ) {
                                    return value;
                                }
                                let (a, b, limit) = key;
                                __distance_uncached(::core::option::Option::None, a, b, *limit)
                            },
                        )
                        .show(::core::fmt::Debug::fmt),
                )
            };
            #[doc(hidden)]
            const __DISTANCE_SPANS: &::speedup::cache::Spans<
                (),
                (::std::string::String, ::std::vec::Vec<u8>, usize),
                (::core::primitive::u64, ::core::primitive::u64, usize),
                usize,
            > = &::speedup::cache::Spans::of_inside(
                    "distance",
                    |
                        key: &(::std::string::String, ::std::vec::Vec<u8>, usize),
                        own: &(::std::string::String, ::std::vec::Vec<u8>, usize)|
                    ::core::option::Option::Some((
                        ::speedup::cache::span_like::<str, _>(&key.0, &own.0)?,
                        ::speedup::cache::span_like::<[u8], _>(&key.1, &own.1)?,
                        key.2,
                    )),
                    |key: &(::std::string::String, ::std::vec::Vec<u8>, usize)| {
                        ::speedup::cache::span_size::<str, _>(&key.0)
                            + ::speedup::cache::span_size::<[u8], _>(&key.1)
                    },
                    |
                        own: &::speedup::cache::Outermost<
                            (),
                            (::std::string::String, ::std::vec::Vec<u8>, usize),
                            usize,
                        >,
                        (a, b, limit): &(::core::primitive::u64, ::core::primitive::u64, usize),
                        inside: ::speedup::cache::AtPlace<
                            '_,
                            (),
                            (::std::string::String, ::std::vec::Vec<u8>, usize),
                            (::core::primitive::u64, ::core::primitive::u64, usize),
                            usize,
                        >|
                    {
                        let given = (
                            ::speedup::cache::span_given::<str, _>(&own.key().0, *a),
                            ::speedup::cache::span_given::<[u8], _>(&own.key().1, *b),
                            (),
                        );
                        let inside = ::speedup::cache::AtPlace::with(
                            inside,
                            given,
                            ::speedup::cache::GivenPart::reaches_to_the_end(given.0)
                                && ::speedup::cache::GivenPart::reaches_to_the_end(given.1),
                        );
                        __distance_uncached(
                            ::core::option::Option::Some(inside),
                            ::speedup::cache::GivenPart::part(given.0),
                            ::speedup::cache::GivenPart::part(given.1),
                            *limit,
                        )
                    },
                )
                .show(|
                    own: &::speedup::cache::Outermost<
                        (),
                        (::std::string::String, ::std::vec::Vec<u8>, usize),
                        usize,
                    >,
                    (a, b, limit): &(::core::primitive::u64, ::core::primitive::u64, usize),
                    out|
                ::core::fmt::Debug::fmt(
                    &(
                        ::speedup::cache::span_at::<str, _>(&own.key().0, *a),
                        ::speedup::cache::span_at::<[u8], _>(&own.key().1, *b),
                        *limit,
                    ),
                    out,
                ));
            #[inline(always)]
            #[allow(clippy::inline_always)]
            #[allow(clippy::too_many_arguments)]
            fn __distance_uncached(
                running: ::core::option::Option<
                    ::speedup::cache::AtParts<
                        '_,
                        (),
                        (::std::string::String, ::std::vec::Vec<u8>, usize),
                        (::core::primitive::u64, ::core::primitive::u64, usize),
                        usize,
                        (
                            ::speedup::cache::GivenPart<'_, str, ::std::string::String>,
                            ::speedup::cache::GivenPart<'_, [u8], ::std::vec::Vec<u8>>,
                            (),
                        ),
                    >,
                >,
                a: &str,
                b: &[u8],
                limit: usize,
            ) -> usize {
                #[allow(
                    unused_variables,
                    non_snake_case,
                    clippy::redundant_closure,
                    clippy::shadow_unrelated,
                    clippy::too_many_arguments
                )]
                let distance = ::core::convert::identity(
                    #[inline(always)]
                    move |a: &str, b: &[u8], limit: usize| -> usize {
                        let ::core::option::Option::Some((inside, given, reach)) = ::core::option::Option::map(
                            running,
                            ::speedup::cache::AtParts::parts,
                        ) else {
                            return distance(a, b, limit);
                        };
                        let place = if reach && ::speedup::cache::GivenPart::ends_with(given.0, a)
                            && ::speedup::cache::GivenPart::ends_with(given.1, b)
                        {
                            (
                                ::speedup::cache::GivenPart::number_of_end(given.0, a),
                                ::speedup::cache::GivenPart::number_of_end(given.1, b),
                                limit,
                            )
                        } else {
                            let place = ::core::convert::identity(
                                #[inline(always)]
                                || {
                                    ::core::option::Option::Some((
                                        ::speedup::cache::GivenPart::number_of(given.0, a)?,
                                        ::speedup::cache::GivenPart::number_of(given.1, b)?,
                                        limit,
                                    ))
                                },
                            );
                            let ::core::option::Option::Some(place) = place() else {
                                return ::speedup::cache::elsewhere(move || distance(a, b, limit));
                            };
                            place
                        };
                        ::speedup::cache::AtPlace::get(inside, place, || (a, b, &limit))
                    },
                );
                {
                    if ::speedup::cache::may_look_ahead() {
                        ::speedup::cache::Spans::ahead(
                            __DISTANCE_SPANS,
                            DISTANCE,
                            move |call| {
                                let call = |(a, b, limit): (&str, &[u8], usize)| {
                                    call
                                        .ask(
                                            |own| ::core::option::Option::Some((
                                                ::speedup::cache::span_of(a, &own.key().0)?,
                                                ::speedup::cache::span_of(b, &own.key().1)?,
                                                limit,
                                            )),
                                            || (
                                                ::std::borrow::ToOwned::to_owned(a),
                                                ::std::borrow::ToOwned::to_owned(b),
                                                limit,
                                            ),
                                        )
                                };
                                call((&a[1..], b, limit));
                                call((a, &b[1..], limit - 1));
                            },
                        );
                    }
                    distance(&a[1..], b, limit).min(distance(a, &b[1..], limit - 1))
                }
            }
        "##]],
    );
}

#[test]
fn patterns_and_mut() {
    check(
        "",
        "fn area((w, h): (u32, u32), mut scale: u64, _unused: bool, _: char) -> u64 { scale += 1; scale }",
        &expect![[r##"
            #[inline]
            fn area(argument_0: (u32, u32), scale: u64, unused: bool, argument_3: char) -> u64 {
                ::speedup::Cache::get(AREA, (argument_0, scale, unused, argument_3))
            }
            /// The cache of [`area()`].
            const AREA: &::speedup::Cache<((u32, u32), u64, bool, char), u64> = {
                static __AREA_STATE: ::speedup::cache::State<((u32, u32), u64, bool, char), u64> = ::speedup::cache::State::new();
                let _ = area;
                &::speedup::Cache::of(
                    &__AREA_STATE,
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
            #[inline]
            fn __area_uncached((w, h): (u32, u32), mut scale: u64, _unused: bool, _: char) -> u64 {
                scale += 1;
                scale
            }
        "##]],
    );
}

#[test]
fn owned_arguments_of_other_types() {
    check(
        "",
        "fn ask(user: User, tags: Vec<String>) -> usize { 1 }",
        &expect![[r##"
            #[inline]
            fn ask(user: User, tags: Vec<String>) -> usize {
                ::speedup::Cache::get(ASK, (user, tags))
            }
            /// The cache of [`ask()`].
            const ASK: &::speedup::Cache<
                (
                    ::speedup::cache::Checked<User, { ::speedup::cache::argument::<User>() }>,
                    Vec<String>,
                ),
                usize,
            > = {
                static __ASK_STATE: ::speedup::cache::State<
                    (
                        ::speedup::cache::Checked<User, { ::speedup::cache::argument::<User>() }>,
                        Vec<String>,
                    ),
                    usize,
                > = ::speedup::cache::State::new();
                let _ = ask;
                &::speedup::Cache::of(
                    &__ASK_STATE,
                    ::speedup::cache::Function::new(
                            "ask",
                            |
                                (
                                    user,
                                    tags,
                                ): &(
                                    ::speedup::cache::Checked<
                                        User,
                                        { ::speedup::cache::argument::<User>() },
                                    >,
                                    Vec<String>,
                                )|
                            __ask_uncached(
                                <::speedup::cache::Checked<
                                    User,
                                    { ::speedup::cache::argument::<User>() },
                                > as ::core::clone::Clone>::clone(user),
                                ::core::clone::Clone::clone(tags),
                            ),
                        )
                        .show(|key, out| {
                            use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
                            (&::speedup::__private::Show(key)).__speedup_show(out)
                        }),
                )
            };
            #[inline]
            fn __ask_uncached(user: User, tags: Vec<String>) -> usize {
                1
            }
        "##]],
    );
}

#[test]
fn no_arguments() {
    check(
        "",
        "fn table() -> Vec<u64> { vec![] }",
        &expect![[r##"
            #[inline]
            fn table() -> Vec<u64> {
                ::speedup::Cache::get(TABLE, ())
            }
            /// The cache of [`table()`].
            const TABLE: &::speedup::Cache<(), Vec<u64>> = {
                static __TABLE_STATE: ::speedup::cache::State<(), Vec<u64>> = ::speedup::cache::State::new();
                let _ = table;
                &::speedup::Cache::of(
                    &__TABLE_STATE,
                    ::speedup::cache::Function::new("table", |(): &()| __table_uncached())
                        .show(::core::fmt::Debug::fmt),
                )
            };
            #[inline]
            fn __table_uncached() -> Vec<u64> {
                vec![]
            }
        "##]],
    );
}

#[test]
fn a_raw_name_with_a_lifetime() {
    check(
        "",
        "fn r#match<'a>(text: &'a str, r#type: u8) -> u64 where u8: Copy { 1 }",
        &expect![[r##"
            #[inline]
            fn r#match<'a>(text: &'a str, r#type: u8) -> u64
            where
                u8: Copy,
            {
                ::speedup::Cache::get_ref(MATCH, (text, &r#type))
            }
            /// The cache of `r#match`.
            const MATCH: &::speedup::Cache<(::std::string::String, u8), u64> = {
                static __MATCH_STATE: ::speedup::cache::State<(::std::string::String, u8), u64> = ::speedup::cache::State::new();
                let _ = r#match;
                &::speedup::Cache::of(
                    &__MATCH_STATE,
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
            #[inline]
            fn __match_uncached<'a>(text: &'a str, r#type: u8) -> u64
            where
                u8: Copy,
            {
                1
            }
        "##]],
    );
}
