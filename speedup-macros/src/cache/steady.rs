//! Which arguments every recursive call passes on unchanged.
//!
//! They are looked up once, by the outermost call, and choose a table of their own. A wrong answer costs time and nothing else: at
//! run time each call compares what it passes on with what its caller was given.

use proc_macro2::TokenTree;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, Item, ItemFn, Macro, Pat, RangeLimits, Token};

use crate::signature::{self, Argument};

/// For each argument, whether it is passed on. None is where that would gain nothing.
pub(super) fn passed_on(function: &ItemFn, arguments: &[Argument]) -> Vec<bool> {
    let none = vec![false; arguments.len()];
    let steady = kept_by_all(function, arguments);
    let primitive = |argument: &Argument| signature::is_primitive(&argument.owned);
    let of = |wanted: bool| arguments.iter().zip(&steady).filter(move |(_, steady)| **steady == wanted);
    let dear = of(true).any(|(argument, _)| !primitive(argument));
    // Up to three small integers find their place in a table without being hashed.
    let many = arguments.len() > 3 && of(false).count() <= 3 && of(false).all(|(argument, _)| primitive(argument));
    let gains = of(true).next().is_some() && of(false).next().is_some() && (dear || many);
    if gains { steady } else { none }
}

/// For each argument, whether all recursive calls that can be seen pass it on; none without such a call.
pub(super) fn kept_by_all(function: &ItemFn, arguments: &[Argument]) -> Vec<bool> {
    let mut calls = Calls {
        name: function.sig.ident.to_string(),
        names: names(arguments),
        calls: 0,
        is_method: function.sig.receiver().is_some(),
        unclear: false,
    };
    calls.visit_block(&function.block);
    let seen = calls.calls > 0 && !calls.unclear;
    calls.names.iter().map(|name| seen && name.is_some()).collect()
}

/// The names of those that never change. Two of one name, as a macro can make them, are not told apart by it.
fn names(arguments: &[Argument]) -> Vec<Option<String>> {
    let names: Vec<_> = arguments.iter().map(|argument| bound_by(&argument.declared.pat)).collect();
    let is_one = |name: &Option<String>| names.iter().filter(|other| *other == name).count() == 1;
    names.iter().map(|name| name.clone().filter(|_| is_one(name))).collect()
}

/// The name of an argument that never changes; `None` for patterns and `mut`.
fn bound_by(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(binding) if binding.mutability.is_none() && binding.subpat.is_none() => {
            Some(binding.ident.to_string())
        }
        _ => None,
    }
}

/// Looks at all calls of the function in its own body.
struct Calls {
    name: String,
    /// Names of arguments that all calls so far have passed on.
    names: Vec<Option<String>>,
    calls: usize,
    is_method: bool,
    /// Whether there may be calls that cannot be read.
    unclear: bool,
}

impl Calls {
    /// Takes note of one call.
    fn note(&mut self, arguments: &Punctuated<Expr, Token![,]>) {
        self.calls += 1;
        for (name, argument) in self.names.iter_mut().zip(arguments) {
            if name.as_deref().is_some_and(|name| !is_unchanged(argument, name)) {
                *name = None;
            }
        }
    }

    fn strike(&mut self, name: &str) {
        for kept in &mut self.names {
            if kept.as_deref() == Some(name) {
                *kept = None;
            }
        }
    }
}

impl<'ast> Visit<'ast> for Calls {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = call.func.as_ref()
            && path.path.segments.last().is_some_and(|last| last.ident == self.name)
            && call.args.len() == self.names.len()
        {
            self.note(&call.args);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        if self.is_method && call.method == self.name && call.args.len() == self.names.len() {
            self.note(&call.args);
        }
        visit::visit_expr_method_call(self, call);
    }

    /// A variable of the same name hides the argument.
    fn visit_pat_ident(&mut self, binding: &'ast syn::PatIdent) {
        self.strike(&binding.ident.to_string());
        visit::visit_pat_ident(self, binding);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        match Punctuated::<Expr, Token![,]>::parse_terminated.parse2(call.tokens.clone()) {
            Ok(arguments) => {
                for argument in &arguments {
                    // By its own name, since these expressions do not live as long as the body.
                    Visit::visit_expr(self, argument);
                }
            }
            Err(_) => self.unclear |= mentions(call.tokens.clone(), &self.name),
        }
    }

    /// What stands in an inner item is no part of the body.
    fn visit_item(&mut self, _: &'ast Item) {}
}

/// Whether a name stands among these tokens.
pub(super) fn mentions(tokens: proc_macro2::TokenStream, name: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Is this the argument itself: `graph`, `&graph`, `&*graph`, `&graph[..]`, `graph.clone()`, `Arc::clone(&graph)`?
fn is_unchanged(argument: &Expr, name: &str) -> bool {
    match argument {
        Expr::Path(path) => path.path.is_ident(name),
        Expr::Paren(inner) => is_unchanged(&inner.expr, name),
        Expr::Group(inner) => is_unchanged(&inner.expr, name),
        Expr::Reference(reference) => reference.mutability.is_none() && is_unchanged(&reference.expr, name),
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)) && is_unchanged(&unary.expr, name),
        Expr::Index(index) => {
            let whole = |range: &syn::ExprRange| {
                range.start.is_none() && range.end.is_none() && matches!(range.limits, RangeLimits::HalfOpen(_))
            };
            matches!(index.index.as_ref(), Expr::Range(range) if whole(range)) && is_unchanged(&index.expr, name)
        }
        Expr::MethodCall(call) => {
            call.args.is_empty()
                && ["clone", "as_ref", "as_str", "as_slice", "to_owned", "to_vec", "to_string"]
                    .iter()
                    .any(|same| call.method == same)
                && is_unchanged(&call.receiver, name)
        }
        Expr::Call(call) => {
            let clones = matches!(call.func.as_ref(), Expr::Path(path)
                if path.path.segments.len() > 1 && path.path.segments.last().is_some_and(|last| last.ident == "clone"));
            clones && call.args.len() == 1 && is_unchanged(&call.args[0], name)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::passed_on;
    use crate::signature;

    fn steady(function: &str) -> Vec<bool> {
        let function: syn::ItemFn = syn::parse_str(function).expect("a function");
        passed_on(&function, &signature::arguments(&function.sig))
    }

    #[test]
    fn what_every_call_passes_on_is_steady() {
        let texts =
            "fn d(a: &[u8], b: &[u8], i: usize, j: usize) -> usize { d(a, b, i - 1, j).min(d(a, &b, i, j - 1)) }";
        assert_eq!(steady(texts), [true, true, false, false]);
        assert_eq!(steady("fn p(g: &Graph, n: usize) -> u64 { g.of(n).map(|m| p(g, m)).sum() }"), [true, false]);
        assert_eq!(steady("fn p(g: Arc<Graph>, n: usize) -> u64 { p(Arc::clone(&g), n - 1) }"), [true, false]);
        assert_eq!(steady("fn p(g: &Graph, n: usize) -> u64 { println!(\"{}\", p(g, n - 1)); 0 }"), [true, false]);
        assert_eq!(steady("fn k(m: u8, w: u8, i: u8, j: u8) -> u8 { k(m, w, i + 1, j) }"), [true, true, false, true]);
    }

    #[test]
    fn what_one_call_changes_or_a_variable_hides_is_not() {
        assert_eq!(steady("fn d(a: &str, b: &str) -> usize { d(&a[1..], b) + d(a, &b[1..]) }"), [false, false]);
        assert_eq!(steady("fn swap(g: &Graph, n: usize) -> u64 { g.list.swap(g, n + 1) }"), [false, false]);
        assert_eq!(steady("fn p(g: &Graph, n: usize) -> u64 { let g = g.smaller(); p(&g, n) }"), [false, false]);
        assert_eq!(steady("fn p(g: &Graph, n: usize) -> u64 { p(g, n - 1) + macro_of!(p => g) }"), [false, false]);
        assert_eq!(steady("fn p(g: &Graph, n: usize) -> u64 { 1 }"), [false, false]);
    }

    #[test]
    fn a_few_small_integers_are_a_place_in_a_table_as_they_are() {
        assert_eq!(steady("fn b(m: u64, n: u64, k: u64) -> u64 { b(m, n - 1, k) + b(m, n - 1, k - 1) }"), [false; 3]);
        assert_eq!(steady("fn same(g: &Graph) -> u64 { same(g) }"), [false]);
    }
}
