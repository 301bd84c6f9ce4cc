//! A forecast as it is put together: what is asked, and what decides whether it is.

use proc_macro2::{Ident, Span};
use syn::{Attribute, Expr, ExprClosure, Label, Lifetime, Local, Pat};

/// A step of a forecast.
#[derive(Clone)]
pub(super) enum Node {
    /// A call of the function at this position among those that take part.
    Ask {
        callee: usize,
        arguments: Vec<Expr>,
        /// Where the call stands.
        at: Span,
    },
    /// A call of a local closure that asks.
    AskBy(Expr),
    /// Evaluated in case it panics, or for what it does to variables of the forecast.
    Run(Expr),
    /// A `let` as it was written.
    Let(Local),
    /// A `let .. else` whose other branch leaves.
    LetElse {
        local: Local,
        otherwise: Vec<Node>,
    },
    /// A local closure that asks.
    Closure {
        local: Local,
        closure: ExprClosure,
        body: Vec<Node>,
    },
    If {
        condition: Expr,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Match {
        value: Expr,
        arms: Vec<(Vec<Attribute>, Pat, Vec<Node>)>,
    },
    Loop {
        label: Option<Label>,
        head: Head,
        body: Vec<Node>,
    },
    /// A chain of iterator adaptors whose last closure asks, to be drained.
    Chain {
        /// Whether the closure is called more than once, for all that the words tell.
        repeats: bool,
        receiver: Expr,
        method: Ident,
        arguments: Vec<Expr>,
        closure: ExprClosure,
        body: Vec<Node>,
    },
    /// A block, or a statement that is there under a condition.
    Block {
        attributes: Vec<Attribute>,
        body: Vec<Node>,
    },
    Leave(Leave),
}

/// What a loop goes by.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "few, and gone with the expansion")]
pub(super) enum Head {
    For(Pat, Expr),
    While(Expr),
    Endless,
}

/// A way out.
#[derive(Clone)]
pub(super) enum Leave {
    /// The forecast, or the closure within it, ends.
    Return,
    Break(Option<Lifetime>),
    Continue(Option<Lifetime>),
}

/// How many calls of a function are sure to be worth sharing: those of the dearest branch, where those in loops count twice.
pub(super) fn weight(nodes: &[Node], callee: usize) -> usize {
    nodes
        .iter()
        .map(|node| match node {
            Node::Ask { callee: asked, .. } => usize::from(*asked == callee),
            Node::AskBy(_) => 1,
            Node::If { then, otherwise, .. } => weight(then, callee).max(weight(otherwise, callee)),
            Node::Match { arms, .. } => arms.iter().map(|(_, _, body)| weight(body, callee)).max().unwrap_or(0),
            Node::Loop { body, .. } => 2 * weight(body, callee),
            // An option calls it once at most.
            Node::Chain { repeats, body, .. } => (1 + usize::from(*repeats)) * weight(body, callee),
            Node::Block { body, .. } => weight(body, callee),
            Node::LetElse { otherwise, .. } => weight(otherwise, callee),
            Node::Run(_) | Node::Let(_) | Node::Closure { .. } | Node::Leave(_) => 0,
        })
        .sum()
}

/// Does anything in here ask, or make a closure that does?
pub(super) fn asks(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Ask { .. } | Node::AskBy(_) | Node::Closure { .. } => true,
        Node::If { then, otherwise, .. } => asks(then) || asks(otherwise),
        Node::Match { arms, .. } => arms.iter().any(|(_, _, body)| asks(body)),
        Node::Loop { body, .. } | Node::Chain { body, .. } | Node::Block { body, .. } => asks(body),
        Node::LetElse { otherwise, .. } => asks(otherwise),
        Node::Run(_) | Node::Let(_) | Node::Leave(_) => false,
    })
}
