//! Names of variables in a piece of code.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Item, Macro, Pat, Stmt};

/// Names of variables.
pub(in crate::cache) type Names = BTreeSet<String>;

/// The variables that a pattern binds. A name with a capital is taken for a constant or a variant.
pub(super) fn bindings(pattern: &Pat) -> Names {
    struct Search(Names);
    impl<'ast> Visit<'ast> for Search {
        fn visit_pat_ident(&mut self, binding: &'ast syn::PatIdent) {
            let name = binding.ident.to_string();
            if !name.starts_with(char::is_uppercase) || binding.mutability.is_some() || binding.by_ref.is_some() {
                self.0.insert(name);
            }
            visit::visit_pat_ident(self, binding);
        }
        fn visit_expr(&mut self, _: &'ast Expr) {}
    }
    let mut search = Search(Names::new());
    search.visit_pat(pattern);
    search.0
}

/// The words among the tokens of a macro, also those in braces in its format strings.
pub(in crate::cache) fn words(tokens: TokenStream) -> Names {
    fn gather(tokens: TokenStream, names: &mut Names) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    names.insert(ident.to_string());
                }
                TokenTree::Group(group) => gather(group.stream(), names),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    for part in text.split('{').skip(1) {
                        let end = part.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(part.len());
                        names.insert(part[..end].to_owned());
                    }
                }
                TokenTree::Punct(_) => {}
            }
        }
    }
    let mut names = Names::new();
    gather(tokens, &mut names);
    names
}

/// The variable that a place such as `grid.cells[i]` is a part of.
pub(super) fn root(place: &Expr) -> Option<String> {
    match place {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        Expr::Field(field) => root(&field.base),
        Expr::Index(index) => root(&index.expr),
        Expr::Paren(inner) => root(&inner.expr),
        Expr::Group(inner) => root(&inner.expr),
        Expr::Unary(unary) => root(&unary.expr),
        Expr::Reference(reference) => root(&reference.expr),
        Expr::MethodCall(call) => root(&call.receiver),
        _ => None,
    }
}

/// Everything that a piece of code names, by a word of its own.
pub(super) fn mentions(code: &Expr) -> Names {
    struct Search(Names);
    impl<'ast> Visit<'ast> for Search {
        fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
            self.0.extend(path.path.get_ident().map(ToString::to_string));
        }
        fn visit_macro(&mut self, invocation: &'ast Macro) {
            self.0.extend(words(invocation.tokens.clone()));
        }
        fn visit_item(&mut self, _: &'ast Item) {}
    }
    let mut search = Search(Names::new());
    search.visit_expr(code);
    search.0
}

/// A variable as these statements name it. Its text alone is not enough: the variables of a `macro_rules!` and of who calls it are told apart by where
/// their names were written.
pub(super) fn spelled(statements: &[Stmt], name: &str) -> Option<Ident> {
    struct Search<'a>(&'a str, Option<Ident>);
    impl Search<'_> {
        fn look(&mut self, tokens: TokenStream) {
            for token in tokens {
                match token {
                    TokenTree::Ident(ident) if ident == self.0 => _ = self.1.get_or_insert(ident),
                    TokenTree::Group(group) => self.look(group.stream()),
                    // `"{name}"` is written where the text is.
                    TokenTree::Literal(text) if words(text.to_token_stream()).contains(self.0) => {
                        let name = syn::parse_str(self.0).map(|mut name: Ident| {
                            name.set_span(text.span());
                            name
                        });
                        self.1 = self.1.take().or(name.ok());
                    }
                    _ => {}
                }
            }
        }
    }
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
            let named = path.path.get_ident().filter(|ident| *ident == self.0);
            self.1 = self.1.take().or(named.cloned());
        }
        fn visit_macro(&mut self, invocation: &'ast Macro) {
            self.look(invocation.tokens.clone());
        }
        fn visit_item(&mut self, _: &'ast Item) {}
    }
    let mut search = Search(name, None);
    statements.iter().for_each(|statement| search.visit_stmt(statement));
    search.1
}

/// The variables that a piece of code changes: those assigned and lent as `&mut`, and, among `mutable` ones, receivers of
/// methods. Macros may change whatever they name.
pub(super) fn changes(code: &Expr, mutable: &dyn Fn(&str) -> bool) -> Names {
    struct Search<'a>(Names, &'a dyn Fn(&str) -> bool);
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_expr(&mut self, expression: &'ast Expr) {
            let changed = match expression {
                Expr::Assign(assign) => root(&assign.left),
                Expr::Binary(binary) if assigns(&binary.op) => root(&binary.left),
                Expr::Reference(reference) if reference.mutability.is_some() => root(&reference.expr),
                Expr::RawAddr(address) => root(&address.expr),
                Expr::MethodCall(call) => root(&call.receiver).filter(|name| (self.1)(name)),
                Expr::Call(call) => root(&call.func).filter(|name| (self.1)(name)),
                _ => None,
            };
            self.0.extend(changed);
            visit::visit_expr(self, expression);
        }
        fn visit_macro(&mut self, invocation: &'ast Macro) {
            self.0.extend(words(invocation.tokens.clone()).into_iter().filter(|name| (self.1)(name)));
        }
        fn visit_item(&mut self, _: &'ast Item) {}
    }
    let mut search = Search(Names::new(), mutable);
    search.visit_expr(code);
    search.0
}

/// Is there a `let` in the condition?
pub(super) fn binds(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(binary) => binds(&binary.left) || binds(&binary.right),
        Expr::Paren(inner) => binds(&inner.expr),
        Expr::Group(inner) => binds(&inner.expr),
        _ => false,
    }
}

/// Does the operator change its left side?
pub(super) fn assigns(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}

/// Does the operator only compare, which moves nothing and gives a `bool`?
pub(super) fn compares(op: &BinOp) -> bool {
    matches!(op, BinOp::Eq(_) | BinOp::Ne(_) | BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_))
}

/// Does the operator skip its right side at times?
pub(super) fn is_lazy(op: &BinOp) -> bool {
    matches!(op, BinOp::And(_) | BinOp::Or(_))
}

/// The last word of a path.
pub(super) fn last_word(path: &Expr) -> Option<String> {
    let Expr::Path(path) = path else { return None };
    path.path.segments.last().map(|last| last.ident.to_string())
}
