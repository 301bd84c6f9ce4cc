//! Calls that a function makes of itself.

use expect_test::expect;

use super::check;

#[test]
fn calls_that_pass_the_same_on_go_on_in_its_table() {
    check(
        "",
        "fn paths(graph: &Graph, most: u8, n: usize) -> u64 { paths(graph, most, n - 1).max(1) }",
        &expect![[r##"
            #[inline(always)]
            #[allow(clippy::inline_always)]
            fn paths(graph: &Graph, most: u8, n: usize) -> u64 {
                ::speedup::cache::Tables::get(
                    __PATHS_TABLES,
                    (graph, &most),
                    |own| {
                        ::speedup::cache::is_same(graph, &own.0)
                            && ::speedup::cache::is_equal(&most, &own.1)
                    },
                    (n,),
                )
            }
            /** The cache of [`paths()`].

             # What runs as it is written

             - line 1: `paths(graph, most, n - 1)`: nothing runs beside it*/
            const PATHS: &::speedup::Cache<
                (
                    ::speedup::cache::Checked<Graph, { ::speedup::cache::argument::<Graph>() }>,
                    u8,
                    usize,
                ),
                u64,
            > = {
                static __PATHS_STATE: ::speedup::cache::State<
                    (
                        ::speedup::cache::Checked<Graph, { ::speedup::cache::argument::<Graph>() }>,
                        u8,
                        usize,
                    ),
                    u64,
                > = ::speedup::cache::State::new();
                let _ = paths;
                &::speedup::Cache::of(
                        &__PATHS_STATE,
                        ::speedup::cache::Function::new(
                                "paths",
                                |
                                    (
                                        graph,
                                        most,
                                        n,
                                    ): &(
                                        ::speedup::cache::Checked<
                                            Graph,
                                            { ::speedup::cache::argument::<Graph>() },
                                        >,
                                        u8,
                                        usize,
                                    )|
                                paths(graph, *most, *n),
                            )
                            .show(|key, out| {
                                use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
                                (&::speedup::__private::Show(key)).__speedup_show(out)
                            }),
                    )
                    .divided(
                        &::speedup::cache::Division::new(
                            __PATHS_TABLES,
                            |(graph, most, n)| ((graph, most), (n,)),
                            |(graph, most), (n,)| (graph, most, n),
                        ),
                    )
            };
            #[doc(hidden)]
            const __PATHS_TABLES: &::speedup::cache::Tables<
                (::speedup::cache::Checked<Graph, { ::speedup::cache::argument::<Graph>() }>, u8),
                (usize,),
                u64,
            > = {
                static ____PATHS_TABLES_STATE: ::speedup::cache::TablesState<
                    (
                        ::speedup::cache::Checked<Graph, { ::speedup::cache::argument::<Graph>() }>,
                        u8,
                    ),
                    (usize,),
                    u64,
                > = ::speedup::cache::TablesState::new();
                &::speedup::cache::Tables::of_inside(
                        &____PATHS_TABLES_STATE,
                        "paths",
                        |
                            (
                                graph,
                                most,
                            ): &(
                                ::speedup::cache::Checked<
                                    Graph,
                                    { ::speedup::cache::argument::<Graph>() },
                                >,
                                u8,
                            ),
                            (n,): &(usize,),
                            inside: ::speedup::cache::InTable<'_, (usize,), u64>|
                        __paths_uncached(inside, graph, *most, *n),
                    )
                    .show(::core::fmt::Debug::fmt)
            };
            #[inline]
            #[allow(clippy::too_many_arguments)]
            fn __paths_uncached(
                inside: ::speedup::cache::InTable<'_, (usize,), u64>,
                graph: &Graph,
                most: u8,
                n: usize,
            ) -> u64 {
                let passed_on = (graph, most);
                #[allow(
                    unused_variables,
                    non_snake_case,
                    clippy::redundant_closure,
                    clippy::shadow_unrelated,
                    clippy::too_many_arguments
                )]
                let paths = ::core::convert::identity(
                    #[inline(always)]
                    move |graph: &Graph, most: u8, n: usize| -> u64 {
                        ::speedup::cache::InTable::get(
                            inside,
                            ::speedup::cache::is_same(graph, &passed_on.0)
                                && ::speedup::cache::is_equal(&most, &passed_on.1),
                            (n,),
                            |(n,)| paths(graph, most, n),
                        )
                    },
                );
                { paths(graph, most, n - 1).max(1) }
            }
            const _: () = {
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn paths(graph: &Graph, most: u8, n: usize) -> u64 {
                    paths(graph, most, n - 1).max(1)
                }
            };
        "##]],
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
            > = &::speedup::cache::Spans::of_here(
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
                        inside: ::speedup::cache::AtPlaceHere<
                            '_,
                            (),
                            (::std::string::String, ::std::vec::Vec<u8>, usize),
                            (::core::primitive::u64, ::core::primitive::u64, usize),
                            usize,
                        >|
                    {
                        if ::speedup::cache::span_reaches::<str, _>(&own.key().0, *a)
                            && ::speedup::cache::span_reaches::<[u8], _>(&own.key().1, *b)
                        {
                            let given = (
                                ::speedup::cache::span_given::<str, _>(&own.key().0, *a),
                                ::speedup::cache::span_given::<[u8], _>(&own.key().1, *b),
                                (),
                            );
                            let inside = ::speedup::cache::AtPlaceHere::with(inside, given, true);
                            __distance_uncached(
                                ::core::option::Option::Some(inside),
                                ::speedup::cache::GivenPart::part(given.0),
                                ::speedup::cache::GivenPart::part(given.1),
                                *limit,
                            )
                        } else {
                            let given = (
                                ::speedup::cache::span_given::<str, _>(&own.key().0, *a),
                                ::speedup::cache::span_given::<[u8], _>(&own.key().1, *b),
                                (),
                            );
                            let inside = ::speedup::cache::AtPlaceHere::with(inside, given, false);
                            __distance_uncached(
                                ::core::option::Option::Some(inside),
                                ::speedup::cache::GivenPart::part(given.0),
                                ::speedup::cache::GivenPart::part(given.1),
                                *limit,
                            )
                        }
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
                        ::speedup::cache::AtPlaceHere<
                            '_,
                            (),
                            (::std::string::String, ::std::vec::Vec<u8>, usize),
                            (::core::primitive::u64, ::core::primitive::u64, usize),
                            usize,
                        >,
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
                        ::speedup::cache::AtPlaceHere::get(inside, place, || (a, b, &limit))
                    },
                );
                {
                    if ::speedup::cache::AtParts::may_look_ahead(&running) {
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
