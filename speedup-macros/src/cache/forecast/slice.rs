//! The slice of a region: followed in the order in which it is evaluated, with the results of its calls unknown.

use syn::punctuated::Punctuated;
use syn::{Block, Expr, ExprClosure, ExprMatch, Local, Pat, Stmt, Token, UnOp};

use super::exits::{self, Surroundings};
use super::names::{self, Names};
use super::node::{self, Head, Leave, Node};
use super::{Forecaster, chain};

/// A piece of a body that is to be divided into regions of its own, by its address.
pub(super) type Open = *const ();

/// How far a slice has been followed.
pub(super) struct Slicer<'a> {
    pub(super) forecaster: &'a Forecaster,
    /// Variables whose values depend on a call's result.
    pub(super) tainted: Names,
    /// Local closures that ask.
    pub(super) asking: Names,
    /// What surrounds the place within the slice.
    pub(super) around: Surroundings,
    /// What follows might not be reached: nothing more is foretold.
    pub(super) closed: bool,
    /// Calls that are not foretold because they need a result.
    pub(super) refused: usize,
    /// Ways out by `?` that are left aside because they need a result.
    tried: usize,
    /// What is left to regions of its own.
    pub(super) open: Vec<Open>,
}

impl<'a> Slicer<'a> {
    pub(super) fn new(forecaster: &'a Forecaster, tainted: Names) -> Self {
        Self {
            forecaster,
            tainted,
            asking: Names::new(),
            around: Surroundings::default(),
            closed: false,
            refused: 0,
            tried: 0,
            open: Vec::new(),
        }
    }

    /// Does the code call a function that takes part, by itself or by a local closure?
    pub(super) fn has_calls(&self, code: &Expr) -> bool {
        self.forecaster.has_calls(code) || names::mentions(code).iter().any(|name| self.asking.contains(name))
    }

    /// Can the code be evaluated in the forecast?
    pub(super) fn is_clean(&self, code: &Expr) -> bool {
        !self.has_calls(code)
            && !exits::is_opaque(code)
            && names::mentions(code).iter().all(|name| !self.tainted.contains(name))
    }

    /// The code as the forecast evaluates it: its ways out end the forecast.
    pub(super) fn localized(&self, code: &Expr) -> Expr {
        exits::localized(code, &self.around)
    }

    fn changes(&self, code: &Expr) -> Names {
        names::changes(code, &|name| self.forecaster.locals.is_mutable(name))
    }

    pub(super) fn taint_changes(&mut self, code: &Expr) {
        let changed = self.changes(code);
        self.tainted.extend(changed);
    }

    fn bind(&mut self, pattern: &Pat, tainted: bool) {
        for name in names::bindings(pattern) {
            self.asking.remove(&name);
            if tainted {
                self.tainted.insert(name);
            } else {
                self.tainted.remove(&name);
            }
        }
    }

    /// Leaves a piece of code out, of which it is not known whether it is reached.
    pub(super) fn skip(&mut self, code: &Expr) {
        self.taint_changes(code);
        if self.has_calls(code) {
            self.refused += 1;
            self.open.push(std::ptr::from_ref(code).cast());
        }
        self.closed |= exits::leaves(code) || exits::is_opaque(code);
    }

    fn skip_block(&mut self, block: &Block) {
        for statement in &block.stmts {
            match statement {
                Stmt::Expr(expression, _) => self.skip_quietly(expression),
                Stmt::Local(local) => {
                    for part in local
                        .init
                        .iter()
                        .flat_map(|init| [Some(&init.expr), init.diverge.as_ref().map(|(_, diverge)| diverge)])
                    {
                        part.into_iter().for_each(|part| self.skip_quietly(part));
                    }
                }
                Stmt::Macro(invocation) => self.closed |= exits::is_opaque_macro(&invocation.mac),
                Stmt::Item(_) => {}
            }
        }
        if self.forecaster.has_calls_in(block) {
            self.open.push(std::ptr::from_ref(block).cast());
        }
    }

    fn skip_quietly(&mut self, code: &Expr) {
        self.taint_changes(code);
        self.refused += usize::from(self.has_calls(code));
        self.closed |= exits::leaves(code) || exits::is_opaque(code);
    }

    /// The statements of a block, with what it binds known in it alone.
    pub(super) fn block(&mut self, block: &Block, out: &mut Vec<Node>) {
        let bound: Names = block.stmts.iter().flat_map(bound_by).collect();
        let before = self.refused;
        self.inside(bound, |slicer| {
            if block.stmts.iter().any(|statement| matches!(statement, Stmt::Item(_))) {
                // Items would stand twice.
                slicer.skip_block(block);
                return;
            }
            for statement in &block.stmts {
                if slicer.closed {
                    break;
                }
                slicer.statement(statement, out);
            }
        });
        if (self.closed || self.refused > before) && self.forecaster.has_calls_in(block) {
            self.open.push(std::ptr::from_ref(block).cast());
        }
    }

    /// Follows something that binds names for itself alone.
    fn inside(&mut self, bound: Names, follow: impl FnOnce(&mut Self)) {
        let kept: Vec<(String, bool, bool)> = bound
            .into_iter()
            .map(|name| {
                let (tainted, asking) = (self.tainted.contains(&name), self.asking.contains(&name));
                (name, tainted, asking)
            })
            .collect();
        follow(self);
        for (name, tainted, asking) in kept {
            if tainted {
                self.tainted.insert(name.clone())
            } else {
                self.tainted.remove(&name)
            };
            if asking {
                self.asking.insert(name)
            } else {
                self.asking.remove(&name)
            };
        }
    }

    pub(super) fn statement(&mut self, statement: &Stmt, out: &mut Vec<Node>) {
        let attributes = attributes_of(statement);
        if attributes.iter().any(|attribute| attribute.path().is_ident("cfg_attr")) {
            self.closed = true;
            return;
        }
        let conditions: Vec<_> = attributes.iter().filter(|given| given.path().is_ident("cfg")).cloned().collect();
        if conditions.is_empty() || matches!(statement, Stmt::Item(_)) {
            return self.plain_statement(statement, out);
        }
        // A statement that may be switched off: its steps are, too. What it binds is unknown behind it, unless it is a
        // plain `let`, which keeps its condition.
        let mut body = Vec::new();
        self.plain_statement(statement, &mut body);
        if let [Node::Let(_)] = body.as_slice() {
            out.append(&mut body);
            return;
        }
        if let Stmt::Local(local) = statement {
            self.bind(&local.pat, true);
        }
        out.push(Node::Block { attributes: conditions, body });
    }

    fn plain_statement(&mut self, statement: &Stmt, out: &mut Vec<Node>) {
        match statement {
            Stmt::Local(local) => self.local(local, out),
            Stmt::Expr(expression, _) => self.discard(expression, out),
            Stmt::Macro(invocation) => self.invocation(&invocation.mac, out),
            Stmt::Item(_) => self.closed = true,
        }
    }

    fn local(&mut self, local: &Local, out: &mut Vec<Node>) {
        let Some(init) = &local.init else {
            self.bind(&local.pat, false);
            out.push(Node::Let(local.clone()));
            return;
        };
        if let Expr::Closure(closure) = &*init.expr
            && self.has_calls(&init.expr)
        {
            return self.local_closure(local, closure, out);
        }
        let clean = self.is_clean(&init.expr) && !is_untyped(local);
        if !clean {
            self.discard(&init.expr, out);
            self.bind(&local.pat, true);
            // Whether what follows is reached depends on a result.
            if let Some((_, otherwise)) = &init.diverge {
                self.skip(otherwise);
                self.closed = true;
            }
            return;
        }
        let mut sliced = local.clone();
        let taken = sliced.init.as_mut().expect("it was there a moment ago");
        taken.expr = Box::new(self.localized(&init.expr));
        let changed = self.changes(&init.expr);
        debug_assert!(changed.iter().all(|name| !self.tainted.contains(name)));
        match init.diverge.as_ref().map(|(_, otherwise)| otherwise) {
            None => out.push(Node::Let(sliced)),
            Some(otherwise) => {
                let mut body = Vec::new();
                let (tainted, closed) = (self.tainted.clone(), self.closed);
                self.discard(otherwise, &mut body);
                self.tainted.extend(tainted);
                self.closed = closed;
                out.push(Node::LetElse { local: sliced, otherwise: body });
            }
        }
        self.bind(&local.pat, false);
    }

    /// `let go = |di, dj| f(i - di, j - dj);`
    fn local_closure(&mut self, local: &Local, closure: &ExprClosure, out: &mut Vec<Node>) {
        let body = self.closure(&closure.inputs, &closure.body);
        let plain = closure.asyncness.is_none() && closure.lifetimes.is_none();
        let named = matches!(&local.pat, Pat::Ident(_));
        let sound = plain && named && node::asks(&body);
        self.bind(&local.pat, true);
        self.taint_changes(&closure.body);
        if sound {
            for name in names::bindings(&local.pat) {
                self.tainted.remove(&name);
                self.asking.insert(name);
            }
            out.push(Node::Closure { local: local.clone(), closure: closure.clone(), body });
        } else {
            self.refused += 1;
            self.open.push(std::ptr::from_ref(&*closure.body).cast());
        }
    }

    /// The steps of a closure's body.
    pub(super) fn closure(&mut self, inputs: &Punctuated<Pat, Token![,]>, code: &Expr) -> Vec<Node> {
        self.closure_by(inputs, code, |slicer, body| slicer.discard(code, body))
    }

    /// The steps of a closure's body, as `follow` finds them.
    pub(super) fn closure_by(
        &mut self,
        inputs: &Punctuated<Pat, Token![,]>,
        code: &Expr,
        follow: impl FnMut(&mut Self, &mut Vec<Node>),
    ) -> Vec<Node> {
        let mut body = Vec::new();
        let around = self.around.closure();
        let (closed, refused) = (std::mem::replace(&mut self.closed, false), self.refused);
        let outer = std::mem::replace(&mut self.around, around);
        let bound: Names = inputs.iter().flat_map(names::bindings).collect();
        self.inside(bound, |slicer| {
            for input in inputs {
                slicer.bind(input, false);
            }
            slicer.settle(&mut body, follow);
        });
        self.around = outer;
        if self.closed || self.refused > refused {
            self.open.push(std::ptr::from_ref(code).cast());
        }
        self.closed = closed;
        body
    }

    /// Follows what may run several times, until no variable is found tainted that seemed clean at its beginning.
    fn settle(&mut self, out: &mut Vec<Node>, mut follow: impl FnMut(&mut Self, &mut Vec<Node>)) {
        let (closed, refused, open) = (self.closed, self.refused, self.open.len());
        // Each turn but the last taints one variable more.
        loop {
            let entry = self.tainted.clone();
            let mut nodes = Vec::new();
            follow(self, &mut nodes);
            if self.tainted.is_subset(&entry) {
                self.tainted = entry;
                out.append(&mut nodes);
                return;
            }
            self.tainted.extend(entry);
            (self.closed, self.refused) = (closed, refused);
            self.open.truncate(open);
        }
    }

    /// The steps of an expression whose value the forecast does not need.
    pub(super) fn discard(&mut self, code: &Expr, out: &mut Vec<Node>) {
        if self.closed {
            return;
        }
        let calls = self.has_calls(code);
        if !calls && !exits::leaves(code) && !exits::has_try(code) {
            return self.leaf(code, out);
        }
        match code {
            Expr::Paren(inner) => self.discard(&inner.expr, out),
            Expr::Group(inner) => self.discard(&inner.expr, out),
            Expr::Reference(inner) => self.discard(&inner.expr, out),
            Expr::Unary(inner) => self.discard(&inner.expr, out),
            Expr::Cast(inner) => self.discard(&inner.expr, out),
            Expr::Field(inner) => self.discard(&inner.base, out),
            Expr::Try(inner) if self.is_clean(&inner.expr) => out.push(Node::Run(self.localized(code))),
            Expr::Try(inner) => {
                self.discard(&inner.expr, out);
                self.tried += 1;
            }
            Expr::Tuple(tuple) => self.all(&tuple.elems, out),
            Expr::Array(array) => self.all(&array.elems, out),
            Expr::Repeat(repeat) => self.discard(&repeat.expr, out),
            Expr::Index(index) => self.all([index.expr.as_ref(), index.index.as_ref()], out),
            Expr::Range(range) => self.all(range.start.iter().chain(&range.end).map(AsRef::as_ref), out),
            Expr::Struct(literal) if literal.fields.iter().all(|field| field.attrs.is_empty()) => {
                let fields = literal.fields.iter().map(|field| &field.expr);
                self.all(fields.chain(literal.rest.iter().map(AsRef::as_ref)), out);
            }
            Expr::Call(call) => self.call(code, call, out),
            Expr::MethodCall(call) => chain::method(self, call, false, out),
            // The function itself, handed on.
            Expr::Path(_) => self.refused += 1,
            Expr::Binary(binary) => self.binary(binary, out),
            Expr::Assign(assign) => {
                self.discard(&assign.right, out);
                self.taint_changes(code);
            }
            Expr::Macro(invocation) => self.invocation(&invocation.mac, out),
            Expr::Return(leave) => {
                leave.expr.iter().for_each(|value| self.discard(value, out));
                out.push(Node::Leave(Leave::Return));
            }
            Expr::Break(leave) => {
                leave.expr.iter().for_each(|value| self.discard(value, out));
                out.push(Node::Leave(self.around.on_break(leave.label.as_ref())));
            }
            Expr::Continue(leave) => out.push(Node::Leave(self.around.on_continue(leave.label.as_ref()))),
            other => self.control(other, out),
        }
    }

    fn control(&mut self, code: &Expr, out: &mut Vec<Node>) {
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

    pub(super) fn skip_closure(&mut self, closure: &ExprClosure) {
        self.taint_changes(&closure.body);
        if self.has_calls(&closure.body) {
            self.refused += 1;
            self.open.push(std::ptr::from_ref(&*closure.body).cast());
        }
    }

    /// Code without calls and without a way out.
    fn leaf(&mut self, code: &Expr, out: &mut Vec<Node>) {
        if let Expr::Macro(invocation) = code {
            return self.invocation(&invocation.mac, out);
        }
        if self.is_clean(code) {
            if exits::can_fail(code) || !self.changes(code).is_empty() {
                // Out of its place its type might be anybody's guess.
                if exits::needs_context(code) {
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

    fn call(&mut self, code: &Expr, call: &syn::ExprCall, out: &mut Vec<Node>) {
        let clean = call.args.iter().all(|argument| self.is_clean(argument) && !exits::leaves(argument));
        let by_closure = names::root(&call.func)
            .is_some_and(|name| matches!(&*call.func, Expr::Path(_)) && self.asking.contains(&name));
        if let Some(callee) = self.forecaster.calls.callee(call) {
            if clean {
                let arguments = call.args.iter().map(|argument| self.localized(argument)).collect();
                out.push(Node::Ask { callee, arguments });
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

    fn binary(&mut self, binary: &syn::ExprBinary, out: &mut Vec<Node>) {
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
        if !self.is_clean(&binary.left) || exits::needs_context(&binary.left) {
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
                expr: Box::new(super::write::parenthesized(left)),
            }),
            _ => left,
        };
        out.push(Node::If { condition, then, otherwise: Vec::new() });
    }

    fn branch(&mut self, branch: &syn::ExprIf, out: &mut Vec<Node>) {
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
    fn discard_condition(&mut self, condition: &Expr, out: &mut Vec<Node>) {
        match condition {
            Expr::Let(inner) => self.discard(&inner.expr, out),
            Expr::Binary(binary) if binds(&binary.left) || binds(&binary.right) => {
                self.discard_condition(&binary.left, out);
                self.skip(&binary.right);
            }
            other => self.discard(other, out),
        }
    }

    fn arms(&mut self, inner: &ExprMatch, out: &mut Vec<Node>) {
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
    fn repeat(&mut self, code: &Expr, label: Option<&syn::Label>, head: Head, body: &Block, out: &mut Vec<Node>) {
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
    fn skip_loop(&mut self, code: &Expr, body: &Block) {
        self.taint_changes(code);
        self.refused += 1;
        if self.forecaster.has_calls_in(body) {
            self.open.push(std::ptr::from_ref(body).cast());
        }
        self.closed |= exits::leaves(code) || exits::is_opaque(code);
    }

    fn invocation(&mut self, invocation: &syn::Macro, out: &mut Vec<Node>) {
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
                if self.is_clean(&code) {
                    out.push(Node::Run(code));
                }
            }
            exits::Known::Pure | exits::Known::Unknown => {
                self.taint_changes(&code);
                self.closed = true;
            }
        }
    }
}

/// `vec![]`, `Vec::new()`, `None`, `x.into()` without a type: left alone, nobody knows what they are.
fn is_untyped(local: &Local) -> bool {
    let Some(init) = &local.init else { return false };
    !matches!(local.pat, Pat::Type(_)) && exits::is_untyped(&init.expr)
}

/// Does the loop end by itself?
fn has_end(head: &Head) -> bool {
    fn is_open(iterated: &Expr) -> bool {
        const ENDLESS: [&str; 4] = ["cycle", "repeat", "repeat_with", "successors"];
        match iterated {
            Expr::Range(range) => range.end.is_none(),
            Expr::Paren(inner) => is_open(&inner.expr),
            Expr::MethodCall(call) => call.method == "cycle" || call.method != "take" && is_open(&call.receiver),
            Expr::Call(call) => names::last_word(&call.func).is_some_and(|name| ENDLESS.contains(&name.as_str())),
            _ => false,
        }
    }
    matches!(head, Head::For(_, iterated) if !is_open(iterated))
}

fn bound_by(statement: &Stmt) -> Names {
    match statement {
        Stmt::Local(local) => names::bindings(&local.pat),
        _ => Names::new(),
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

fn binds(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(binary) => binds(&binary.left) || binds(&binary.right),
        Expr::Paren(inner) => binds(&inner.expr),
        Expr::Group(inner) => binds(&inner.expr),
        _ => false,
    }
}

fn attributes_of(statement: &Stmt) -> &[syn::Attribute] {
    match statement {
        Stmt::Local(local) => &local.attrs,
        Stmt::Macro(invocation) => &invocation.attrs,
        Stmt::Expr(expression, _) => attributes(expression),
        Stmt::Item(_) => &[],
    }
}

/// The attributes of the kinds of expressions that may stand as statements with some.
fn attributes(expression: &Expr) -> &[syn::Attribute] {
    match expression {
        Expr::If(inner) => &inner.attrs,
        Expr::Match(inner) => &inner.attrs,
        Expr::ForLoop(inner) => &inner.attrs,
        Expr::While(inner) => &inner.attrs,
        Expr::Loop(inner) => &inner.attrs,
        Expr::Block(inner) => &inner.attrs,
        Expr::Unsafe(inner) => &inner.attrs,
        Expr::Assign(inner) => &inner.attrs,
        Expr::Binary(inner) => &inner.attrs,
        Expr::Call(inner) => &inner.attrs,
        Expr::MethodCall(inner) => &inner.attrs,
        Expr::Macro(inner) => &inner.attrs,
        Expr::Return(inner) => &inner.attrs,
        Expr::Break(inner) => &inner.attrs,
        Expr::Continue(inner) => &inner.attrs,
        Expr::Paren(inner) => &inner.attrs,
        Expr::Path(inner) => &inner.attrs,
        Expr::Tuple(inner) => &inner.attrs,
        Expr::Closure(inner) => &inner.attrs,
        _ => &[],
    }
}
