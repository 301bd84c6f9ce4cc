//! Bodies with `yield_!`.

use expect_test::expect;

use super::{check, check_in_impl};

#[test]
fn a_body_that_yields() {
    check(
        "halt = AbsNonDecreasing",
        "fn spiral() -> Complex64 { let mut z = Complex64::new(1.0, 0.0); loop { yield_!(z); z *= Complex64::new(0.0, 1.1); } }",
        &expect![[r#"
            fn spiral() -> impl ::core::iter::Iterator<Item = Complex64> {
                ::speedup::Buffer::values(SPIRAL)
            }
            /// The buffer of [`spiral()`].
            const SPIRAL: &::speedup::Buffer<Complex64> = {
                static __SPIRAL_STATE: ::speedup::buffer::State<Complex64> = ::speedup::buffer::State::new();
                let _ = spiral;
                &::speedup::Buffer::of(
                    &__SPIRAL_STATE,
                    ::speedup::buffer::Function::new("spiral", __spiral_generator)
                        .halt(|buffer, item, attempts| {
                            ::speedup::buffer::Halt::halt(
                                &(::speedup::buffer::AbsNonDecreasing),
                                buffer,
                                item,
                                attempts,
                            )
                        }),
                )
            };
            fn __spiral_generator() -> ::speedup::buffer::Source<Complex64> {
                ::speedup::buffer::Source::from_body(|out: ::speedup::buffer::Out<Complex64>| async move {
                    let mut z = Complex64::new(1.0, 0.0);
                    loop {
                        out.give(z).await;
                        z *= Complex64::new(0.0, 1.1);
                    }
                })
            }
        "#]],
    );
}

#[test]
fn errors_are_the_last_value() {
    check(
        "stop_on_err",
        "fn lines() -> Result<u64, Error> { for line in read()? { yield_!(Ok(line?.len())); } return; }",
        &expect![[r#"
            fn lines() -> impl ::core::iter::Iterator<Item = Result<u64, Error>> {
                ::speedup::Buffer::values(LINES)
            }
            /// The buffer of [`lines()`].
            const LINES: &::speedup::Buffer<Result<u64, Error>> = {
                static __LINES_STATE: ::speedup::buffer::State<Result<u64, Error>> = ::speedup::buffer::State::new();
                let _ = lines;
                &::speedup::Buffer::of(
                    &__LINES_STATE,
                    ::speedup::buffer::Function::new("lines", __lines_generator)
                        .stop_on_err()
                        .search(|| {
                            #[allow(unused_imports)]
                            use ::speedup::buffer::__private::{Ordered as _, Unordered as _};
                            (&::speedup::buffer::__private::Items::<Result<u64, Error>>::NEW)
                                .__speedup_compare()
                        }),
                )
            };
            fn __lines_generator() -> ::speedup::buffer::Source<Result<u64, Error>> {
                ::speedup::buffer::Source::from_body(|
                    out: ::speedup::buffer::Out<Result<u64, Error>>|
                async move {
                    for line in match read() {
                        ::core::result::Result::Ok(value) => value,
                        ::core::result::Result::Err(error) => {
                            out.give(::core::result::Result::Err(::core::convert::From::from(error)))
                                .await;
                            return;
                        }
                    } {
                        {
                            let value = Ok(
                                match line {
                                    ::core::result::Result::Ok(value) => value,
                                    ::core::result::Result::Err(error) => {
                                        out.give(
                                                ::core::result::Result::Err(
                                                    ::core::convert::From::from(error),
                                                ),
                                            )
                                            .await;
                                        return;
                                    }
                                }
                                    .len(),
                            );
                            out.give(value).await
                        };
                    }
                    return;
                })
            }
        "#]],
    );
}

#[test]
fn parameters() {
    check(
        "max = 100",
        "fn multiples(k: u64, mut from: u64) -> u64 { loop { yield_!(from); from += k; } }",
        &expect![[r#"
            fn multiples(k: u64, from: u64) -> impl ::core::iter::Iterator<Item = u64> {
                ::speedup::Buffers::values(MULTIPLES, (k, from))
            }
            /// The buffers of [`multiples()`].
            const MULTIPLES: &::speedup::Buffers<(u64, u64), u64> = {
                static __MULTIPLES_STATE: ::speedup::buffer::FamilyState<(u64, u64), u64> = ::speedup::buffer::FamilyState::new();
                let _ = multiples;
                &::speedup::Buffers::of_family(
                    &__MULTIPLES_STATE,
                    ::speedup::buffer::FamilyFunction::new(
                            "multiples",
                            |(k, from): (u64, u64)| __multiples_generator(k, from),
                        )
                        .max(100)
                        .in_batches()
                        .search(|| ::core::option::Option::Some(
                            ::core::cmp::PartialOrd::partial_cmp,
                        )),
                )
            };
            fn __multiples_generator(k: u64, mut from: u64) -> ::speedup::buffer::Source<u64> {
                ::speedup::buffer::Source::from_body(move |out: ::speedup::buffer::Out<u64>| async move {
                    loop {
                        out.give(from).await;
                        from += k;
                    }
                })
            }
        "#]],
    );
}

#[test]
fn a_body_with_rayon() {
    check(
        "",
        "fn all() -> u64 { for part in parts() { yield_!(part.par_iter().sum()); } }",
        &expect![[r#"
            fn all() -> impl ::core::iter::Iterator<Item = u64> {
                ::speedup::Buffer::values(ALL)
            }
            /// The buffer of [`all()`].
            const ALL: &::speedup::Buffer<u64> = {
                static __ALL_STATE: ::speedup::buffer::State<u64> = ::speedup::buffer::State::new();
                let _ = all;
                &::speedup::Buffer::of(
                    &__ALL_STATE,
                    ::speedup::buffer::Function::new("all", __all_generator)
                        .uses_rayon()
                        .search(|| ::core::option::Option::Some(
                            ::core::cmp::PartialOrd::partial_cmp,
                        )),
                )
            };
            fn __all_generator() -> ::speedup::buffer::Source<u64> {
                ::speedup::buffer::Source::from_body(|out: ::speedup::buffer::Out<u64>| async move {
                    for part in parts() {
                        {
                            let value = part.par_iter().sum();
                            out.give(value).await
                        };
                    }
                })
            }
        "#]],
    );
}

#[test]
fn in_an_impl() {
    check_in_impl(
        "",
        "#[must_use] pub fn all() -> u64 { yield_!(Self::FIRST); }",
        &expect![[r#"
            impl Point {
                pub fn all() -> impl ::core::iter::Iterator<Item = u64> {
                    ::speedup::Buffer::values(Self::ALL)
                }
                /// The buffer of [`Self::all()`].
                pub const ALL: &'static ::speedup::Buffer<u64> = {
                    static __ALL_STATE: ::speedup::buffer::State<u64> = ::speedup::buffer::State::new();
                    let _ = Self::all;
                    &::speedup::Buffer::of(
                        &__ALL_STATE,
                        ::speedup::buffer::Function::new("all", Self::__all_generator)
                            .search(|| ::core::option::Option::Some(
                                ::core::cmp::PartialOrd::partial_cmp,
                            )),
                    )
                };
                fn __all_generator() -> ::speedup::buffer::Source<u64> {
                    ::speedup::buffer::Source::from_body(|out: ::speedup::buffer::Out<u64>| async move {
                        out.give(Self::FIRST).await;
                    })
                }
            }
        "#]],
    );
}

#[test]
fn a_faulty_body_leaves_the_signature() {
    check(
        "size = 0",
        "pub fn all(k: u64) -> u64 { [1].map(|x| yield_!(x)); return 3; }",
        &expect![[r##"
            #[allow(dead_code)]
            pub const ALL: ::core::marker::PhantomData<
                [(); {
                    ::core::compile_error! {
                        "`size` must be at least 1: write `size = 1` or more"
                    }
                    ::core::compile_error! {
                        "`yield_!` inside of a closure would suspend that, not the generator: collect the values there and hand them out with a `for` loop around `yield_!(value)`"
                    }
                    ::core::compile_error! {
                        "a generator hands out its values and returns none: write `yield_!(3); return;`"
                    }
                    0
                }],
            > = loop {};
            #[allow(unused)]
            pub fn all(k: u64) -> impl ::core::iter::Iterator<Item = u64> {
                ::core::iter::empty::<u64>()
            }
        "##]],
    );
}

#[test]
fn attributes_stay_with_what_is_rewritten() {
    check(
        "",
        "fn all() -> Result<u64, Error> { #[cfg(test)] yield_!(Ok(1)); #[cfg(test)] yield_!(Ok(one())); #[allow(unused)] one()?; }",
        &expect![[r#"
            fn all() -> impl ::core::iter::Iterator<Item = Result<u64, Error>> {
                ::speedup::Buffer::values(ALL)
            }
            /// The buffer of [`all()`].
            const ALL: &::speedup::Buffer<Result<u64, Error>> = {
                static __ALL_STATE: ::speedup::buffer::State<Result<u64, Error>> = ::speedup::buffer::State::new();
                let _ = all;
                &::speedup::Buffer::of(
                    &__ALL_STATE,
                    ::speedup::buffer::Function::new("all", __all_generator)
                        .search(|| {
                            #[allow(unused_imports)]
                            use ::speedup::buffer::__private::{Ordered as _, Unordered as _};
                            (&::speedup::buffer::__private::Items::<Result<u64, Error>>::NEW)
                                .__speedup_compare()
                        }),
                )
            };
            fn __all_generator() -> ::speedup::buffer::Source<Result<u64, Error>> {
                ::speedup::buffer::Source::from_body(|
                    out: ::speedup::buffer::Out<Result<u64, Error>>|
                async move {
                    #[cfg(test)] out.give(Ok(1)).await;
                    #[cfg(test)]
                    {
                        let value = Ok(one());
                        out.give(value).await
                    };
                    #[allow(unused)]
                    match one() {
                        ::core::result::Result::Ok(value) => value,
                        ::core::result::Result::Err(error) => {
                            out.give(::core::result::Result::Err(::core::convert::From::from(error)))
                                .await;
                            return;
                        }
                    };
                })
            }
        "#]],
    );
}
