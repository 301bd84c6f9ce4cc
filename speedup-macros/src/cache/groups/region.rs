//! One region, followed in the order in which it is evaluated.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, ExprCall, Local, Macro, Stmt, Token, parse_quote};

use super::effects::{self, Names};
use super::{Groups, early};
use crate::signature::{Argument, Pass};

/// A call that takes part in the group of its region.
pub(super) struct Site {
    /// The variable that stands where the call stood.
    pub(super) result: Ident,
    pub(super) arguments: Vec<Expr>,
    /// The result is changed in place: `f(x).push(y)`.
    pub(super) changed: bool,
}

/// What a walk over a region does with what it finds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// Only looks for calls. Inner regions are left out.
    Trial,
    /// Replaces the calls, and divides the inner regions.
    Collect,
    /// Leaves the calls, and divides the inner regions.
    Pass,
}

/// A region, as far as it has been followed.
pub(super) struct Region<'a> {
    groups: &'a Groups<'a>,
    walk: Walk,
    pub(super) sites: Vec<Site>,
    /// What follows might not be reached: no more calls take part.
    pub(super) closed: bool,
    /// Calls that cannot take part because they need a variable that the region binds.
    pub(super) refused: usize,
    /// Variables bound by the region's own `let` statements.
    bound: Names,
    /// Variables that may have been changed.
    changed: Names,
    /// Variables given to other functions, which may have changed them if they are references.
    handed_on: Names,
    /// Variables mentioned outside of the arguments that move.
    used: Names,
}

impl<'a> Region<'a> {
    pub(super) fn trial(groups: &'a Groups<'a>) -> Region<'a> {
        Region::new(groups, Walk::Trial)
    }

    pub(super) fn collecting(groups: &'a Groups<'a>) -> Region<'a> {
        Region::new(groups, Walk::Collect)
    }

    pub(super) fn passing(groups: &'a Groups<'a>) -> Region<'a> {
        Region::new(groups, Walk::Pass)
    }

    fn new(groups: &'a Groups<'a>, walk: Walk) -> Region<'a> {
        Region {
            groups,
            walk,
            sites: Vec::new(),
            closed: false,
            refused: 0,
            bound: Names::new(),
            changed: Names::new(),
            handed_on: Names::new(),
            used: Names::new(),
        }
    }

    /// Follows a statement.
    pub(super) fn statement(&mut self, statement: &mut Stmt) {
        match statement {
            Stmt::Local(local) => self.local(local),
            Stmt::Expr(expression, _) => self.expression(expression),
            Stmt::Macro(statement) => self.invocation(&mut statement.mac),
            Stmt::Item(_) => self.closed = true,
        }
    }

    fn local(&mut self, local: &mut Local) {
        if let Some(init) = &mut local.init {
            self.expression(&mut init.expr);
            if let Some((_, otherwise)) = &mut init.diverge {
                self.inner(otherwise);
                self.closed = true;
            }
        }
        self.bound.extend(super::bound_by(&local.pat));
    }

    /// Follows an expression whose value is used as it is.
    pub(super) fn expression(&mut self, expression: &mut Expr) {
        self.follow(expression, false);
    }

    /// Follows an expression; `in_place` says that its value is changed where it is.
    fn follow(&mut self, expression: &mut Expr, in_place: bool) {
        match expression {
            Expr::Call(call) if self.groups.calls.is_own(call) => {
                if let Some(result) = self.own_call(call, in_place) {
                    *expression = parse_quote!(#result);
                }
            }
            Expr::Call(call) => {
                self.expression(&mut call.func);
                self.all(call.args.iter_mut());
                self.handed_on.extend(call.args.iter().filter_map(effects::bare));
            }
            Expr::MethodCall(call) => {
                let changes = !early::is_pure(&call.method);
                self.follow(&mut call.receiver, changes);
                self.all(call.args.iter_mut());
                self.handed_on.extend(call.args.iter().filter_map(effects::bare));
                if changes {
                    self.changed.extend(effects::root(&call.receiver));
                }
            }
            Expr::Field(field) => self.follow(&mut field.base, in_place),
            Expr::Paren(inner) => self.follow(&mut inner.expr, in_place),
            Expr::Group(inner) => self.follow(&mut inner.expr, in_place),
            Expr::Unary(unary) => self.follow(&mut unary.expr, in_place),
            Expr::Index(index) => {
                self.follow(&mut index.expr, in_place);
                self.expression(&mut index.index);
            }
            Expr::Reference(reference) => {
                let mutable = reference.mutability.is_some();
                self.follow(&mut reference.expr, mutable);
                if mutable {
                    self.changed.extend(effects::root(&reference.expr));
                }
            }
            Expr::Cast(cast) => self.expression(&mut cast.expr),
            Expr::Array(array) => self.all(array.elems.iter_mut()),
            Expr::Tuple(tuple) => self.all(tuple.elems.iter_mut()),
            Expr::Repeat(repeat) => self.expression(&mut repeat.expr),
            Expr::Range(range) => self.all(range.start.iter_mut().chain(&mut range.end).map(AsMut::as_mut)),
            Expr::Struct(literal) => {
                self.all(literal.fields.iter_mut().map(|field| &mut field.expr));
                self.all(literal.rest.iter_mut().map(AsMut::as_mut));
            }
            Expr::Let(condition) => self.expression(&mut condition.expr),
            Expr::Macro(invocation) => self.invocation(&mut invocation.mac),
            Expr::Lit(_) | Expr::Infer(_) => {}
            Expr::Path(_) => self.used.extend(effects::variables(expression)),
            _ => self.operator_or_exit(expression),
        }
    }

    fn operator_or_exit(&mut self, expression: &mut Expr) {
        match expression {
            Expr::Assign(assign) => {
                self.expression(&mut assign.right);
                self.follow(&mut assign.left, true);
                self.changed.extend(effects::root(&assign.left));
            }
            Expr::Binary(binary) if early::assigns(&binary.op) => {
                self.expression(&mut binary.right);
                self.follow(&mut binary.left, true);
                self.changed.extend(effects::root(&binary.left));
            }
            Expr::Binary(binary) => {
                self.expression(&mut binary.left);
                if matches!(binary.op, syn::BinOp::And(_) | syn::BinOp::Or(_)) {
                    self.inner_condition(&mut binary.right);
                } else {
                    self.expression(&mut binary.right);
                }
            }
            Expr::Try(asking) => {
                self.expression(&mut asking.expr);
                self.closed = true;
            }
            Expr::Await(waiting) => {
                self.expression(&mut waiting.base);
                self.closed = true;
            }
            Expr::Return(exit) => self.exit(exit.expr.as_deref_mut()),
            Expr::Break(exit) => self.exit(exit.expr.as_deref_mut()),
            Expr::Continue(_) => self.exit(None),
            _ => self.structure(expression),
        }
    }

    fn exit(&mut self, value: Option<&mut Expr>) {
        if let Some(value) = value {
            self.expression(value);
        }
        self.closed = true;
    }

    /// Blocks, branches, loops and closures: their conditions belong to this region, their bodies do not.
    fn structure(&mut self, expression: &mut Expr) {
        if matches!(expression, Expr::Yield(_) | Expr::Verbatim(_) | Expr::Const(_) | Expr::TryBlock(_)) {
            self.closed = true;
            return;
        }
        self.condition_of(expression);
        self.passed_by(expression);
        if self.walk != Walk::Trial {
            self.bodies_of(expression);
        }
    }

    fn condition_of(&mut self, expression: &mut Expr) {
        match expression {
            Expr::If(branch) => self.expression(&mut branch.cond),
            Expr::Match(branch) => self.expression(&mut branch.expr),
            Expr::ForLoop(repeated) => self.expression(&mut repeated.expr),
            _ => {}
        }
    }

    fn bodies_of(&mut self, expression: &mut Expr) {
        let groups = self.groups;
        match expression {
            Expr::If(branch) => {
                groups.block(&mut branch.then_branch);
                if let Some((_, otherwise)) = &mut branch.else_branch {
                    groups.root(otherwise);
                }
            }
            Expr::Match(branch) => {
                for arm in &mut branch.arms {
                    if let syn::Pat::Guard(pattern) = &mut arm.pat {
                        self.inner_condition(&mut pattern.guard);
                    }
                    groups.root(&mut arm.body);
                }
            }
            Expr::ForLoop(repeated) => groups.block(&mut repeated.body),
            Expr::While(repeated) => {
                self.inner_condition(&mut repeated.cond);
                groups.block(&mut repeated.body);
            }
            Expr::Loop(repeated) => groups.block(&mut repeated.body),
            Expr::Block(inner) => groups.block(&mut inner.block),
            Expr::Unsafe(inner) => groups.block(&mut inner.block),
            Expr::Async(inner) => groups.block(&mut inner.block),
            Expr::Closure(closure) => groups.root(&mut closure.body),
            _ => {}
        }
    }

    /// Remembers what inner code may do to this region.
    fn passed_by(&mut self, inner: &Expr) {
        self.used.extend(effects::variables(inner));
        self.changed.extend(effects::changes(inner));
        self.handed_on.extend(effects::handed_on(inner));
        self.closed |= effects::leaves(inner);
    }

    /// An expression that a condition decides about is a region of its own.
    fn inner(&mut self, root: &mut Expr) {
        self.passed_by(root);
        if self.walk != Walk::Trial {
            self.groups.root(root);
        }
    }

    /// A condition; where it binds variables, a block around it would take them away.
    fn inner_condition(&mut self, root: &mut Expr) {
        self.passed_by(root);
        if self.walk != Walk::Trial {
            if binds(root) {
                Region { closed: true, ..Region::passing(self.groups) }.expression(root);
            } else {
                self.groups.root(root);
            }
        }
    }

    fn all<'e>(&mut self, expressions: impl Iterator<Item = &'e mut Expr>) {
        for expression in expressions {
            self.expression(expression);
        }
    }

    fn own_call(&mut self, call: &mut ExprCall, in_place: bool) -> Option<Ident> {
        if self.closed || self.walk == Walk::Pass || !self.is_movable(call) {
            self.all(call.args.iter_mut());
            return None;
        }
        let result = super::result_name(self.sites.len(), call.func.span());
        let arguments = call.args.iter().cloned().collect();
        self.sites.push(Site { result: result.clone(), arguments, changed: in_place });
        Some(result)
    }

    /// Can the call's arguments be evaluated before the region?
    fn is_movable(&mut self, call: &ExprCall) -> bool {
        if !call.args.iter().all(early::is_early) {
            return false;
        }
        let names: Names = call.args.iter().flat_map(effects::variables).collect();
        if names.iter().any(|name| self.bound.contains(name)) {
            self.refused += 1;
            return false;
        }
        let steady = |name: &String| self.groups.steady.contains(name);
        if names.iter().any(|name| self.changed.contains(name) && !steady(name)) {
            return false;
        }
        let mut arguments = self.groups.arguments.iter().zip(&call.args);
        if arguments.clone().any(|(argument, value)| {
            let names = effects::looked_into(argument, value);
            names.iter().any(|name| self.handed_on.contains(name) && !steady(name))
        }) {
            return false;
        }
        // An argument that moves must not overtake an earlier use.
        !arguments.any(|(argument, value)| {
            can_move(argument, value)
                && effects::variables(value).iter().any(|name| self.used.contains(name) && !steady(name))
        })
    }

    fn invocation(&mut self, invocation: &mut Macro) {
        if !effects::stays(invocation) {
            self.used.extend(effects::words(invocation.tokens.clone()));
            self.closed = true;
            return;
        }
        let name = invocation.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        // How many leading arguments are evaluated whatever happens.
        let evaluated = match name.as_str() {
            "vec" | "format" | "format_args" | "print" | "println" | "eprint" | "eprintln" | "write" | "writeln" => {
                usize::MAX
            }
            "assert" => 1,
            "assert_eq" | "assert_ne" => 2,
            _ => 0,
        };
        let parts = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(invocation.tokens.clone());
        match parts {
            Ok(mut parts) if evaluated > 0 => {
                self.all(parts.iter_mut().take(evaluated));
                if self.walk != Walk::Trial && mentions_own(&invocation.tokens, self.groups) {
                    invocation.tokens = parts.into_token_stream();
                }
            }
            _ => self.used.extend(effects::words(invocation.tokens.clone())),
        }
    }
}

fn mentions_own(tokens: &TokenStream, groups: &Groups<'_>) -> bool {
    effects::words(tokens.clone()).contains(groups.calls.name())
}

/// Does a condition bind variables for what stands behind it?
fn binds(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(binary) => binds(&binary.left) || binds(&binary.right),
        Expr::Paren(inner) => binds(&inner.expr),
        Expr::Group(inner) => binds(&inner.expr),
        _ => false,
    }
}

/// Can evaluating `value` move a variable away? Numbers are read, references are lent; only a bare value moves, and a
/// method may take its receiver.
fn can_move(argument: &Argument, value: &Expr) -> bool {
    match value {
        Expr::Lit(_) | Expr::Reference(_) => false,
        Expr::Path(_) | Expr::Field(_) | Expr::Binary(_) | Expr::Cast(_) | Expr::Unary(_) => {
            argument.pass == Pass::Clone
        }
        Expr::Paren(inner) => can_move(argument, &inner.expr),
        _ => true,
    }
}
