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
                    ),
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
