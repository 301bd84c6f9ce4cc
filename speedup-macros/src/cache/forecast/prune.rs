//! What a forecast does not need: followed backwards, from the calls to what they depend on.

use syn::{Expr, Stmt};

use super::exits;
use super::names::{self, Names};
use super::node::{self, Head, Node};
use super::uses::Uses;

/// What is needed behind a place.
#[derive(Clone, Default)]
struct Later {
    names: Names,
    /// A call may follow: what can fail is evaluated before it.
    asks: bool,
    /// A way out counts, because something may be skipped by it.
    exits: bool,
}

impl Later {
    fn need(&mut self, code: &Expr) {
        self.names.extend(names::mentions(code));
    }

    fn join(&mut self, other: Self) {
        self.names.extend(other.names);
        self.asks |= other.asks;
    }
}

/// The steps that calls depend on.
pub(super) fn prune(nodes: Vec<Node>) -> Vec<Node> {
    backwards(nodes, &mut Later::default())
}

fn backwards(nodes: Vec<Node>, later: &mut Later) -> Vec<Node> {
    let mut kept: Vec<Node> = nodes.into_iter().rev().filter_map(|node| step(node, later)).collect();
    kept.reverse();
    kept
}

fn step(node: Node, later: &mut Later) -> Option<Node> {
    match node {
        Node::Ask { callee, arguments, at } => {
            arguments.iter().for_each(|argument| later.need(argument));
            later.asks = true;
            Some(Node::Ask { callee, arguments, at })
        }
        Node::AskBy(call) => {
            later.need(&call);
            later.asks = true;
            Some(Node::AskBy(call))
        }
        Node::Run(code) => {
            let changed = names::changes(&code, &|_| true);
            let wanted = changed.iter().any(|name| later.names.contains(name));
            (wanted || later.asks && (exits::can_fail(&code) || exits::leaves(&code))).then(|| {
                later.need(&code);
                Node::Run(code)
            })
        }
        Node::Let(local) => {
            let bound = names::bindings(&local.pat);
            let init = local.init.as_ref().map(|init| &*init.expr);
            let wanted = bound.iter().any(|name| later.names.contains(name));
            let guards = later.asks && init.is_some_and(|init| exits::can_fail(init) || exits::leaves(init));
            (wanted || guards).then(|| {
                bound.iter().for_each(|name| {
                    later.names.remove(name);
                });
                init.into_iter().for_each(|init| later.need(init));
                Node::Let(local.clone())
            })
        }
        Node::LetElse { local, otherwise } => {
            let bound = names::bindings(&local.pat);
            let mut left = Later { exits: true, ..Later::default() };
            let otherwise = backwards(otherwise, &mut left);
            if !later.asks && !node::asks(&otherwise) {
                return None;
            }
            bound.iter().for_each(|name| {
                later.names.remove(name);
            });
            later.join(left);
            local.init.iter().for_each(|init| later.need(&init.expr));
            Some(Node::LetElse { local, otherwise })
        }
        Node::Closure { local, closure, body } => {
            let bound = names::bindings(&local.pat);
            if bound.iter().all(|name| !later.names.contains(name)) {
                return None;
            }
            bound.iter().for_each(|name| {
                later.names.remove(name);
            });
            let mut inside = Later::default();
            let body = backwards(body, &mut inside);
            for name in closure.inputs.iter().flat_map(names::bindings) {
                inside.names.remove(&name);
            }
            later.names.extend(inside.names);
            Some(Node::Closure { local, closure, body })
        }
        other => compound(other, later),
    }
}

fn compound(node: Node, later: &mut Later) -> Option<Node> {
    match node {
        Node::If { condition, then, otherwise } => {
            let (mut by_then, mut by_other) = (later.clone(), later.clone());
            let then = backwards(then, &mut by_then);
            let otherwise = backwards(otherwise, &mut by_other);
            if then.is_empty() && otherwise.is_empty() {
                return if names::binds(&condition) { None } else { step(Node::Run(condition), later) };
            }
            later.join(by_then);
            later.join(by_other);
            later.need(&condition);
            Some(Node::If { condition, then, otherwise })
        }
        Node::Match { value, arms } => {
            let mut joined = later.clone();
            let arms: Vec<_> = arms
                .into_iter()
                .map(|(attributes, pattern, body)| {
                    let mut by_arm = later.clone();
                    let body = backwards(body, &mut by_arm);
                    joined.join(by_arm);
                    (attributes, pattern, body)
                })
                .collect();
            if arms.iter().all(|(_, _, body)| body.is_empty()) {
                return step(Node::Run(value), later);
            }
            later.join(joined);
            later.need(&value);
            // Guards of the arms.
            for (_, pattern, _) in &arms {
                if let syn::Pat::Guard(guard) = pattern {
                    later.need(&guard.guard);
                }
            }
            Some(Node::Match { value, arms })
        }
        Node::Loop { label, head, body } => repeated(label, head, body, later),
        Node::Chain { repeats, receiver, method, arguments, closure, body } => {
            let mut inside = Later { names: later.names.clone(), asks: false, exits: true };
            let body = backwards(body, &mut inside);
            for name in closure.inputs.iter().flat_map(names::bindings) {
                inside.names.remove(&name);
            }
            later.names.extend(inside.names);
            later.need(&receiver);
            later.asks = true;
            Some(Node::Chain { repeats, receiver, method, arguments, closure, body })
        }
        Node::Block { attributes, body } => {
            let mut inside = later.clone();
            let body = backwards(body, &mut inside);
            later.join(inside);
            (!body.is_empty()).then_some(Node::Block { attributes, body })
        }
        Node::Leave(leave) => {
            let counts = later.asks || later.exits;
            // What stands behind is not reached from here.
            *later = Later { exits: later.exits, ..Later::default() };
            counts.then_some(Node::Leave(leave))
        }
        other => Some(other),
    }
}

/// A loop: what one turn needs may be what another one leaves.
fn repeated(label: Option<syn::Label>, head: Head, body: Vec<Node>, later: &mut Later) -> Option<Node> {
    let mut around = later.clone();
    // A turn may be followed by another one.
    around.exits = true;
    around.asks |= node::asks(&body);
    match &head {
        Head::For(_, iterated) => around.need(iterated),
        Head::While(condition) => around.need(condition),
        Head::Endless => {}
    }
    let mut pruned;
    loop {
        let mut inside = around.clone();
        // What fails at the end of a turn is the next one's concern only as far as keys go.
        inside.asks = later.asks;
        pruned = backwards(body.clone(), &mut inside);
        let grown = !inside.names.is_subset(&around.names);
        around.names.extend(inside.names);
        if !grown {
            break;
        }
    }
    let changes_wanted = pruned.iter().any(|node| !matches!(node, Node::Leave(_)));
    if !(node::asks(&pruned) || changes_wanted && wanted_by(&pruned, later)) {
        return None;
    }
    later.asks |= around.asks;
    later.names.extend(around.names);
    Some(Node::Loop { label, head, body: pruned })
}

/// Does the loop change anything that is needed behind it?
fn wanted_by(nodes: &[Node], later: &Later) -> bool {
    let written: Vec<Stmt> = super::write::plainly(nodes);
    Uses::of_statements(&written).free.iter().any(|(name, how)| how.changed && later.names.contains(name))
}
