//! Functions that cannot return without calling themselves: the compiler warns of them, and goes on doing so.
//!
//! The compiler's lint looks for a function that calls itself. With the attribute none does: the body calls the wrapper. So
//! where the body certainly calls the function, which is a mistake, the function stands there once more, as it was written,
//! for the lint alone.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Block, Expr, FnArg, Stmt};

use super::forecast::Calls;
use super::model::Cached;
use crate::place::Place;

/// ```text
/// const _: () = { fn f(n: u64) -> u64 { f(n + 1) } };
/// ```
pub(super) fn warning(model: &Cached) -> Option<TokenStream> {
    let signature = &model.function.sig;
    let attributed =
        signature.inputs.iter().any(|input| matches!(input, FnArg::Typed(typed) if !typed.attrs.is_empty()));
    let plain = matches!(model.place, Place::Free) && signature.asyncness.is_none() && !attributed;
    let calls = Calls::new(&model.function, &model.place, Vec::new());
    let (block, attributes) = (&model.function.block, &model.attributes.body);
    (plain && in_block(block, &calls) == Then::Called).then(|| {
        quote! {
            const _: () = {
                #[allow(unused, clippy::all, clippy::pedantic)]
                #(#attributes)*
                #signature #block
            };
        }
    })
}

/// What is certain when a piece of code has been evaluated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It has called the function.
    Called,
    /// It has not, and what is behind it comes next.
    Next,
    /// Nothing.
    Unknown,
}

fn in_order<T>(parts: impl IntoIterator<Item = T>, look: impl Fn(T) -> Then) -> Then {
    parts.into_iter().map(look).find(|then| *then != Then::Next).unwrap_or(Then::Next)
}

fn in_block(block: &Block, calls: &Calls) -> Then {
    in_order(&block.stmts, |statement| match statement {
        Stmt::Local(local) => match &local.init {
            Some(init) if init.diverge.is_none() => in_code(&init.expr, calls),
            Some(init) => or_unknown(in_code(&init.expr, calls)),
            None => Then::Next,
        },
        Stmt::Expr(code, _) => in_code(code, calls),
        Stmt::Item(_) => Then::Next,
        Stmt::Macro(_) => Then::Unknown,
    })
}

/// Behind it lies more than one way.
fn or_unknown(then: Then) -> Then {
    if then == Then::Called { then } else { Then::Unknown }
}

fn in_code(code: &Expr, calls: &Calls) -> Then {
    let all = |parts: &[&Expr]| in_order(parts.iter().copied(), |part| in_code(part, calls));
    match code {
        Expr::Call(call) => {
            let before = in_order(&call.args, |part| in_code(part, calls));
            if before == Then::Next && calls.callee(call) == Some(0) { Then::Called } else { before }
        }
        Expr::MethodCall(call) => {
            in_order(std::iter::once(&*call.receiver).chain(&call.args), |part| in_code(part, calls))
        }
        Expr::Binary(binary) if matches!(binary.op, syn::BinOp::And(_) | syn::BinOp::Or(_)) => {
            or_unknown(in_code(&binary.left, calls))
        }
        Expr::Binary(binary) => all(&[&binary.left, &binary.right]),
        Expr::Assign(assign) => all(&[&assign.right]),
        Expr::Index(index) => all(&[&index.expr, &index.index]),
        Expr::Unary(unary) => all(&[&unary.expr]),
        Expr::Reference(reference) => all(&[&reference.expr]),
        Expr::Field(field) => all(&[&field.base]),
        Expr::Cast(cast) => all(&[&cast.expr]),
        Expr::Paren(inner) => all(&[&inner.expr]),
        Expr::Group(inner) => all(&[&inner.expr]),
        Expr::Tuple(tuple) => in_order(&tuple.elems, |part| in_code(part, calls)),
        Expr::Array(array) => in_order(&array.elems, |part| in_code(part, calls)),
        Expr::Block(inner) if inner.label.is_none() => in_block(&inner.block, calls),
        Expr::Return(leave) => leave.expr.as_ref().map_or(Then::Unknown, |value| or_unknown(in_code(value, calls))),
        Expr::Try(inner) => or_unknown(in_code(&inner.expr, calls)),
        Expr::If(branch) if !matches!(*branch.cond, Expr::Let(_)) => or_unknown(in_code(&branch.cond, calls)),
        Expr::Match(branch) => or_unknown(in_code(&branch.expr, calls)),
        Expr::Path(_) | Expr::Lit(_) | Expr::Closure(_) => Then::Next,
        _ => Then::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use syn::{ItemFn, parse_quote};

    use super::*;

    fn is_endless(function: &ItemFn) -> bool {
        let calls = Calls::new(function, &Place::Free, Vec::new());
        in_block(&function.block, &calls) == Then::Called
    }

    #[test]
    fn only_what_certainly_calls_itself_is_warned_of() {
        assert!(is_endless(&parse_quote!(
            fn f(n: u64) -> u64 {
                f(n + 1) + 1
            }
        )));
        assert!(is_endless(&parse_quote!(
            fn f(n: u64) -> u64 {
                let a = g(n)[f(n)];
                a
            }
        )));
        assert!(is_endless(&parse_quote!(
            fn f(n: u64) -> Option<u64> {
                Some(f(n - 1)? + 1)
            }
        )));
        assert!(!is_endless(&parse_quote!(
            fn f(n: u64) -> u64 {
                if n == 0 { 0 } else { f(n - 1) }
            }
        )));
        assert!(!is_endless(&parse_quote!(
            fn f(n: u64) -> Option<u64> {
                let m = n.checked_sub(1)?;
                f(m)
            }
        )));
        assert!(!is_endless(&parse_quote!(
            fn f(n: u64) -> bool {
                n == 0 || f(n - 1)
            }
        )));
        assert!(!is_endless(&parse_quote!(
            fn f(n: u64) -> u64 {
                assert!(n > 0);
                f(n - 1)
            }
        )));
        assert!(!is_endless(&parse_quote!(
            fn f(n: u64) -> u64 {
                n.checked_sub(1).map_or(0, |m| f(m))
            }
        )));
        assert!(!is_endless(&parse_quote!(
            fn f(n: u64) -> u64 {
                use g::*;
                f(n - 1)
            }
        )));
    }
}
