//! What cannot be a key, and what to write instead.

use syn::{Data, DataEnum, DeriveInput, Expr, ExprLit, ExprUnary, Lit, UnOp};

use crate::errors::Errors;

/// A variant's place takes one byte.
const MOST: usize = 256;

pub(super) fn check(input: &DeriveInput, errors: &mut Errors) {
    owns_its_data(input, errors);
    match &input.data {
        Data::Struct(_) => {}
        Data::Enum(data) => {
            has_variants(input, data, errors);
            is_in_order(data, errors);
        }
        Data::Union(data) => errors
            .at(data.union_token, "a union does not say which of its fields it holds: a key is a struct or an enum"),
    }
}

fn owns_its_data(input: &DeriveInput, errors: &mut Errors) {
    for lifetime in input.generics.lifetimes() {
        errors.at(
            lifetime,
            "a key is read back from disk, so it owns its data: write `String` for `&str`, `Vec<u8>` for `&[u8]`",
        );
    }
}

fn has_variants(input: &DeriveInput, data: &DataEnum, errors: &mut Errors) {
    if data.variants.is_empty() {
        errors.at(&input.ident, "an enum without variants has no value that could be a key");
    }
    if let Some(variant) = data.variants.iter().nth(MOST) {
        errors.at(variant, format!("a key has at most {MOST} variants: put some of them into an enum of their own"));
    }
}

/// `derive(Ord)` goes by discriminants, a key by the place of its variant: both must say the same.
fn is_in_order(data: &DataEnum, errors: &mut Errors) {
    let mut last: Option<i128> = None;
    for variant in &data.variants {
        let value = match &variant.discriminant {
            None => last.map_or(Some(0), |last| last.checked_add(1)),
            Some((_, written)) => match number(written) {
                Some(value) => Some(value),
                None => {
                    errors.at(written, "the order of keys must be plain here: write the discriminant as a number");
                    return;
                }
            },
        };
        if let (Some(last), Some(value)) = (last, value)
            && value <= last
        {
            errors.at(
                variant,
                "keys are ordered by the place of their variant: sort the variants by their discriminants",
            );
            return;
        }
        last = value;
    }
}

fn number(written: &Expr) -> Option<i128> {
    match written {
        Expr::Lit(ExprLit { lit: Lit::Int(value), .. }) => value.base10_parse().ok(),
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => number(expr).map(|value: i128| -value),
        _ => None,
    }
}
