//! Which arguments can be evaluated before the region in which they stand.

use syn::{BinOp, Expr, Type, UnOp};

use crate::signature::{self, Argument, Pass};

/// Methods that change nothing and return what does not borrow for long, on all types that have them.
const HARMLESS: [&str; 16] = [
    "abs_diff",
    "as_bytes",
    "as_ref",
    "as_slice",
    "as_str",
    "clone",
    "is_empty",
    "len",
    "max",
    "min",
    "saturating_add",
    "saturating_sub",
    "to_owned",
    "to_string",
    "to_vec",
    "wrapping_sub",
];

/// Whether an argument may be evaluated early: it is made of values and harmless methods, names no variable that `moves`, moves none
/// itself and, where what stands before may return, cannot panic.
pub(super) fn can_be_early(value: &Expr, argument: &Argument, may_return: bool, moves: &impl Fn(&str) -> bool) -> bool {
    let copies = argument.pass != Pass::Clone || is_copied(&argument.owned);
    is_harmless(value, copies, moves) && !(may_return && can_panic(value))
}

/// Whether values of a type are certainly copied.
fn is_copied(ty: &Type) -> bool {
    match ty {
        Type::Tuple(tuple) => tuple.elems.iter().all(is_copied),
        Type::Array(array) => is_copied(&array.elem),
        _ => signature::is_primitive(ty),
    }
}

/// `copies`: a variable that stands here as a value is copied, not moved.
fn is_harmless(value: &Expr, copies: bool, moves: &impl Fn(&str) -> bool) -> bool {
    let part = |part: &Expr| is_harmless(part, copies, moves);
    // Looked at, not moved.
    let seen = |part: &Expr| is_harmless(part, true, moves);
    match value {
        Expr::Lit(_) => true,
        Expr::Path(path) => match path.path.get_ident() {
            Some(name) => copies && !moves(&name.to_string()),
            // A constant.
            None => path.qself.is_none(),
        },
        Expr::Reference(reference) => reference.mutability.is_none() && seen(&reference.expr),
        Expr::Field(field) => copies && seen(&field.base),
        Expr::Index(index) => copies && seen(&index.expr) && seen(&index.index),
        Expr::MethodCall(call) => {
            HARMLESS.iter().any(|name| call.method == name) && seen(&call.receiver) && call.args.iter().all(part)
        }
        Expr::Tuple(tuple) => tuple.elems.iter().all(part),
        Expr::Array(array) => array.elems.iter().all(part),
        Expr::Binary(binary) => is_arithmetic(&binary.op) && part(&binary.left) && part(&binary.right),
        Expr::Unary(unary) => part(&unary.expr),
        Expr::Cast(cast) => part(&cast.expr),
        Expr::Paren(inner) => part(&inner.expr),
        Expr::Group(inner) => part(&inner.expr),
        _ => false,
    }
}

fn is_arithmetic(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::Add(_)
            | BinOp::Sub(_)
            | BinOp::Mul(_)
            | BinOp::Div(_)
            | BinOp::Rem(_)
            | BinOp::BitAnd(_)
            | BinOp::BitOr(_)
            | BinOp::BitXor(_)
            | BinOp::Shl(_)
            | BinOp::Shr(_)
    )
}

/// Whether evaluating a harmless expression can panic.
fn can_panic(value: &Expr) -> bool {
    match value {
        Expr::Binary(binary) => {
            !matches!(binary.op, BinOp::BitAnd(_) | BinOp::BitOr(_) | BinOp::BitXor(_))
                || can_panic(&binary.left)
                || can_panic(&binary.right)
        }
        Expr::Index(_) => true,
        Expr::Unary(unary) => matches!(unary.op, UnOp::Neg(_)) || can_panic(&unary.expr),
        Expr::Reference(reference) => can_panic(&reference.expr),
        Expr::Field(field) => can_panic(&field.base),
        Expr::MethodCall(call) => can_panic(&call.receiver) || call.args.iter().any(can_panic),
        Expr::Tuple(tuple) => tuple.elems.iter().any(can_panic),
        Expr::Array(array) => array.elems.iter().any(can_panic),
        Expr::Cast(cast) => can_panic(&cast.expr),
        Expr::Paren(inner) => can_panic(&inner.expr),
        Expr::Group(inner) => can_panic(&inner.expr),
        _ => false,
    }
}
