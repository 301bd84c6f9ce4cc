//! Which variables a body uses up.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, Lit};

/// Variables that a body gives away, as far as its form tells.
pub(super) struct Moved(Vec<Ident>);

impl Moved {
    pub(super) fn of(block: &syn::Block) -> Moved {
        let mut moved = Moved(Vec::new());
        moved.visit_block(block);
        moved
    }

    pub(super) fn contains(&self, name: &Ident) -> bool {
        self.0.iter().any(|moved| moved == name)
    }

    fn give(&mut self, value: &Expr) {
        if let Expr::Path(path) = value {
            self.0.extend(path.path.get_ident().cloned());
        }
    }
}

impl<'ast> Visit<'ast> for Moved {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        call.args.iter().for_each(|argument| self.give(argument));
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        call.args.iter().for_each(|argument| self.give(argument));
        if takes_self(call) {
            self.give(&call.receiver);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_for_loop(&mut self, turns: &'ast syn::ExprForLoop) {
        self.give(&turns.expr);
        visit::visit_expr_for_loop(self, turns);
    }

    fn visit_expr_tuple(&mut self, tuple: &'ast syn::ExprTuple) {
        tuple.elems.iter().for_each(|part| self.give(part));
        visit::visit_expr_tuple(self, tuple);
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        self.give(&field.expr);
        visit::visit_field_value(self, field);
    }

    fn visit_local_init(&mut self, init: &'ast syn::LocalInit) {
        self.give(&init.expr);
        visit::visit_local_init(self, init);
    }
}

/// Whether a method uses up what it is called on, by the names that the standard library has for that. Other types have an `expect` that does not, of
/// something else than a message.
fn takes_self(call: &ExprMethodCall) -> bool {
    let is_text = |argument: &Expr| matches!(argument, Expr::Lit(literal) if matches!(literal.lit, Lit::Str(_)));
    match call.method.to_string().as_str() {
        "unwrap" | "unwrap_err" | "unwrap_or" | "unwrap_or_else" | "unwrap_or_default" => true,
        "expect" | "expect_err" => call.args.iter().all(is_text),
        name => name.starts_with("into") || name.starts_with("try_into"),
    }
}
