//! Loops.

use expect_test::expect;

use super::check;

#[test]
fn a_loop_over_a_range() {
    check(
        "fn f(n: usize) -> u64 { let mut best = 0; for k in 1..=n { best = best.max(price[k] + f(n - k)) } best }",
        &expect![[r#"
            fn f() {
                let mut best = 0;
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        for k in 1..=n {
                            _ = &price[k];
                            call((n - k,));
                        }
                    },
                );
                for k in 1..=n {
                    best = best.max(price[k] + f(n - k));
                }
                best
            }
        "#]],
    );
}

#[test]
fn a_loop_over_what_a_function_gives() {
    check(
        "fn f(n: u64) -> u64 { let mut total = 0; for p in parents(n) { total += f(p); } total }",
        &expect![[r#"
        fn f() {
            let mut total = 0;
            #[allow(unused, clippy::all, clippy::pedantic)]
            ::speedup::Cache::ahead(
                F,
                move |call| {
                    for p in parents(n) {
                        call((p,));
                    }
                },
            );
            for p in parents(n) {
                total += f(p);
            }
            total
        }
    "#]],
    );
}

#[test]
fn a_loop_over_an_array() {
    check(
        "fn f(x: i32, y: i32) -> u64 { let mut t = 0; for (dx, dy) in [(0, 1), (1, 0)] { t += f(x + dx, y + dy); } t }",
        &expect![[r#"
            fn f() {
                let mut t = 0;
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        for (dx, dy) in [(0, 1), (1, 0)] {
                            call((x + dx, y + dy));
                        }
                    },
                );
                for (dx, dy) in [(0, 1), (1, 0)] {
                    t += f(x + dx, y + dy);
                }
                t
            }
        "#]],
    );
}

#[test]
fn a_while_loop() {
    check(
        "fn f(amount: u64, i: usize) -> u64 { let coin = COINS[i]; let mut total = 0; let mut k = 0; while k * coin <= amount { total += f(amount - k * coin, i + 1); k += 1; } total }",
        &expect![[r#"
            fn f() {
                let coin = COINS[i];
                let mut total = 0;
                let mut k = 0;
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        let mut k = k;
                        while k * coin <= amount {
                            call((amount - k * coin, i + 1));
                            k += 1;
                        }
                    },
                );
                while k * coin <= amount {
                    total += f(amount - k * coin, i + 1);
                    k += 1;
                }
                total
            }
        "#]],
    );
}

#[test]
fn a_stack_of_work() {
    check(
        "fn f(n: u64) -> u64 { let mut stack = vec![n]; let mut t = 0; while let Some(x) = stack.pop() { t += f(x - 1); if x > 5 { stack.push(x / 2); } } t }",
        &expect![[r#"
            fn f() {
                let mut stack = vec![n];
                let mut t = 0;
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    |call| {
                        let mut stack = ::speedup::__private::again!(stack);
                        while let Some(x) = stack.pop() {
                            call((x - 1,));
                            if x > 5 {
                                stack.push(x / 2);
                            }
                        }
                    },
                );
                while let Some(x) = stack.pop() {
                    t += f(x - 1);
                    if x > 5 {
                        stack.push(x / 2);
                    }
                }
                t
            }
        "#]],
    );
}

#[test]
fn labels() {
    check(
        "fn f(n: u64) -> u64 { let mut t = 0; 'outer: for i in 1..4 { for j in 1..4 { if i + j > n { continue 'outer; } if i * j == 6 { break; } t += f(n - i); } } t }",
        &expect![[r#"
            fn f() {
                let mut t = 0;
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        'outer: for i in 1..4 {
                            for j in 1..4 {
                                if i + j > n {
                                    continue 'outer;
                                }
                                if i * j == 6 {
                                    break;
                                }
                                call((n - i,));
                            }
                        }
                    },
                );
                'outer: for i in 1..4 {
                    for j in 1..4 {
                        if i + j > n {
                            continue 'outer;
                        }
                        if i * j == 6 {
                            break;
                        }
                        t += f(n - i);
                    }
                }
                t
            }
        "#]],
    );
}

#[test]
fn a_way_out_that_needs_a_result() {
    check(
        "fn f(n: u64) -> u64 { let mut t = 0; for k in 0..n { let x = f(k); if x > 3 { break; } t += f(x) + f(x + 1); } t }",
        &expect![[r#"
            fn f() {
                let mut t = 0;
                for k in 0..n {
                    let x = f(k);
                    if x > 3 {
                        break;
                    }
                    ::speedup::Cache::ahead(
                        F,
                        move |call| {
                            call((x,));
                            call((x + 1,));
                        },
                    );
                    t += f(x) + f(x + 1);
                }
                t
            }
        "#]],
    );
}

#[test]
fn what_a_loop_carries_along() {
    check(
        "fn f(n: u64) -> u64 { let mut x = n; for k in 0..n { x = f(x + k); } x }",
        &expect![[r#"
        fn f() {
            let mut x = n;
            for k in 0..n {
                x = f(x + k);
            }
            x
        }
    "#]],
    );
}

#[test]
fn a_condition_that_calls() {
    check(
        "fn f(n: u64) -> u64 { while f(n) < f(n + 1) { step(); } n }",
        &expect![[r#"
        fn f() {
            while {
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        call((n,));
                        call((n + 1,));
                    },
                );
                f(n) < f(n + 1)
            } {
                step();
            }
            n
        }
    "#]],
    );
}

#[test]
fn an_endless_range_and_a_question_mark() {
    check(
        "fn f(n: u64) -> Option<u64> { let mut t = 0; for k in 0.. { t += f(n - k)?; } Some(t) }",
        &expect![[r#"
            fn f() {
                let mut t = 0;
                for k in 0.. {
                    t += f(n - k)?;
                }
                Some(t)
            }
        "#]],
    );
}

#[test]
fn a_turn_that_a_result_may_end() {
    check(
        "fn f(n: usize) -> Option<u64> {
            let mut best = None;
            for k in 0..n {
                let Some(rest) = f(k) else { continue };
                best = best.max(Some(rest + 1));
            }
            best
        }",
        &expect![[r#"
            fn f() {
                let mut best = None;
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        for k in 0..n {
                            call((k,));
                        }
                    },
                );
                for k in 0..n {
                    let Some(rest) = f(k) else { continue };
                    best = best.max(Some(rest + 1));
                }
                best
            }
        "#]],
    );
}

#[test]
fn a_turn_that_goes_on_to_calls() {
    check(
        "fn f(n: usize) -> Option<u64> {
            let mut best = None;
            'all: for k in 0..n {
                let Some(rest) = f(k) else { continue 'all };
                best = best.max(Some(f(k / 2)? + f(k / 3)? + rest));
            }
            best
        }",
        &expect![[r#"
            fn f() {
                let mut best = None;
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        'all: for k in 0..n {
                            call((k,));
                        }
                    },
                );
                'all: for k in 0..n {
                    let Some(rest) = f(k) else { continue 'all };
                    ::speedup::Cache::ahead(
                        F,
                        move |call| {
                            call((k / 2,));
                            call((k / 3,));
                        },
                    );
                    best = best.max(Some(f(k / 2)? + f(k / 3)? + rest));
                }
                best
            }
        "#]],
    );
}
