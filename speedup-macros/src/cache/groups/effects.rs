//! What a piece of code does to the variables around it, and whether it can leave them.

use std::collections::HashSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Block, Expr, Item, Macro, Pat};

use super::early;
use crate::signature::{Argument, Pass};

/// Names of variables.
pub(super) type Names = HashSet<String>;

/// The variables that an expression may name; inside of macros every word counts, also those in format strings.
pub(super) fn variables(code: &Expr) -> Names {
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

/// The words among the tokens of a macro.
pub(super) fn words(tokens: TokenStream) -> Names {
    fn gather(tokens: TokenStream, names: &mut Names) {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    names.insert(ident.to_string());
                }
                TokenTree::Group(group) => gather(group.stream(), names),
                TokenTree::Literal(literal) => {
                    // "{name}" in a format string.
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

/// The variables that a pattern binds.
pub(super) fn bindings(pattern: &Pat) -> Vec<String> {
    struct Search(Vec<String>);
    impl<'ast> Visit<'ast> for Search {
        fn visit_pat_ident(&mut self, binding: &'ast syn::PatIdent) {
            self.0.push(binding.ident.to_string());
            visit::visit_pat_ident(self, binding);
        }
    }
    let mut search = Search(Vec::new());
    search.visit_pat(pattern);
    search.0
}

/// The arguments that are copied when used and keep their value all over the body: numbers and shared references that are
/// neither `mut` nor shadowed.
pub(super) fn steady(arguments: &[Argument], body: &Block) -> Names {
    struct Search(Vec<String>);
    impl<'ast> Visit<'ast> for Search {
        fn visit_pat_ident(&mut self, binding: &'ast syn::PatIdent) {
            self.0.push(binding.ident.to_string());
            visit::visit_pat_ident(self, binding);
        }
    }
    let mut shadows = Search(Vec::new());
    shadows.visit_block(body);
    let names = arguments.iter().filter_map(|argument| match argument.declared.pat.as_ref() {
        Pat::Ident(binding) if binding.mutability.is_none() && binding.by_ref.is_none() && binding.subpat.is_none() => {
            (argument.pass != Pass::Clone).then(|| binding.ident.to_string())
        }
        _ => None,
    });
    names.filter(|name| !shadows.0.contains(name)).collect()
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

/// The variables that a piece of code may change: assigned, lent as `&mut`, or the receiver of an unknown method. Unknown
/// macros may change whatever they mention.
pub(super) fn changes(code: &Expr) -> Names {
    struct Search(Names);
    impl<'ast> Visit<'ast> for Search {
        fn visit_expr(&mut self, expression: &'ast Expr) {
            let changed = match expression {
                Expr::Assign(assign) => root(&assign.left),
                Expr::Binary(binary) if early::assigns(&binary.op) => root(&binary.left),
                Expr::Reference(reference) if reference.mutability.is_some() => root(&reference.expr),
                Expr::RawAddr(address) => root(&address.expr),
                Expr::MethodCall(call) if !early::is_pure(&call.method) => root(&call.receiver),
                _ => None,
            };
            self.0.extend(changed);
            visit::visit_expr(self, expression);
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

/// The variables handed on by their bare name: where one is a `&mut`, whoever gets it may change what it points to.
pub(super) fn handed_on(code: &Expr) -> Names {
    struct Search(Names);
    impl<'ast> Visit<'ast> for Search {
        fn visit_expr(&mut self, expression: &'ast Expr) {
            match expression {
                Expr::Call(call) => self.0.extend(call.args.iter().filter_map(bare)),
                Expr::MethodCall(call) => self.0.extend(call.args.iter().filter_map(bare)),
                _ => {}
            }
            visit::visit_expr(self, expression);
        }
        fn visit_item(&mut self, _: &'ast Item) {}
    }
    let mut search = Search(Names::new());
    search.visit_expr(code);
    search.0
}

/// The name of a variable that stands for itself.
pub(super) fn bare(value: &Expr) -> Option<String> {
    match value {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        Expr::Paren(inner) => bare(&inner.expr),
        _ => None,
    }
}

/// The variables whose inside an argument looks at: `cursor` in `cursor.position`. What an operator takes by its bare name
/// is no `&mut`, and so keeps its value.
pub(super) fn looked_into(argument: &Argument, value: &Expr) -> Names {
    struct Search(Names);
    impl<'ast> Visit<'ast> for Search {
        fn visit_expr(&mut self, expression: &'ast Expr) {
            if !matches!(expression, Expr::Path(_) | Expr::Paren(_)) {
                self.0.extend(root(expression));
            }
            visit::visit_expr(self, expression);
        }
    }
    let mut search = Search(Names::new());
    search.visit_expr(value);
    if argument.pass == Pass::Lend {
        search.0.extend(bare(value));
    }
    search.0
}

/// Can this code end the statement it stands in before its time? Closures and items end only themselves.
pub(super) fn leaves(code: &Expr) -> bool {
    struct Search {
        loops: usize,
        found: bool,
    }
    impl<'ast> Visit<'ast> for Search {
        fn visit_expr(&mut self, expression: &'ast Expr) {
            match expression {
                Expr::Return(_) | Expr::Try(_) | Expr::Await(_) | Expr::Yield(_) | Expr::Verbatim(_) => {
                    self.found = true
                }
                Expr::Break(jump) => self.found |= self.loops == 0 || jump.label.is_some(),
                Expr::Continue(jump) => self.found |= self.loops == 0 || jump.label.is_some(),
                Expr::Closure(_) | Expr::Async(_) => return,
                Expr::Loop(_) | Expr::While(_) | Expr::ForLoop(_) => {
                    self.loops += 1;
                    visit::visit_expr(self, expression);
                    self.loops -= 1;
                    return;
                }
                _ => {}
            }
            visit::visit_expr(self, expression);
        }
        fn visit_macro(&mut self, invocation: &'ast Macro) {
            self.found |= !stays(invocation);
        }
        fn visit_item(&mut self, _: &'ast Item) {}
    }
    let mut search = Search { loops: 0, found: false };
    search.visit_expr(code);
    search.found
}

/// Is this one of the standard macros, and without a way out in its arguments?
pub(super) fn stays(invocation: &Macro) -> bool {
    const KNOWN: [&str; 17] = [
        "vec",
        "format",
        "format_args",
        "print",
        "println",
        "eprint",
        "eprintln",
        "write",
        "writeln",
        "assert",
        "assert_eq",
        "assert_ne",
        "debug_assert",
        "debug_assert_eq",
        "debug_assert_ne",
        "matches",
        "concat",
    ];
    fn has_exit(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ["return", "break", "continue", "await"].iter().any(|exit| ident == exit),
            TokenTree::Punct(punct) => punct.as_char() == '?',
            TokenTree::Group(group) => has_exit(group.stream()),
            TokenTree::Literal(_) => false,
        })
    }
    let known = invocation.path.segments.last().is_some_and(|last| KNOWN.iter().any(|known| last.ident == known));
    known && !has_exit(invocation.tokens.clone())
}
