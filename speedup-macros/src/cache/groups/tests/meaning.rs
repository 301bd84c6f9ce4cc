//! A body means the same with its groups as without: the same result, and the same calls.

use proptest::prelude::*;
use quote::ToTokens;

use super::{formed, interpreter};
use crate::place::Place;

/// Expressions of numbers over the variables `n`, `x` and `y`. `change` stands for any function that takes a `&mut`.
fn expression() -> impl Strategy<Value = String> {
    let variable = prop_oneof![Just("n"), Just("x"), Just("y")];
    let leaf = prop_oneof![
        (0_u64..9).prop_map(|number| number.to_string()),
        variable.clone().prop_map(str::to_owned),
        variable.clone().prop_map(|name| format!("f({name})")),
        (variable.clone(), 1_u64..9).prop_map(|(name, step)| format!("f({name} + {step})")),
        variable.clone().prop_map(|name| format!("change(&mut {name})")),
        variable.clone().prop_map(|name| format!("look({name})")),
    ];
    leaf.prop_recursive(4, 40, 4, move |inner| {
        let pair = || (inner.clone(), inner.clone());
        prop_oneof![
            4 => pair().prop_map(|(a, b)| format!("({a} + {b})")),
            2 => pair().prop_map(|(a, b)| format!("{a}.max({b})").replace(") .", ").")),
            2 => inner.clone().prop_map(|a| format!("f({a})")),
            1 => (pair(), pair()).prop_map(|((a, b), (c, d))| format!("(if {a} > {b} {{ {c} }} else {{ {d} }})")),
            1 => (pair(), pair()).prop_map(|((a, b), (c, d))| format!("(if {a} > 2 && {b} > 3 {{ {c} }} else {{ {d} }})")),
            1 => (variable.clone(), pair()).prop_map(|(name, (a, b))| format!("({{ let {name} = {a}; {b} }})")),
            1 => (variable.clone(), pair()).prop_map(|(name, (a, b))| format!("({{ {name} = {a}; {b} }})")),
            1 => (pair(), pair()).prop_map(|((a, b), (c, d))| format!("({{ if {a} > {b} {{ return {c}; }} {d} }})")),
        ]
    })
}

/// Bodies: a few statements, and a result.
fn body() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just("x"), Just("y"), Just("a")];
    let statement = prop_oneof![
        5 => (name.clone(), expression()).prop_map(|(name, value)| format!("let {name} = {value};")),
        1 => expression().prop_map(|value| format!("{value};")),
        1 => (prop_oneof![Just("x"), Just("y")], expression()).prop_map(|(name, value)| format!("{name} = {value};")),
        1 => (expression(), expression()).prop_map(|(a, b)| format!("if {a} > 500 {{ return {b}; }}")),
    ];
    (prop::collection::vec(statement, 0..5), expression())
        .prop_map(|(statements, result)| format!("let x = 3; let y = 5; {} {result}", statements.join(" ")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn groups_change_no_meaning(body in body(), n in 0_u64..9) {
        let plain: syn::Block = syn::parse_str(&format!("{{ {body} }}")).expect("the body is Rust");
        // `n` is declared as any local, so that it counts as changing where it is changed.
        let grouped = formed(&format!("fn f(mut n: u64) -> u64 {{ {body} }}"), Place::Free);
        prop_assert_eq!(interpreter::run(&plain, n), interpreter::run(&grouped, n), "{}", grouped.to_token_stream());
    }
}
