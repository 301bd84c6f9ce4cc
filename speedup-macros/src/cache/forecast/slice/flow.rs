//! Slices of expressions that decide what is evaluated: operators, branches, loops, calls.

use super::*;

impl Slicer<'_> {
    pub(super) fn control(&mut self, code: &Expr, out: &mut Vec<Node>) {
        match code {
            Expr::Block(inner) if inner.label.is_none() => {
                let mut body = Vec::new();
                self.block(&inner.block, &mut body);
                out.push(Node::Block { attributes: Vec::new(), body });
            }
            Expr::If(branch) => self.branch(branch, out),
            Expr::Match(inner) => self.arms(inner, out),
            Expr::ForLoop(inner) => {
                if !self.is_clean(&inner.expr) {
                    let whole = !exits::leaves_loop(&inner.body);
                    match &*inner.expr {
                        Expr::MethodCall(chain) if whole => chain::method(self, chain, true, out),
                        other => self.discard(other, out),
                    }
                    return self.skip_loop(code, &inner.body);
                }
                let head = Head::For((*inner.pat).clone(), self.localized(&inner.expr));
                self.repeat(code, inner.label.as_ref(), head, &inner.body, out);
            }
            Expr::While(inner) => {
                if !self.is_clean(&inner.cond) {
                    // The condition runs as written, and more often than once.
                    self.open.push(std::ptr::from_ref(&*inner.cond).cast());
                    return self.skip_loop(code, &inner.body);
                }
                let head = Head::While(self.localized(&inner.cond));
                self.repeat(code, inner.label.as_ref(), head, &inner.body, out);
            }
            Expr::Loop(inner) => self.repeat(code, inner.label.as_ref(), Head::Endless, &inner.body, out),
            // What is only made here runs elsewhere.
            Expr::Closure(closure) => self.skip_closure(closure),
            other => {
                // Unknown: as written, and nothing is foretold beyond it.
                self.skip(other);
                self.closed = true;
            }
        }
    }

    pub(in super::super) fn skip_closure(&mut self, closure: &ExprClosure) {
        self.taint_changes(&closure.body);
        if self.has_calls(&closure.body) {
            self.refused += 1;
            self.open.push(std::ptr::from_ref(&*closure.body).cast());
        }
    }

    /// Code without calls and without a way out.
    pub(super) fn leaf(&mut self, code: &Expr, out: &mut Vec<Node>) {
        if let Expr::Macro(invocation) = code {
            return self.invocation(&invocation.mac, out);
        }
        if self.is_clean(code) {
            if let Some(parts) = untyped::made_of(code) {
                return self.all(parts, out);
            }
            // Its branches are looked at one by one.
            if matches!(code, Expr::If(_) | Expr::Match(_) | Expr::Block(_)) && untyped::is_untyped(code) {
                return self.control(code, out);
            }
            if exits::can_fail(code) || !self.changes(code).is_empty() {
                // Out of its place its type might be anybody's guess.
                if untyped::needs_context(code) {
                    self.taint_changes(code);
                    self.closed = true;
                } else {
                    out.push(Node::Run(code.clone()));
                }
            }
            return;
        }
        self.taint_changes(code);
        self.closed |= exits::is_opaque(code);
    }

    pub(super) fn all<'e>(&mut self, values: impl IntoIterator<Item = &'e Expr>, out: &mut Vec<Node>) {
        values.into_iter().for_each(|value| self.discard(value, out));
    }

    pub(super) fn call(&mut self, code: &Expr, call: &syn::ExprCall, out: &mut Vec<Node>) {
        let clean = call.args.iter().all(|argument| self.is_clean(argument) && !exits::leaves(argument));
        let by_closure = names::root(&call.func)
            .is_some_and(|name| matches!(&*call.func, Expr::Path(_)) && self.asking.contains(&name));
        if let Some(callee) = self.forecaster.calls.callee(call) {
            if clean {
                let arguments = call.args.iter().map(|argument| self.localized(argument)).collect();
                out.push(Node::Ask { callee, arguments, at: told::at(call) });
            } else {
                self.all(&call.args, out);
                self.refused += 1;
            }
            return;
        }
        if by_closure && clean {
            out.push(Node::AskBy(self.localized(code)));
            return;
        }
        if !matches!(&*call.func, Expr::Path(_)) {
            self.discard(&call.func, out);
        }
        for argument in &call.args {
            match argument {
                Expr::Closure(closure) => self.skip_closure(closure),
                other => self.discard(other, out),
            }
        }
        self.refused += usize::from(by_closure);
        self.taint_changes(code);
    }

    pub(super) fn binary(&mut self, binary: &syn::ExprBinary, out: &mut Vec<Node>) {
        if names::assigns(&binary.op) {
            self.discard(&binary.right, out);
            self.tainted.extend(names::root(&binary.left));
            if let Expr::Index(index) = &*binary.left {
                self.discard(&index.index, out);
            }
            return;
        }
        self.discard(&binary.left, out);
        if !names::is_lazy(&binary.op) {
            return self.discard(&binary.right, out);
        }
        if !self.is_clean(&binary.left) || untyped::needs_context(&binary.left) {
            return self.skip(&binary.right);
        }
        if matches!(out.last(), Some(Node::Run(_))) && exits::can_fail(&binary.left) {
            out.pop();
        }
        let mut then = Vec::new();
        let before = self.tainted.clone();
        self.discard(&binary.right, &mut then);
        self.tainted.extend(before);
        let left = self.localized(&binary.left);
        let condition = match binary.op {
            syn::BinOp::Or(_) => Expr::Unary(syn::ExprUnary {
                attrs: Vec::new(),
                op: UnOp::Not(syn::token::Not::default()),
                expr: Box::new(super::super::write::parenthesized(left)),
            }),
            _ => left,
        };
        out.push(Node::If { condition, then, otherwise: Vec::new() });
    }

    pub(super) fn branch(&mut self, branch: &syn::ExprIf, out: &mut Vec<Node>) {
        let otherwise = branch.else_branch.as_ref().map(|(_, other)| other.as_ref());
        if !self.is_clean(&branch.cond) {
            self.discard_condition(&branch.cond, out);
            if self.closed {
                return;
            }
            self.inside(bound_by_condition(&branch.cond), |slicer| slicer.skip_block(&branch.then_branch));
            otherwise.into_iter().for_each(|other| self.skip(other));
            return;
        }
        let condition = self.localized(&branch.cond);
        let (mut then, mut other) = (Vec::new(), Vec::new());
        let bound = bound_by_condition(&branch.cond);
        let before = self.tainted.clone();
        self.inside(bound.clone(), |slicer| {
            bound.iter().for_each(|name| {
                slicer.tainted.remove(name);
                slicer.asking.remove(name);
            });
            slicer.block(&branch.then_branch, &mut then);
        });
        let (after_then, closed_then) = (std::mem::replace(&mut self.tainted, before), self.closed);
        self.closed = false;
        otherwise.into_iter().for_each(|otherwise| self.discard(otherwise, &mut other));
        self.tainted.extend(after_then);
        self.closed |= closed_then;
        out.push(Node::If { condition, then, otherwise: other });
    }

    /// A condition that is not foretold: its own calls are. What `let` binds is not known.
    pub(super) fn discard_condition(&mut self, condition: &Expr, out: &mut Vec<Node>) {
        match condition {
            Expr::Let(inner) => self.discard(&inner.expr, out),
            Expr::Binary(binary) if names::binds(&binary.left) || names::binds(&binary.right) => {
                self.discard_condition(&binary.left, out);
                self.skip(&binary.right);
            }
            other => self.discard(other, out),
        }
    }

    pub(super) fn arms(&mut self, inner: &ExprMatch, out: &mut Vec<Node>) {
        let guards = inner.arms.iter().filter_map(|arm| match &arm.pat {
            Pat::Guard(guard) => Some(&*guard.guard),
            _ => None,
        });
        let clean = self.is_clean(&inner.expr) && guards.into_iter().all(|guard| self.is_clean(guard));
        if !clean {
            self.discard(&inner.expr, out);
            for arm in &inner.arms {
                self.inside(names::bindings(&arm.pat), |slicer| slicer.skip(&arm.body));
            }
            return;
        }
        let value = self.localized(&inner.expr);
        let before = self.tainted.clone();
        let (mut after, mut closed) = (Names::new(), false);
        let mut arms = Vec::new();
        for arm in &inner.arms {
            let mut body = Vec::new();
            self.tainted = before.clone();
            self.closed = false;
            let refused = self.refused;
            self.inside(names::bindings(&arm.pat), |slicer| {
                slicer.bind(&arm.pat, false);
                slicer.discard(&arm.body, &mut body);
            });
            if (self.closed || self.refused > refused) && !matches!(&*arm.body, Expr::Block(_)) {
                self.open.push(std::ptr::from_ref(&*arm.body).cast());
            }
            after.append(&mut self.tainted);
            closed |= self.closed;
            arms.push((arm.attrs.clone(), arm.pat.clone(), body));
        }
        self.tainted = before;
        self.tainted.extend(after);
        self.closed = closed;
        out.push(Node::Match { value, arms });
    }

    /// A loop whose turns are all foretold, or none of them.
    pub(super) fn repeat(
        &mut self,
        code: &Expr,
        label: Option<&syn::Label>,
        head: Head,
        body: &Block,
        out: &mut Vec<Node>,
    ) {
        let (open, tainted, refused, tried) = (self.open.len(), self.tainted.clone(), self.refused, self.tried);
        let mut nodes = Vec::new();
        let around = self.around.within(label);
        let outer = std::mem::replace(&mut self.around, around);
        let bound = match &head {
            Head::For(pattern, _) => names::bindings(pattern),
            Head::While(condition) => bound_by_condition(condition),
            Head::Endless => Names::new(),
        };
        let mut in_head = true;
        self.inside(bound.clone(), |slicer| {
            bound.iter().for_each(|name| {
                slicer.tainted.remove(name);
                slicer.asking.remove(name);
            });
            slicer.settle(&mut nodes, |slicer, nodes| slicer.block(body, nodes));
            if let Head::While(condition) = &head {
                in_head = names::mentions(condition).iter().all(|name| !slicer.tainted.contains(name));
            }
        });
        self.around = outer;
        // Perhaps only a result ends it.
        let endless = self.tried > tried && !has_end(&head);
        if self.closed || !in_head || endless {
            self.closed = false;
            (self.tainted, self.refused) = (tainted, refused);
            self.open.truncate(open);
            return self.skip_loop(code, body);
        }
        out.push(Node::Loop { label: label.cloned(), head, body: nodes });
    }

    /// A loop that runs as written. What it does ends with it, unless it leaves more than itself.
    pub(super) fn skip_loop(&mut self, code: &Expr, body: &Block) {
        self.taint_changes(code);
        self.refused += 1;
        if self.forecaster.has_calls_in(body) {
            self.open.push(std::ptr::from_ref(body).cast());
        }
        self.closed |= exits::leaves(code) || exits::is_opaque(code);
    }

    pub(super) fn invocation(&mut self, invocation: &syn::Macro, out: &mut Vec<Node>) {
        let code = Expr::Macro(syn::ExprMacro { attrs: Vec::new(), mac: invocation.clone() });
        match exits::known(invocation) {
            exits::Known::Ends => out.push(Node::Leave(Leave::Return)),
            exits::Known::Checks(parts) => {
                if self.is_clean(&code) {
                    out.push(Node::Run(code));
                } else {
                    self.all(&parts, out);
                    self.closed = true;
                }
            }
            exits::Known::Evaluates(parts) => {
                self.all(&parts, out);
                self.taint_changes(&code);
            }
            exits::Known::Pure if !self.has_calls(&code) => {
                if self.is_clean(&code) && !untyped::is_untyped(&code) {
                    out.push(Node::Run(code));
                }
            }
            exits::Known::Pure | exits::Known::Unknown => {
                self.taint_changes(&code);
                self.closed = true;
            }
        }
    }

    /// `let Some(rest) = f(next) else { continue };` in a loop that is foretold: a result decides whether the turn goes on.
    pub(super) fn may_go_on<'s>(&self, statement: &'s Stmt) -> Option<&'s Local> {
        let Stmt::Local(local) = statement else { return None };
        let init = local.init.as_ref()?;
        let Expr::Block(otherwise) = &*init.diverge.as_ref()?.1 else { return None };
        let [Stmt::Expr(Expr::Continue(jump), _)] = otherwise.block.stmts.as_slice() else { return None };
        let within = matches!(self.around.on_continue(jump.label.as_ref()), Leave::Continue(_));
        let plain = local.attrs.is_empty() && otherwise.label.is_none();
        (within && plain && !self.is_clean(&init.expr) && !exits::leaves(&init.expr)).then_some(local)
    }

    /// The calls of such a `let` are foretold, and what is behind them in the turn is not.
    pub(super) fn rest_of_turn(&mut self, local: &Local, rest: &[Stmt], out: &mut Vec<Node>) {
        if let Some(init) = &local.init {
            self.discard(&init.expr, out);
        }
        self.bind(&local.pat, true);
        self.skip_statements(rest);
    }
}

/// The variables that a condition binds for what stands behind it.
fn bound_by_condition(condition: &Expr) -> Names {
    match condition {
        Expr::Let(condition) => names::bindings(&condition.pat),
        Expr::Binary(binary) => &bound_by_condition(&binary.left) | &bound_by_condition(&binary.right),
        Expr::Paren(inner) => bound_by_condition(&inner.expr),
        Expr::Group(inner) => bound_by_condition(&inner.expr),
        _ => Names::new(),
    }
}
