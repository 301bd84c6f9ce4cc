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
