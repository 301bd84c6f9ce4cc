//! Which calls of a function run side by side: the body stays as it is written, and before a region stands a forecast of
//! the calls that it will make.
//!
//! ```text
//! let mut best = 0;                                      let mut best = 0;
//! for k in 1..=n {                                =>     ::speedup::Cache::ahead(F, |call| {
//!     best = best.max(price[k] + f(n - k));                  for k in 1..=n { _ = &price[k]; call((n - k,)); }
//! }                                                      });
//!                                                        for k in 1..=n { best = best.max(price[k] + f(n - k)); }
//! ```
//!
//! # The rules
//!
//! 1. A **region** is a run of statements whose calls do not need each other's results. It begins with the first statement
//!    that calls, and ends before one that calls with what the run has computed, and with one behind which nothing is
//!    certain (`slice`).
//! 2. Its **forecast** follows the region in the order of evaluation, without results. What depends on a result is not
//!    known; a call that needs it is not foretold, nor is anything behind a way out, or in a branch, that depends on it.
//! 3. What stands before a call and can panic is evaluated before it. All else that neither keys nor conditions depend on is
//!    left out (`prune`).
//! 4. The forecast has copies of the variables that it changes or takes (`write`); where it could not have them, there is
//!    none. So it changes nothing for the region, and a wrong guess costs time only.
//! 5. Where a region is one `if` or `match`, its branches are regions of their own, as are the bodies of loops and closures
//!    that are not foretold.

mod calls;
mod chain;
mod copies;
mod exits;
mod fields;
mod locals;
mod methods;
mod names;
mod node;
mod prune;
mod slice;
#[cfg(test)]
mod tests;
mod told;
mod untyped;
mod uses;
mod write;

use std::cell::RefCell;
use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::quote;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Block, Expr, Local, Path, Stmt, parse_quote};

pub(super) use self::calls::Calls;
use self::locals::Locals;
use self::names::Names;
pub(super) use self::names::words;
use self::node::Node;
use self::slice::{Open, Slicer};
use self::told::Foretold;
use super::expand_spans;
use super::model::Cached;
use super::own_calls;
use crate::expansion;
use crate::signature::Argument;

/// The user's body with its forecasts.
pub(super) fn form(model: &Cached) -> Block {
    formed(model).0.clone()
}

/// What the documentation says of the body's calls.
pub(super) fn tell(model: &Cached) -> String {
    formed(model).1.clone()
}

/// Both, made once.
fn formed(model: &Cached) -> &(Block, String) {
    model.formed.get_or_init(|| form_and_tell(model))
}

fn form_and_tell(model: &Cached) -> (Block, String) {
    let (mut block, mut told) = (model.function.block.as_ref().clone(), String::new());
    if !model.sequential {
        let arguments = model.arguments.iter().zip(model.keyed()).filter(|(_, keyed)| *keyed);
        let own = Callee {
            ahead: model.ahead(),
            handle: model.running(),
            arguments: Some(arguments.map(|(argument, _)| argument.clone()).collect()),
            keyed: model.keyed(),
            asked: model.has_spans().then(|| expand_spans::asked(model)),
            looks: model.has_spans().then(|| own_calls::may_look_ahead(model)),
        };
        // A call by a method looks like one by a path, for the time being.
        methods::to_paths(&mut block, &model.function.sig.ident);
        let calls = Calls::new(&model.function, &model.place, model.with.clone());
        let locals = Locals::of(&model.function, &model.arguments, &calls, &model.result);
        let callees = std::iter::once(own).chain(model.with.iter().map(other)).collect();
        let (forecaster, written) = (Forecaster::new(calls, callees, locals), block.clone());
        forecaster.block(&mut block);
        told = forecaster.foretold.section(&written, &forecaster.calls);
        methods::to_methods(&mut block);
    }
    (block, told)
}

/// Whether a body has forecasts.
pub(super) fn has_forecasts(model: &Cached, formed: &Block) -> bool {
    size(formed) != size(&model.function.block)
}

/// How many statements and expressions there are in a block. Forecasts are put before what is written, so they make it larger.
fn size(block: &Block) -> usize {
    struct Count(usize);
    impl<'ast> Visit<'ast> for Count {
        fn visit_stmt(&mut self, statement: &'ast Stmt) {
            self.0 += 1;
            visit::visit_stmt(self, statement);
        }
        fn visit_expr(&mut self, expression: &'ast Expr) {
            self.0 += 1;
            visit::visit_expr(self, expression);
        }
    }
    let mut count = Count(0);
    count.visit_block(block);
    count.0
}

/// A function whose calls take part.
struct Callee {
    /// The function that takes a forecast.
    ahead: TokenStream,
    handle: TokenStream,
    /// Those that are part of the key, known of the function itself.
    arguments: Option<Vec<Argument>>,
    /// For each argument of a call, whether it is part of the key.
    keyed: Vec<bool>,
    /// How calls are named that are known by the places of their slices and strings.
    asked: Option<TokenStream>,
    /// What is asked before such a forecast is put together.
    looks: Option<TokenStream>,
}

/// Another cached function: its handle stands beside it, and has policies or has none.
fn other(function: &Path) -> Callee {
    let mut handle = function.clone();
    if let Some(last) = handle.segments.last_mut() {
        last.ident = expansion::handle_name(&last.ident);
    }
    Callee {
        ahead: quote!(::speedup::cache::Foretells::foretell),
        handle: quote!(#handle),
        arguments: None,
        keyed: Vec::new(),
        asked: None,
        looks: None,
    }
}

/// What stays the same all over a body, and what is behind.
struct Forecaster {
    calls: Calls,
    callees: Vec<Callee>,
    locals: Locals,
    /// Local closures that call, of earlier regions: calling them would be no forecast.
    beyond: RefCell<Names>,
    /// Other local closures that are behind.
    closures: RefCell<BTreeMap<String, Local>>,
    /// Variables of which a field may have been moved away.
    parted: RefCell<Names>,
    foretold: Foretold,
}

/// A region and its forecast.
struct Region {
    /// Statements that belong to it.
    statements: usize,
    nodes: Vec<Node>,
    /// What it leaves to regions of its own.
    open: Vec<Open>,
}

impl Forecaster {
    fn new(calls: Calls, callees: Vec<Callee>, locals: Locals) -> Self {
        let (beyond, closures, parted) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { calls, callees, locals, beyond, closures, parted, foretold: Foretold::default() }
    }

    /// Divides a block into regions.
    fn block(&self, block: &mut Block) {
        let mut ahead = std::mem::take(&mut block.stmts);
        while !ahead.is_empty() {
            let region = self.region(&ahead);
            let later = ahead.split_off(region.statements);
            let forecasts = self.forecasts(&ahead, region.nodes);
            self.note(&ahead);
            match forecasts {
                Some(mut forecasts) => {
                    block.stmts.append(&mut forecasts);
                    self.descend(&mut ahead, Some(&region.open));
                }
                None => self.descend(&mut ahead, None),
            }
            block.stmts.append(&mut ahead);
            ahead = later;
        }
    }

    /// A region that is one expression; its forecast makes it a block.
    fn root(&self, root: &mut Expr) {
        if let Expr::Block(inner) = root {
            return self.block(&mut inner.block);
        }
        let mut slicer = Slicer::new(self, self.beyond.borrow().clone());
        let mut nodes = Vec::new();
        slicer.discard(root, &mut nodes);
        let open = std::mem::take(&mut slicer.open);
        let Some(forecasts) = self.forecasts(&[Stmt::Expr(root.clone(), None)], nodes) else {
            return Descent { forecaster: self, open: None, inside: true }.visit_expr_mut(root);
        };
        Descent { forecaster: self, open: Some(&open), inside: true }.visit_expr_mut(root);
        *root = parse_quote!({ #(#forecasts)* #root });
    }

    /// Finds the region that begins with the first of `statements`.
    fn region(&self, statements: &[Stmt]) -> Region {
        let mut slicer = Slicer::new(self, self.beyond.borrow().clone());
        let mut region = Region { statements: 1, nodes: Vec::new(), open: Vec::new() };
        if !self.has_calls_in_statement(&statements[0]) {
            return region;
        }
        let mut nodes = Vec::new();
        for (position, statement) in statements.iter().enumerate() {
            let refused = slicer.refused;
            if position > 0 && matches!(statement, Stmt::Item(_)) {
                break;
            }
            let before = nodes.len();
            slicer.statement(statement, &mut nodes);
            if position > 0 && slicer.refused > refused {
                break;
            }
            if position == 0 || node::asks(&nodes[before..]) {
                region = Region { statements: position + 1, nodes: nodes.clone(), open: slicer.open.clone() };
            }
            if slicer.closed {
                break;
            }
        }
        region
    }

    /// The statements to stand before a region, unless it is better left to its parts.
    fn forecasts(&self, statements: &[Stmt], nodes: Vec<Node>) -> Option<Vec<Stmt>> {
        let nodes = prune::prune(nodes);
        let branches = matches!(nodes.as_slice(), [Node::If { .. } | Node::Match { .. } | Node::Block { .. }])
            && matches!(statements, [statement] if is_branch(statement));
        if branches {
            return None;
        }
        let around = write::uses_around(statements);
        // Calls of one function meet each other.
        let several = (0..self.callees.len()).filter(|callee| node::weight(&nodes, *callee) > 1);
        let forecasts: Vec<Stmt> =
            several.filter_map(|callee| write::forecast(self, callee, &nodes, &around)).collect();
        if forecasts.is_empty() {
            return None;
        }
        self.foretold.note(&nodes);
        Some(forecasts)
    }

    /// Remembers what later regions have to know of these statements.
    fn note(&self, statements: &[Stmt]) {
        let uses = write::uses_around(statements);
        self.parted.borrow_mut().extend(write::parted(&uses));
        for statement in statements {
            if let Stmt::Local(local) = statement
                && let Some(init) = &local.init
                && matches!(*init.expr, Expr::Closure(_))
            {
                let names = names::bindings(&local.pat);
                if self.has_calls(&init.expr) {
                    self.beyond.borrow_mut().extend(names);
                } else {
                    self.closures.borrow_mut().extend(names.into_iter().map(|name| (name, local.clone())));
                }
            }
        }
    }

    /// Divides what is inside of statements: all of it, or what is open.
    fn descend(&self, statements: &mut [Stmt], open: Option<&[Open]>) {
        for statement in statements {
            if self.has_calls_in_statement(statement) {
                Descent { forecaster: self, open, inside: false }.visit_stmt_mut(statement);
            }
        }
    }

    fn has_calls(&self, code: &Expr) -> bool {
        let mut search = Search { calls: &self.calls, found: false };
        search.visit_expr(code);
        search.found
    }

    fn has_calls_in(&self, block: &Block) -> bool {
        block.stmts.iter().any(|statement| self.has_calls_in_statement(statement))
    }

    fn has_calls_in_statement(&self, statement: &Stmt) -> bool {
        let mut search = Search { calls: &self.calls, found: false };
        search.visit_stmt(statement);
        let beyond = self.beyond.borrow();
        search.found || !beyond.is_empty() && mentioned(statement).iter().any(|name| beyond.contains(name))
    }
}

/// Is the statement one `if`, `match` or block, or does it take its value from one?
fn is_branch(statement: &Stmt) -> bool {
    let code = match statement {
        Stmt::Local(local) => local.init.as_ref().map(|init| &*init.expr),
        Stmt::Expr(Expr::Return(leave), _) => leave.expr.as_deref(),
        Stmt::Expr(code, _) => Some(code),
        Stmt::Macro(_) | Stmt::Item(_) => None,
    };
    matches!(code, Some(Expr::If(_) | Expr::Match(_) | Expr::Block(_)))
}

fn mentioned(statement: &Stmt) -> Names {
    match statement {
        Stmt::Local(local) => local.init.iter().flat_map(|init| names::mentions(&init.expr)).collect(),
        Stmt::Expr(code, _) => names::mentions(code),
        Stmt::Macro(invocation) => names::words(invocation.mac.tokens.clone()),
        Stmt::Item(_) => Names::new(),
    }
}

/// Looks for the functions that take part, called or handed on. Items have bodies of their own.
struct Search<'a> {
    calls: &'a Calls,
    found: bool,
}

impl<'ast> Visit<'ast> for Search<'_> {
    fn visit_expr(&mut self, expression: &'ast Expr) {
        self.found |= self.calls.named(expression).is_some();
        visit::visit_expr(self, expression);
    }
    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        if let exits::Known::Checks(parts) | exits::Known::Evaluates(parts) = exits::known(invocation) {
            parts.iter().for_each(|part| self.found |= Search::holds(self.calls, part));
        }
    }
    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

impl Search<'_> {
    fn holds(calls: &Calls, code: &Expr) -> bool {
        let mut search = Search { calls, found: false };
        search.visit_expr(code);
        search.found
    }
}

/// Finds the outermost pieces that are regions of their own.
struct Descent<'a> {
    forecaster: &'a Forecaster,
    /// Only these, where it is given.
    open: Option<&'a [Open]>,
    /// Whether the expression itself has been looked at.
    inside: bool,
}

impl Descent<'_> {
    fn is_open<T>(&self, piece: &T) -> bool {
        self.open.is_none_or(|open| open.contains(&std::ptr::from_ref(piece).cast()))
    }
}

impl VisitMut for Descent<'_> {
    fn visit_block_mut(&mut self, block: &mut Block) {
        if self.is_open(block) {
            self.forecaster.block(block);
        } else {
            visit_mut::visit_block_mut(self, block);
        }
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        if self.is_open(&*arm.body) && !matches!(*arm.body, Expr::Block(_)) {
            self.forecaster.root(&mut arm.body);
        } else {
            self.visit_expr_mut(&mut arm.body);
        }
    }

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        let inside = std::mem::replace(&mut self.inside, false);
        let listed = self.open.is_some_and(|open| open.contains(&std::ptr::from_ref(expression).cast()));
        if listed && !inside {
            return self.forecaster.root(expression);
        }
        match expression {
            Expr::Closure(closure) if self.open.is_none() => self.forecaster.root(&mut closure.body),
            Expr::While(inner) => {
                let binds = matches!(*inner.cond, Expr::Let(_));
                if self.is_open(&*inner.cond) && !binds && self.forecaster.has_calls(&inner.cond) {
                    self.forecaster.root(&mut inner.cond);
                }
                self.visit_block_mut(&mut inner.body);
            }
            _ => visit_mut::visit_expr_mut(self, expression),
        }
    }

    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}
