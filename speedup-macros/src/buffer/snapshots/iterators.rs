//! Bodies that return what iterates.

use expect_test::expect;

use super::check;

#[test]
fn an_iterator() {
    check(
        "size = 4",
        "/// The numbers.\npub fn count() -> impl Iterator<Item = u64> { 0.. }",
        &expect![[r#"
            /// The numbers.
            pub fn count() -> impl Iterator<Item = u64> {
                ::speedup::Buffer::values(COUNT)
            }
            /// The buffer of [`count()`].
            pub const COUNT: &::speedup::Buffer<u64> = {
                static __COUNT_STATE: ::speedup::buffer::State<u64> = ::speedup::buffer::State::new();
                let _ = count;
                &::speedup::Buffer::of(
                    &__COUNT_STATE,
                    ::speedup::buffer::Function::new(
                            "count",
                            || ::speedup::buffer::Source::from_iter(__count_generator()),
                        )
                        .size(4)
                        .in_batches()
                        .search(|| ::core::option::Option::Some(
                            ::core::cmp::PartialOrd::partial_cmp,
                        )),
                )
            };
            fn __count_generator() -> impl Iterator<Item = u64> {
                0..
            }
        "#]],
    );
}

#[test]
fn parameters_of_an_iterator() {
    check(
        "",
        "fn words((a, b): (String, u8)) -> impl IntoIterator<Item = String> + Send { [a] }",
        &expect![[r#"
            fn words(argument_0: (String, u8)) -> impl IntoIterator<Item = String> + Send {
                ::speedup::Buffers::values(WORDS, (argument_0,))
            }
            /// The buffers of [`words()`].
            const WORDS: &::speedup::Buffers<((String, u8),), String> = {
                static __WORDS_STATE: ::speedup::buffer::FamilyState<((String, u8),), String> = ::speedup::buffer::FamilyState::new();
                let _ = words;
                &::speedup::Buffers::of_family(
                    &__WORDS_STATE,
                    ::speedup::buffer::FamilyFunction::new(
                            "words",
                            |(argument_0,): ((String, u8),)| ::speedup::buffer::Source::from_iter(
                                __words_generator(argument_0),
                            ),
                        )
                        .search(|| {
                            #[allow(unused_imports)]
                            use ::speedup::buffer::__private::{Ordered as _, Unordered as _};
                            (&::speedup::buffer::__private::Items::<String>::NEW).__speedup_compare()
                        }),
                )
            };
            fn __words_generator(
                (a, b): (String, u8),
            ) -> impl IntoIterator<Item = String, IntoIter: ::core::marker::Send> + Send {
                [a]
            }
        "#]],
    );
}

#[test]
fn a_collection() {
    check(
        "",
        "fn all() -> Vec<u64> { vec![1] }",
        &expect![[r#"
            fn all() -> Vec<u64> {
                ::core::iter::Iterator::collect(::speedup::Buffer::values(ALL))
            }
            /// The buffer of [`all()`].
            const ALL: &::speedup::Buffer<u64> = {
                static __ALL_STATE: ::speedup::buffer::State<u64> = ::speedup::buffer::State::new();
                let _ = all;
                &::speedup::Buffer::of(
                    &__ALL_STATE,
                    ::speedup::buffer::Function::new(
                            "all",
                            || ::speedup::buffer::Source::from_iter(__all_generator()),
                        )
                        .in_batches()
                        .search(|| ::core::option::Option::Some(
                            ::core::cmp::PartialOrd::partial_cmp,
                        )),
                )
            };
            fn __all_generator() -> Vec<u64> {
                vec![1]
            }
        "#]],
    );
}

#[test]
fn a_box() {
    check(
        "",
        "fn all() -> Box<dyn Iterator<Item = u64> + Send> { Box::new(0..) }",
        &expect![[r#"
            fn all() -> Box<dyn Iterator<Item = u64> + Send> {
                ::std::boxed::Box::new(::speedup::Buffer::values(ALL))
            }
            /// The buffer of [`all()`].
            const ALL: &::speedup::Buffer<u64> = {
                static __ALL_STATE: ::speedup::buffer::State<u64> = ::speedup::buffer::State::new();
                let _ = all;
                &::speedup::Buffer::of(
                    &__ALL_STATE,
                    ::speedup::buffer::Function::new(
                            "all",
                            || ::speedup::buffer::Source::from_iter(__all_generator()),
                        )
                        .search(|| ::core::option::Option::Some(
                            ::core::cmp::PartialOrd::partial_cmp,
                        )),
                )
            };
            fn __all_generator() -> Box<dyn Iterator<Item = u64> + Send> {
                Box::new(0..)
            }
        "#]],
    );
}

#[test]
fn any_iterable_type() {
    check(
        "",
        "fn all() -> Numbers { Numbers::new() }",
        &expect![[r#"
            fn all() -> impl ::core::iter::Iterator<
                Item = <Numbers as ::core::iter::IntoIterator>::Item,
            > {
                ::speedup::Buffer::values(ALL)
            }
            /// The buffer of [`all()`].
            const ALL: &::speedup::Buffer<<Numbers as ::core::iter::IntoIterator>::Item> = {
                static __ALL_STATE: ::speedup::buffer::State<
                    <Numbers as ::core::iter::IntoIterator>::Item,
                > = ::speedup::buffer::State::new();
                let _ = all;
                &::speedup::Buffer::of(
                    &__ALL_STATE,
                    ::speedup::buffer::Function::new(
                            "all",
                            || ::speedup::buffer::Source::from_iter(__all_generator()),
                        )
                        .search(|| {
                            #[allow(unused_imports)]
                            use ::speedup::buffer::__private::{Ordered as _, Unordered as _};
                            (&::speedup::buffer::__private::Items::<
                                <Numbers as ::core::iter::IntoIterator>::Item,
                            >::NEW)
                                .__speedup_compare()
                        }),
                )
            };
            fn __all_generator() -> Numbers {
                Numbers::new()
            }
        "#]],
    );
}
