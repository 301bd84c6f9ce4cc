//! What the documentation of the handle says of a body's calls.

use expect_test::{Expect, expect};

use super::model_of;
use crate::place::Place;

fn check(function: &str, expected: &Expect) {
    let told = super::super::tell(&model_of(function, Place::Free));
    // Each line of a doc comment begins with a blank.
    let lines: Vec<&str> = told.split('\n').map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn calls_that_run_side_by_side_are_listed_by_line() {
    check(
        "fn f(n: u64, text: &str) -> u64 {
            let mut best = f(n - 1, text) + f(n - 2, &text[1..]);
            for k in 0..n {
                best = best.max(f(k, text));
            }
            best
        }",
        &expect![[r#"


             # What runs side by side

             - line 2: `f(n - 1, text)`, `f(n - 2, &text[1..])`
             - line 4: `f(k, text)`"#]],
    );
}

#[test]
fn others_have_their_reason_and_cure() {
    check(
        "fn f(n: u64) -> bool {
            let inner = f(u64::from(f(n - 1)));
            let all = (0..n).any(|k| f(k));
            inner && f(n / 2) || all
        }",
        &expect![[r#"


             # What runs as it is written

             - line 2: `f(u64::from(f(n - 1)))`: it needs the result of another call
             - line 2: `f(n - 1)`: another call needs its result
             - line 3: `f(k)`: `any` may stop before it; to make all calls at once, collect them with `speedup::map` first
             - line 4: `f(n / 2)`: `&&` may skip it; to run both at once, make them in `let`s first"#]],
    );
}

#[test]
fn what_calls_once_says_so_and_what_does_not_call_says_nothing() {
    check(
        "fn f(n: u64) -> u64 { if n == 0 { 0 } else { f(n - 1) + 1 } }",
        &expect![[r#"


             # What runs as it is written

             - line 1: `f(n - 1)`: nothing runs beside it"#]],
    );
    check("fn f(n: u64) -> u64 { n + 1 }", &expect![]);
}

#[test]
fn functions_that_are_handed_on_and_methods_are_told_as_they_are_written() {
    check(
        "fn f(n: u64) -> u64 { (0..n).map(f).sum() }",
        &expect![[r#"


             # What runs side by side

             - line 1: `f`"#]],
    );
}
