//! Ways out of a piece of code, and what cannot be looked through.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{BinOp, Block, Expr, Label, Lifetime, Lit, Macro, Token, UnOp, parse_quote};

use super::names;
use super::node::Leave;

/// The loops within the slice that a `break` may mean, outermost first.
#[derive(Clone, Default)]
pub(super) struct Surroundings {
    loops: Vec<Option<Lifetime>>,
}

impl Surroundings {
    /// Inside of a closure.
    pub(super) fn closure(&self) -> Self {
        Self::default()
    }

    /// Inside of a loop.
    pub(super) fn within(&self, label: Option<&Label>) -> Self {
        let mut inner = self.clone();
        inner.loops.push(label.map(|label| label.name.clone()));
        inner
    }

    fn has(&self, label: Option<&Lifetime>) -> bool {
        match label {
            None => !self.loops.is_empty(),
            Some(label) => self.loops.iter().flatten().any(|known| known == label),
        }
    }

    /// What leaves a loop around the region ends the forecast.
    pub(super) fn on_break(&self, label: Option<&Lifetime>) -> Leave {
        if self.has(label) { Leave::Break(label.cloned()) } else { Leave::Return }
    }

    pub(super) fn on_continue(&self, label: Option<&Lifetime>) -> Leave {
        if self.has(label) { Leave::Continue(label.cloned()) } else { Leave::Return }
    }
}

/// Follows the loops within a piece of code.
#[derive(Default)]
struct Loops {
    labels: Vec<Option<Lifetime>>,
}

impl Loops {
    fn is_left_by(&self, expression: &Expr) -> bool {
        let label = match expression {
            Expr::Return(_) => return true,
            Expr::Break(jump) => jump.label.as_ref(),
            Expr::Continue(jump) => jump.label.as_ref(),
            _ => return false,
        };
        match label {
            None => self.labels.is_empty(),
            Some(label) => !self.labels.iter().flatten().any(|known| known == label),
        }
    }

    fn enter(&mut self, expression: &Expr) -> bool {
        let label = match expression {
            Expr::ForLoop(inner) => &inner.label,
            Expr::While(inner) => &inner.label,
            Expr::Loop(inner) => &inner.label,
            _ => return false,
        };
        self.labels.push(label.as_ref().map(|label| label.name.clone()));
        true
    }
}

#[derive(Default)]
struct Search {
    loops: Loops,
    leaves: bool,
    tries: bool,
    opaque: bool,
}

impl<'ast> Visit<'ast> for Search {
    fn visit_expr(&mut self, expression: &'ast Expr) {
        self.leaves |= self.loops.is_left_by(expression);
        match expression {
            Expr::Closure(closure) => {
                // A closure's ways out are its own.
                let mut inner = Search::default();
                inner.visit_expr(&closure.body);
                self.opaque |= inner.opaque;
                return;
            }
            Expr::Try(_) => self.tries = true,
            Expr::Await(_) | Expr::Yield(_) | Expr::Verbatim(_) | Expr::Async(_) | Expr::Unsafe(_) => {
                self.opaque = true
            }
            Expr::TryBlock(_) | Expr::Const(_) => self.opaque = true,
            Expr::Block(block) => self.opaque |= block.label.is_some(),
            _ => {}
        }
        let entered = self.loops.enter(expression);
        visit::visit_expr(self, expression);
        if entered {
            self.loops.labels.pop();
        }
    }
    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.opaque |= is_opaque_macro(invocation);
        self.leaves |= matches!(known(invocation), Known::Ends);
    }
    fn visit_item(&mut self, _: &'ast syn::Item) {
        // It would stand twice.
        self.opaque = true;
    }
}

fn search(code: &Expr) -> Search {
    let mut search = Search::default();
    search.visit_expr(code);
    search
}

/// Can this code end what surrounds it before its time, `?` apart?
pub(super) fn leaves(code: &Expr) -> bool {
    search(code).leaves
}

/// Can the body of a loop end that loop, or more?
pub(super) fn leaves_loop(body: &Block) -> bool {
    let mut search = Search::default();
    search.visit_block(body);
    search.leaves || search.tries || search.opaque
}

pub(super) fn has_try(code: &Expr) -> bool {
    search(code).tries
}

/// Is there anything in it that a forecast must not, or cannot, repeat?
pub(super) fn is_opaque(code: &Expr) -> bool {
    search(code).opaque
}

/// What is known of a macro.
pub(super) enum Known {
    /// Always ends in a panic.
    Ends,
    /// Panics depending on these.
    Checks(Vec<Expr>),
    /// Evaluates these, and does nothing else that matters here.
    Evaluates(Vec<Expr>),
    /// A value without effects.
    Pure,
    Unknown,
}

pub(super) fn known(invocation: &Macro) -> Known {
    let name = invocation.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    let parts = || {
        let parts = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(invocation.tokens.clone());
        parts.map(|parts| parts.into_iter().collect::<Vec<_>>())
    };
    let take = |first: usize| parts().map(|mut all| all.drain(..first.min(all.len())).collect::<Vec<_>>());
    let checked = match name.as_str() {
        "panic" | "todo" | "unimplemented" | "unreachable" => return Known::Ends,
        "matches" | "concat" | "stringify" | "line" | "file" | "env" | "include_str" => return Known::Pure,
        "assert" | "debug_assert" => take(1).map(Known::Checks),
        "assert_eq" | "assert_ne" | "debug_assert_eq" | "debug_assert_ne" => take(2).map(Known::Checks),
        "vec" | "format" | "format_args" | "print" | "println" | "eprint" | "eprintln" => match parts() {
            Ok(parts) => Ok(Known::Evaluates(parts)),
            // `vec![0; n]`
            Err(_) if name == "vec" => return Known::Pure,
            Err(fault) => Err(fault),
        },
        _ => return Known::Unknown,
    };
    checked.unwrap_or(Known::Unknown)
}

/// Can nobody tell what the macro does?
pub(super) fn is_opaque_macro(invocation: &Macro) -> bool {
    matches!(known(invocation), Known::Unknown) || has_exit(invocation.tokens.clone())
}

fn has_exit(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ["return", "break", "continue", "await"].iter().any(|exit| ident == exit),
        TokenTree::Punct(punct) => punct.as_char() == '?',
        TokenTree::Group(group) => has_exit(group.stream()),
        TokenTree::Literal(_) => false,
    })
}

/// The code with its ways out leading out of the forecast.
pub(super) fn localized(code: &Expr, around: &Surroundings) -> Expr {
    struct Rewrite<'a> {
        loops: Loops,
        around: &'a Surroundings,
    }
    impl VisitMut for Rewrite<'_> {
        fn visit_expr_mut(&mut self, expression: &mut Expr) {
            if matches!(expression, Expr::Closure(_)) {
                return;
            }
            if self.loops.is_left_by(expression) {
                let leave = match expression {
                    Expr::Break(jump) => self.around.on_break(jump.label.as_ref()),
                    Expr::Continue(jump) => self.around.on_continue(jump.label.as_ref()),
                    _ => Leave::Return,
                };
                *expression = leave.expression();
                return;
            }
            let entered = self.loops.enter(expression);
            visit_mut::visit_expr_mut(self, expression);
            if entered {
                self.loops.labels.pop();
            }
            if let Expr::Try(tried) = expression {
                let tried = &tried.expr;
                *expression = parse_quote! {
                    match ::speedup::__private::tried(#tried) {
                        ::core::option::Option::Some(value) => value,
                        ::core::option::Option::None => return,
                    }
                };
            }
        }
        fn visit_item_mut(&mut self, _: &mut syn::Item) {}
    }
    let mut code = code.clone();
    Rewrite { loops: Loops::default(), around }.visit_expr_mut(&mut code);
    code
}

impl Leave {
    pub(super) fn expression(&self) -> Expr {
        match self {
            Leave::Return => parse_quote!(return),
            Leave::Break(None) => parse_quote!(break),
            Leave::Break(Some(label)) => parse_quote!(break #label),
            Leave::Continue(None) => parse_quote!(continue),
            Leave::Continue(Some(label)) => parse_quote!(continue #label),
        }
    }
}

/// Can evaluating it panic, or take for ever?
pub(super) fn can_fail(code: &Expr) -> bool {
    struct Fails(bool);
    impl<'ast> Visit<'ast> for Fails {
        fn visit_expr(&mut self, expression: &'ast Expr) {
            self.0 |= match expression {
                Expr::Call(call) => !is_constructor(&call.func),
                Expr::MethodCall(_) | Expr::Index(_) | Expr::Macro(_) | Expr::Try(_) => true,
                Expr::While(_) | Expr::Loop(_) | Expr::ForLoop(_) => true,
                Expr::Unary(unary) => matches!(unary.op, UnOp::Neg(_)) && !matches!(*unary.expr, Expr::Lit(_)),
                Expr::Binary(binary) => {
                    let computes = !names::compares(&binary.op) && !names::is_lazy(&binary.op);
                    let bits = matches!(binary.op, BinOp::BitAnd(_) | BinOp::BitOr(_) | BinOp::BitXor(_));
                    computes && !bits && !(is_literal(&binary.left) && is_literal(&binary.right))
                }
                Expr::Closure(_) => return,
                _ => false,
            };
            visit::visit_expr(self, expression);
        }
        fn visit_item(&mut self, _: &'ast syn::Item) {}
    }
    let mut fails = Fails(false);
    fails.visit_expr(code);
    fails.0
}

fn is_literal(code: &Expr) -> bool {
    match code {
        Expr::Lit(literal) => matches!(literal.lit, Lit::Int(_) | Lit::Float(_)),
        Expr::Paren(inner) => is_literal(&inner.expr),
        Expr::Binary(binary) => is_literal(&binary.left) && is_literal(&binary.right),
        Expr::Unary(unary) => is_literal(&unary.expr),
        Expr::Cast(cast) => is_literal(&cast.expr),
        _ => false,
    }
}

fn is_constructor(function: &Expr) -> bool {
    let Expr::Path(path) = function else { return false };
    path.path.segments.last().is_some_and(|last| last.ident.to_string().starts_with(char::is_uppercase))
}
