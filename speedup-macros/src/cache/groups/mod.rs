//! Which calls of a function to itself form groups, whose members may run in parallel and in any order.
//!
//! # The rules
//!
//! 1. A **region** is what is evaluated as a whole once it is begun: a run of `let` statements together with the statement
//!    behind them, any other statement, and each expression that a condition or a loop decides about (the right side of
//!    `&&`, the body of a closure or a match arm, the condition of `while`). Blocks of branches, loops and closures are
//!    divided into regions of their own.
//! 2. Two or more calls of a region form a group. It is evaluated before the region, and the calls give way to its results:
//!
//!    ```text
//!    f(n - 1) + f(n - 2)     =>     let [call_0, call_1] = ::speedup::Cache::group(F, [(n - 1,), (n - 2,)]);
//!                                   call_0 + call_1
//!    ```
//! 3. A call takes part when nothing in the region can keep it from being reached: it stands before the first `?`, `return`,
//!    `break`, `continue`, `.await`, `let .. else` and unknown macro (`region`).
//! 4. A call takes part when its arguments can be evaluated early without a difference (`early`): they are made of values,
//!    operators and methods known to be pure; they name no variable that the region binds, may change, or has used before
//!    they would move it.
//! 5. A `let` whose call needs what the run has bound begins a new region.
//! 6. Other functions may be called in the same region; members can run before them.
//! 7. What is left stays where it is, and goes through the cache as any call does.

mod calls;
mod early;
mod effects;
mod region;
#[cfg(test)]
mod tests;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::{Block, Expr, Pat, Stmt, parse_quote};

use self::calls::Calls;
use self::effects::Names;
use self::region::{Region, Site};
use super::model::Cached;
use crate::signature::{self, Argument, Pass};

/// The user's body with its groups formed.
pub(super) fn form(model: &Cached) -> Block {
    let mut block = model.function.block.as_ref().clone();
    if !model.sequential {
        let calls = Calls::new(&model.function, &model.place);
        let handle = model.place.sibling(&model.handle);
        let steady = effects::steady(&model.arguments, &block);
        Groups { calls: &calls, arguments: &model.arguments, steady, handle }.block(&mut block);
    }
    block
}

/// What stays the same all over a body.
pub(super) struct Groups<'a> {
    calls: &'a Calls,
    arguments: &'a [Argument],
    /// Arguments that are copied and never change.
    steady: Names,
    handle: TokenStream,
}

/// How far a region reaches from a statement on.
struct Reach {
    /// Statements that belong to it.
    statements: usize,
    /// Calls that form the group.
    calls: usize,
}

impl Groups<'_> {
    /// Divides a block into regions.
    pub(super) fn block(&self, block: &mut Block) {
        let mut ahead = std::mem::take(&mut block.stmts);
        while !ahead.is_empty() {
            let reach = self.reach(&ahead);
            let later = ahead.split_off(reach.statements);
            let mut region = if reach.calls >= 2 { Region::collecting(self) } else { Region::passing(self) };
            for statement in &mut ahead {
                region.statement(statement);
            }
            if reach.calls >= 2 {
                block.stmts.push(self.group(&region.sites));
            }
            block.stmts.append(&mut ahead);
            ahead = later;
        }
    }

    /// A region that is one expression; its group makes it a block.
    pub(super) fn root(&self, root: &mut Expr) {
        let mut trial = Region::trial(self);
        trial.expression(&mut root.clone());
        if trial.sites.len() < 2 {
            Region::passing(self).expression(root);
            return;
        }
        let mut region = Region::collecting(self);
        region.expression(root);
        let group = self.group(&region.sites);
        *root = parse_quote!({ #group #root });
    }

    /// Finds the region that begins with the first of `statements`, without changing anything.
    fn reach(&self, statements: &[Stmt]) -> Reach {
        let mut region = Region::trial(self);
        let mut reach = Reach { statements: 1, calls: 0 };
        for (position, statement) in statements.iter().enumerate() {
            let refused = region.refused;
            region.statement(&mut statement.clone());
            let uses_the_run = region.refused > refused;
            if position > 0 && uses_the_run {
                break;
            }
            if region.sites.len() > reach.calls {
                reach = Reach { statements: position + 1, calls: region.sites.len() };
            }
            if region.closed || !matches!(statement, Stmt::Local(_)) || reach.calls == 0 {
                break;
            }
        }
        reach
    }

    /// `let [call_0, call_1] = ::speedup::Cache::group(F, [(..), (..)]);`
    fn group(&self, sites: &[Site]) -> Stmt {
        let results = sites
            .iter()
            .map(|Site { result, changed, .. }| if *changed { quote!(mut #result) } else { quote!(#result) });
        let handle = &self.handle;
        let lends = self.arguments.iter().any(|argument| argument.pass == Pass::Lend);
        let keys = sites.iter().map(|site| self.key(site, lends));
        if lends {
            // The type lets arguments coerce as they would in the call, `&Vec<T>` to `&[T]`.
            let key = signature::tuple(Span::call_site(), self.arguments.iter().map(lent_type));
            parse_quote!(let [#(#results),*] = ::speedup::Cache::group_ref::<#key, _>(#handle, [#(#keys),*]);)
        } else {
            parse_quote!(let [#(#results),*] = ::speedup::Cache::group(#handle, [#(#keys),*]);)
        }
    }

    fn key(&self, site: &Site, lends: bool) -> TokenStream {
        signature::tuple(
            Span::call_site(),
            self.arguments.iter().zip(&site.arguments).map(|(argument, value)| {
                if !lends || argument.pass == Pass::Lend {
                    value.to_token_stream()
                } else if matches!(
                    value,
                    Expr::Lit(_) | Expr::Path(_) | Expr::Paren(_) | Expr::Field(_) | Expr::MethodCall(_)
                ) {
                    quote!(&#value)
                } else {
                    quote!(&(#value))
                }
            }),
        )
    }
}

/// The type of an argument's part in a key of references.
fn lent_type(argument: &Argument) -> TokenStream {
    let lent = signature::borrowed(&argument.declared.ty).unwrap_or(&argument.declared.ty);
    quote!(&#lent)
}

/// The name of a group's result, shown where the call stood.
fn result_name(position: usize, call: Span) -> Ident {
    format_ident!("call_{position}", span = Span::mixed_site().located_at(call))
}

/// The variables that a pattern binds.
fn bound_by(pattern: &Pat) -> Vec<String> {
    effects::bindings(pattern)
}
