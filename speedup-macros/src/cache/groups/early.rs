//! Which arguments can be evaluated before the statement they stand in, without a difference to anybody.

use syn::{Expr, ExprCall, ExprMethodCall, RangeLimits, UnOp};

/// Methods of the standard library that change nothing and give the same value a moment earlier.
///
/// A name stays out when any type of the standard library changes something under it: `Option::take`, `Cell::replace`,
/// `Cell::get`.
#[rustfmt::skip]
const PURE: &[&str] = &[
    "abs", "abs_diff", "as_bytes", "as_deref", "as_ref", "as_slice", "as_str", "ceil", "chars", "checked_add",
    "checked_div", "checked_mul", "checked_pow", "checked_rem", "checked_sub", "clamp", "clone", "cloned", "cmp",
    "collect", "concat", "contains", "contains_key", "copied", "count", "count_ones", "count_zeros", "div_ceil",
    "div_euclid", "ends_with", "enumerate", "eq", "expect", "filter", "first", "floor", "fold", "ge", "gt", "ilog",
    "ilog10", "ilog2", "into", "into_boxed_slice", "into_iter", "is_ascii", "is_char_boundary", "is_empty",
    "is_err", "is_negative", "is_none", "is_ok", "is_positive", "is_power_of_two", "is_some", "isqrt", "iter",
    "last", "le", "leading_zeros", "len", "lt", "map", "max", "min", "ne", "next_power_of_two", "overflowing_add",
    "overflowing_sub", "pow", "powf", "powi", "rem_euclid", "repeat", "rev", "reverse_bits", "rotate_left",
    "rotate_right", "round", "saturating_add", "saturating_mul", "saturating_pow", "saturating_sub", "signum",
    "split_at", "split_first", "split_last", "sqrt", "starts_with", "strip_prefix", "strip_suffix", "sum",
    "swap_bytes", "to_ascii_lowercase", "to_ascii_uppercase", "to_bits", "to_lowercase", "to_owned", "to_string",
    "to_uppercase", "to_vec", "trailing_zeros", "trim", "trim_end", "trim_start", "trunc", "try_into",
    "unsigned_abs", "unwrap", "unwrap_or", "unwrap_or_default", "wrapping_add", "wrapping_div", "wrapping_mul",
    "wrapping_neg", "wrapping_pow", "wrapping_rem", "wrapping_shl", "wrapping_shr", "wrapping_sub", "zip",
];

/// Functions of types that only convert or construct: `u32::from(x)`, `String::new()`.
const CONVERSIONS: &[&str] =
    &["from", "try_from", "from_bits", "default", "min_value", "max_value", "from_str", "from_u32", "from_digit"];

/// Is `method` one that changes nothing?
pub(super) fn is_pure(method: &syn::Ident) -> bool {
    PURE.iter().any(|pure| method == pure)
}

/// Can this argument be evaluated early, as far as its form tells?
pub(super) fn is_early(argument: &Expr) -> bool {
    match argument {
        Expr::Lit(_) | Expr::Path(_) => true,
        Expr::Field(field) => is_early(&field.base),
        Expr::Paren(inner) => is_early(&inner.expr),
        Expr::Group(inner) => is_early(&inner.expr),
        Expr::Cast(cast) => is_early(&cast.expr),
        Expr::Reference(reference) => reference.mutability.is_none() && is_early(&reference.expr),
        Expr::Unary(unary) => matches!(unary.op, UnOp::Deref(_) | UnOp::Not(_) | UnOp::Neg(_)) && is_early(&unary.expr),
        Expr::Binary(binary) => !assigns(&binary.op) && is_early(&binary.left) && is_early(&binary.right),
        Expr::Index(index) => is_early(&index.expr) && is_early(&index.index),
        Expr::Tuple(tuple) => tuple.elems.iter().all(is_early),
        Expr::Array(array) => array.elems.iter().all(is_early),
        Expr::Repeat(repeat) => is_early(&repeat.expr),
        Expr::Range(range) => {
            let ends = range.start.iter().chain(range.end.iter());
            matches!(range.limits, RangeLimits::HalfOpen(_) | RangeLimits::Closed(_))
                && ends.into_iter().all(|end| is_early(end))
        }
        Expr::Struct(literal) => {
            literal.fields.iter().all(|field| is_early(&field.expr)) && literal.rest.iter().all(|rest| is_early(rest))
        }
        Expr::MethodCall(call) => is_early_method(call),
        Expr::Call(call) => is_early_call(call),
        _ => false,
    }
}

fn is_early_method(call: &ExprMethodCall) -> bool {
    is_pure(&call.method) && is_early(&call.receiver) && call.args.iter().all(is_early)
}

/// `Some(x)`, `Point(x, y)`, `u32::from(x)`, `cmp::min(x, y)`.
fn is_early_call(call: &ExprCall) -> bool {
    let Expr::Path(path) = call.func.as_ref() else { return false };
    let mut from_the_end = path.path.segments.iter().rev();
    let Some(last) = from_the_end.next().map(|segment| segment.ident.to_string()) else { return false };
    let before = from_the_end.next().map(|segment| segment.ident.to_string());
    let of_a_type = before.as_deref().is_some_and(starts_upper) || before.as_deref().is_some_and(is_primitive_name);
    let known = starts_upper(&last)
        || (of_a_type && CONVERSIONS.contains(&last.as_str()))
        || (before.as_deref() == Some("cmp") && (last == "min" || last == "max"))
        || (matches!(before.as_deref(), Some("Rc" | "Arc")) && last == "clone")
        || (matches!(before.as_deref(), Some("String" | "Vec" | "Box" | "Rc" | "Arc")) && last == "new");
    known && call.args.iter().all(is_early)
}

fn starts_upper(name: &str) -> bool {
    name.chars().next().is_some_and(char::is_uppercase)
}

fn is_primitive_name(name: &str) -> bool {
    syn::parse_str::<syn::Type>(name).is_ok_and(|ty| crate::signature::is_primitive(&ty))
}

/// Does the operator change its left side?
pub(super) fn assigns(op: &syn::BinOp) -> bool {
    use syn::BinOp;
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
