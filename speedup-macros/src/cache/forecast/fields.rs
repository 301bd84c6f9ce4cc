//! Fields whose values a forecast takes: it has copies of those, and not of what they are part of, which may be no such thing as can be
//! copied.

use std::collections::BTreeMap;

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ExprField, Member, Stmt, UnOp, parse_quote};

use super::locals::Locals;
use super::names::{self, Names};
use super::uses::Uses;

/// Puts `let item_weight = again_part!(item.weight, item);` before the statements, and `item_weight` in place of `item.weight`.
pub(super) fn copied(locals: &Locals, statements: &mut Vec<Stmt>) {
    let uses = Uses::of_statements(statements);
    let parted = uses.free.iter().filter(|(name, how)| {
        let apart = how.field_moved && !how.moved && !how.changed && !how.lent;
        apart && locals.is_known(name) && locals.is_one(name) && !locals.is_copied(name)
    });
    let mut rewrite = Rewrite { of: parted.map(|(name, _)| name.clone()).collect(), fields: BTreeMap::new() };
    if rewrite.of.is_empty() {
        return;
    }
    statements.iter_mut().for_each(|statement| rewrite.visit_stmt_mut(statement));
    let copies = rewrite.fields.into_values().map(|(name, field)| -> Stmt {
        let within = within(&field);
        parse_quote!(let #name = ::speedup::__private::again_part!(#field, #(#within),*);)
    });
    statements.splice(0..0, copies.collect::<Vec<_>>());
}

struct Rewrite {
    of: Names,
    /// By their tokens, with what each is called: no two are called the same.
    fields: BTreeMap<String, (Ident, ExprField)>,
}

impl VisitMut for Rewrite {
    fn visit_expr_mut(&mut self, code: &mut Expr) {
        match code {
            Expr::Field(field) => {
                let root = names::root(&Expr::Field(field.clone())).filter(|root| self.of.contains(root));
                match root.and_then(|_| called(field)) {
                    Some(text) => {
                        let name = self.named(text, field);
                        *code = parse_quote!(#name);
                    }
                    None => visit_mut::visit_expr_mut(self, code),
                }
            }
            // What is looked into is not taken.
            Expr::Index(index) => self.visit_expr_mut(&mut index.index),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => {}
            other => visit_mut::visit_expr_mut(self, other),
        }
    }
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}

impl Rewrite {
    /// What a field is called: `text`, unless that is another one, as `a.b_c` is beside `a_b.c`.
    fn named(&mut self, mut text: String, field: &ExprField) -> Ident {
        let tokens = field.to_token_stream().to_string();
        if let Some((name, _)) = self.fields.get(&tokens) {
            return name.clone();
        }
        while self.fields.values().any(|(other, _)| *other == text) {
            text.push('_');
        }
        let name = Ident::new(&text, Span::mixed_site());
        self.fields.insert(tokens, (name.clone(), field.clone()));
        name
    }
}

/// `item` and `item.size` for `item.size.width`: on the way to the field none of them is to run code.
fn within(field: &ExprField) -> Vec<&Expr> {
    let mut within = match &*field.base {
        Expr::Field(inner) => within(inner),
        _ => Vec::new(),
    };
    within.push(&field.base);
    within
}

/// `item_weight` for `item.weight`; `None` for what is no field of a variable.
fn called(field: &ExprField) -> Option<String> {
    let base = match &*field.base {
        Expr::Path(path) => path.path.get_ident()?.unraw().to_string(),
        Expr::Field(inner) => called(inner)?,
        _ => return None,
    };
    match &field.member {
        Member::Named(name) => Some(format!("{base}_{}", name.unraw())),
        Member::Unnamed(index) => Some(format!("{base}_{}", index.index)),
    }
}
