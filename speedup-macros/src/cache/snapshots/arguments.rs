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
            const AREA: &::speedup::Cache<
                (::speedup::cache::Coordinates<(u32, u32)>, u64, bool, char),
                u64,
            > = {
                static __AREA_STATE: ::speedup::cache::State<
                    (::speedup::cache::Coordinates<(u32, u32)>, u64, bool, char),
                    u64,
                > = ::speedup::cache::State::new();
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
                                ): &(::speedup::cache::Coordinates<(u32, u32)>, u64, bool, char)|
                            __area_uncached(argument_0.0, *scale, *unused, *argument_3),
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
