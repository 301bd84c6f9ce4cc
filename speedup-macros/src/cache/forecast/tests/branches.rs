//! Branches and ways out.

use expect_test::expect;

use super::check;

#[test]
fn one_expression() {
    check(
        "fn f(n: u64) -> u64 { if n < 2 { n } else { f(n - 1) + f(n - 2) } }",
        &expect![[r#"
        fn f() {
            if n < 2 {
                n
            } else {
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        call((n - 1,));
                        call((n - 2,));
                    },
                );
                f(n - 1) + f(n - 2)
            }
        }
    "#]],
    );
}

#[test]
fn arms() {
    check(
        "fn f(n: u64) -> u64 { match n { 0 => 1, m => f(m - 1) + f(m / 2) } }",
        &expect![[r#"
        fn f() {
            match n {
                0 => 1,
                m => {
                    ::speedup::Cache::ahead(
                        F,
                        move |call| {
                            call((m - 1,));
                            call((m / 2,));
                        },
                    );
                    f(m - 1) + f(m / 2)
                }
            }
        }
    "#]],
    );
}

#[test]
fn successive_ifs() {
    check(
        "fn f(i: u64, j: u64) -> u64 { let mut total = 0; if i > 0 { total += f(i - 1, j) } if j > 0 { total += f(i, j - 1); } total }",
        &expect![[r#"
            fn f() {
                let mut total = 0;
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        if i > 0 {
                            call((i - 1, j));
                        }
                        if j > 0 {
                            call((i, j - 1));
                        }
                    },
                );
                if i > 0 {
                    total += f(i - 1, j);
                }
                if j > 0 {
                    total += f(i, j - 1);
                }
                total
            }
        "#]],
    );
}

#[test]
fn branches_as_values() {
    check(
        "fn f(i: u64, j: u64) -> u64 { let up = if i > 0 { f(i - 1, j) } else { 0 }; let left = if j > 0 { f(i, j - 1) } else { 0 }; up + left }",
        &expect![[r#"
            fn f() {
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        if i > 0 {
                            call((i - 1, j));
                        }
                        if j > 0 {
                            call((i, j - 1));
                        }
                    },
                );
                let up = if i > 0 { f(i - 1, j) } else { 0 };
                let left = if j > 0 { f(i, j - 1) } else { 0 };
                up + left
            }
        "#]],
    );
}

#[test]
fn one_branch_has_one_call() {
    check(
        "fn f(n: u64) -> u64 { if n < 2 { f(0) } else { f(1) } }",
        &expect![[r#"
        fn f() {
            if n < 2 { f(0) } else { f(1) }
        }
    "#]],
    );
}

#[test]
fn calls_in_a_condition() {
    check(
        "fn f(n: u64) -> u64 { if f(1) < f(2) { f(3) } else { f(4) } }",
        &expect![[r#"
        fn f() {
            ::speedup::Cache::ahead(
                F,
                |call| {
                    call((1,));
                    call((2,));
                },
            );
            if f(1) < f(2) { f(3) } else { f(4) }
        }
    "#]],
    );
}

#[test]
fn question_marks() {
    check(
        "fn f(i: u64, j: u64) -> Option<u64> { let a = f(i - 1, j)?; let b = f(i, j - 1)?; Some(a + b) }",
        &expect![[r#"
            fn f() {
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        call((i - 1, j));
                        call((i, j - 1));
                    },
                );
                let a = f(i - 1, j)?;
                let b = f(i, j - 1)?;
                Some(a + b)
            }
        "#]],
    );
}

#[test]
fn a_question_mark_of_another() {
    check(
        "fn f(i: u64, s: &str) -> Option<u64> { let a = f(i - 1, s)?; let k: u64 = s.parse().ok()?; let b = f(k, s)?; Some(a + b) }",
        &expect![[r#"
            fn f() {
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::cache::Tables::ahead(
                    __F_TABLES,
                    move |call| {
                        call((i - 1,));
                        let k: u64 = match ::speedup::__private::tried(s.parse().ok()) {
                            ::core::option::Option::Some(value) => value,
                            ::core::option::Option::None => return,
                        };
                        call((k,));
                    },
                );
                let a = f(i - 1, s)?;
                let k: u64 = s.parse().ok()?;
                let b = f(k, s)?;
                Some(a + b)
            }
        "#]],
    );
}

#[test]
fn a_return_between() {
    check(
        "fn f(items: &[u64], room: u64) -> u64 { let Some((first, rest)) = items.split_first() else { return 0 }; let without = f(rest, room); if *first > room { return without; } without.max(first + f(rest, room - first)) }",
        &expect![[r#"
            fn f() {
                let Some((first, rest)) = items.split_first() else { return 0 };
                if ::speedup::cache::AtParts::may_look_ahead(&running) {
                    #[allow(unused, clippy::all, clippy::pedantic)]
                    ::speedup::cache::Spans::ahead(
                        __F_SPANS,
                        F,
                        move |call| {
                            let call = |(items, room): (&[u64], u64)| {
                                call
                                    .ask(
                                        |own| ::core::option::Option::Some((
                                            ::speedup::cache::span_of(items, &own.key().0)?,
                                            room,
                                        )),
                                        || (::std::borrow::ToOwned::to_owned(items), room),
                                    )
                            };
                            call((rest, room));
                            if *first > room {
                                return;
                            }
                            call((rest, room - first));
                        },
                    );
                }
                let without = f(rest, room);
                if *first > room {
                    return without;
                }
                without.max(first + f(rest, room - first))
            }
        "#]],
    );
}

#[test]
fn a_return_that_needs_a_result() {
    check(
        "fn f(n: u64) -> u64 { let a = f(n - 1); if a > 3 { return a; } f(n - 2) + f(n - 3) }",
        &expect![[r#"
        fn f() {
            let a = f(n - 1);
            if a > 3 {
                return a;
            }
            ::speedup::Cache::ahead(
                F,
                move |call| {
                    call((n - 2,));
                    call((n - 3,));
                },
            );
            f(n - 2) + f(n - 3)
        }
    "#]],
    );
}

#[test]
fn lazy_operators() {
    check(
        "fn f(n: u64) -> bool { n > 1 && f(1) > f(2) || f(3) }",
        &expect![[r#"
        fn f() {
            #[allow(unused, clippy::all, clippy::pedantic)]
            ::speedup::Cache::ahead(
                F,
                move |call| {
                    if n > 1 {
                        call((1,));
                        call((2,));
                    }
                },
            );
            n > 1 && f(1) > f(2) || f(3)
        }
    "#]],
    );
}

#[test]
fn rests_are_copied() {
    check(
        "fn rows(row: &[u8], groups: &[usize]) -> u64 {
            let Some((&first, rest)) = row.split_first() else { return 0 };
            let skipped = if first == b'#' { 0 } else { rows(rest, groups) };
            let Some((&length, others)) = groups.split_first().filter(|_| first != b'.') else { return skipped };
            skipped + rows(&row[length..], others)
        }",
        &expect![[r#"
            fn f() {
                let Some((&first, rest)) = row.split_first() else { return 0 };
                if ::speedup::cache::AtParts::may_look_ahead(&running) {
                    #[allow(unused, clippy::all, clippy::pedantic)]
                    ::speedup::cache::Spans::ahead(
                        __ROWS_SPANS,
                        ROWS,
                        move |call| {
                            let call = |(row, groups): (&[u8], &[usize])| {
                                call
                                    .ask(
                                        |own| ::core::option::Option::Some((
                                            ::speedup::cache::span_of(row, &own.key().0)?,
                                            ::speedup::cache::span_of(groups, &own.key().1)?,
                                        )),
                                        || (
                                            ::std::borrow::ToOwned::to_owned(row),
                                            ::std::borrow::ToOwned::to_owned(groups),
                                        ),
                                    )
                            };
                            if first == b'#' {} else {
                                call((rest, groups));
                            }
                            let Some((&length, others)) = groups
                                .split_first()
                                .filter(|_| first != b'.') else {
                                {
                                    return;
                                }
                                return;
                            };
                            call((&row[length..], others));
                        },
                    );
                }
                let skipped = if first == b'#' { 0 } else { rows(rest, groups) };
                let Some((&length, others)) = groups.split_first().filter(|_| first != b'.') else {
                    return skipped
                };
                skipped + rows(&row[length..], others)
            }
        "#]],
    );
}

#[test]
fn elements_are_copied() {
    check(
        "fn pack(items: &[(u32, u32)], n: usize, room: u32) -> u32 {
            let (weight, value) = items[n - 1];
            pack(items, n - 1, room).max(value + pack(items, n - 1, room - weight))
        }",
        &expect![[r#"
            fn f() {
                let (weight, value) = items[n - 1];
                ::speedup::cache::Tables::ahead(
                    __PACK_TABLES,
                    move |call| {
                        call((n - 1, room));
                        call((n - 1, room - weight));
                    },
                );
                pack(items, n - 1, room).max(value + pack(items, n - 1, room - weight))
            }
        "#]],
    );
}

#[test]
fn what_may_be_a_mutable_reference_is_not() {
    check(
        "fn f(n: u64) -> u64 {
            let mut a = n;
            let mut pairs = [&mut a];
            let Wrapped(inner) = pairs[0];
            f(n - *inner) + f(n - 1)
        }",
        &expect![[r#"
            fn f() {
                let mut a = n;
                let mut pairs = [&mut a];
                let Wrapped(inner) = pairs[0];
                ::speedup::Cache::ahead(
                    F,
                    |call| {
                        call((n - *inner,));
                        call((n - 1,));
                    },
                );
                f(n - *inner) + f(n - 1)
            }
        "#]],
    );
}
