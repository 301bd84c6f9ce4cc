//! Which awaited calls of an `async fn` to itself are awaited together.
//!
//! # The rules
//!
//! 1. A **region** is a run of `let` statements together with the statement behind them, or any other statement, or the expression
//!    of a match arm. Blocks inside of it have regions of their own.
//! 2. Two or more awaited calls of a region form a group, which is awaited before the region:
//!
//!    ```text
//!    f(n - 1).await + f(n - 2).await     =>     let [call_0, call_1] = boxed(#cache::group(F, [(n - 1,), (n - 2,)])).await;
//!                                               call_0 + call_1
//!    ```
//!    Where calls have context, each passes its own on, and they are awaited together as they stand:
//!
//!    ```text
//!    self.f(db, n - 1).await + ..    =>    let [call_0, call_1] = together([boxed(self.f(db, n - 1)), ..]).await;
//!                                          call_0 + ..
//!    ```
//! 3. A call takes part when it stands before the first thing that can keep it from being reached: a branch, `?`, `return`, any other
//!    `.await`, a macro. The `?` behind a call that takes part is none, if what stands behind it cannot panic (`arguments`).
//! 4. A call takes part when its arguments can be evaluated early without a difference (`arguments`).
//! 5. A `let` whose call needs what the run has bound begins a new region.
//! 6. What is left stays where it is, and goes through the cache as any call does.

mod arguments;

use std::collections::HashSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{BinOp, Block, Expr, ExprCall, ExprMethodCall, Pat, ReceiverKind, Stmt, Token, UseTree, parse_quote};

use super::expand_async;
use super::form::Form;
use super::model::Cached;
use crate::place::Place;
use crate::signature::{self, Argument, Pass};

/// The user's body, with its groups formed.
pub(super) fn form(model: &Cached) -> Block {
    let mut block = model.function.block.as_ref().clone();
    let has_context = matches!(model.form, Form::Context(_));
    let name = model.function.sig.ident.to_string();
    let mut names = Names::default();
    model.function.sig.inputs.iter().for_each(|input| names.visit_fn_arg(input));
    names.visit_block(&block);
    // A body that gives the name another meaning is left alone.
    // What a group gives away cannot be asked for again.
    let gives_away = model.moves_err && model.arguments.iter().any(|argument| argument.pass == Pass::Clone);
    if !model.sequential && (has_context || !gives_away) && !names.bound.contains(&name) {
        let by_key = (!has_context).then(|| ByKey {
            handle: model.running(),
            cache: expand_async::cache_type(model),
            moves_err: model.moves_err,
        });
        let types = match &model.place {
            Place::Inherent { ty, .. } => Some(["Self".to_owned()].into_iter().chain(ty.clone()).collect()),
            Place::Free | Place::TraitImpl | Place::Trait => None,
        };
        Groups {
            name,
            types,
            receiver: model.function.sig.receiver().map(|receiver| &receiver.kind),
            arguments: &model.arguments,
            mutable: names.mutable,
            by_key,
        }
        .visit_block_mut(&mut block);
    }
    block
}

/// What stays the same all over a body.
struct Groups<'a> {
    name: String,
    /// `Self::name(..)`, and the type's own name where it is known; otherwise the bare name.
    types: Option<Vec<String>>,
    /// How a method takes `self`.
    receiver: Option<&'a ReceiverKind>,
    arguments: &'a [Argument],
    /// Variables that may change.
    mutable: HashSet<String>,
    /// How the cache is asked for several keys; nothing where a call is more than its key.
    by_key: Option<ByKey>,
}

/// How the members of a group are asked for by their keys.
struct ByKey {
    handle: TokenStream,
    /// The type of the handle.
    cache: TokenStream,
    /// Whether a result may be for another caller, and the call is made once more.
    moves_err: bool,
}

/// A call that takes part.
struct Site {
    call: Expr,
    arguments: Vec<Expr>,
}

/// A look at a region, in the order of its evaluation.
struct Region<'a> {
    groups: &'a Groups<'a>,
    /// What the region has bound so far.
    bound: HashSet<String>,
    /// The calls that take part.
    sites: Vec<Site>,
    /// A call that takes part may have given an error: what stands behind it may not be reached.
    fallible: bool,
    /// What stands behind may not be reached, or not so early.
    closed: bool,
    /// There is a call that cannot take part.
    refused: bool,
    /// Whether calls give way to the results of the group.
    replaces: bool,
}

impl VisitMut for Groups<'_> {
    fn visit_block_mut(&mut self, block: &mut Block) {
        visit_mut::visit_block_mut(self, block);
        let mut ahead = std::mem::take(&mut block.stmts);
        while !ahead.is_empty() {
            let later = ahead.split_off(self.reach(&ahead));
            self.group(&mut ahead);
            block.stmts.append(&mut ahead);
            ahead = later;
        }
    }

    fn visit_arm_mut(&mut self, arm: &mut syn::Arm) {
        visit_mut::visit_arm_mut(self, arm);
        if matches!(arm.body.as_ref(), Expr::Block(_)) {
            return;
        }
        let mut statements = vec![Stmt::Expr(arm.body.as_ref().clone(), None)];
        self.group(&mut statements);
        if statements.len() > 1 {
            *arm.body = parse_quote!({ #(#statements)* });
        }
    }

    // An item is another function's.
    fn visit_item_mut(&mut self, _: &mut syn::Item) {}
}

impl Groups<'_> {
    fn region(&self, replaces: bool) -> Region<'_> {
        Region {
            groups: self,
            bound: HashSet::new(),
            sites: Vec::new(),
            fallible: false,
            closed: false,
            refused: false,
            replaces,
        }
    }

    /// How many statements belong to the region that begins with the first.
    fn reach(&self, statements: &[Stmt]) -> usize {
        let mut region = self.region(false);
        let mut reach = 1;
        for (position, statement) in statements.iter().enumerate() {
            let calls = region.sites.len();
            region.statement(&mut statement.clone());
            if position > 0 && region.refused {
                break;
            }
            if region.sites.len() > calls {
                reach = position + 1;
            }
            if region.closed || !matches!(statement, Stmt::Local(_)) {
                break;
            }
        }
        reach
    }

    /// Puts the group of a region before it, if there is one.
    fn group(&self, statements: &mut Vec<Stmt>) {
        let mut trial = self.region(false);
        statements.iter().for_each(|statement| trial.statement(&mut statement.clone()));
        if trial.sites.len() < 2 {
            return;
        }
        let mut region = self.region(true);
        statements.iter_mut().for_each(|statement| region.statement(statement));
        let sites = region.sites;
        let results = (0..sites.len()).map(result_name);
        let Some(ByKey { handle, cache, .. }) = &self.by_key else {
            let calls = sites.iter().map(|site| &site.call);
            let group = quote!(::speedup::cache::together([#(::speedup::cache::boxed(#calls)),*]));
            statements.insert(0, parse_quote!(let [#(#results),*] = #group.await;));
            return;
        };
        let lends = self.arguments.iter().any(|argument| argument.pass == Pass::Lend);
        let keys = sites.iter().map(|site| self.key(&site.arguments, lends));
        let group: Stmt = if lends {
            // The type lets arguments coerce as they would in the call, `&Vec<T>` to `&[T]`.
            let key = signature::tuple(Span::call_site(), self.arguments.iter().map(lent_type));
            parse_quote!(let [#(#results),*] = ::speedup::cache::boxed(#cache::group_ref::<#key, _>(#handle, [#(#keys),*])).await;)
        } else {
            parse_quote!(let [#(#results),*] = ::speedup::cache::boxed(#cache::group(#handle, [#(#keys),*])).await;)
        };
        statements.insert(0, group);
    }

    fn key(&self, site: &[Expr], lends: bool) -> TokenStream {
        let parts = self.arguments.iter().zip(site).map(|(argument, value)| {
            let lent = lends && argument.pass != Pass::Lend;
            let value = if lent { quote!((#value)) } else { value.to_token_stream() };
            expand_async::part(argument, value, lends)
        });
        signature::tuple(Span::call_site(), parts)
    }

    /// The arguments, if this is a call of the function itself.
    fn own<'e>(&self, call: &'e Expr) -> Option<&'e Punctuated<Expr, Token![,]>> {
        match call {
            Expr::Call(call) => self.is_own(call).then_some(&call.args),
            Expr::MethodCall(call) => self.is_own_method(call).then_some(&call.args),
            _ => None,
        }
    }

    /// Is this `self.f(..)`, or `self.clone().f(..)`?
    fn is_own_method(&self, call: &ExprMethodCall) -> bool {
        let is_self = |value: &Expr| matches!(value, Expr::Path(path) if path.path.is_ident("self"));
        let receiver = match call.receiver.as_ref() {
            Expr::MethodCall(copy) => copy.method == "clone" && copy.args.is_empty() && is_self(&copy.receiver),
            other => is_self(other) && matches!(self.receiver, Some(ReceiverKind::Reference(..))),
        };
        let plain = call.attrs.is_empty() && call.turbofish.is_none() && call.args.len() == self.arguments.len();
        receiver && plain && self.receiver.is_some() && call.method == self.name
    }

    /// Is this a call of the function itself, by its path?
    fn is_own(&self, call: &ExprCall) -> bool {
        let Expr::Path(path) = call.func.as_ref() else { return false };
        if !(call.attrs.is_empty() && path.attrs.is_empty())
            || path.qself.is_some()
            || path.path.leading_colon.is_some()
            || self.receiver.is_some()
            || call.args.len() != self.arguments.len()
        {
            return false;
        }
        let mut segments = path.path.segments.iter();
        let (first, second, third) = (segments.next(), segments.next(), segments.next());
        let named = |segment: &syn::PathSegment| segment.arguments.is_none() && segment.ident == self.name;
        match (&self.types, first, second, third) {
            (None, Some(name), None, None) => named(name),
            (Some(types), Some(ty), Some(name), None) => types.iter().any(|known| ty.ident == known) && named(name),
            _ => false,
        }
    }
}

impl Region<'_> {
    fn statement(&mut self, statement: &mut Stmt) {
        match statement {
            // There may be no such statement.
            Stmt::Local(local) if !local.attrs.is_empty() => self.closed = true,
            Stmt::Local(local) => {
                if let Some(init) = &mut local.init {
                    self.expression(&mut init.expr);
                    self.closed |= init.diverge.is_some();
                }
                let mut names = Names::default();
                names.visit_pat(&local.pat);
                self.bound.extend(names.bound);
            }
            Stmt::Expr(expression, _) => self.expression(expression),
            Stmt::Item(_) => {}
            Stmt::Macro(_) => self.closed = true,
        }
    }

    /// Looks at an expression. What is not evaluated once and in any case closes the region.
    fn expression(&mut self, expression: &mut Expr) {
        match expression {
            Expr::Await(awaited) => {
                if !self.own_call(&awaited.base) {
                    self.expression(&mut awaited.base);
                    self.closed = true;
                } else if self.replaces {
                    let result = result_path(self.sites.len() - 1);
                    let moves_err = self.groups.by_key.as_ref().is_some_and(|by_key| by_key.moves_err);
                    *expression = if moves_err { taken(&result, expression) } else { result };
                }
            }
            Expr::Try(tried) => {
                let calls = self.sites.len();
                self.expression(&mut tried.expr);
                let takes_part = self.sites.len() == calls + 1 && !self.closed;
                self.fallible = true;
                self.closed |= !takes_part;
            }
            Expr::Binary(binary) if is_assignment(&binary.op) => {
                self.expression(&mut binary.right);
                self.closed |= !matches!(binary.left.as_ref(), Expr::Path(_));
            }
            Expr::Binary(binary) => {
                self.expression(&mut binary.left);
                if matches!(binary.op, BinOp::And(_) | BinOp::Or(_)) {
                    self.closed = true;
                } else {
                    self.expression(&mut binary.right);
                }
            }
            Expr::Assign(assign) => {
                self.expression(&mut assign.right);
                self.closed |= !matches!(assign.left.as_ref(), Expr::Path(_));
            }
            Expr::If(branch) => self.last(&mut branch.cond),
            Expr::Match(branches) => self.last(&mut branches.expr),
            Expr::Return(returned) => match &mut returned.expr {
                Some(value) => self.last(value),
                None => self.closed = true,
            },
            Expr::Call(call) => call.args.iter_mut().for_each(|argument| self.expression(argument)),
            Expr::MethodCall(call) => {
                self.expression(&mut call.receiver);
                call.args.iter_mut().for_each(|argument| self.expression(argument));
            }
            Expr::Array(array) => array.elems.iter_mut().for_each(|element| self.expression(element)),
            Expr::Tuple(tuple) => tuple.elems.iter_mut().for_each(|element| self.expression(element)),
            Expr::Struct(made) => made.fields.iter_mut().for_each(|field| self.expression(&mut field.expr)),
            Expr::Index(index) => {
                self.expression(&mut index.expr);
                self.expression(&mut index.index);
            }
            Expr::Unary(unary) => self.expression(&mut unary.expr),
            Expr::Paren(inner) => self.expression(&mut inner.expr),
            Expr::Group(inner) => self.expression(&mut inner.expr),
            Expr::Cast(cast) => self.expression(&mut cast.expr),
            Expr::Field(field) => self.expression(&mut field.base),
            Expr::Reference(reference) => self.expression(&mut reference.expr),
            // Nothing of it runs here.
            Expr::Path(_) | Expr::Lit(_) | Expr::Closure(_) | Expr::Async(_) => {}
            _ => self.closed = true,
        }
    }

    fn last(&mut self, expression: &mut Expr) {
        self.expression(expression);
        self.closed = true;
    }

    /// Whether what is awaited is a call that takes part, which is noted then.
    fn own_call(&mut self, awaited: &Expr) -> bool {
        let Some(given) = self.groups.own(awaited) else { return false };
        let moves = |name: &str| self.bound.contains(name) || self.groups.mutable.contains(name);
        let fits = self
            .groups
            .arguments
            .iter()
            .zip(given)
            .all(|(argument, value)| arguments::can_be_early(value, argument, self.fallible, &moves));
        if self.closed || !fits {
            self.refused |= !fits;
            return false;
        }
        self.sites.push(Site { call: awaited.clone(), arguments: given.iter().cloned().collect() });
        true
    }
}

fn is_assignment(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}

/// The type of an argument's part in a key of references.
fn lent_type(argument: &Argument) -> TokenStream {
    let lent = signature::borrowed(&argument.declared.ty).unwrap_or(&argument.declared.ty);
    quote!(&#lent)
}

fn result_name(position: usize) -> Ident {
    format_ident!("call_{position}", span = Span::mixed_site())
}

fn result_path(position: usize) -> Expr {
    let name = result_name(position);
    parse_quote!(#name)
}

/// `match AsyncFallible::taken(call_0) { Some(result) => result, None => f(n - 1).await }`
fn taken(result: &Expr, call: &Expr) -> Expr {
    let name = Ident::new("result", Span::mixed_site());
    parse_quote! {
        match ::speedup::cache::AsyncFallible::taken(#result) {
            ::core::option::Option::Some(#name) => #name,
            ::core::option::Option::None => #call,
        }
    }
}

/// The names that a body gives a meaning.
#[derive(Default)]
struct Names {
    bound: HashSet<String>,
    mutable: HashSet<String>,
}

impl<'ast> Visit<'ast> for Names {
    fn visit_pat(&mut self, pattern: &'ast Pat) {
        if let Pat::Ident(binding) = pattern {
            self.bound.insert(binding.ident.to_string());
            if binding.mutability.is_some() {
                self.mutable.insert(binding.ident.to_string());
            }
        }
        visit::visit_pat(self, pattern);
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.bound.insert(function.sig.ident.to_string());
    }

    fn visit_use_tree(&mut self, tree: &'ast UseTree) {
        match tree {
            UseTree::Name(used) => self.bound.insert(used.ident.to_string()),
            UseTree::Rename(used) => self.bound.insert(used.rename.to_string()),
            UseTree::Glob(_) | UseTree::Path(_) | UseTree::Group(_) => false,
        };
        visit::visit_use_tree(self, tree);
    }
}
