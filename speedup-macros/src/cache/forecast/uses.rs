//! What a piece of code does to the variables around it: reads, lends, moves or changes them.

use std::collections::BTreeMap;

use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Block, Expr, Macro, Pat, Stmt, Token, UnOp};

use super::names::{self, Names};

/// How a variable is used, at its strongest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Use {
    /// Lent as a whole: `&x`.
    pub(super) lent: bool,
    /// Its value is taken, which moves it unless it is `Copy`. Also what methods are called on.
    pub(super) moved: bool,
    /// Only a field's value is taken.
    pub(super) field_moved: bool,
    /// Assigned, lent as `&mut`, or the receiver of a method.
    pub(super) changed: bool,
    /// Assigned as a whole.
    pub(super) assigned: bool,
}

/// How a place is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Read,
    Lend,
    Change,
    Assign,
}

/// The variables that a piece of code uses and does not bind itself.
#[derive(Default)]
pub(super) struct Uses {
    pub(super) free: BTreeMap<String, Use>,
    scopes: Vec<Names>,
    /// Inside of closures that own what they use.
    owning: usize,
}

impl Uses {
    pub(super) fn of_statements(statements: &[Stmt]) -> Self {
        let mut uses = Self::default();
        uses.statements(statements);
        uses
    }

    fn note(&mut self, name: &str, note: impl FnOnce(&mut Use)) {
        if !self.scopes.iter().any(|scope| scope.contains(name)) {
            let owned = self.owning > 0;
            let found = self.free.entry(name.to_owned()).or_default();
            note(found);
            found.moved |= owned;
        }
    }

    fn scoped(&mut self, bound: Names, inside: impl FnOnce(&mut Self)) {
        self.scopes.push(bound);
        inside(self);
        self.scopes.pop();
    }

    fn statements(&mut self, statements: &[Stmt]) {
        self.scopes.push(Names::new());
        for statement in statements {
            self.statement(statement);
        }
        self.scopes.pop();
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Local(local) => {
                if let Some(init) = &local.init {
                    self.scrutinee(&init.expr, &local.pat);
                    if let Some((_, diverge)) = &init.diverge {
                        self.value(diverge);
                    }
                }
                self.bind(&local.pat);
            }
            Stmt::Expr(expression, _) => self.value(expression),
            Stmt::Macro(invocation) => self.invocation(&invocation.mac),
            Stmt::Item(_) => {}
        }
    }

    fn bind(&mut self, pattern: &Pat) {
        let bound = names::bindings(pattern);
        if let Some(scope) = self.scopes.last_mut() {
            scope.extend(bound);
        }
    }

    fn block(&mut self, block: &Block) {
        self.statements(&block.stmts);
    }

    /// A value that a pattern takes apart. `_` and `ref` take nothing.
    fn scrutinee(&mut self, value: &Expr, pattern: &Pat) {
        if matches!(pattern, Pat::Wild(_)) { self.place(value, Look::Read) } else { self.value(value) }
    }

    fn all<'a>(&mut self, values: impl IntoIterator<Item = &'a Expr>) {
        values.into_iter().for_each(|value| self.value(value));
    }

    /// An expression whose value is taken.
    pub(super) fn value(&mut self, code: &Expr) {
        match code {
            Expr::Path(path) => {
                if let Some(name) = path.path.get_ident() {
                    self.note(&name.to_string(), |found| found.moved = true);
                }
            }
            Expr::Field(_) => {
                if let Some(name) = names::root(code).filter(|_| is_path(code)) {
                    self.note(&name, |found| found.field_moved = true);
                } else {
                    self.place(code, Look::Read);
                }
            }
            Expr::Index(_) | Expr::Unary(syn::ExprUnary { op: UnOp::Deref(_), .. }) => self.place(code, Look::Read),
            Expr::Reference(lent) => {
                self.place(&lent.expr, if lent.mutability.is_some() { Look::Change } else { Look::Lend });
            }
            Expr::RawAddr(address) => self.place(&address.expr, Look::Change),
            Expr::Binary(binary) if names::compares(&binary.op) => {
                self.place(&binary.left, Look::Read);
                self.place(&binary.right, Look::Read);
            }
            Expr::Binary(binary) if names::assigns(&binary.op) => {
                self.value(&binary.right);
                self.place(&binary.left, Look::Change);
            }
            Expr::Assign(assign) => {
                self.value(&assign.right);
                self.place(&assign.left, Look::Assign);
            }
            Expr::Call(call) => {
                match call.func.as_ref() {
                    Expr::Path(path) => {
                        // A closure that is called may change what it has captured.
                        if let Some(name) = path.path.get_ident() {
                            self.note(&name.to_string(), |found| (found.moved, found.changed) = (true, true));
                        }
                    }
                    other => self.value(other),
                }
                self.all(&call.args);
            }
            Expr::MethodCall(call) => {
                match names::root(&call.receiver).filter(|_| is_path(&call.receiver)) {
                    Some(name) => self.note(&name, |found| (found.moved, found.changed) = (true, true)),
                    None => match call.receiver.as_ref() {
                        Expr::Index(_) => self.place(&call.receiver, Look::Change),
                        receiver => self.value(receiver),
                    },
                }
                self.all(&call.args);
            }
            other => self.compound(other),
        }
    }

    fn compound(&mut self, code: &Expr) {
        match code {
            Expr::Paren(inner) => self.value(&inner.expr),
            Expr::Group(inner) => self.value(&inner.expr),
            Expr::Cast(cast) => self.value(&cast.expr),
            Expr::Unary(unary) => self.value(&unary.expr),
            Expr::Binary(binary) => self.all([binary.left.as_ref(), binary.right.as_ref()]),
            Expr::Tuple(tuple) => self.all(&tuple.elems),
            Expr::Array(array) => self.all(&array.elems),
            Expr::Repeat(repeat) => self.all([repeat.expr.as_ref(), repeat.len.as_ref()]),
            Expr::Range(range) => self.all(range.start.iter().chain(&range.end).map(AsRef::as_ref)),
            Expr::Struct(literal) => {
                self.all(literal.fields.iter().map(|field| &field.expr));
                self.all(literal.rest.iter().map(AsRef::as_ref));
            }
            Expr::Try(inner) => self.value(&inner.expr),
            Expr::Await(inner) => self.value(&inner.base),
            Expr::Return(leave) => self.all(leave.expr.iter().map(AsRef::as_ref)),
            Expr::Break(leave) => self.all(leave.expr.iter().map(AsRef::as_ref)),
            Expr::Macro(invocation) => self.invocation(&invocation.mac),
            Expr::Block(inner) => self.block(&inner.block),
            Expr::Unsafe(inner) => self.block(&inner.block),
            Expr::Loop(inner) => self.block(&inner.body),
            Expr::If(branch) => self.scoped(Names::new(), |uses| {
                uses.value(&branch.cond);
                uses.block(&branch.then_branch);
                uses.all(branch.else_branch.iter().map(|(_, other)| other.as_ref()));
            }),
            Expr::While(inner) => self.scoped(Names::new(), |uses| {
                uses.value(&inner.cond);
                uses.block(&inner.body);
            }),
            Expr::Let(condition) => {
                self.scrutinee(&condition.expr, &condition.pat);
                self.bind(&condition.pat);
            }
            Expr::ForLoop(inner) => {
                self.value(&inner.expr);
                self.scoped(names::bindings(&inner.pat), |uses| uses.block(&inner.body));
            }
            Expr::Match(inner) => {
                self.value(&inner.expr);
                for arm in &inner.arms {
                    self.scoped(names::bindings(&arm.pat), |uses| {
                        if let Pat::Guard(guard) = &arm.pat {
                            uses.value(&guard.guard);
                        }
                        uses.value(&arm.body);
                    });
                }
            }
            Expr::Closure(closure) => {
                let bound = closure.inputs.iter().flat_map(names::bindings).collect();
                self.owning += usize::from(closure.capture.is_some());
                self.scoped(bound, |uses| uses.value(&closure.body));
                self.owning -= usize::from(closure.capture.is_some());
            }
            _ => {}
        }
    }

    fn place(&mut self, code: &Expr, look: Look) {
        match code {
            Expr::Path(path) => {
                if let Some(name) = path.path.get_ident() {
                    self.note(&name.to_string(), |found| match look {
                        Look::Read => {}
                        Look::Lend => found.lent = true,
                        Look::Change => found.changed = true,
                        Look::Assign => (found.changed, found.assigned) = (true, true),
                    });
                }
            }
            Expr::Paren(inner) => self.place(&inner.expr, look),
            Expr::Group(inner) => self.place(&inner.expr, look),
            Expr::Field(field) => self.place(&field.base, within(look)),
            Expr::Index(index) => {
                self.place(&index.expr, within(look));
                self.value(&index.index);
            }
            Expr::Unary(syn::ExprUnary { op: UnOp::Deref(_), expr, .. }) => self.place(expr, within(look)),
            // `(a, b) = (b, a)`
            Expr::Tuple(tuple) if look == Look::Assign => tuple.elems.iter().for_each(|part| self.place(part, look)),
            Expr::Infer(_) => {}
            other => self.value(other),
        }
    }

    fn invocation(&mut self, invocation: &Macro) {
        let parts = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(invocation.tokens.clone());
        let name = invocation.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        match (parts, name.as_str()) {
            // Of a part, what it is within is looked at alone.
            (Ok(parts), "again" | "again_part") => parts.iter().for_each(|part| self.place(part, Look::Read)),
            (Ok(parts), "vec" | "assert" | "debug_assert" | "drain") => self.all(&parts),
            (Ok(parts), "assert_eq" | "assert_ne" | "debug_assert_eq" | "debug_assert_ne") => {
                parts.iter().for_each(|part| self.place(part, Look::Read));
                self.words(invocation, Use::default());
            }
            (Ok(parts), "format" | "print" | "println" | "eprint" | "eprintln" | "panic" | "unreachable") => {
                parts.iter().for_each(|part| self.place(part, Look::Read));
                self.words(invocation, Use::default());
            }
            _ => self.words(invocation, Use { moved: true, changed: true, ..Use::default() }),
        }
    }

    fn words(&mut self, invocation: &Macro, how: Use) {
        for word in names::words(invocation.tokens.clone()) {
            self.note(&word, |found| {
                found.moved |= how.moved;
                found.changed |= how.changed;
            });
        }
    }
}

/// What looking at a part means for the whole.
fn within(look: Look) -> Look {
    if look == Look::Assign { Look::Change } else { look }
}

/// Is this a variable, or a field of one?
fn is_path(place: &Expr) -> bool {
    match place {
        Expr::Path(_) => true,
        Expr::Field(field) => is_path(&field.base),
        Expr::Paren(inner) => is_path(&inner.expr),
        Expr::Group(inner) => is_path(&inner.expr),
        _ => false,
    }
}
