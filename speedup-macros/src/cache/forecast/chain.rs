//! Chains of methods with closures that call the function: of iterators that are consumed, and of options.

use proc_macro2::Span;
use syn::{Expr, ExprClosure, ExprMethodCall, Ident, Stmt, parse_quote};

use super::exits;
use super::node::{self, Node};
use super::slice::Slicer;
use super::untyped;

/// What a method does with its closure, as far as the forecast goes.
struct Role {
    /// The method that calls a closure for the same values and gets on with `()`.
    by: &'static str,
    /// Which argument the closure is.
    at: usize,
    /// How many of the closure's first arguments are results.
    results: usize,
    /// The closure has been called when the method returns, if the receiver is an iterator.
    consumes: bool,
}

/// The methods that call their closure for each value there is. Those that may stop early (`any`, `find`, `take_while`)
/// are left alone.
fn role(method: &Ident) -> Option<Role> {
    let role = |by, at, results, consumes| Some(Role { by, at, results, consumes });
    match method.to_string().as_str() {
        "map" | "flat_map" | "filter_map" => role("map", 0, 0, false),
        "and_then" | "is_some_and" | "is_ok_and" | "for_each" => role("map", 0, 0, true),
        "filter" | "inspect" => role("inspect", 0, 0, false),
        "partition" | "max_by_key" | "min_by_key" => role("inspect", 0, 0, true),
        "fold" => role("map", 1, 1, true),
        "map_or" | "map_or_else" => role("map", 1, 0, true),
        "then" => role("then", 0, 0, true),
        _ => None,
    }
}

/// Methods behind such a closure that need all there is, of iterators and of options.
fn needs_all(method: &Ident) -> bool {
    #[rustfmt::skip]
    const ALL: &[&str] = &[
        "sum", "product", "min", "max", "min_by", "max_by", "min_by_key", "max_by_key", "count", "collect", "fold",
        "for_each", "last", "unzip", "partition", "reduce",
        "unwrap", "expect", "unwrap_or", "unwrap_or_else", "unwrap_or_default", "ok_or", "ok_or_else", "map_or",
        "map_or_else", "is_some", "is_none", "and_then", "or", "or_else",
    ];
    ALL.iter().any(|known| method == known)
}

/// Adaptors that pass everything on.
fn passes_all(method: &Ident) -> bool {
    #[rustfmt::skip]
    const PASS: &[&str] = &[
        "map", "filter", "filter_map", "flat_map", "flatten", "enumerate", "rev", "inspect", "cloned", "copied", "chain",
        "into_iter", "iter",
    ];
    PASS.iter().any(|known| method == known)
}

/// Is this an iterator, for all that its words tell?
pub(super) fn is_iterator(receiver: &Expr) -> bool {
    #[rustfmt::skip]
    const SOURCES: &[&str] = &[
        "iter", "into_iter", "iter_mut", "chars", "bytes", "char_indices", "keys", "values", "windows", "chunks", "split",
        "split_whitespace", "lines", "drain", "enumerate", "rev", "zip", "filter", "map", "step_by", "take", "skip",
        "chain", "cloned", "copied", "flat_map", "filter_map", "take_while", "skip_while", "cycle", "flatten",
    ];
    match receiver {
        Expr::Range(_) => true,
        Expr::Paren(inner) => is_iterator(&inner.expr),
        Expr::MethodCall(call) => {
            let option =
                ["map", "filter", "zip", "take", "cloned", "copied", "flatten"].iter().any(|both| call.method == both);
            SOURCES.iter().any(|known| call.method == known) && (!option || is_iterator(&call.receiver))
        }
        _ => false,
    }
}

/// Does the statement begin by going through all of an iterator that has this name?
pub(super) fn drains(statement: &Stmt, name: &Ident) -> bool {
    match statement {
        Stmt::Local(local) => local.init.iter().any(|init| begins_with(&init.expr, name)),
        Stmt::Expr(code, _) => begins_with(code, name),
        Stmt::Macro(_) | Stmt::Item(_) => false,
    }
}

/// Is what goes through all of it the first that is evaluated?
fn begins_with(code: &Expr, name: &Ident) -> bool {
    let is_named = |code: &Expr| matches!(code, Expr::Path(path) if path.path.is_ident(name));
    match code {
        Expr::Paren(inner) => begins_with(&inner.expr, name),
        Expr::Cast(inner) => begins_with(&inner.expr, name),
        Expr::Try(inner) => begins_with(&inner.expr, name),
        Expr::Return(leave) => leave.expr.iter().any(|value| begins_with(value, name)),
        Expr::Binary(binary) if matches!(*binary.left, Expr::Lit(_)) => begins_with(&binary.right, name),
        Expr::Binary(binary) => begins_with(&binary.left, name),
        Expr::ForLoop(inner) => is_named(&inner.expr) && !exits::leaves_loop(&inner.body),
        Expr::MethodCall(call) => {
            let mut links = vec![call];
            while let Expr::MethodCall(inner) = &*links[links.len() - 1].receiver {
                links.push(inner);
            }
            links.reverse();
            let end = links.iter().find(|link| !passes_all(&link.method));
            is_named(&links[0].receiver) && end.is_some_and(|end| needs_all(&end.method))
        }
        _ => false,
    }
}

/// Is this an array of more than one element, for all that its words tell?
fn is_array(slicer: &Slicer<'_>, receiver: &Expr) -> bool {
    match receiver {
        Expr::Array(array) => array.elems.len() > 1,
        Expr::Repeat(_) => true,
        Expr::Paren(inner) => is_array(slicer, &inner.expr),
        Expr::Path(path) => {
            path.path.get_ident().is_some_and(|name| slicer.forecaster.locals.is_array(&name.to_string()))
        }
        _ => false,
    }
}

/// A method call in which something calls the function. `consumed`: somebody goes through all of what it gives.
pub(super) fn method(slicer: &mut Slicer<'_>, call: &ExprMethodCall, consumed: bool, out: &mut Vec<Node>) {
    // From the outermost call inwards.
    let mut links = vec![call];
    while let Expr::MethodCall(inner) = &*links[links.len() - 1].receiver {
        links.push(inner);
    }
    links.reverse();
    let asking = links.iter().position(|link| link.args.iter().any(|argument| slicer.has_calls(argument)));
    let first = links[0];
    if slicer.has_calls(&first.receiver) || !slicer.is_clean(&first.receiver) {
        slicer.discard(&first.receiver, out);
        links.iter().for_each(|link| arguments(slicer, link, out));
        return slicer.taint_changes(&Expr::MethodCall(call.clone()));
    }
    let Some(asking) = asking else {
        // A way out among the arguments.
        links.iter().for_each(|link| arguments(slicer, link, out));
        return slicer.taint_changes(&Expr::MethodCall(call.clone()));
    };
    let (link, behind) = (links[asking], &links[asking + 1..]);
    if !foretold(slicer, link, behind, consumed, out) {
        links.iter().for_each(|link| arguments(slicer, link, out));
    } else {
        behind.iter().for_each(|link| arguments(slicer, link, out));
    }
    slicer.taint_changes(&Expr::MethodCall(call.clone()));
}

/// What a link evaluates itself: closures are left alone.
fn arguments(slicer: &mut Slicer<'_>, link: &ExprMethodCall, out: &mut Vec<Node>) {
    for argument in &link.args {
        match argument {
            Expr::Closure(closure) => slicer.skip_closure(closure),
            other => slicer.discard(other, out),
        }
    }
}

/// Tries to foretell the calls of a link's closure.
fn foretold(
    slicer: &mut Slicer<'_>,
    link: &ExprMethodCall,
    behind: &[&ExprMethodCall],
    consumed: bool,
    out: &mut Vec<Node>,
) -> bool {
    let Some(role) = role(&link.method) else { return false };
    let Some(given) = link.args.iter().nth(role.at) else { return false };
    let Some(closure) = as_closure(slicer, given) else { return false };
    if !slicer.is_clean(&link.receiver) || exits::leaves(&link.receiver) || closure.inputs.len() < role.results {
        return false;
    }
    if untyped::begins_untyped(&link.receiver) {
        return false;
    }
    let iterates = is_iterator(&link.receiver);
    let ends = behind.iter().find(|next| !passes_all(&next.method));
    let all = match ends {
        Some(end) => needs_all(&end.method),
        None => consumed || !iterates,
    };
    if !role.consumes && !all || in_parallel(link) {
        return false;
    }
    // The rest of the arguments is evaluated first.
    for (at, argument) in link.args.iter().enumerate() {
        if at != role.at && !matches!(argument, Expr::Closure(_)) {
            slicer.discard(argument, out);
        }
    }
    let results: Vec<_> = closure.inputs.iter().take(role.results).flat_map(super::names::bindings).collect();
    let kept: Vec<_> = results.iter().filter(|name| slicer.tainted.insert((*name).clone())).cloned().collect();
    let mut sliced = closure.clone();
    sliced.inputs = closure.inputs.iter().skip(role.results).cloned().collect();
    sliced.output = syn::ReturnType::Default;
    let open = slicer.open.len();
    let written = if let Expr::Closure(written) = given { &*written.body } else { &*closure.body };
    // Each of the iterators that such a closure gives is gone through.
    let body = match written {
        Expr::MethodCall(inner) if link.method == "flat_map" => {
            slicer.closure_by(&sliced.inputs, written, |slicer, body| method(slicer, inner, true, body))
        }
        written => slicer.closure(&sliced.inputs, written),
    };
    if !matches!(given, Expr::Closure(_)) {
        slicer.open.truncate(open);
    }
    let plain = sliced.asyncness.is_none() && sliced.lifetimes.is_none();
    kept.iter().for_each(|name| {
        slicer.tainted.remove(name);
    });
    slicer.taint_changes(&closure.body);
    if !plain || !node::asks(&body) {
        return plain && body.is_empty();
    }
    out.push(Node::Chain {
        repeats: iterates || is_array(slicer, &link.receiver),
        receiver: slicer.localized(&link.receiver),
        method: Ident::new(role.by, link.method.span()),
        arguments: Vec::new(),
        closure: sliced,
        body,
    });
    true
}

/// A closure, or the function itself as one.
fn as_closure(slicer: &Slicer<'_>, argument: &Expr) -> Option<ExprClosure> {
    match argument {
        Expr::Closure(closure) => Some(closure.clone()),
        Expr::Path(_)
            if slicer.forecaster.calls.named(argument).is_some() && slicer.forecaster.calls.arguments() == 1 =>
        {
            let value = Ident::new("argument", Span::mixed_site());
            Some(parse_quote!(|#value| #argument(#value)))
        }
        _ => None,
    }
}

/// rayon's own iterators run side by side by themselves.
fn in_parallel(link: &ExprMethodCall) -> bool {
    let mut receiver = &*link.receiver;
    while let Expr::MethodCall(call) = receiver {
        let name = call.method.to_string();
        if name.starts_with("par_") || name.starts_with("into_par_") {
            return true;
        }
        receiver = &call.receiver;
    }
    false
}

/// May the type of a value name a closure that is written in it?
pub(super) fn gives_closure(value: &Expr) -> bool {
    match value {
        Expr::Closure(_) => true,
        Expr::MethodCall(call) => {
            let consumed = needs_all(&call.method)
                || ["len", "contains", "any", "all", "find", "position"].iter().any(|whole| call.method == whole);
            !consumed && (gives_closure(&call.receiver) || call.args.iter().any(gives_closure))
        }
        Expr::Call(call) => call.args.iter().any(gives_closure),
        Expr::Reference(inner) => gives_closure(&inner.expr),
        Expr::Paren(inner) => gives_closure(&inner.expr),
        Expr::Tuple(tuple) => tuple.elems.iter().any(gives_closure),
        Expr::Array(array) => array.elems.iter().any(gives_closure),
        Expr::Struct(literal) => literal.fields.iter().any(|field| gives_closure(&field.expr)),
        Expr::If(branch) => {
            let last = |block: &syn::Block| matches!(block.stmts.last(), Some(syn::Stmt::Expr(code, None)) if gives_closure(code));
            last(&branch.then_branch) || branch.else_branch.iter().any(|(_, other)| gives_closure(other))
        }
        Expr::Block(block) => {
            matches!(block.block.stmts.last(), Some(syn::Stmt::Expr(code, None)) if gives_closure(code))
        }
        Expr::Match(inner) => inner.arms.iter().any(|arm| gives_closure(&arm.body)),
        _ => false,
    }
}
