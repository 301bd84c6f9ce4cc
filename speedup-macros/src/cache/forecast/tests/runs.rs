//! Runs of statements, and what stands in the way.

use expect_test::expect;

use super::check;

#[test]
fn lets() {
    check(
        "fn f(n: u64) -> u64 { let a = f(n - 1); let k = n / 2; let b = f(k); a + b }",
        &expect![[r#"
        fn f() {
            #[allow(unused, clippy::all, clippy::pedantic)]
            ::speedup::Cache::ahead(
                F,
                move |call| {
                    call((n - 1,));
                    let k = n / 2;
                    call((k,));
                },
            );
            let a = f(n - 1);
            let k = n / 2;
            let b = f(k);
            a + b
        }
    "#]],
    );
}

#[test]
fn a_let_that_needs_the_run_begins_another() {
    check(
        "fn f(n: u64) -> u64 { let a = f(1); let b = f(2); let c = f(a); let d = f(b); c + d }",
        &expect![[r#"
        fn f() {
            ::speedup::Cache::ahead(
                F,
                |call| {
                    call((1,));
                    call((2,));
                },
            );
            let a = f(1);
            let b = f(2);
            ::speedup::Cache::ahead(
                F,
                move |call| {
                    call((a,));
                    call((b,));
                },
            );
            let c = f(a);
            let d = f(b);
            c + d
        }
    "#]],
    );
}

#[test]
fn an_argument_calls_another_function() {
    check(
        "fn f(k: u64) -> u64 { let b = f(k - 1 - mix(k) % w); let a = f(k - 1); a + b }",
        &expect![[r#"
        fn f() {
            ::speedup::Cache::ahead(
                F,
                move |call| {
                    call((k - 1 - mix(k) % w,));
                    call((k - 1,));
                },
            );
            let b = f(k - 1 - mix(k) % w);
            let a = f(k - 1);
            a + b
        }
    "#]],
    );
}

#[test]
fn what_can_panic_comes_first() {
    check(
        "fn f(i: usize) -> u64 { D[i] + f(i + 1) + f(i + 2) }",
        &expect![[r#"
        fn f() {
            #[allow(unused, clippy::all, clippy::pedantic)]
            ::speedup::Cache::ahead(
                F,
                move |call| {
                    _ = &D[i];
                    call((i + 1,));
                    call((i + 2,));
                },
            );
            D[i] + f(i + 1) + f(i + 2)
        }
    "#]],
    );
}

#[test]
fn code_that_is_switched_off() {
    check(
        "fn f(n: u64) -> u64 { let a = f(n - 1); #[cfg(windows)] let b = f(n - 5); #[cfg(not(windows))] let b = f(n - 2); a + b }",
        &expect![[r#"
            fn f() {
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    move |call| {
                        call((n - 1,));
                        #[cfg(windows)]
                        {
                            call((n - 5,));
                        }
                        #[cfg(not(windows))]
                        {
                            call((n - 2,));
                        }
                    },
                );
                let a = f(n - 1);
                #[cfg(windows)]
                let b = f(n - 5);
                #[cfg(not(windows))]
                let b = f(n - 2);
                a + b
            }
        "#]],
    );
}

#[test]
fn owned_arguments() {
    check(
        "fn f(v: Vec<u8>, k: usize) -> u64 { let mut best = 0; for i in 0..v.len() { let mut rest = v.clone(); rest.remove(i); best = best.max(f(rest, k)); } best }",
        &expect![[r#"
            fn f() {
                let mut best = 0;
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    |call| {
                        let v = ::speedup::__private::again!(v);
                        for i in 0..v.len() {
                            let mut rest = v.clone();
                            _ = &rest.remove(i);
                            call((rest, k));
                        }
                    },
                );
                for i in 0..v.len() {
                    let mut rest = v.clone();
                    rest.remove(i);
                    best = best.max(f(rest, k));
                }
                best
            }
        "#]],
    );
}

#[test]
fn a_shadowed_name() {
    check(
        "fn f(n: u64) -> u64 { use k::*; f(n - 1) + f(n - 2) }",
        &expect![[r#"
        fn f() {
            use k::*;
            f(n - 1) + f(n - 2)
        }
    "#]],
    );
}

#[test]
fn unknown_macros_and_unsafe() {
    check(
        "fn f(n: u64) -> u64 { let a = f(n - 1); change!(n); let b = f(n - 2); unsafe { g() }; let c = f(n - 3); a + b + c }",
        &expect![[r#"
            fn f() {
                let a = f(n - 1);
                change!(n);
                let b = f(n - 2);
                unsafe { g() };
                let c = f(n - 3);
                a + b + c
            }
        "#]],
    );
}

#[test]
fn a_mutable_borrow_in_the_way() {
    check(
        "fn f(n: u64) -> u64 { let mut v = vec![n]; let r = &mut v; let a = f(r.len()); let b = f(v.len()); a + b }",
        &expect![[r#"
            fn f() {
                let mut v = vec![n];
                let r = &mut v;
                let a = f(r.len());
                let b = f(v.len());
                a + b
            }
        "#]],
    );
}

#[test]
fn a_variable_without_a_value() {
    check(
        "fn f(n: u64) -> u64 { let x; let mut y = s(); drop(y); y = t(); x = n; f(x) + f(y.len()) }",
        &expect![[r#"
            fn f() {
                let x;
                let mut y = s();
                drop(y);
                y = t();
                x = n;
                f(x) + f(y.len())
            }
        "#]],
    );
}

#[test]
fn fields_of_what_may_not_be_copied() {
    check(
        "fn f(item: usize, room: u32) -> u32 {
            let next = Item::of(item);
            let skipped = f(item + 1, room);
            let taken = if next.weight <= room { next.value + f(item + 1, room - next.weight) } else { 0 };
            skipped.max(taken)
        }",
        &expect![[r#"
            fn f() {
                let next = Item::of(item);
                #[allow(unused, clippy::all, clippy::pedantic)]
                ::speedup::Cache::ahead(
                    F,
                    |call| {
                        let next_weight = ::speedup::__private::again_part!(next.weight, next);
                        call((item + 1, room));
                        if next_weight <= room {
                            call((item + 1, room - next_weight));
                        }
                    },
                );
                let skipped = f(item + 1, room);
                let taken = if next.weight <= room {
                    next.value + f(item + 1, room - next.weight)
                } else {
                    0
                };
                skipped.max(taken)
            }
        "#]],
    );
}
