//! Whether a function calls itself.
//!
//! A method, a field or a variable of its name is no call of it: `fn count(db: &Db) -> usize { let count = db.rows().count(); count }`. What cannot be
//! read, such as the tokens of a macro, calls it where its name stands there.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Expr, ExprCall, ExprForLoop, ExprLet, ExprMethodCall, ExprPath, Item, ItemFn, Local, Macro, PatIdent, Token,
};

/// Whether the body calls the function, or gives it to something that may.
pub(super) fn calls_itself(function: &ItemFn) -> bool {
    let mut itself = Itself {
        name: function.sig.ident.to_string(),
        is_method: function.sig.receiver().is_some(),
        is_hidden: false,
        is_called: false,
    };
    visit::visit_signature(&mut itself, &function.sig);
    itself.visit_block(&function.block);
    itself.is_called
}

struct Itself {
    name: String,
    is_method: bool,
    /// Whether a variable of the name was bound further up. Where it has gone out of scope since then, only a call by the bare name tells.
    is_hidden: bool,
    is_called: bool,
}

impl<'ast> Visit<'ast> for Itself {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(callee) = call.func.as_ref() {
            self.is_called |= callee.path.segments.last().is_some_and(|last| last.ident == self.name);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.is_called |= self.is_method && call.method == self.name;
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, value: &'ast ExprPath) {
        let is_bare = value.path.get_ident().is_some();
        if value.path.segments.last().is_some_and(|last| last.ident == self.name) {
            self.is_called |= !(is_bare && self.is_hidden);
        }
    }

    fn visit_pat_ident(&mut self, binding: &'ast PatIdent) {
        self.is_hidden |= binding.ident == self.name;
        visit::visit_pat_ident(self, binding);
    }

    // What a variable is bound to is read before it: there, the name is still the function's.

    fn visit_local(&mut self, local: &'ast Local) {
        local.init.iter().for_each(|init| self.visit_local_init(init));
        self.visit_pat(&local.pat);
    }

    fn visit_expr_let(&mut self, condition: &'ast ExprLet) {
        self.visit_expr(&condition.expr);
        self.visit_pat(&condition.pat);
    }

    fn visit_expr_for_loop(&mut self, turns: &'ast ExprForLoop) {
        self.visit_expr(&turns.expr);
        self.visit_pat(&turns.pat);
        self.visit_block(&turns.body);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        match Punctuated::<Expr, Token![,]>::parse_terminated.parse2(call.tokens.clone()) {
            Ok(arguments) => {
                for argument in &arguments {
                    // By its own name, since these expressions do not live as long as the body.
                    Visit::visit_expr(self, argument);
                }
            }
            Err(_) => self.is_called |= self.is_mentioned(call.tokens.clone()),
        }
    }

    /// The body may call what the item does.
    fn visit_item(&mut self, item: &'ast Item) {
        self.is_called |= self.is_mentioned(item.to_token_stream());
    }
}

impl Itself {
    /// Whether the name stands there, other than behind a dot where that can be no call.
    fn is_mentioned(&self, tokens: TokenStream) -> bool {
        let mut dots = 0;
        tokens.into_iter().any(|token| match token {
            TokenTree::Punct(punct) => {
                dots = if punct.as_char() == '.' { dots + 1 } else { 0 };
                false
            }
            TokenTree::Ident(ident) => {
                let is_member = std::mem::take(&mut dots) == 1 && !self.is_method;
                ident == self.name && !is_member
            }
            TokenTree::Group(group) => {
                dots = 0;
                self.is_mentioned(group.stream())
            }
            TokenTree::Literal(_) => {
                dots = 0;
                false
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::calls_itself;

    fn asks(function: &str) -> bool {
        calls_itself(&syn::parse_str(function).unwrap())
    }

    #[test]
    fn a_call_or_a_mention_of_the_function_is_one() {
        assert!(asks("fn f(n: u64) -> u64 { f(n - 1) }"));
        assert!(asks("fn f(n: u64) -> u64 { Self::f(n - 1) + (0..n).map(f).sum() }"));
        assert!(asks("fn f(n: u64) -> u64 { let f: u64 = (0..n).map(f).sum(); f }"));
        assert!(asks("fn f(n: u64) -> u64 { if let Some(f) = twice(f, n) { f } else { 0 } }"));
        assert!(asks("fn f(n: u64) -> u64 { for f in ahead(f, n) { drop(f); } 0 }"));
        assert!(asks("fn f(&self, n: u64) -> u64 { self.f(n - 1) }"));
        assert!(asks("fn f(n: u64) -> u64 { vec![f(n - 1); 3].len() }"));
        assert!(asks("fn f(n: u64) -> u64 { matches!(n, 0..5 if f(n) == 1) }"));
        assert!(asks("fn f(n: u64) -> u64 { both!(0..f(n); 1) }"));
        assert!(asks("fn f(n: u64) -> u64 { fn half(n: u64) -> u64 { f(n / 2) } half(n) }"));
    }

    #[test]
    fn a_method_a_field_or_a_variable_of_its_name_is_none() {
        assert!(!asks("fn into(s: impl Into<String>) -> usize { let s: String = s.into(); s.len() }"));
        assert!(!asks("fn count(db: &Db) -> usize { let count = db.rows().count(); count + 1 }"));
        assert!(!asks("fn total(row: &Row) -> u64 { row.total + row.parts.total }"));
        assert!(!asks("fn total(total: u64) -> u64 { total * 2 }"));
        assert!(!asks(
            "fn user(db: &Db) -> User { match db.find() { Some(user) => User { user }, None => User { user: 0 } } }"
        ));
        assert!(!asks("fn len(list: &[u64]) -> bool { matches!(list, [first, ..] if first.len() > 3) }"));
    }
}
