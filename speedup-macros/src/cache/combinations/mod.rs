//! Every option, every pair of options, and every form of function: what goes together, and that one mistake is one error.

mod forms;
mod table;

use std::fmt::Write as _;

use proc_macro2::{TokenStream, TokenTree};

use self::forms::{FORMS, Form};
use super::attribute_at;
use super::model::{Opt, TABLE};
use crate::expansion::testing;

/// An option as it is written in a function of one of the forms.
struct Written {
    name: &'static str,
    text: &'static str,
    /// One of these has to be there, too; the first is, if none is.
    with: &'static [&'static str],
}

const fn alone(name: &'static str, text: &'static str) -> Written {
    Written { name, text, with: &[] }
}

const WRITTEN: &[Written] = &[
    alone("name", "name = TABLE"),
    alone("sequential", "sequential"),
    alone("cache_err", "cache_err"),
    alone("cache_none", "cache_none"),
    alone("crate", "crate = ::speedup"),
    alone("capacity", "capacity = 10"),
    Written { name: "weight", text: "weight = |_| 1", with: &["capacity"] },
    alone("on_evict", "on_evict = |_, _| ()"),
    alone("ttl", "ttl = \"30s\""),
    alone("idle", "idle = \"5m\""),
    Written { name: "refresh_ahead", text: "refresh_ahead = \"5s\"", with: &["ttl"] },
    Written { name: "stale_on_err", text: "stale_on_err", with: &["ttl"] },
    alone("force_refresh", "force_refresh = |n| n == 0"),
    alone("scoped", "scoped"),
    alone("skip", "skip(db)"),
    alone("key", "key = |n| -> u64 { n }"),
    alone("with", "with(half)"),
    alone("move_err", "move_err"),
    alone("returns", "returns = ref"),
    alone("tables", "tables = 4"),
    alone("field", "field = memo"),
    alone("disk", "disk"),
    alone("store", "store = MemoryStore::new()"),
    Written { name: "version", text: "version = 2", with: &["disk", "store"] },
    Written { name: "on_store_error", text: "on_store_error = \"fail\"", with: &["disk", "store"] },
];

fn written(name: &str) -> &'static Written {
    let found = WRITTEN.iter().find(|written| written.name == name);
    found.unwrap_or_else(|| {
        panic!("the option `{name}` is to stand in `WRITTEN`, so that it is tested with every other")
    })
}

/// What an option is called.
fn name_of(option: Opt) -> &'static str {
    TABLE.iter().find(|known| known.option == option).expect("each option has a row").name
}

/// These options with those that they need.
fn completed(names: &[&'static str]) -> Vec<&'static str> {
    let mut all = names.to_vec();
    for name in names {
        let with = written(name).with;
        if !with.is_empty() && !with.iter().any(|needed| all.contains(needed)) {
            all.push(with[0]);
        }
    }
    all
}

/// The texts of the errors in an expansion.
fn faults(expansion: TokenStream) -> Vec<String> {
    let mut faults = Vec::new();
    let mut tokens = expansion.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "compile_error" => {
                let text = tokens.nth(1).expect("a text").to_string();
                faults.push(text.trim_matches(['{', '}', ' ', '"']).replace("\\\"", "\""));
            }
            TokenTree::Group(group) => faults.extend(self::faults(group.stream())),
            _ => {}
        }
    }
    faults
}

/// What the attribute says of a function of this form with these options.
fn said(form: &Form, names: &[&'static str]) -> Vec<String> {
    let (options, function) = form.with(&completed(names));
    let place = form.place();
    faults(attribute_at(testing::tokens(&options), testing::tokens(&function), |_| place))
}

#[test]
fn one_mistake_is_one_error() {
    let mut report = String::new();
    for form in FORMS {
        let alone: Vec<usize> = TABLE.iter().map(|known| said(form, &[known.name]).len()).collect();
        for (at, first) in TABLE.iter().enumerate() {
            if alone[at] > 1 {
                let _ = writeln!(report, "{} with {}: {:#?}", form.name, first.name, said(form, &[first.name]));
            }
            for (other, second) in TABLE.iter().enumerate().skip(at + 1) {
                let said = said(form, &[first.name, second.name]);
                // Beside what is wrong with each of them there.
                if said.len() > 1 + alone[at] + alone[other] {
                    let _ = writeln!(report, "{} with {} and {}: {said:#?}", form.name, first.name, second.name);
                }
            }
        }
    }
    assert!(report.is_empty(), "{report}");
}
