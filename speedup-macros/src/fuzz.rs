//! Random code for the attributes and the derive: they never panic, and write what can be parsed. `cargo xtask fuzz` looks further.

use proc_macro2::TokenStream;
use proptest::prelude::*;

use crate::{buffer, cache, key};

fn config() -> ProptestConfig {
    let cases = if std::env::var_os("SPEEDUP_LONG").is_some() { 20_000 } else { 150 };
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 2_000, ..ProptestConfig::default() }
}

/// One of these texts.
fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(texts).prop_map(str::to_owned)
}

/// Options that are right, wrong, of others, and no options at all.
fn options() -> impl Strategy<Value = String> {
    let option = one_of(&[
        "",
        "name = TABLE",
        "name",
        "sequential",
        "scoped",
        "skip(n)",
        "skip",
        "field = memo",
        "with(odd, a::b)",
        "cache_err",
        "cache_none",
        "key = |n| -> u64 { n }",
        "key = 3",
        "size = 4",
        "size = 0",
        "max = 9",
        "keep = 2",
        "lend",
        "batches",
        "stop_on_err",
        "halt = Attempts(3)",
        "capacity = 10",
        "ttl = \"5s\"",
        "crate = my::own",
        "crate = 7",
        "result = true",
        "100",
        "= =",
        "zebra",
        "\"text\"",
        "disk = \"name\"",
    ]);
    proptest::collection::vec(option, 0..4).prop_map(|options| options.join(", "))
}

/// Expressions with calls of the function in all places.
fn expression() -> impl Strategy<Value = String> {
    let leaf = one_of(&[
        "n",
        "0",
        "\"t\"",
        "f(n - 1)",
        "Self::f(n)",
        "self.f(n)",
        "odd(n)?",
        "f::<u8>(n)",
        "yield_!(n)",
        "return",
        "return n",
        "break",
        "x.0",
        "[n; 3]",
        "|m| f(m)",
        "vec![f(n), 1]",
        "println!(\"{n}\")",
        "async { n }",
        "unsafe { f(n) }",
        "{ fn f() {} }",
        "f(n).await",
        "a[f(n)]",
        "&mut n",
        "super::f(n)",
    ]);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        let three = (inner.clone(), inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| format!("({a}) + ({b})")),
            two.clone().prop_map(|(a, b)| format!("({a}) && ({b})")),
            two.clone().prop_map(|(a, b)| format!("{{ let mut x = {a}; {b} }}")),
            two.clone().prop_map(|(a, b)| format!("{{ let Some(y) = {a} else {{ return {b} }}; y }}")),
            two.clone().prop_map(|(a, b)| format!("for i in {a} {{ x += {b}; }}")),
            two.clone().prop_map(|(a, b)| format!("'a: while ({a}) > 3 {{ if {b} {{ continue 'a; }} }}")),
            two.clone().prop_map(|(a, b)| format!("({a}).into_iter().filter(|z| {b}).map(|z| f(z)).sum::<u64>()")),
            two.clone().prop_map(|(a, b)| format!("match {a} {{ 0 | 1 => 1, m if m > 2 => {b}, _ => f(n) }}")),
            two.prop_map(|(a, b)| format!("f({a}).max(f({b}))")),
            three.prop_map(|(a, b, c)| format!("if {a} {{ {b} }} else {{ {c} }}")),
            inner.clone().prop_map(|a| format!("loop {{ {a}; }}")),
            inner.prop_map(|a| format!("({a})?")),
        ]
    })
}

fn function() -> impl Strategy<Value = String> {
    let head =
        one_of(&["", "pub ", "async ", "const ", "unsafe ", "extern \"C\" ", "#[inline] pub(crate) ", "/// Words.\n"]);
    let generics = one_of(&["", "<T>", "<'a, T: Clone + 'static>", "<const N: usize>"]);
    let arguments = one_of(&[
        "n: u64",
        "",
        "&self, n: u64",
        "self",
        "&mut self",
        "n: &str, m: &[u8]",
        "mut n: u64",
        "(a, b): (u8, u8)",
        "_: u64",
        "n: &mut u64",
        "n: impl Into<u64>",
        "n: f64, m: Option<f32>",
        "n: T",
        "f: u64",
        "#[cfg(x)] n: u64",
        "n: Self",
        "n: &dyn Fn(u64)",
    ]);
    let result = one_of(&[
        "-> u64",
        "",
        "-> Result<u64, String>",
        "-> Option<T>",
        "-> impl Iterator<Item = u64>",
        "-> &'a str",
        "-> !",
        "-> Self",
        "-> Box<dyn Fn()>",
        "-> (u8, &str)",
    ]);
    (head, generics, arguments, result, expression()).prop_map(|(head, generics, arguments, result, body)| {
        format!("{head}fn f{generics}({arguments}) {result} {{ {body} }}")
    })
}

/// Items that are no functions, too, and what is no item.
fn item() -> impl Strategy<Value = String> {
    let other = one_of(&[
        "struct S { #[key(x)] a: u64, b: &'static str }",
        "#[derive(Clone)] enum E { A = 1, B(u64) = 0, C { x: T } }",
        "enum Empty {}",
        "union U { a: u8 }",
        "#[key(crate = a::b)] struct T<'a, X>(X, &'a u8);",
        "impl A { fn f() {} }",
        "fn f(n: u64) -> u64;",
        "mod m {}",
        "trait T { fn f(); }",
        "",
        ",;=",
        "const C: u8 = 1;",
    ]);
    prop_oneof![4 => function(), 1 => other]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_code_makes_the_attributes_panic(options in options(), item in item()) {
        let (Ok(options), Ok(item)) = (options.parse::<TokenStream>(), item.parse::<TokenStream>()) else { return Ok(()) };
        let written = [
            cache::attribute(options.clone(), item.clone()),
            buffer::attribute(options.clone(), item.clone()),
            key::derive(item.clone()),
        ];
        // What was no item stays what it was, beside its error.
        if syn::parse2::<syn::Item>(item).is_ok_and(|item| !matches!(item, syn::Item::Verbatim(_))) {
            for written in written {
                prop_assert!(syn::parse2::<syn::File>(written.clone()).is_ok(), "{}", written);
            }
        }
        buffer::yield_outside(options);
    }
}
