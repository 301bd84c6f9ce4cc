//! What is known of the variables of a function, by name: of several with one name only what holds for all.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};
use syn::{Block, Expr, ItemFn, Lit, Local, Pat, Stmt, Type, UnOp};

use super::calls::Calls;
use super::chain;
use super::copies::{self, Lent};
use super::names::{self, Names};
use super::uses::Uses;
use crate::signature::{self, Argument, Pass};

/// What is known of the variables with one name.
#[derive(Clone, Debug, Default)]
struct Known {
    /// They are copied when used.
    copied: bool,
    /// They are numbers, `bool`s or `char`s.
    scalar: bool,
    /// They are shared references that are arguments.
    reference: bool,
    /// They are slices or strings that are arguments.
    lent: Option<Lent>,
    /// They are arrays of more than one element.
    array: bool,
    /// An iterator that the statement behind its `let` goes through.
    drained: bool,
    /// One of them is declared `mut`.
    mutable: bool,
    /// One of them is declared without a value.
    late: bool,
    /// Its type may name a closure, of which nobody can ask whether it may be copied.
    closes: bool,
    /// How many there are.
    bound: usize,
    /// One of them may hold a mutable borrow of these.
    borrows: Names,
}

/// What is known of all variables of a function.
#[derive(Default)]
pub(super) struct Locals {
    known: BTreeMap<String, Known>,
    /// Those that may have been moved away and are assigned anew.
    refilled: Names,
    /// Calls give numbers: how to know them.
    numbers: Option<Calls>,
}

impl Locals {
    pub(super) fn of(function: &ItemFn, arguments: &[Argument], calls: &Calls, result: &Type) -> Self {
        let numbers = signature::is_primitive(result).then(|| calls.clone());
        let mut locals = Self { numbers, ..Self::default() };
        for argument in arguments {
            let (pattern, element) = (argument.declared.pat.as_ref(), signature::borrowed(&argument.declared.ty));
            let is_named = matches!(pattern, Pat::Ident(_));
            locals.bind(pattern, argument.pass != Pass::Clone && is_named, &Names::new());
            if let Some(known) = locals.known.get_mut(&argument.declared_name()).filter(|_| is_named) {
                known.scalar = argument.pass == Pass::Copy;
                known.reference = argument.pass == Pass::Lend;
                known.lent = element.and_then(Lent::of);
            }
        }
        locals.visit_block(&function.block);
        let uses = Uses::of_statements(&function.block.stmts);
        locals.refilled = refilled(&function.block.stmts);
        locals
            .refilled
            .extend(uses.free.iter().filter(|(_, how)| how.assigned && how.moved).map(|(name, _)| name.clone()));
        locals
    }

    pub(super) fn is_known(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// Is it copied when used?
    pub(super) fn is_copied(&self, name: &str) -> bool {
        self.known.get(name).is_some_and(|known| known.copied)
    }

    fn is_number(&self, name: &str) -> bool {
        self.known.get(name).is_some_and(|known| known.scalar)
    }

    /// Is it a shared reference that is an argument?
    pub(super) fn is_reference(&self, name: &str) -> bool {
        self.is_one(name) && self.known.get(name).is_some_and(|known| known.reference && !known.mutable)
    }

    /// What is it, if it is an argument that is a slice or a string?
    pub(super) fn lent(&self, name: &str) -> Option<Lent> {
        self.known.get(name).filter(|known| known.bound == 1).and_then(|known| known.lent)
    }

    pub(super) fn is_mutable(&self, name: &str) -> bool {
        self.known.get(name).is_some_and(|known| known.mutable)
    }

    /// Is it an array of more than one element?
    pub(super) fn is_array(&self, name: &str) -> bool {
        self.is_one(name) && self.known.get(name).is_some_and(|known| known.array)
    }

    /// Is it an iterator of which the statement behind its `let` goes through all?
    pub(super) fn is_drained(&self, name: &str) -> bool {
        self.is_one(name) && self.known.get(name).is_some_and(|known| known.drained)
    }

    /// May its type name a closure?
    pub(super) fn closes(&self, name: &str) -> bool {
        self.known.get(name).is_some_and(|known| known.closes)
    }

    /// Does the name mean the same wherever it stands?
    pub(super) fn is_one(&self, name: &str) -> bool {
        self.known.get(name).is_none_or(|known| known.bound == 1)
    }

    /// Might it have no value at times?
    pub(super) fn may_be_empty(&self, name: &str) -> bool {
        !self.is_copied(name) && self.refilled.contains(name) || self.known.get(name).is_some_and(|known| known.late)
    }

    /// Does `holder` perhaps hold a mutable borrow of `name`?
    pub(super) fn borrows(&self, holder: &str, name: &str) -> bool {
        self.is_lendable(name, &mut Names::new()) && self.reaches(holder, name)
    }

    /// Can it be borrowed mutably, or does it hold such a borrow?
    fn is_lendable(&self, name: &str, seen: &mut Names) -> bool {
        let Some(known) = self.known.get(name).filter(|_| seen.insert(name.to_owned())) else { return false };
        known.mutable || known.borrows.iter().any(|source| self.is_lendable(source, seen))
    }

    fn reaches(&self, holder: &str, name: &str) -> bool {
        let mut seen = Names::from([holder.to_owned()]);
        let mut ahead = vec![holder.to_owned()];
        while let Some(next) = ahead.pop() {
            for source in self.known.get(&next).iter().flat_map(|known| &known.borrows) {
                if source == name {
                    return true;
                }
                if seen.insert(source.clone()) {
                    ahead.push(source.clone());
                }
            }
        }
        false
    }

    fn bind(&mut self, pattern: &Pat, copied: bool, borrows: &Names) {
        for (name, mutable, copied) in copies::bindings(pattern, copied) {
            let new = !self.known.contains_key(&name);
            let known = self.known.entry(name).or_default();
            known.copied = copied && (new || known.copied);
            // Told by who knows it, of one.
            known.scalar = false;
            known.mutable |= mutable;
            known.bound += 1;
            known.borrows.extend(borrows.iter().cloned());
        }
    }

    /// The same of numbers.
    fn bind_scalars(&mut self, pattern: &Pat, borrows: &Names) {
        let was: Vec<(String, bool)> = names::bindings(pattern)
            .into_iter()
            .map(|name| {
                let scalar = self.known.get(&name).is_none_or(|known| known.scalar);
                (name, scalar)
            })
            .collect();
        self.bind(pattern, true, borrows);
        for (name, scalar) in was {
            self.known.entry(name).or_default().scalar = scalar;
        }
    }

    /// The same of what is bound to a value.
    fn bind_value(&mut self, pattern: &Pat, scalar: bool, value: &Expr) {
        let borrows = sources(value);
        if scalar {
            self.bind_scalars(pattern, &borrows);
        } else {
            self.bind(pattern, copies::are_copied(self, untyped(pattern), value), &borrows);
        }
    }

    /// Does it surely go over numbers?
    fn is_range(&self, iterated: &Expr) -> bool {
        match iterated {
            Expr::Paren(inner) => self.is_range(&inner.expr),
            Expr::Range(range) => range.start.iter().chain(&range.end).any(|end| self.is_scalar(end)),
            Expr::MethodCall(call) => {
                ["rev", "step_by", "skip", "take"].iter().any(|same| call.method == same)
                    && self.is_range(&call.receiver)
            }
            _ => false,
        }
    }

    /// Is the value surely a number, a `bool` or a `char`?
    pub(super) fn is_scalar(&self, value: &Expr) -> bool {
        match value {
            Expr::Lit(literal) => {
                !matches!(literal.lit, Lit::Str(_) | Lit::ByteStr(_) | Lit::CStr(_) | Lit::Verbatim(_))
            }
            Expr::Path(path) => path.path.get_ident().is_some_and(|name| self.is_number(&name.to_string())),
            Expr::Paren(inner) => self.is_scalar(&inner.expr),
            Expr::Group(inner) => self.is_scalar(&inner.expr),
            Expr::Cast(cast) => signature::is_primitive(&cast.ty),
            Expr::Call(call) => self.numbers.as_ref().is_some_and(|calls| calls.callee(call) == Some(0)),
            Expr::Unary(unary) => !matches!(unary.op, UnOp::Deref(_)) && self.is_scalar(&unary.expr),
            Expr::Binary(binary) if names::compares(&binary.op) || names::is_lazy(&binary.op) => true,
            Expr::Binary(binary) => self.is_scalar(&binary.left) && self.is_scalar(&binary.right),
            _ => false,
        }
    }
}

/// Methods whose result belongs to the caller, by convention.
const OWNED: [&str; 8] = ["len", "is_empty", "contains", "contains_key", "clone", "to_owned", "to_vec", "to_string"];

/// The variables of which a value may hold a mutable borrow.
fn sources(value: &Expr) -> Names {
    struct Search(Names);
    impl<'ast> Visit<'ast> for Search {
        fn visit_expr(&mut self, expression: &'ast Expr) {
            let source = match expression {
                Expr::Reference(reference) if reference.mutability.is_some() => names::root(&reference.expr),
                Expr::RawAddr(address) => names::root(&address.expr),
                Expr::MethodCall(call) if OWNED.iter().any(|owned| call.method == owned) => return,
                Expr::MethodCall(call) => names::root(&call.receiver),
                Expr::Assign(assign) => names::root(&assign.left),
                Expr::Binary(binary) if names::assigns(&binary.op) => names::root(&binary.left),
                // What a comparison or an operator gives holds no borrow of a variable.
                Expr::Binary(_) | Expr::Lit(_) | Expr::Index(_) | Expr::Cast(_) => return,
                _ => None,
            };
            self.0.extend(source);
            visit::visit_expr(self, expression);
        }
        fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
            self.0.extend(names::words(invocation.tokens.clone()));
        }
        fn visit_item(&mut self, _: &'ast syn::Item) {}
    }
    let mut search = Search(Names::new());
    search.0.extend(names::root(value).filter(|_| matches!(value, Expr::Path(_) | Expr::Field(_))));
    search.visit_expr(value);
    search.0
}

/// The pattern without its type.
fn untyped(pattern: &Pat) -> &Pat {
    if let Pat::Type(typed) = pattern { &typed.pat } else { pattern }
}

impl<'ast> Visit<'ast> for Locals {
    fn visit_block(&mut self, block: &'ast Block) {
        visit::visit_block(self, block);
        for pair in block.stmts.windows(2) {
            if let Stmt::Local(local) = &pair[0]
                && let (Pat::Ident(name), Some(init)) = (untyped(&local.pat), &local.init)
                && chain::is_iterator(&init.expr)
                && chain::drains(&pair[1], &name.ident)
            {
                self.known.entry(name.ident.to_string()).or_default().drained = true;
            }
        }
    }

    fn visit_local(&mut self, local: &'ast Local) {
        visit::visit_local(self, local);
        let Some(init) = &local.init else {
            self.bind(&local.pat, false, &Names::new());
            for name in names::bindings(&local.pat) {
                self.known.entry(name).or_default().late = true;
            }
            return;
        };
        let scalar = match &local.pat {
            Pat::Type(typed) => matches!(*typed.pat, Pat::Ident(_)) && is_scalar_type(&typed.ty),
            Pat::Ident(_) => self.is_scalar(&init.expr),
            _ => false,
        };
        self.bind_value(&local.pat, scalar, &init.expr);
        if matches!(&*init.expr, Expr::Array(array) if array.elems.len() > 1)
            && let Pat::Ident(name) = untyped(&local.pat)
        {
            self.known.entry(name.ident.to_string()).or_default().array = true;
        }
        if !matches!(local.pat, Pat::Type(_)) && chain::gives_closure(&init.expr) {
            for name in names::bindings(&local.pat) {
                self.known.entry(name).or_default().closes = true;
            }
        }
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        match expression {
            Expr::ForLoop(inner) => {
                let numbers = self.is_range(&inner.expr);
                let borrows = sources(&inner.expr);
                if numbers && matches!(*inner.pat, Pat::Ident(_)) {
                    self.bind_scalars(&inner.pat, &borrows);
                } else {
                    self.bind(&inner.pat, false, &borrows);
                }
            }
            Expr::Let(condition) => self.bind_value(&condition.pat, false, &condition.expr),
            Expr::Match(inner) => {
                let scalar = self.is_scalar(&inner.expr);
                inner.arms.iter().for_each(|arm| self.bind_value(&arm.pat, scalar, &inner.expr));
            }
            Expr::Closure(closure) => {
                for input in &closure.inputs {
                    let scalar = matches!(input, Pat::Type(typed) if is_scalar_type(&typed.ty));
                    if scalar {
                        self.bind_scalars(input, &Names::new());
                    } else {
                        self.bind(input, false, &Names::new());
                    }
                }
            }
            Expr::MethodCall(call) if call.method == "map" || call.method == "for_each" => {
                if let (true, Some(Expr::Closure(closure))) = (self.is_range(&call.receiver), call.args.first()) {
                    closure.inputs.iter().for_each(|input| self.bind_scalars(input, &Names::new()));
                    visit::visit_expr(self, &call.receiver);
                    return visit::visit_expr(self, &closure.body);
                }
            }
            Expr::Assign(assign) => {
                let borrows = sources(&assign.right);
                if let Some(known) = names::root(&assign.left).and_then(|name| self.known.get_mut(&name)) {
                    known.borrows.extend(borrows);
                }
            }
            // A collection may come to hold what it is given.
            Expr::MethodCall(call) => {
                let borrows: Names = call.args.iter().flat_map(sources).collect();
                if let Some(known) = names::root(&call.receiver).and_then(|name| self.known.get_mut(&name)) {
                    known.borrows.extend(borrows);
                }
            }
            _ => {}
        }
        visit::visit_expr(self, expression);
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

fn is_scalar_type(ty: &Type) -> bool {
    signature::is_primitive(ty)
}

/// The variables that are both moved and assigned as a whole, wherever they are bound.
fn refilled(statements: &[syn::Stmt]) -> Names {
    struct Search {
        assigned: Names,
        moved: Names,
    }
    impl<'ast> Visit<'ast> for Search {
        fn visit_block(&mut self, block: &'ast syn::Block) {
            self.look(&block.stmts);
            visit::visit_block(self, block);
        }
        fn visit_expr(&mut self, expression: &'ast Expr) {
            let mut uses = Uses::default();
            uses.value(expression);
            self.add(uses);
            visit::visit_expr(self, expression);
        }
        fn visit_item(&mut self, _: &'ast syn::Item) {}
    }
    impl Search {
        fn look(&mut self, statements: &[syn::Stmt]) {
            // One by one: what a statement binds is free in those behind it.
            for statement in statements {
                self.add(Uses::of_statements(std::slice::from_ref(statement)));
            }
        }
        fn add(&mut self, uses: Uses) {
            for (name, how) in uses.free {
                if how.assigned {
                    self.assigned.insert(name.clone());
                }
                if how.moved {
                    self.moved.insert(name);
                }
            }
        }
    }
    let mut search = Search { assigned: Names::new(), moved: Names::new() };
    search.look(statements);
    statements.iter().for_each(|statement| search.visit_stmt(statement));
    search.assigned.intersection(&search.moved).cloned().collect()
}
