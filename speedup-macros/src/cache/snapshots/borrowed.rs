//! Keys and results that borrow, in a scope.

use expect_test::expect;

use super::{check, check_in_impl};

#[test]
fn what_borrows_goes_on_within_its_scope() {
    check(
        "scoped",
        "fn rest<'a>(words: &'a [&'a str], at: usize, last: &'a str) -> &'a str { rest(words, at + 1, words[at]) }",
        &expect![[r#"
            fn rest<'a>(words: &'a [&'a str], at: usize, last: &'a str) -> &'a str {
                __rest_within(::core::option::Option::None, words, at, last)
            }
            #[doc(hidden)]
            #[inline(always)]
            #[allow(clippy::inline_always, clippy::too_many_arguments)]
            fn __rest_within<'a>(
                within: ::core::option::Option<
                    ::speedup::cache::Within<'_, (usize, &'a str), &'a str>,
                >,
                words: &'a [&'a str],
                at: usize,
                last: &'a str,
            ) -> &'a str {
                static __REST_SCOPES: ::speedup::cache::Scoped = ::speedup::cache::Scoped::new();
                ::speedup::cache::Scoped::get_within(
                    &__REST_SCOPES,
                    within,
                    [::speedup::cache::place_of(words)],
                    (at, last),
                    || ::speedup::cache::Borrowing::new("rest").show(::core::fmt::Debug::fmt),
                    #[allow(unused_variables)]
                    |
                        (at, last): &(usize, &'a str),
                        inside: ::speedup::cache::Within<'_, (usize, &'a str), &'a str>,
                    | -> &'a str {
                        #[allow(clippy::shadow_unrelated)]
                        let at: usize = *at;
                        #[allow(clippy::shadow_unrelated)]
                        let last: &'a str = *last;
                        #[allow(unused_variables, clippy::redundant_closure)]
                        let rest = |words: &'a [&'a str], at: usize, last: &'a str| -> &'a str {
                            __rest_within(::core::option::Option::Some(inside), words, at, last)
                        };
                        { rest(words, at + 1, words[at]) }
                    },
                )
            }
            const _: () = {
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn rest<'a>(words: &'a [&'a str], at: usize, last: &'a str) -> &'a str {
                    rest(words, at + 1, words[at])
                }
            };
        "#]],
    );
}

#[test]
fn what_calls_itself_in_a_scope_goes_on_there() {
    check(
        "scoped",
        "fn lcs(a: &[u8], i: usize, x: f64) -> u32 { lcs(a, i + 1, x + 0.5).max(1) }",
        &expect![[r##"
            #[inline(always)]
            #[allow(clippy::inline_always)]
            fn lcs(a: &[u8], i: usize, x: f64) -> u32 {
                static __LCS_SCOPES: ::speedup::cache::Scoped = ::speedup::cache::Scoped::new();
                ::speedup::cache::Scoped::get(
                    &__LCS_SCOPES,
                    [::speedup::cache::place_of(a)],
                    (i, ::speedup::cache::Bits(x)),
                    || ::speedup::cache::Function::of_context("lcs").show(::core::fmt::Debug::fmt),
                    ::speedup::cache::InItsScope(|
                        (i, x): &(usize, ::speedup::cache::Bits<f64>),
                        inside: ::speedup::cache::InScope<
                            '_,
                            (usize, ::speedup::cache::Bits<f64>),
                            u32,
                        >,
                    | -> u32 {
                        let given = [::speedup::cache::place_of(a)];
                        #[allow(
                            unused_variables,
                            non_snake_case,
                            clippy::redundant_closure,
                            clippy::shadow_unrelated,
                            clippy::too_many_arguments
                        )]
                        let lcs = ::core::convert::identity(
                            #[inline(always)]
                            move |a: &[u8], i: usize, x: f64| -> u32 {
                                ::speedup::cache::InScope::get(
                                    inside,
                                    given,
                                    [::speedup::cache::place_of(a)],
                                    (i, ::speedup::cache::Bits(x)),
                                    |(i, ::speedup::cache::Bits(x))| lcs(a, i, x),
                                )
                            },
                        );
                        #[allow(clippy::shadow_unrelated)]
                        let i: usize = *i;
                        #[allow(clippy::shadow_unrelated)]
                        let x: f64 = x.0;
                        { lcs(a, i + 1, x + 0.5).max(1) }
                    }),
                )
            }
            const _: () = {
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn lcs(a: &[u8], i: usize, x: f64) -> u32 {
                    lcs(a, i + 1, x + 0.5).max(1)
                }
            };
        "##]],
    );
}

#[test]
fn a_method_borrows_from_itself() {
    check_in_impl(
        "scoped",
        "fn name(&self, at: usize) -> &str { self.name(at - 1) }",
        &expect![[r#"
            impl Point {
                fn name<'__lent>(&'__lent self, at: usize) -> &'__lent str {
                    Self::__name_within(self, ::core::option::Option::None, at)
                }
                #[doc(hidden)]
                #[inline(always)]
                #[allow(clippy::inline_always, clippy::too_many_arguments)]
                fn __name_within<'__lent>(
                    &'__lent self,
                    within: ::core::option::Option<
                        ::speedup::cache::Within<'_, (usize,), &'__lent str>,
                    >,
                    at: usize,
                ) -> &'__lent str {
                    static __NAME_SCOPES: ::speedup::cache::Scoped = ::speedup::cache::Scoped::new();
                    ::speedup::cache::Scoped::get_within(
                        &__NAME_SCOPES,
                        within,
                        [::speedup::cache::place_of(self)],
                        (at,),
                        || ::speedup::cache::Borrowing::new("name").show(::core::fmt::Debug::fmt),
                        #[allow(unused_variables)]
                        |
                            (at,): &(usize,),
                            inside: ::speedup::cache::Within<'_, (usize,), &'__lent str>,
                        | -> &'__lent str {
                            #[allow(clippy::shadow_unrelated)]
                            let at: usize = *at;
                            #[allow(unused_variables, clippy::redundant_closure)]
                            let __own_name = |at: usize| -> &'__lent str {
                                Self::__name_within(self, ::core::option::Option::Some(inside), at)
                            };
                            { __own_name(at - 1) }
                        },
                    )
                }
                #[doc(hidden)]
                #[allow(unused, clippy::all, clippy::pedantic)]
                fn __speedup_endless_name<'__lent>(
                    &'__lent self,
                    argument_1: usize,
                ) -> &'__lent str {
                    Self::__speedup_endless_name(self, argument_1)
                }
            }
        "#]],
    );
}

#[test]
fn what_may_borrow_by_its_types_goes_on_within_its_scope() {
    check(
        "scoped",
        "fn best<T: Ord>(items: &[T], at: usize, last: T) -> T { best::<T>(items, at + 1, last).max(best::<u8>(&[], 0, 1)) }",
        &expect![[r#"
            fn best<T: Ord>(items: &[T], at: usize, last: T) -> T {
                __best_within::<T>(::core::option::Option::None, items, at, last)
            }
            #[doc(hidden)]
            #[inline(always)]
            #[allow(clippy::inline_always, clippy::too_many_arguments)]
            fn __best_within<T: Ord>(
                within: ::core::option::Option<
                    ::speedup::cache::Within<'_, (::std::vec::Vec<T>, usize, T), T>,
                >,
                items: &[T],
                at: usize,
                last: T,
            ) -> T {
                static __BEST_SCOPES: ::speedup::cache::Scoped = ::speedup::cache::Scoped::new();
                ::speedup::cache::Scoped::get_within(
                    &__BEST_SCOPES,
                    within,
                    [],
                    (::std::borrow::ToOwned::to_owned(items), at, last),
                    || {
                        ::speedup::cache::Borrowing::new("best")
                            .show(|key: &(::std::vec::Vec<T>, usize, T), out| {
                                use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
                                (&::speedup::__private::Show(key)).__speedup_show(out)
                            })
                            .keep(|value: &T| {
                                use ::speedup::__private::{
                                    KeepAny as _, KeepOption as _, KeepResult as _,
                                };
                                (&::speedup::__private::Keep(value)).__speedup_keep()
                            })
                    },
                    #[allow(unused_variables)]
                    |
                        (items, at, last): &(::std::vec::Vec<T>, usize, T),
                        inside: ::speedup::cache::Within<'_, (::std::vec::Vec<T>, usize, T), T>,
                    | -> T {
                        #[allow(clippy::shadow_unrelated)]
                        let items: &[T] = items;
                        #[allow(clippy::shadow_unrelated)]
                        let at: usize = *at;
                        #[allow(clippy::shadow_unrelated)]
                        let last: T = ::core::clone::Clone::clone(last);
                        #[allow(unused_variables, clippy::redundant_closure)]
                        let best = |items: &[T], at: usize, last: T| -> T {
                            __best_within::<T>(::core::option::Option::Some(inside), items, at, last)
                        };
                        {
                            best(items, at + 1, last)
                                .max(__best_within::<u8>(::core::option::Option::None, &[], 0, 1))
                        }
                    },
                )
            }
        "#]],
    );
}
