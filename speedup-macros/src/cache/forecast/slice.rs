//! The slice of a region: followed in the order in which it is evaluated, with the results of its calls unknown.

mod flow;

use syn::punctuated::Punctuated;
use syn::{Block, Expr, ExprClosure, ExprMatch, Local, Pat, Stmt, Token, UnOp};

use super::exits::{self, Surroundings};
use super::names::{self, Names};
use super::node::{self, Head, Leave, Node};
use super::{Forecaster, chain, told, untyped};

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
        self.skip_statements(&block.stmts);
        if self.forecaster.has_calls_in(block) {
            self.open.push(std::ptr::from_ref(block).cast());
        }
    }

    fn skip_statements(&mut self, statements: &[Stmt]) {
        for statement in statements {
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
            for (at, statement) in block.stmts.iter().enumerate() {
                if slicer.closed {
                    break;
                }
                if let Some(local) = slicer.may_go_on(statement) {
                    slicer.rest_of_turn(local, &block.stmts[at + 1..], out);
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
        // It is gone through in the next statement.
        if let (Pat::Ident(name), Expr::MethodCall(call)) = (&local.pat, &*init.expr)
            && self.has_calls(&init.expr)
            && self.forecaster.locals.is_drained(&name.ident.to_string())
        {
            chain::method(self, call, true, out);
            return self.bind(&local.pat, true);
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
        *taken.expr = self.localized(&init.expr);
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
}

/// `vec![]`, `Vec::new()`, `None`, `x.into()` without a type: left alone, nobody knows what they are.
fn is_untyped(local: &Local) -> bool {
    let Some(init) = &local.init else { return false };
    !matches!(local.pat, Pat::Type(_)) && untyped::is_untyped(&init.expr)
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
