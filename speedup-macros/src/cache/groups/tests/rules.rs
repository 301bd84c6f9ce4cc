//! The rules, each with bodies and what becomes of them: the left column is a function, the right one its body afterwards.

use quote::quote;

use super::formed;
use crate::place::Place;

fn pretty(block: &syn::Block) -> String {
    let file = syn::parse2(quote!(fn body() #block)).expect("a formed body is a body");
    prettyplease::unparse(&file)
}

/// Asserts that each body becomes what stands beside it; `group(..)` stands for the call of the runtime.
fn check(signature: &str, cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        let found = pretty(&formed(&format!("{signature} {{ {body} }}"), Place::Free));
        let expected = expected.replace("group(", "::speedup::Cache::group(F, ");
        let expected: syn::Block =
            syn::parse_str(&format!("{{ {expected} }}")).unwrap_or_else(|fault| panic!("{fault}: {expected}"));
        let expected = pretty(&expected);
        assert!(found == expected, "{signature} {{ {body} }}\n\nbecame\n\n{found}\ninstead of\n\n{expected}");
    }
}

const NUMBER: &str = "fn f(n: u64) -> u64";

#[test]
fn one_expression_is_one_group() {
    check(
        NUMBER,
        &[
            ("f(n - 1) + f(n - 2)", "let [call_0, call_1] = group([(n - 1,), (n - 2,)]); call_0 + call_1"),
            (
                "f(n - 1) * (f(n - 2) + 1) - f(n / 2)",
                "let [call_0, call_1, call_2] = group([(n - 1,), (n - 2,), (n / 2,)]); call_0 * (call_1 + 1) - call_2",
            ),
            (
                "(f(1), [f(2), f(3)])",
                "let [call_0, call_1, call_2] = group([(1,), (2,), (3,)]); (call_0, [call_1, call_2])",
            ),
            ("f(n - 1).max(f(n - 2))", "let [call_0, call_1] = group([(n - 1,), (n - 2,)]); call_0.max(call_1)"),
            ("combine(f(1), f(2))", "let [call_0, call_1] = group([(1,), (2,)]); combine(call_0, call_1)"),
            (
                "Pair { a: f(1), b: f(2) }.sum()",
                "let [call_0, call_1] = group([(1,), (2,)]); Pair { a: call_0, b: call_1 }.sum()",
            ),
            ("return f(1) + f(2);", "let [call_0, call_1] = group([(1,), (2,)]); return call_0 + call_1;"),
            (
                "longer(&f(1), &f(2)).len()",
                "let [call_0, call_1] = group([(1,), (2,)]); longer(&call_0, &call_1).len()",
            ),
            (
                "vec![f(1), f(2)].len() as u64",
                "let [call_0, call_1] = group([(1,), (2,)]); vec![call_0, call_1].len() as u64",
            ),
        ],
    );
}

#[test]
fn one_call_stays() {
    for body in ["f(n - 1)", "f(n - 1) + n", "let a = f(n - 1); a", "f(f(n - 1))", "g(|| f(n))"] {
        check(NUMBER, &[(body, body)]);
    }
}

#[test]
fn a_run_of_lets_is_one_group() {
    check(
        NUMBER,
        &[
            (
                "let a = f(n - 1); let b = f(n - 2); a + b",
                "let [call_0, call_1] = group([(n - 1,), (n - 2,)]); let a = call_0; let b = call_1; a + b",
            ),
            (
                "let a = f(n - 1); let k = n / 2; let b = f(n - 2); a + b + k",
                "let [call_0, call_1] = group([(n - 1,), (n - 2,)]); let a = call_0; let k = n / 2; let b = call_1; a + b + k",
            ),
            (
                "let without = f(n - 1); without.max(f(n - 2) + 7)",
                "let [call_0, call_1] = group([(n - 1,), (n - 2,)]); let without = call_0; without.max(call_1 + 7)",
            ),
            (
                "let h = n / 2; let a = f(h); let b = f(n - h); a + b",
                "let h = n / 2; let [call_0, call_1] = group([(h,), (n - h,)]); let a = call_0; let b = call_1; a + b",
            ),
        ],
    );
}

#[test]
fn a_let_that_uses_the_run_begins_another() {
    check(
        NUMBER,
        &[
            (
                "let a = f(1); let b = f(2); let c = f(a); let d = f(b); c + d",
                "let [call_0, call_1] = group([(1,), (2,)]); let a = call_0; let b = call_1;
                 let [call_0, call_1] = group([(a,), (b,)]); let c = call_0; let d = call_1; c + d",
            ),
            ("let a = f(1); let b = f(a); b", "let a = f(1); let b = f(a); b"),
            (
                "let a = f(1); let b = f(a); let c = f(2); b + c",
                "let a = f(1); let [call_0, call_1] = group([(a,), (2,)]); let b = call_0; let c = call_1; b + c",
            ),
        ],
    );
}

#[test]
fn branches_loops_and_closures_have_their_own_groups() {
    check(
        NUMBER,
        &[
            (
                "if n < 2 { 1 } else { f(n - 1) + f(n - 2) }",
                "if n < 2 { 1 } else { let [call_0, call_1] = group([(n - 1,), (n - 2,)]); call_0 + call_1 }",
            ),
            ("if n < 2 { f(0) } else { f(1) }", "if n < 2 { f(0) } else { f(1) }"),
            (
                "if f(1) < f(2) { f(3) } else { f(4) }",
                "let [call_0, call_1] = group([(1,), (2,)]); if call_0 < call_1 { f(3) } else { f(4) }",
            ),
            (
                "match n { 0 => 1, m => f(m - 1) + f(m / 2) }",
                "match n { 0 => 1, m => { let [call_0, call_1] = group([(m - 1,), (m / 2,)]); call_0 + call_1 } }",
            ),
            (
                "(1..n).map(|k| f(k) * f(n - k)).sum()",
                "(1..n).map(|k| { let [call_0, call_1] = group([(k,), (n - k,)]); call_0 * call_1 }).sum()",
            ),
            (
                "let mut t = 0; for k in 0..n { t += f(k) + f(n - k); } t",
                "let mut t = 0; for k in 0..n { let [call_0, call_1] = group([(k,), (n - k,)]); t += call_0 + call_1; } t",
            ),
            ("n > 1 && f(1) > 0 || f(2) > 1", "n > 1 && f(1) > 0 || f(2) > 1"),
            ("n > 1 && f(1) > f(2)", "n > 1 && { let [call_0, call_1] = group([(1,), (2,)]); call_0 > call_1 }"),
            (
                "if n == 0 { 1 } else if f(1) > f(2) { 2 } else { 3 }",
                "if n == 0 { 1 } else { let [call_0, call_1] = group([(1,), (2,)]); if call_0 > call_1 { 2 } else { 3 } }",
            ),
            (
                "while f(n) < f(n + 1) { step(); } n",
                "while { let [call_0, call_1] = group([(n,), (n + 1,)]); call_0 < call_1 } { step(); } n",
            ),
        ],
    );
}

#[test]
fn nothing_moves_over_a_way_out() {
    for body in [
        "Ok(f(n - 1)? + f(n - 2)?)",
        "f(1) + { return 3; } + f(2)",
        "f(1) + exit!(n) + f(2)",
        "let a = f(1); let Some(b) = a else { return None }; f(2)",
        "let a = f(1); if a > 3 { return a; } f(2) + a",
        "f(1) + (if n > 2 { return 1 } else { 2 }) + f(2)",
    ] {
        check(NUMBER, &[(body, body)]);
    }
}

#[test]
fn arguments_that_cannot_be_early_stay() {
    for body in [
        "f(next()) + f(next())",
        "f({ n + 1 }) + f(n)",
        "take(&mut x) + f(x) + f(1)",
        "0 + { x = 3; 1 } + f(x) + f(1)",
        "queue.pop() + f(queue.len()) + f(1)",
        "let k = next(); f(k) + f({ k })",
        "advance(cursor) + f(cursor.position) + f(1)",
        "slot.take() + f(slot.len()) + f(1)",
        "(0..3).map(|k| advance(cursor)).sum() + f(cursor.position) + f(1)",
        "f(1) + match n { k => f(k) }",
    ] {
        check(NUMBER, &[(body, body)]);
    }
}

#[test]
fn what_changes_later_does_not_matter() {
    check(
        NUMBER,
        &[
            (
                "f(x) + f(2) + take(&mut x)",
                "let [call_0, call_1] = group([(x,), (2,)]); call_0 + call_1 + take(&mut x)",
            ),
            // `k` is a number where it is an operand, and `g` cannot change it.
            ("g(k) + f(k) + f(k + 1)", "let [call_0, call_1] = group([(k,), (k + 1,)]); g(k) + call_0 + call_1"),
            // `n` is a number and never changes, whatever is called on it.
            ("n.foo() + f(n) + f(n + 1)", "let [call_0, call_1] = group([(n,), (n + 1,)]); n.foo() + call_0 + call_1"),
            (
                "x = f(x - 1) + f(x - 2); x",
                "let [call_0, call_1] = group([(x - 1,), (x - 2,)]); x = call_0 + call_1; x",
            ),
        ],
    );
}

#[test]
fn a_moved_argument_does_not_overtake_an_earlier_use() {
    check(
        "fn f(v: Vec<u8>) -> u64",
        &[
            ("show(&v) + f(v) + f(w)", "show(&v) + f(v) + f(w)"),
            ("f(v) + f(w) + show(&x)", "let [call_0, call_1] = group([(v,), (w,)]); call_0 + call_1 + show(&x)"),
            ("show(&v) + f(v.clone()) + f(w)", "show(&v) + f(v.clone()) + f(w)"),
        ],
    );
}

#[test]
fn results_changed_in_place_are_mutable() {
    check(NUMBER, &[("f(1).push(f(2))", "let [mut call_0, call_1] = group([(1,), (2,)]); call_0.push(call_1)")]);
}

#[test]
fn a_shadowed_name_is_another_function() {
    for body in [
        "let f = g; f(1) + f(2)",
        "fn f(n: u64) -> u64 { n } f(1) + f(2)",
        "use other::f; f(1) + f(2)",
        "h(|f| f(1) + f(2))",
    ] {
        check(NUMBER, &[(body, body)]);
    }
    for body in ["module::f(1) + f(2)", "f(1, 2) + f(3)", "Self::f(1) + f(2)"] {
        check(NUMBER, &[(body, body)]);
    }
}

#[test]
fn in_an_impl_the_calls_go_through_the_type() {
    let place = Place::Inherent { ty: Some("Point".to_owned()), generic: false, lasting: None };
    for (body, expected) in [
        (
            "Self::f(1) + Point::f(2)",
            "let [call_0, call_1] = ::speedup::Cache::group(Self::F, [(1,), (2,)]); call_0 + call_1",
        ),
        ("f(1) + f(2)", "f(1) + f(2)"),
    ] {
        let found = pretty(&formed(&format!("{NUMBER} {{ {body} }}"), place.clone()));
        let expected: syn::Block = syn::parse_str(&format!("{{ {expected} }}")).expect("a body");
        assert_eq!(found, pretty(&expected));
    }
}

#[test]
fn borrowed_arguments_stay_borrowed() {
    let function = "fn f(text: &str, n: usize) -> u64 { f(&text[1..], n) + f(text, n - 1) }";
    let expected = "let [call_0, call_1] = ::speedup::Cache::group_ref::<(&str, &usize), _>(F, [(&text[1..], &n), (text, &(n - 1))]);
                    call_0 + call_1";
    let expected: syn::Block = syn::parse_str(&format!("{{ {expected} }}")).expect("a body");
    assert_eq!(pretty(&formed(function, Place::Free)), pretty(&expected));
}
