//! Functions that cannot return without calling themselves: the compiler warns of them, and goes on doing so.
//!
//! The compiler's lint looks for a function that calls itself. With the attribute none does: the body calls the wrapper. So
//! where the body certainly calls the function, which is a mistake, the function stands there once more, for the lint alone: as
//! it was written where it stands in a module or a block, elsewhere with nothing but that call.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Block, Expr, FnArg, Pat, Signature, Stmt};

use super::forecast::Calls;
use super::model::Cached;
use crate::place::Place;

/// ```text
/// const _: () = { fn f(n: u64) -> u64 { f(n + 1) } };
/// fn __speedup_endless_f(&self, argument_0: u64) -> u64 { Self::__speedup_endless_f(self, argument_0) }
/// ```
pub(super) fn warning(model: &Cached) -> Option<TokenStream> {
    let signature = &model.function.sig;
    let attributed =
        signature.inputs.iter().any(|input| matches!(input, FnArg::Typed(typed) if !typed.attrs.is_empty()));
    let calls = Calls::new(&model.function, &model.place, Vec::new());
    let (block, attributes) = (&model.function.block, &model.attributes.body);
    let Then::Called(call) = in_block(block, &Look { calls, is_async: signature.asyncness.is_some() }) else {
        return None;
    };
    match model.place {
        _ if attributed => None,
        Place::Free if signature.asyncness.is_none() => Some(quote! {
            const _: () = {
                #[allow(unused, clippy::all, clippy::pedantic)]
                #(#attributes)*
                #signature #block
            };
        }),
        Place::Free => {
            let bare = bare(signature, &signature.ident, None, call);
            Some(quote! {
                const _: () = {
                    #[allow(unused, clippy::all, clippy::pedantic)]
                    #(#attributes)*
                    #bare
                };
            })
        }
        Place::Inherent { .. } => {
            let name = format_ident!("__speedup_endless_{}", signature.ident, span = signature.ident.span());
            let bare = bare(signature, &name, Some(quote_spanned!(call=> Self::)), call);
            Some(quote! {
                #[doc(hidden)]
                #[allow(unused, clippy::all, clippy::pedantic)]
                #(#attributes)*
                #bare
            })
        }
        // Nothing can be added there.
        Place::TraitImpl | Place::Trait => None,
    }
}

/// A function with this signature that calls itself where the user's does.
fn bare(signature: &Signature, name: &syn::Ident, path: Option<TokenStream>, call: Span) -> TokenStream {
    let mut signature = signature.clone();
    (signature.asyncness, signature.ident) = (None, name.clone());
    let arguments: Vec<TokenStream> = signature
        .inputs
        .iter_mut()
        .enumerate()
        .map(|(at, input)| match input {
            FnArg::Receiver(receiver) => receiver.self_token.to_token_stream(),
            FnArg::Typed(typed) => {
                let argument = format_ident!("argument_{at}", span = call);
                *typed.pat = Pat::Verbatim(quote!(#argument));
                quote!(#argument)
            }
        })
        .collect();
    let name = syn::Ident::new(&name.to_string(), call);
    // Lints about what bears the spans of a macro are not given.
    let body = quote_spanned!(call=> { #path #name(#(#arguments),*) });
    quote!(#signature #body)
}

/// What is looked for: calls of the function, which in an `async` one happen when they are awaited.
struct Look {
    calls: Calls,
    is_async: bool,
}

/// What is certain when a piece of code has been evaluated.
#[derive(Clone, Copy)]
enum Then {
    /// It has called the function, here.
    Called(Span),
    /// It has not, and what is behind it comes next.
    Next,
    /// Nothing.
    Unknown,
}

fn in_order<T>(parts: impl IntoIterator<Item = T>, look: impl Fn(T) -> Then) -> Then {
    parts.into_iter().map(look).find(|then| !matches!(then, Then::Next)).unwrap_or(Then::Next)
}

fn in_block(block: &Block, calls: &Look) -> Then {
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
    if matches!(then, Then::Called(_)) { then } else { Then::Unknown }
}

fn in_code(code: &Expr, calls: &Look) -> Then {
    let all = |parts: &[&Expr]| in_order(parts.iter().copied(), |part| in_code(part, calls));
    match code {
        Expr::Call(call) => {
            let before = in_order(&call.args, |part| in_code(part, calls));
            let calls_itself = !calls.is_async && calls.calls.callee(call) == Some(0);
            if matches!(before, Then::Next) && calls_itself { Then::Called(call.span()) } else { before }
        }
        Expr::MethodCall(call) => {
            let before = in_order(std::iter::once(&*call.receiver).chain(&call.args), |part| in_code(part, calls));
            let calls_itself = !calls.is_async && calls.calls.is_method(call);
            if matches!(before, Then::Next) && calls_itself { Then::Called(call.span()) } else { before }
        }
        Expr::Await(awaited) => match &*awaited.base {
            Expr::Call(call) if calls.calls.callee(call) == Some(0) => Then::Called(call.span()),
            Expr::MethodCall(call) if calls.calls.is_method(call) => Then::Called(call.span()),
            other => in_code(other, calls),
        },
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
        is_endless_in(function, &Place::Free)
    }

    fn is_endless_in(function: &ItemFn, place: &Place) -> bool {
        let calls = Calls::new(function, place, Vec::new());
        let is_async = function.sig.asyncness.is_some();
        matches!(in_block(&function.block, &Look { calls, is_async }), Then::Called(_))
    }

    #[test]
    fn methods_and_awaited_calls_count() {
        let inherent = Place::Inherent { ty: None, generic: false, lasting: None, open: Vec::new() };
        assert!(is_endless_in(
            &parse_quote!(
                fn f(&self, n: u64) -> u64 {
                    1 + self.f(n + 1)
                }
            ),
            &inherent
        ));
        assert!(is_endless_in(
            &parse_quote!(
                fn f(n: u64) -> u64 {
                    Self::f(n + 1)
                }
            ),
            &inherent
        ));
        assert!(!is_endless_in(
            &parse_quote!(
                fn f(&self, n: u64) -> u64 {
                    self.0.f(n)
                }
            ),
            &inherent
        ));
        assert!(is_endless(&parse_quote!(
            async fn f(n: u64) -> u64 {
                f(n + 1).await + 1
            }
        )));
        assert!(!is_endless(&parse_quote!(
            async fn f(n: u64) -> u64 {
                drop(f(n + 1));
                n
            }
        )));
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
