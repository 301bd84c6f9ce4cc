//! Options: windows and searches.

use expect_test::expect;

use super::check;

#[test]
fn a_window() {
    check(
        "keep = 1_000, name = RECENT",
        "fn count() -> impl Iterator<Item = u64> { 0.. }",
        &expect![[r#"
            fn count() -> impl Iterator<Item = u64> {
                ::speedup::Window::values(RECENT)
            }
            /// The window of [`count()`].
            const RECENT: &::speedup::Window<u64> = {
                static __RECENT_STATE: ::speedup::buffer::WindowState<u64> = ::speedup::buffer::WindowState::new();
                let _ = count;
                &::speedup::Window::of(
                    &__RECENT_STATE,
                    ::speedup::buffer::Function::new(
                            "count",
                            || ::speedup::buffer::Source::from_iter(__count_generator()),
                        )
                        .in_batches(),
                    1_000,
                )
            };
            fn __count_generator() -> impl Iterator<Item = u64> {
                0..
            }
        "#]],
    );
}

#[test]
fn a_closure_that_halts() {
    check(
        "halt = |_, item, attempts| *item > 9 || attempts == 3",
        "fn count() -> impl Iterator<Item = u64> { 0.. }",
        &expect![[r#"
            fn count() -> impl Iterator<Item = u64> {
                ::speedup::Buffer::values(COUNT)
            }
            /// The buffer of [`count()`].
            const COUNT: &::speedup::Buffer<u64> = {
                static __COUNT_STATE: ::speedup::buffer::State<u64> = ::speedup::buffer::State::new();
                let _ = count;
                &::speedup::Buffer::of(
                    &__COUNT_STATE,
                    ::speedup::buffer::Function::new(
                            "count",
                            || ::speedup::buffer::Source::from_iter(__count_generator()),
                        )
                        .in_batches()
                        .halt(|_, item, attempts| *item > 9 || attempts == 3),
                )
            };
            fn __count_generator() -> impl Iterator<Item = u64> {
                0..
            }
        "#]],
    );
}

#[test]
fn an_expression_that_halts() {
    check(
        "halt = rules::near(3)",
        "fn count() -> impl Iterator<Item = u64> { 0.. }",
        &expect![[r#"
            fn count() -> impl Iterator<Item = u64> {
                ::speedup::Buffer::values(COUNT)
            }
            /// The buffer of [`count()`].
            const COUNT: &::speedup::Buffer<u64> = {
                static __COUNT_STATE: ::speedup::buffer::State<u64> = ::speedup::buffer::State::new();
                let _ = count;
                &::speedup::Buffer::of(
                    &__COUNT_STATE,
                    ::speedup::buffer::Function::new(
                            "count",
                            || ::speedup::buffer::Source::from_iter(__count_generator()),
                        )
                        .in_batches()
                        .halt(|buffer, item, attempts| {
                            ::speedup::buffer::Halt::halt(&(rules::near(3)), buffer, item, attempts)
                        }),
                )
            };
            fn __count_generator() -> impl Iterator<Item = u64> {
                0..
            }
        "#]],
    );
}

#[test]
fn attempts_that_halt() {
    check(
        "halt = Attempts(5), size = SIZE",
        "fn count() -> impl Iterator<Item = Odd> { odd() }",
        &expect![[r#"
            fn count() -> impl Iterator<Item = Odd> {
                ::speedup::Buffer::values(COUNT)
            }
            /// The buffer of [`count()`].
            const COUNT: &::speedup::Buffer<Odd> = {
                static __COUNT_STATE: ::speedup::buffer::State<Odd> = ::speedup::buffer::State::new();
                let _ = count;
                &::speedup::Buffer::of(
                    &__COUNT_STATE,
                    ::speedup::buffer::Function::new(
                            "count",
                            || ::speedup::buffer::Source::from_iter(__count_generator()),
                        )
                        .size(SIZE)
                        .halt(|buffer, item, attempts| {
                            ::speedup::buffer::Halt::halt(
                                &(::speedup::buffer::Attempts(5)),
                                buffer,
                                item,
                                attempts,
                            )
                        }),
                )
            };
            fn __count_generator() -> impl Iterator<Item = Odd> {
                odd()
            }
        "#]],
    );
}

#[test]
fn values_that_are_lent() {
    check(
        "lend",
        "fn lines() -> impl Iterator<Item = io::Result<String>> { stdin().lines() }",
        &expect![[r#"
            fn lines() -> impl ::core::iter::Iterator<Item = &'static io::Result<String>> {
                ::speedup::Buffer::iter(LINES)
            }
            /// The buffer of [`lines()`].
            const LINES: &::speedup::Buffer<io::Result<String>> = {
                static __LINES_STATE: ::speedup::buffer::State<io::Result<String>> = ::speedup::buffer::State::new();
                let _ = lines;
                &::speedup::Buffer::of(
                    &__LINES_STATE,
                    ::speedup::buffer::Function::new(
                            "lines",
                            || ::speedup::buffer::Source::from_iter(__lines_generator()),
                        )
                        .search(|| {
                            #[allow(unused_imports)]
                            use ::speedup::buffer::__private::{Ordered as _, Unordered as _};
                            (&::speedup::buffer::__private::Items::<io::Result<String>>::NEW)
                                .__speedup_compare()
                        }),
                )
            };
            fn __lines_generator() -> impl Iterator<Item = io::Result<String>> {
                stdin().lines()
            }
        "#]],
    );
}

#[test]
fn values_that_are_lent_for_each_set_of_arguments() {
    check(
        "lend",
        "fn cells(count: u64) -> Cell { yield_!(Cell(count)); }",
        &expect![[r#"
            fn cells(count: u64) -> impl ::core::iter::Iterator<Item = &'static Cell> {
                ::speedup::Buffer::iter(::speedup::Buffers::of(CELLS, (count,)))
            }
            /// The buffers of [`cells()`].
            const CELLS: &::speedup::Buffers<(u64,), Cell> = {
                static __CELLS_STATE: ::speedup::buffer::FamilyState<(u64,), Cell> = ::speedup::buffer::FamilyState::new();
                let _ = cells;
                &::speedup::Buffers::of_family(
                    &__CELLS_STATE,
                    ::speedup::buffer::FamilyFunction::new(
                            "cells",
                            |(count,): (u64,)| __cells_generator(count),
                        )
                        .search(|| {
                            #[allow(unused_imports)]
                            use ::speedup::buffer::__private::{Ordered as _, Unordered as _};
                            (&::speedup::buffer::__private::Items::<Cell>::NEW).__speedup_compare()
                        }),
                )
            };
            fn __cells_generator(count: u64) -> ::speedup::buffer::Source<Cell> {
                ::speedup::buffer::Source::from_body(move |out: ::speedup::buffer::Out<Cell>| async move {
                    out.give(Cell(count)).await;
                })
            }
        "#]],
    );
}

#[test]
fn values_on_disk() {
    check(
        "disk = \"squares\", resume = |last| squares_from(last)",
        "fn squares() -> impl Iterator<Item = u64> { squares_from(&0) }",
        &expect![[r#"
            fn squares() -> impl Iterator<Item = u64> {
                ::speedup::Buffer::values(SQUARES)
            }
            /// The buffer of [`squares()`].
            const SQUARES: &::speedup::Buffer<u64> = {
                static __SQUARES_STATE: ::speedup::buffer::State<u64> = ::speedup::buffer::State::new();
                let _ = squares;
                &::speedup::Buffer::of(
                    &__SQUARES_STATE,
                    ::speedup::buffer::Function::new(
                            "squares",
                            || ::speedup::buffer::Source::from_iter(
                                ::speedup::store::persisted(
                                        "squares",
                                        "e40adbb70ab4932c6837c437bfef3eb6",
                                        || __squares_generator(),
                                    )
                                    .resume(|last| squares_from(last)),
                            ),
                        )
                        .search(|| ::core::option::Option::Some(
                            ::core::cmp::PartialOrd::partial_cmp,
                        )),
                )
            };
            fn __squares_generator() -> impl Iterator<Item = u64> {
                squares_from(&0)
            }
        "#]],
    );
}

#[test]
fn values_on_disk_of_a_body_that_yields() {
    check(
        "disk = list()",
        "fn count() -> u64 { yield_!(1); }",
        &expect![[r#"
        fn count() -> impl ::core::iter::Iterator<Item = u64> {
            ::speedup::Buffer::values(COUNT)
        }
        /// The buffer of [`count()`].
        const COUNT: &::speedup::Buffer<u64> = {
            static __COUNT_STATE: ::speedup::buffer::State<u64> = ::speedup::buffer::State::new();
            let _ = count;
            &::speedup::Buffer::of(
                &__COUNT_STATE,
                ::speedup::buffer::Function::new(
                        "count",
                        || ::speedup::buffer::Source::from_iter(
                            ::speedup::store::persisted(
                                list(),
                                "ecde6b546fec4b610e9190d9931e7025",
                                || ::speedup::buffer::Source::into_values(__count_generator()),
                            ),
                        ),
                    )
                    .in_batches()
                    .search(|| ::core::option::Option::Some(
                        ::core::cmp::PartialOrd::partial_cmp,
                    )),
            )
        };
        fn __count_generator() -> ::speedup::buffer::Source<u64> {
            ::speedup::buffer::Source::from_body(|out: ::speedup::buffer::Out<u64>| async move {
                out.give(1).await;
            })
        }
    "#]],
    );
}
