//! Other cached functions that `with` names: each is called by the body, and has a handle that can be asked.

use std::collections::BTreeSet;

use proc_macro2::TokenTree;
use syn::visit::{self, Visit};
use syn::{Attribute, ExprPath, Item, ItemFn, Macro, Meta, Path};

use super::forecast::{self, Calls};
use super::model::{ATTRIBUTE, Options};
use crate::errors::Errors;
use crate::expansion::{self, is_same};
use crate::place::{self, Place};
use crate::signature;

/// Reports names of which it is certain that they change nothing, or that there is no handle to ask.
pub(super) fn check(function: &ItemFn, place: &Place, options: &Options, errors: &mut Errors) {
    if options.with.is_empty() {
        return;
    }
    let named = Named::of(function);
    // Only a forecast names the handles of others.
    let foretold = !options.sequential && options.key.is_none() && function.sig.asyncness.is_none();
    for other in &options.with {
        let fault = uncalled(function, place, other, &named);
        let fault = fault.or_else(|| foretold.then(|| without_handle(function, other)).flatten());
        fault.into_iter().for_each(|message| errors.at(other, message));
    }
}

/// What is wrong with a name by which the body calls nothing.
fn uncalled(function: &ItemFn, place: &Place, other: &Path, named: &Named<'_>) -> Option<String> {
    let own = Calls::new(function, place, Vec::new());
    if own.is_own(other) {
        return Some("a function's calls of itself take part without being named: leave this out".to_owned());
    }
    let last = &other.segments.last()?.ident;
    if named.paths.iter().any(|path| is_same(*path, other)) || named.words.contains(&last.to_string()) {
        return None;
    }
    let meant = named.paths.iter().find(|path| path.segments.last().is_some_and(|segment| segment.ident == *last));
    Some(match meant {
        Some(path) => {
            let path = signature::tidy(path);
            format!("the body calls it `{path}`: write `with({path})`")
        }
        None => format!(
            "the body does not call `{}`, so there is nothing to run side by side: leave it out, or name a function as the body calls it",
            signature::tidy(other)
        ),
    })
}

/// What is known to keep a function that the body calls from having a handle: it is declared in the same file, once, and nothing there
/// mentions a handle of the name.
fn without_handle(function: &ItemFn, other: &Path) -> Option<String> {
    let name = &other.segments.last()?.ident;
    let handle = expansion::handle_name(name);
    let attributes = place::declared(&function.sig.ident, other, &handle)?;
    let attribute = attributes.iter().find(|attribute| is_named(attribute.path(), "cache"));
    let Some(attribute) = attribute else {
        let is_inert = attributes.iter().all(|attribute| INERT.iter().any(|inert| is_named(attribute.path(), inert)));
        return is_inert.then(|| {
            format!("`{name}` is not cached, so none of its calls can be made ahead: put {ATTRIBUTE} on it, or leave it out here")
        });
    };
    match option_of_place(attribute).as_deref() {
        Some("scoped") => Some(format!(
            "the values of `{name}` go with each of its outermost calls, so none of them can be made ahead: leave `scoped` out there, or \
             leave `{name}` out here"
        )),
        Some("field") => Some(format!(
            "the values of `{name}` are in a field, so a call is more than its arguments and cannot be made ahead: leave it out here"
        )),
        Some(_) => Some(format!(
            "there is no `{handle}`, since the handle of `{name}` has another name: bring it in by `use .. as {handle};`, or leave `name` out there"
        )),
        None => None,
    }
}

/// The option of an attribute that says that there is no handle of the usual name.
fn option_of_place(attribute: &Attribute) -> Option<String> {
    let Meta::List(list) = &attribute.meta else { return None };
    let tokens: Vec<TokenTree> = list.tokens.clone().into_iter().collect();
    let is = |at: Option<usize>, punctuation: char| match at.and_then(|at| tokens.get(at)) {
        Some(TokenTree::Punct(found)) => found.as_char() == punctuation,
        Some(_) => false,
        None => punctuation == ',',
    };
    tokens.iter().enumerate().find_map(|(at, token)| {
        let word = token.to_string();
        let (takes_value, is_first) = (is(Some(at + 1), '='), is(at.checked_sub(1), ','));
        let fits = match word.as_str() {
            "scoped" => is(Some(at + 1), ','),
            "field" | "name" => takes_value,
            _ => false,
        };
        (is_first && fits).then_some(word)
    })
}

/// Attributes that make no handle.
const INERT: [&str; 12] = [
    "allow",
    "cfg",
    "cold",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "inline",
    "must_use",
    "skip",
    "track_caller",
    "warn",
];

fn is_named(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

/// What a body names: the paths in its code, and the words in macros, which may be anything.
struct Named<'a> {
    paths: Vec<&'a Path>,
    words: BTreeSet<String>,
}

impl<'a> Named<'a> {
    fn of(function: &'a ItemFn) -> Named<'a> {
        let mut named = Named { paths: Vec::new(), words: BTreeSet::new() };
        named.visit_block(&function.block);
        named
    }
}

impl<'ast> Visit<'ast> for Named<'ast> {
    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        if path.qself.is_none() {
            self.paths.push(&path.path);
        }
        visit::visit_expr_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.words.extend(forecast::words(invocation.tokens.clone()));
    }

    // Items have bodies of their own.
    fn visit_item(&mut self, _: &'ast Item) {}
}
