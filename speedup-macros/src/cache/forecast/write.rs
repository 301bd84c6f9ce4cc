//! A forecast as code: `::speedup::Cache::ahead(F, |call| { call((n - 1,)); call((n - 2,)); });`

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, ExprClosure, ExprTuple, Local, Pat, Stmt, Token, parse_quote, parse_quote_spanned};

use super::node::{Head, Leave, Node};
use super::uses::{Use, Uses};
use super::{Callee, Forecaster, Names, chain, fields, names};
use crate::expansion;
use crate::signature::{self, Argument, Pass};

/// A statement or an expression with a head of the user's. Left out if it cannot be read: a head may end with `break` or `return`, which
/// can take the braces behind it for their value.
macro_rules! headed {
    ($($tokens:tt)*) => { syn::parse2(quote!($($tokens)*)).ok()? };
}

/// Writes the steps of forecasts.
pub(super) struct Writer {
    /// Which function's calls are asked for; others are left out.
    callee: Option<usize>,
    call: Ident,
    /// For each of its arguments, whether it is part of the key; all are where nothing is said.
    keyed: Vec<bool>,
}

/// The steps as statements, for those who look at what they use.
pub(super) fn plainly(nodes: &[Node]) -> Vec<Stmt> {
    Writer { callee: None, call: Ident::new("call", Span::mixed_site()), keyed: Vec::new() }.statements(nodes)
}

/// The forecast before a region, if all that it uses can be had there: `around` is what the region itself uses.
pub(super) fn forecast(forecaster: &Forecaster, callee: usize, nodes: &[Node], around: &Uses) -> Option<Stmt> {
    let name = ["call", "ask"].into_iter().find(|name| !forecaster.locals.is_known(name)).unwrap_or("__call");
    let call = Ident::new(name, Span::mixed_site());
    let keyed = forecaster.callees[callee].keyed.clone();
    let mut statements = Writer { callee: Some(callee), call: call.clone(), keyed }.statements(nodes);
    let mut uses = Uses::of_statements(&statements);
    while let Some(name) = uses.free.keys().find(|name| forecaster.locals.closes(name)) {
        statements.insert(0, Stmt::Local(written_again(forecaster, name)?));
        uses = Uses::of_statements(&statements);
    }
    fields::copied(&forecaster.locals, &mut statements);
    uses = Uses::of_statements(&statements);
    let captured = captured(forecaster, &uses, around)?;
    let shadows = captured.iter().filter_map(|(name, how)| shadow(forecaster, name, *how, &statements));
    let shadows: Vec<Stmt> = shadows.collect();
    let owned = captured.iter().all(|(name, _)| forecaster.locals.is_copied(name));
    let moves = (owned && !captured.is_empty()).then(|| quote!(move));
    let Callee { ahead, handle, arguments, asked, looks, .. } = &forecaster.callees[callee];
    let lent = arguments.as_ref().and_then(|arguments| lending(arguments, &call, asked.as_ref()));
    let plain = nodes.iter().all(|node| matches!(node, Node::Ask { .. } | Node::AskBy(_)));
    let allow = (!plain).then(|| quote!(#[allow(unused, clippy::all, clippy::pedantic)]));
    let at = ahead.span();
    if let Some(looks) = looks {
        return Some(parse_quote_spanned! {at=>
            if #looks {
                #allow
                #ahead(#handle, #moves |#call| { #lent #(#shadows)* #(#statements)* });
            }
        });
    }
    Some(parse_quote_spanned! {at=>
        #allow
        #ahead(#handle, #moves |#call| { #lent #(#shadows)* #(#statements)* });
    })
}

/// A local closure that the forecast calls: it is written in it once more, and so has what the forecast has.
fn written_again(forecaster: &Forecaster, name: &str) -> Option<Local> {
    let closures = forecaster.closures.borrow();
    let local = closures.get(name).filter(|_| forecaster.locals.is_one(name))?;
    let inside = Uses::of_statements(&[Stmt::Local(local.clone())]);
    let same = inside.free.iter().filter(|(used, _)| forecaster.locals.is_known(used)).all(|(used, how)| {
        let stays = forecaster.locals.is_copied(used) || !how.moved && !how.field_moved;
        used != name && stays && !how.changed && forecaster.locals.is_one(used)
    });
    same.then(|| local.clone())
}

/// The variables that a forecast takes from around it, unless one of them might not be there to be taken.
fn captured(forecaster: &Forecaster, uses: &Uses, around: &Uses) -> Option<Vec<(String, Use)>> {
    let locals = &forecaster.locals;
    if uses.free.get("self").is_some_and(|how| how.changed && how.assigned) {
        return None;
    }
    let mut captured = Vec::new();
    for (name, how) in &uses.free {
        if !locals.is_known(name) {
            continue;
        }
        let lent_out = around.free.keys().any(|holder| holder != name && locals.borrows(holder, name));
        let parted = forecaster.parted.borrow().contains(name);
        if locals.may_be_empty(name) || lent_out || parted && !locals.is_copied(name) {
            return None;
        }
        captured.push((name.clone(), *how));
    }
    Some(captured)
}

/// `let mut k = k;`: the forecast changes or takes a copy, never the variable itself.
fn shadow(forecaster: &Forecaster, name: &str, how: Use, statements: &[Stmt]) -> Option<Stmt> {
    let (copied, mutable) = (forecaster.locals.is_copied(name), forecaster.locals.is_mutable(name));
    // A macro may have been given the name.
    let name = names::spelled(statements, name).or_else(|| syn::parse_str(name).ok())?;
    let mutable = (how.changed && mutable).then(|| quote!(mut));
    if copied {
        return mutable.map(|_| parse_quote!(let mut #name = #name;));
    }
    let taken = how.lent || how.moved || how.field_moved || how.changed;
    taken.then(|| parse_quote!(let #mutable #name = ::speedup::__private::again!(#name);))
}

/// `let call = |(text, n): (&str, usize)| call((ToOwned::to_owned(text), n));`: what is lent coerces as it does in the call.
fn lending(arguments: &[Argument], call: &Ident, asked: Option<&TokenStream>) -> Option<Stmt> {
    let is_reference = |argument: &Argument| matches!(argument.declared.ty.as_ref(), syn::Type::Reference(_));
    arguments.iter().find(|argument| match argument.pass {
        Pass::Lend => true,
        Pass::Copy => is_reference(argument),
        Pass::Clone => false,
    })?;
    let at = Span::call_site();
    let names: Vec<Ident> = arguments.iter().map(|argument| expansion::in_closure(&argument.name)).collect();
    let pattern = signature::tuple(at, names.iter().map(ToTokens::to_token_stream));
    let types = signature::tuple(at, arguments.iter().map(lent_type));
    let parts = signature::tuple(
        at,
        arguments.iter().zip(&names).map(|(argument, name)| match argument.pass {
            Pass::Lend if argument.checked.is_some() => {
                let lent = argument.lent_as();
                quote!(<#lent as ::std::borrow::ToOwned>::to_owned(#name))
            }
            Pass::Lend => quote!(::std::borrow::ToOwned::to_owned(#name)),
            Pass::Copy | Pass::Clone => name.to_token_stream(),
        }),
    );
    Some(match asked {
        Some(asked) => parse_quote!(let #call = |#pattern: #types| #call.ask(#asked, || #parts);),
        None => parse_quote!(let #call = |#pattern: #types| #call(#parts);),
    })
}

fn lent_type(argument: &Argument) -> TokenStream {
    match signature::borrowed(&argument.declared.ty) {
        Some(element) if argument.pass == Pass::Lend => quote!(&#element),
        _ => argument.declared.ty.to_token_stream(),
    }
}

impl Writer {
    fn statements(&self, nodes: &[Node]) -> Vec<Stmt> {
        nodes.iter().filter_map(|node| self.statement(node)).collect()
    }

    fn statement(&self, node: &Node) -> Option<Stmt> {
        Some(match node {
            Node::Ask { callee, arguments, .. } => {
                if self.callee.is_some_and(|only| only != *callee) {
                    return None;
                }
                let keyed = |at: usize| self.keyed.get(at).is_none_or(|keyed| *keyed);
                let parts = arguments.iter().enumerate().filter(|(at, _)| keyed(*at)).map(|(_, part)| part.clone());
                let (call, key) = (&self.call, tuple(&parts.collect::<Vec<_>>()));
                parse_quote!(#call(#key);)
            }
            Node::AskBy(call) => parse_quote!(#call;),
            Node::Run(code) => run(code),
            Node::Let(local) => Stmt::Local(local.clone()),
            Node::LetElse { local, otherwise } => {
                let mut local = local.clone();
                let body = self.statements(otherwise);
                let end = (!matches!(otherwise.last(), Some(Node::Leave(_)))).then(|| quote!(return;));
                if let Some((_, diverge)) = local.init.as_mut().and_then(|init| init.diverge.as_mut()) {
                    **diverge = parse_quote!({ #(#body)* #end });
                }
                Stmt::Local(local)
            }
            Node::Closure { local, closure, body } => {
                let mut local = local.clone();
                let closure = self.closure(closure, body);
                if let Some(init) = &mut local.init {
                    *init.expr = closure;
                }
                Stmt::Local(local)
            }
            Node::If { .. } => {
                let branch = self.branch(node)?;
                parse_quote!(#branch)
            }
            Node::Match { value, arms } => {
                let arms = arms.iter().map(|(attributes, pattern, body)| {
                    let body = self.statements(body);
                    quote!(#(#attributes)* #pattern => { #(#body)* })
                });
                headed!(match #value { #(#arms)* })
            }
            Node::Loop { label, head, body } => {
                let body = self.statements(body);
                match head {
                    Head::For(pattern, iterated) => headed!(#label for #pattern in #iterated { #(#body)* }),
                    Head::While(condition) => headed!(#label while #condition { #(#body)* }),
                    Head::Endless => parse_quote!(#label loop { #(#body)* }),
                }
            }
            Node::Chain { receiver, method, arguments, closure, body, .. } => {
                if let Some(pattern) = turn(receiver, method, closure, body) {
                    let body = self.statements(body);
                    let receiver = if let Expr::Paren(inner) = receiver { &*inner.expr } else { receiver };
                    return Some(headed!(for #pattern in #receiver { #(#body)* }));
                }
                let closure = self.closure(closure, body);
                parse_quote!(::speedup::__private::drain!(#receiver.#method(#(#arguments,)* #closure));)
            }
            Node::Block { attributes, body } => {
                let body = self.statements(body);
                parse_quote!(#(#attributes)* { #(#body)* })
            }
            Node::Leave(leave) => {
                let leave = leave.expression();
                parse_quote!(#leave;)
            }
        })
    }

    fn branch(&self, node: &Node) -> Option<Expr> {
        let Node::If { condition, then, otherwise } = node else { return None };
        let then = self.statements(then);
        Some(match otherwise.as_slice() {
            [] => headed!(if #condition { #(#then)* }),
            [other @ Node::If { .. }] => {
                let other = self.branch(other)?;
                headed!(if #condition { #(#then)* } else #other)
            }
            [Node::Block { attributes, body }] if attributes.is_empty() => {
                let body = self.statements(body);
                headed!(if #condition { #(#then)* } else { #(#body)* })
            }
            other => {
                let other = self.statements(other);
                headed!(if #condition { #(#then)* } else { #(#other)* })
            }
        })
    }

    fn closure(&self, closure: &ExprClosure, body: &[Node]) -> Expr {
        let mut closure = closure.clone();
        let body = match body {
            // One pair of braces is enough.
            [Node::Block { attributes, body }] if attributes.is_empty() => self.statements(body),
            body => self.statements(body),
        };
        closure.output = syn::ReturnType::Default;
        *closure.body = parse_quote!({ #(#body)* });
        Expr::Closure(closure)
    }
}

/// The pattern of a `for` that does the same as the chain, if there is one.
fn turn(receiver: &Expr, method: &Ident, closure: &ExprClosure, body: &[Node]) -> Option<Pat> {
    let pattern = closure.inputs.first().filter(|_| closure.inputs.len() == 1)?;
    let plain = method == "map" && !matches!(pattern, Pat::Type(_)) && !returns(body);
    (plain && chain::is_iterator(receiver)).then(|| pattern.clone())
}

/// Does anything leave the closure that this is the body of?
fn returns(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Leave(Leave::Return) | Node::LetElse { .. } => true,
        Node::If { then, otherwise, .. } => returns(then) || returns(otherwise),
        Node::Match { arms, .. } => arms.iter().any(|(_, _, body)| returns(body)),
        Node::Loop { body, .. } | Node::Block { body, .. } => returns(body),
        Node::Run(code) => has_return(code),
        Node::Let(local) => local.init.iter().any(|init| has_return(&init.expr)),
        Node::Ask { arguments, .. } => arguments.iter().any(has_return),
        Node::AskBy(_) | Node::Closure { .. } | Node::Chain { .. } | Node::Leave(_) => false,
    })
}

fn has_return(code: &Expr) -> bool {
    super::exits::leaves(code)
}

/// `_ = &prices[k];`
fn run(code: &Expr) -> Stmt {
    match code {
        Expr::Assign(_) | Expr::Macro(_) | Expr::If(_) | Expr::Match(_) | Expr::Block(_) => parse_quote!(#code;),
        Expr::ForLoop(_) | Expr::While(_) | Expr::Loop(_) => parse_quote!(#code),
        Expr::Binary(binary) if super::names::assigns(&binary.op) => parse_quote!(#code;),
        Expr::Reference(_) => parse_quote!(_ = #code;),
        other => {
            let code = parenthesized(other.clone());
            parse_quote!(_ = &#code;)
        }
    }
}

/// In parentheses, unless it needs none.
pub(super) fn parenthesized(code: Expr) -> Expr {
    match code {
        Expr::Path(_) | Expr::Lit(_) | Expr::Paren(_) | Expr::Field(_) | Expr::Index(_) | Expr::Call(_) => code,
        Expr::MethodCall(_) | Expr::Tuple(_) | Expr::Array(_) | Expr::Macro(_) => code,
        other => parse_quote!((#other)),
    }
}

fn tuple(arguments: &[Expr]) -> Expr {
    let mut elems: Punctuated<Expr, Token![,]> = arguments.iter().cloned().collect();
    if elems.len() == 1 {
        elems.push_punct(syn::token::Comma::default());
    }
    Expr::Tuple(ExprTuple { attrs: Vec::new(), paren_token: syn::token::Paren::default(), elems })
}

/// What a region itself uses.
pub(super) fn uses_around(statements: &[Stmt]) -> Uses {
    Uses::of_statements(statements)
}

/// Variables of which parts are taken.
pub(super) fn parted(uses: &Uses) -> Names {
    uses.free.iter().filter(|(_, how)| how.field_moved).map(|(name, _)| name.clone()).collect()
}
