//! Whether it is certain that no value of a generator waits for anybody.
//!
//! Readers may then make a few values at once. Certain is what consists of numbers, text and the parameters of such types,
//! of operators, control flow, and what the standard library computes. Everything else may be anything: a call of a
//! function, a macro, a name that is not bound in the body.

use proc_macro2::TokenStream;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Arm, Block, Expr, ExprCall, ExprClosure, ExprForLoop, ExprIf, ExprLet, ExprMethodCall, ExprPath, ExprWhile, FnArg,
    ItemFn, Local, Macro, Pat, PatIdent, Path, Stmt, Token,
};

use crate::signature;

/// Methods of numbers, text, options and iterators that compute and do nothing else.
#[rustfmt::skip]
const METHODS: &[&str] = &[
    "abs", "abs_diff", "all", "any", "as_str", "bytes", "ceil", "chain", "chars", "checked_add", "checked_div", "checked_mul",
    "checked_pow", "checked_sub", "clone", "cloned", "cmp", "copied", "cos", "count", "count_ones", "cycle", "div_ceil",
    "div_euclid", "enumerate", "eq", "exp", "filter", "filter_map", "find", "flat_map", "flatten", "floor", "fold", "into_iter",
    "is_multiple_of", "is_none", "is_power_of_two", "is_some", "isqrt", "iter", "iter_mut", "last", "leading_zeros", "len",
    "ln", "log10", "log2", "map", "map_while", "max", "min", "mul_add", "next", "ok", "or", "overflowing_add",
    "overflowing_mul", "pop", "position", "pow", "powf", "powi", "product", "push", "rem_euclid", "rev", "rotate_left",
    "rotate_right", "round", "saturating_add", "saturating_mul", "saturating_sub", "scan", "signum", "sin", "skip",
    "skip_while", "sqrt", "step_by", "sum", "swap", "take", "take_while", "tan", "then", "then_some", "to_owned", "to_string",
    "trailing_zeros", "trunc", "unsigned_abs", "unwrap_or", "windows", "wrapping_add", "wrapping_mul", "wrapping_neg",
    "wrapping_sub", "zip",
];

/// Functions of the standard library that do the same, written with `std::` or `core::` in front.
const FUNCTIONS: &[&str] =
    &["black_box", "empty", "from_fn", "once", "repeat", "repeat_n", "repeat_with", "successors", "swap", "replace"];

/// Whether no value of the generator can wait for anybody.
pub(crate) fn is_certain(function: &ItemFn) -> bool {
    let plain = |input: &FnArg| matches!(input, FnArg::Typed(declared) if signature::is_primitive(&declared.ty));
    if !function.sig.inputs.iter().all(plain) {
        return false;
    }
    let mut search = Search { bound: Vec::new(), certain: true };
    function.sig.inputs.iter().for_each(|input| search.visit_fn_arg(input));
    search.visit_block(&function.block);
    search.certain
}

/// Looks for anything that is not certain, in the order in which names are bound.
struct Search {
    /// The names in scope, and which of them are closures that stand in the body.
    bound: Vec<(String, bool)>,
    certain: bool,
}

impl Search {
    fn find(&self, path: &Path) -> Option<&(String, bool)> {
        let name = path.get_ident()?.to_string();
        self.bound.iter().rev().find(|(bound, _)| *bound == name)
    }

    fn within(&mut self, visit: impl FnOnce(&mut Self)) {
        let outside = self.bound.len();
        visit(self);
        self.bound.truncate(outside);
    }

    fn is_known(&self, path: &Path) -> bool {
        match path.get_ident() {
            Some(name) => name == "None" || is_constructor(path) || self.find(path).is_some(),
            // `u64::MAX`, `f64::from`, `f64::consts::PI`.
            None => path
                .segments
                .iter()
                .find(|segment| segment.ident != "std" && segment.ident != "core")
                .is_some_and(|segment| signature::is_primitive(&syn::parse_quote!(#segment))),
        }
    }

    fn expressions(&mut self, tokens: &TokenStream) {
        match Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone()) {
            Ok(values) => values.iter().for_each(|value| self.visit_expr(value)),
            Err(_) => self.certain = false,
        }
    }
}

fn is_constructor(path: &Path) -> bool {
    ["Some", "Ok", "Err"].iter().any(|name| path.is_ident(name))
}

fn is_of_std(path: &Path) -> bool {
    let first = path.segments.first().is_some_and(|first| first.ident == "std" || first.ident == "core");
    first && path.segments.last().is_some_and(|last| FUNCTIONS.iter().any(|name| last.ident == name))
}

impl<'ast> Visit<'ast> for Search {
    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        self.certain &= !matches!(statement, Stmt::Item(_));
        visit::visit_stmt(self, statement);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        if invocation.path.is_ident("yield_") || invocation.path.is_ident("vec") {
            self.expressions(&invocation.tokens);
        } else {
            self.certain = false;
        }
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        self.certain &= matches!(
            expression,
            Expr::Array(_)
                | Expr::Assign(_)
                | Expr::Binary(_)
                | Expr::Block(_)
                | Expr::Break(_)
                | Expr::Call(_)
                | Expr::Cast(_)
                | Expr::Closure(_)
                | Expr::Continue(_)
                | Expr::Field(_)
                | Expr::ForLoop(_)
                | Expr::Group(_)
                | Expr::If(_)
                | Expr::Index(_)
                | Expr::Let(_)
                | Expr::Lit(_)
                | Expr::Loop(_)
                | Expr::Macro(_)
                | Expr::Match(_)
                | Expr::MethodCall(_)
                | Expr::Paren(_)
                | Expr::Path(_)
                | Expr::Range(_)
                | Expr::Reference(_)
                | Expr::Repeat(_)
                | Expr::Return(_)
                | Expr::Tuple(_)
                | Expr::Unary(_)
                | Expr::While(_)
        );
        if self.certain {
            visit::visit_expr(self, expression);
        }
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        self.certain &= path.qself.is_none() && self.is_known(&path.path);
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let known = |path: &Path| match path.get_ident() {
            // What a closure of the body does is looked at where it stands.
            Some(_) => is_constructor(path) || self.find(path).is_some_and(|(_, closure)| *closure),
            None => is_of_std(path) || self.is_known(path),
        };
        self.certain &= matches!(call.func.as_ref(), Expr::Path(path) if known(&path.path));
        call.args.iter().for_each(|argument| self.visit_expr(argument));
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.certain &= METHODS.iter().any(|name| call.method == name);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_block(&mut self, block: &'ast Block) {
        self.within(|this| visit::visit_block(this, block));
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        self.within(|this| visit::visit_arm(this, arm));
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        self.within(|this| visit::visit_expr_closure(this, closure));
    }

    // What a name is bound to is looked at before the name is.
    fn visit_local(&mut self, local: &'ast Local) {
        let Some(init) = &local.init else { return self.visit_pat(&local.pat) };
        self.visit_expr(&init.expr);
        if let Some((_, otherwise)) = &init.diverge {
            self.visit_expr(otherwise);
        }
        let before = self.bound.len();
        self.visit_pat(&local.pat);
        let is_closure = matches!(init.expr.as_ref(), Expr::Closure(_)) && matches!(local.pat, Pat::Ident(_));
        self.bound[before..].iter_mut().for_each(|(_, closure)| *closure = is_closure);
    }

    fn visit_expr_for_loop(&mut self, each: &'ast ExprForLoop) {
        self.visit_expr(&each.expr);
        self.within(|this| {
            this.visit_pat(&each.pat);
            this.visit_block(&each.body);
        });
    }

    fn visit_expr_let(&mut self, condition: &'ast ExprLet) {
        self.visit_expr(&condition.expr);
        self.visit_pat(&condition.pat);
    }

    fn visit_expr_if(&mut self, branch: &'ast ExprIf) {
        self.within(|this| visit::visit_expr_if(this, branch));
    }

    fn visit_expr_while(&mut self, branch: &'ast ExprWhile) {
        self.within(|this| visit::visit_expr_while(this, branch));
    }

    fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
        self.bound.push((pattern.ident.to_string(), false));
        visit::visit_pat_ident(self, pattern);
    }

    // In a pattern, a name in capitals is a constant, which is compared.
    fn visit_pat(&mut self, pattern: &'ast Pat) {
        self.certain &= !matches!(pattern, Pat::Macro(_));
        if let Pat::Range(_) | Pat::Lit(_) | Pat::Path(_) = pattern {
            return;
        }
        visit::visit_pat(self, pattern);
    }
}

#[cfg(test)]
mod tests {
    use super::is_certain;

    fn certain(function: &str) -> bool {
        is_certain(&syn::parse_str(function).expect("a function"))
    }

    #[test]
    fn arithmetic_is_certain() {
        for body in [
            "0..",
            "(0..100).map(|n| n * n).filter(|n| n % 2 == 0)",
            "for n in 0..10 { if std::hint::black_box(n) != u64::MAX { yield_!(n); } }",
            "let (mut a, mut b) = (0_u64, 1); loop { yield_!(a); (a, b) = (b, a.wrapping_add(b)); }",
            "let step = |n| n + k; std::iter::successors(Some(1), move |n| Some(step(*n)))",
            "let mut n = 1; while let Some(next) = 3_u64.checked_mul(n) { yield_!(n); n = next; } return;",
            "vec![1, k, 3]",
            "match k { 0 => yield_!(1), n if n > 3 => yield_!(f64::from(2)), _ => return }",
        ] {
            assert!(certain(&format!("fn all(k: u64) -> impl Iterator<Item = u64> {{ {body} }}")), "{body}");
        }
    }

    #[test]
    fn whatever_may_be_anything_is_not() {
        for body in [
            "(0..).map(slow)",
            "(0..).map(|n| slow(n))",
            "std::io::stdin().lines()",
            "RECEIVER.lock().iter()",
            "let food = food(); food.iter()",
            "let slow = slow; (0..).map(slow)",
            "{ let slow = |n| n; } (0..).map(slow)",
            "let next = 3; loop { yield_!(next()); }",
            "(0..).map(|n| PRIMES[n])",
            "for n in primes() { yield_!(n); }",
            "(0..).inspect(|n| println!(\"{n}\"))",
            "fn step() {} 0..",
            "loop { yield_!(super::next()); }",
            "std::thread::sleep(k); 0..",
            "(0..).map(|n| n.wait())",
            "unsafe { next() }",
            "(0..).map(<u64 as Wait>::wait)",
        ] {
            assert!(!certain(&format!("fn all(k: u64) -> impl Iterator<Item = u64> {{ {body} }}")), "{body}");
        }
        assert!(!certain("fn all(key: Key) -> u64 { for n in key { yield_!(n); } }"));
    }
}
