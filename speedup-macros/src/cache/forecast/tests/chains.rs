//! Closures: of iterators, of options, of one's own.

use expect_test::expect;

use super::check;

#[test]
fn two_calls_in_a_closure() {
    check(
        "fn f(n: u64) -> u64 { if n < 2 { return 1; } (0..n).map(|k| f(k) * f(n - 1 - k)).sum() }",
        &expect![[r#"
            fn f() {
                if n < 2 {
                    return 1;
                }
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        for k in 0..n {
                            call((k,));
                            call((n - 1 - k,));
                        }
                    },
                );
                (0..n).map(|k| f(k) * f(n - 1 - k)).sum()
            }
        "#]],
    );
}

#[test]
fn the_function_itself_handed_on() {
    check(
        "fn f(n: u64) -> u64 { (1..n).filter(|k| n % k == 0).map(f).min().unwrap() }",
        &expect![[r#"
        fn f() {
            #[allow(unused, clippy::all, clippy::pedantic)]
            ::speedup::Cache::ahead(
                F,
                move |call| {
                    for argument in (1..n).filter(|k| n % k == 0) {
                        call((argument,));
                    }
                },
            );
            (1..n).filter(|k| n % k == 0).map(f).min().unwrap()
        }
    "#]],
    );
}

#[test]
fn fold() {
    check(
        "fn f(n: u64) -> u64 { (1..=4).fold(0, |acc, k| acc + f(n - k)) }",
        &expect![[r#"
        fn f() {
            #[allow(unused, clippy::all, clippy::pedantic)]
            ::speedup::Cache::ahead(
                F,
                move |call| {
                    for k in 1..=4 {
                        call((n - k,));
                    }
                },
            );
            (1..=4).fold(0, |acc, k| acc + f(n - k))
        }
    "#]],
    );
}

#[test]
fn flat_map() {
    check(
        "fn f(n: u64) -> u64 { (1..3).flat_map(|k| (1..3).map(move |j| f(n - j * k))).sum() }",
        &expect![[r#"
        fn f() {
            #[allow(unused, clippy::all, clippy::pedantic)]
            ::speedup::Cache::ahead(
                F,
                move |call| {
                    for k in 1..3 {
                        for j in 1..3 {
                            call((n - j * k,));
                        }
                    }
                },
            );
            (1..3).flat_map(|k| (1..3).map(move |j| f(n - j * k))).sum()
        }
    "#]],
    );
}

#[test]
fn an_option() {
    check(
        "fn f(n: u64) -> u64 { n.checked_sub(1).map_or(1, |m| f(m)) + n.checked_sub(2).map_or(0, |m| f(m)) }",
        &expect![[r#"
            fn f() {
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        ::speedup::__private::drain!(n.checked_sub(1).map(| m | { call((m,)); }));
                        ::speedup::__private::drain!(n.checked_sub(2).map(| m | { call((m,)); }));
                    },
                );
                n.checked_sub(1).map_or(1, |m| f(m)) + n.checked_sub(2).map_or(0, |m| f(m))
            }
        "#]],
    );
}

#[test]
fn what_may_stop_early() {
    check(
        "fn f(lo: usize, hi: usize) -> bool { (lo..hi).any(|k| f(lo, k) && f(k, hi)) }",
        &expect![[r#"
        fn f() {
            (lo..hi).any(|k| f(lo, k) && f(k, hi))
        }
    "#]],
    );
}

#[test]
fn what_takes_a_part() {
    check(
        "fn f(n: u64) -> u64 { (0..n).map(|k| f(k)).take(3).sum() }",
        &expect![[r#"
        fn f() {
            (0..n).map(|k| f(k)).take(3).sum()
        }
    "#]],
    );
}

#[test]
fn a_local_closure() {
    check(
        "fn f(i: u64, j: u64) -> u64 { let go = |di, dj| f(i - di, j - dj); go(1, 0) + go(0, 1) }",
        &expect![[r#"
            fn f() {
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        let go = |di, dj| {
                            call((i - di, j - dj));
                        };
                        go(1, 0);
                        go(0, 1);
                    },
                );
                let go = |di, dj| f(i - di, j - dj);
                go(1, 0) + go(0, 1)
            }
        "#]],
    );
}

#[test]
fn an_array() {
    check(
        "fn f(n: usize) -> usize {
            let children = [2 * n, 2 * n + 1];
            1 + children.map(f).into_iter().max().unwrap()
        }",
        &expect![[r#"
            fn f() {
                let children = [2 * n, 2 * n + 1];
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    |call| {
                        let children = ::speedup::__private::again!(children);
                        ::speedup::__private::drain!(
                            children.map(| argument | { call((argument,)); })
                        );
                    },
                );
                1 + children.map(f).into_iter().max().unwrap()
            }
        "#]],
    );
    check(
        "fn f(n: usize) -> [usize; 2] { [n / 2, n / 3].map(|k| f(k) + 1) }",
        &expect![[r#"
        fn f() {
            #[allow(unused, clippy::all, clippy::pedantic)]
            ::speedup::Cache::ahead(
                F,
                move |call| {
                    ::speedup::__private::drain!([n / 2, n / 3].map(| k | { call((k,)); }));
                },
            );
            [n / 2, n / 3].map(|k| f(k) + 1)
        }
    "#]],
    );
}

#[test]
fn an_iterator_that_is_bound_and_then_gone_through() {
    check(
        "fn f(board: Vec<i8>, turn: i8) -> i8 {
            let scores = board.iter().enumerate().filter(|(_, cell)| **cell == 0).map(|(at, _)| {
                let mut next = board.clone();
                next[at] = turn;
                f(next, -turn) * turn
            });
            scores.max().map_or(0, |best| best * turn)
        }",
        &expect![[r#"
            fn f() {
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    |call| {
                        let board = ::speedup::__private::again!(board);
                        for (at, _) in board.iter().enumerate().filter(|(_, cell)| **cell == 0) {
                            {
                                let mut next = board.clone();
                                next[at] = turn;
                                call((next, -turn));
                            }
                        }
                    },
                );
                let scores = board
                    .iter()
                    .enumerate()
                    .filter(|(_, cell)| **cell == 0)
                    .map(|(at, _)| {
                        let mut next = board.clone();
                        next[at] = turn;
                        f(next, -turn) * turn
                    });
                scores.max().map_or(0, |best| best * turn)
            }
        "#]],
    );
}

#[test]
fn an_iterator_that_is_bound_and_perhaps_not_gone_through() {
    check(
        "fn f(n: u64) -> u64 {
            let mut below = (0..n).map(|k| f(k));
            below.next().unwrap_or(0)
        }",
        &expect![[r#"
            fn f() {
                let mut below = (0..n).map(|k| f(k));
                below.next().unwrap_or(0)
            }
        "#]],
    );
}
