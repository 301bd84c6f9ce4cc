//! What the handle's documentation says of a body's calls: which run side by side, and why others do not.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use proc_macro2::{LineColumn, Span};
use quote::ToTokens;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprCall, ExprClosure, ExprMethodCall};

use super::calls::Calls;
use super::names;
use super::node::Node;

/// Where the calls stand that forecasts name.
#[derive(Default)]
pub(super) struct Foretold(RefCell<BTreeSet<LineColumn>>);

impl Foretold {
    /// Notes the calls of a forecast.
    pub(super) fn note(&self, nodes: &[Node]) {
        for node in nodes {
            match node {
                Node::Ask { at, .. } => {
                    self.0.borrow_mut().insert(at.start());
                }
                Node::If { then, otherwise, .. } => [then, otherwise].into_iter().for_each(|nodes| self.note(nodes)),
                Node::Match { arms, .. } => arms.iter().for_each(|(_, _, body)| self.note(body)),
                Node::Loop { body, .. }
                | Node::Chain { body, .. }
                | Node::Closure { body, .. }
                | Node::Block { body, .. }
                | Node::LetElse { otherwise: body, .. } => self.note(body),
                Node::AskBy(_) | Node::Run(_) | Node::Let(_) | Node::Leave(_) => {}
            }
        }
    }

    /// The section of the documentation; empty where the body calls nothing.
    pub(super) fn section(&self, block: &Block, calls: &Calls) -> String {
        let mut listing = Listing { calls, inside: Vec::new(), found: Vec::new() };
        listing.visit_block(block);
        let several = listing.found.len() > 1;
        let foretold = self.0.borrow();
        let (together, alone): (Vec<_>, Vec<_>) =
            listing.found.into_iter().partition(|call| foretold.contains(&call.at.start()));
        let mut text = String::new();
        if !together.is_empty() {
            text.push_str("\n\n # What runs side by side\n");
            for (line, calls) in by_line(&together) {
                let _ = write!(text, "\n - {line}{}", calls.join(", "));
            }
        }
        if !alone.is_empty() {
            text.push_str("\n\n # What runs as it is written\n");
            for call in alone {
                let why = call.why.unwrap_or(if several { Why::Needs } else { Why::Only });
                let _ = write!(text, "\n - {}{}: {}", line(call.at), call.text, why.told());
            }
        }
        text
    }
}

/// `line 7: `, where the compiler tells.
fn line(at: Span) -> String {
    match at.start().line {
        0 => String::new(),
        line => format!("line {line}: "),
    }
}

fn by_line(calls: &[Call]) -> BTreeMap<String, Vec<String>> {
    let mut lines: BTreeMap<(usize, String), Vec<String>> = BTreeMap::new();
    for call in calls {
        lines.entry((call.at.start().line, line(call.at))).or_default().push(call.text.clone());
    }
    lines.into_iter().map(|((_, line), calls)| (line, calls)).collect()
}

/// A call in a body.
struct Call {
    at: Span,
    text: String,
    why: Option<Why>,
}

/// Why a call is not foretold.
#[derive(Clone)]
enum Why {
    /// It is the only one.
    Only,
    /// Nothing is known of what is beside it.
    Needs,
    /// It is an argument of another call.
    Argument,
    /// Its arguments are made of others.
    Holds,
    /// `&&` or `||` may skip it.
    Lazy(&'static str),
    /// The method may stop before it.
    Stops(String),
    /// Nobody can look through what it stands in.
    Hidden(&'static str),
}

impl Why {
    fn told(&self) -> String {
        match self {
            Self::Only => "nothing runs beside it".to_owned(),
            Self::Needs => {
                "what stands around it needs its result, or it theirs; make the calls that do not need each other first, in \
                 `let`s"
                    .to_owned()
            }
            Self::Argument => "another call needs its result".to_owned(),
            Self::Holds => "it needs the result of another call".to_owned(),
            Self::Lazy(operator) => format!("`{operator}` may skip it; to run both at once, make them in `let`s first"),
            Self::Stops(method) => {
                format!("`{method}` may stop before it; to make all calls at once, collect them with `speedup::map` first")
            }
            Self::Hidden(what) => format!("{what} cannot be looked through; move the call out of it"),
        }
    }
}

/// Finds the calls of a body in their order, with what they stand in.
struct Listing<'a> {
    calls: &'a Calls,
    inside: Vec<Why>,
    found: Vec<Call>,
}

/// Methods that may stop before they have gone through everything.
const STOPS: [&str; 14] = [
    "any",
    "all",
    "find",
    "find_map",
    "position",
    "rposition",
    "take",
    "take_while",
    "map_while",
    "try_fold",
    "try_for_each",
    "next",
    "nth",
    "zip",
];

impl Listing<'_> {
    fn add(&mut self, at: Span, text: String) {
        self.found.push(Call { at, text, why: self.inside.last().cloned() });
    }

    fn inside(&mut self, why: Why, look: impl FnOnce(&mut Self)) {
        self.inside.push(why);
        look(self);
        self.inside.pop();
    }
}

impl<'ast> Visit<'ast> for Listing<'_> {
    fn visit_expr(&mut self, code: &'ast Expr) {
        match code {
            Expr::Path(path) if self.calls.named(code).is_some() => {
                let name = names::last_word(code).unwrap_or_default();
                self.add(path.span(), format!("`{name}`"));
            }
            Expr::Unsafe(_) => self.inside(Why::Hidden("an `unsafe` block"), |inner| visit::visit_expr(inner, code)),
            Expr::Await(_) => self.inside(Why::Hidden("an `.await`"), |inner| visit::visit_expr(inner, code)),
            Expr::Binary(binary) => {
                let lazy = match binary.op {
                    syn::BinOp::And(_) => Some("&&"),
                    syn::BinOp::Or(_) => Some("||"),
                    _ => None,
                };
                self.visit_expr(&binary.left);
                match lazy {
                    Some(operator) => self.inside(Why::Lazy(operator), |inner| inner.visit_expr(&binary.right)),
                    None => self.visit_expr(&binary.right),
                }
            }
            _ => visit::visit_expr(self, code),
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if self.calls.callee(call).is_none() {
            return visit::visit_expr_call(self, call);
        }
        let name = names::last_word(&call.func).unwrap_or_default();
        let arguments: Vec<String> = call.args.iter().map(written).collect();
        self.add(at(call), format!("`{name}({})`", arguments.join(", ")));
        let added = self.found.len();
        self.inside(Why::Argument, |inner| call.args.iter().for_each(|argument| inner.visit_expr(argument)));
        if self.found.len() > added {
            self.found[added - 1].why = Some(Why::Holds);
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let method = call.method.to_string();
        if STOPS.contains(&method.as_str()) {
            self.inside(Why::Stops(method), |inner| visit::visit_expr_method_call(inner, call));
        } else {
            visit::visit_expr_method_call(self, call);
        }
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        self.visit_expr(&closure.body);
    }

    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

/// Where a call stands.
pub(super) fn at(call: &ExprCall) -> Span {
    call.func.span()
}

/// An argument as people write it, in short.
fn written(argument: &Expr) -> String {
    const LONGEST: usize = 40;
    let mut text = argument.to_token_stream().to_string().replace(['`', '\n'], "'");
    for (spaced, tight) in [
        (" . ", "."),
        (" :: ", "::"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" ,", ","),
        (" [", "["),
        ("& ", "&"),
        (" .. ", ".."),
        (" ..", ".."),
    ] {
        text = text.replace(spaced, tight);
    }
    if text.chars().count() > LONGEST {
        text = text.chars().take(LONGEST).chain(" ..".chars()).collect();
    }
    text
}
