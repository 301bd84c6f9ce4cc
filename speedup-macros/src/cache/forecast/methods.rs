//! Calls by a method, `self.paths(x - 1, y)`, as calls by a path, so that forecasts have one kind of call to deal with.

use proc_macro2::Ident;
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, ExprCall, ExprMethodCall, ExprPath, Token, parse_quote};

/// Stands for the receiver: no path of a user's has this.
const SELF: &str = "__speedup_self";

/// Is this path one that stands for a method of `self` with this name?
pub(super) fn is_method(path: &syn::Path, name: &str) -> bool {
    let mut segments = path.segments.iter();
    matches!((segments.next(), segments.next(), segments.next()), (Some(first), Some(last), None)
        if first.ident == SELF && last.ident == name)
}

/// Rewrites calls of the method `name` of `self`.
pub(super) fn to_paths(block: &mut Block, name: &Ident) {
    ToPaths(name).visit_block_mut(block);
}

/// Undoes [`to_paths`].
pub(super) fn to_methods(block: &mut Block) {
    ToMethods.visit_block_mut(block);
}

struct ToPaths<'a>(&'a Ident);

impl VisitMut for ToPaths<'_> {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_mut::visit_expr_mut(self, expression);
        if let Expr::MethodCall(call) = expression
            && call.method == *self.0
            && call.turbofish.is_none()
            && let Some(this) = as_self(&call.receiver)
        {
            let receiver = Ident::new(SELF, this.span());
            let method = &call.method;
            *expression = Expr::Call(ExprCall {
                attrs: std::mem::take(&mut call.attrs),
                func: Box::new(parse_quote!(#receiver::#method)),
                paren_token: call.paren_token,
                args: std::mem::take(&mut call.args),
            });
        }
    }

    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}

/// `self`, as it was written: in what a `macro_rules!` was given that tells whose it is.
fn as_self(receiver: &Expr) -> Option<&Ident> {
    let Expr::Path(path) = receiver else { return None };
    path.path.get_ident().filter(|name| *name == "self")
}

struct ToMethods;

impl VisitMut for ToMethods {
    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        visit_mut::visit_expr_mut(self, expression);
        if let Expr::Call(call) = expression
            && let Expr::Path(ExprPath { path, .. }) = call.func.as_ref()
            && let [this, method] = path.segments.iter().map(|part| part.ident.clone()).collect::<Vec<_>>().as_slice()
            && is_method(path, &method.to_string())
        {
            *expression = Expr::MethodCall(ExprMethodCall {
                attrs: std::mem::take(&mut call.attrs),
                receiver: Box::new(Expr::Path(ExprPath {
                    attrs: Vec::new(),
                    qself: None,
                    path: Ident::new("self", this.span()).into(),
                })),
                dot_token: Token![.](method.span()),
                method: method.clone(),
                turbofish: None,
                paren_token: call.paren_token,
                args: std::mem::take(&mut call.args),
            });
        }
    }
}
