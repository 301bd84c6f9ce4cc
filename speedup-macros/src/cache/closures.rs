//! Closures in which a body calls its function stand where they are called.
//!
//! ```text
//! (0..n).map(|k| f(k)).min()      =>      (0..n).map(#[cfg_attr(not(debug_assertions), inline(always))] |k| f(k)).min()
//! ```
//!
//! `min`, `max` and `reduce` call such a closure at two places, for the first item and for the others. With the hits in it, it is large enough
//! for the compiler to leave it out of line: a call for each item, another frame for each level of the recursion, and what the closure
//! captures is fetched each time.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit_mut::VisitMut;
use syn::{Block, Expr, ExprCall, ExprMethodCall, Item, ItemFn, Macro, parse_quote_spanned};

use crate::expansion;

/// At so many places who calls a closure has it, as a rule.
const PLACES: usize = 2;
/// A closure is left as it is if more places than these would call the function: closures within closures multiply.
const MOST: usize = 16;

/// Has the closures of a function's body inlined that call it.
pub(super) fn inline(block: &mut Block, function: &ItemFn) {
    let name = function.sig.ident.to_string();
    Closures { name, is_method: function.sig.receiver().is_some(), calls: 0 }.visit_block_mut(block);
}

struct Closures {
    name: String,
    is_method: bool,
    /// Calls of the function so far, in the closure that is looked at.
    calls: usize,
}

impl Closures {
    /// An attribute may stand before what a call is given.
    fn given(&mut self, argument: &mut Expr) {
        let Expr::Closure(closure) = argument else { return self.visit_expr_mut(argument) };
        let around = std::mem::take(&mut self.calls);
        self.visit_expr_mut(&mut closure.body);
        let copies = self.calls * PLACES;
        self.calls = around;
        let is_plain = closure.asyncness.is_none() && closure.constness.is_none();
        let says = closure.attrs.iter().any(|attribute| attribute.path().is_ident("inline"));
        if (1..=MOST).contains(&copies) && is_plain && !says {
            let at = expansion::generated_at(closure.inputs_begin.spans[0]);
            closure.attrs.push(parse_quote_spanned!(at=> #[cfg_attr(not(debug_assertions), inline(always))]));
            self.calls += copies;
        }
    }

    /// How often the function is called by its name in tokens that nobody has read.
    fn calls_in(&self, tokens: TokenStream) -> usize {
        let mut is_named = false;
        let each = tokens.into_iter().map(|token| {
            let was_named = std::mem::take(&mut is_named);
            match token {
                TokenTree::Ident(ident) => {
                    is_named = ident == self.name;
                    0
                }
                TokenTree::Group(group) => {
                    let is_call = was_named && group.delimiter() == Delimiter::Parenthesis;
                    usize::from(is_call) + self.calls_in(group.stream())
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => 0,
            }
        });
        each.sum()
    }
}

impl VisitMut for Closures {
    fn visit_expr_call_mut(&mut self, call: &mut ExprCall) {
        if let Expr::Path(callee) = call.func.as_ref() {
            self.calls += usize::from(callee.path.segments.last().is_some_and(|last| last.ident == self.name));
        }
        self.visit_expr_mut(&mut call.func);
        call.args.iter_mut().for_each(|argument| self.given(argument));
    }

    fn visit_expr_method_call_mut(&mut self, call: &mut ExprMethodCall) {
        self.calls += usize::from(self.is_method && call.method == self.name);
        self.visit_expr_mut(&mut call.receiver);
        call.args.iter_mut().for_each(|argument| self.given(argument));
    }

    fn visit_macro_mut(&mut self, call: &mut Macro) {
        self.calls += self.calls_in(call.tokens.clone());
    }

    /// An item is compiled by itself.
    fn visit_item_mut(&mut self, _: &mut Item) {}
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::{ItemFn, parse_str};

    use super::inline;

    /// Which closures of a function are inlined, by what they begin with.
    fn inlined(function: &str) -> Vec<String> {
        let function: ItemFn = parse_str(function).unwrap();
        let mut block = function.block.clone();
        inline(&mut block, &function);
        let text = block.to_token_stream().to_string();
        let mark = "# [cfg_attr (not (debug_assertions) , inline (always))] ";
        text.split(mark).skip(1).map(|behind| behind.split(' ').take(2).collect()).collect()
    }

    #[test]
    fn a_closure_that_is_given_and_calls_the_function_is_inlined() {
        assert_eq!(inlined("fn f(n: u64) -> u64 { (0..n).map(|k| f(k)).filter(|z| *z > 3).min().unwrap() }"), ["|k"]);
        assert_eq!(
            inlined("fn f(&self, n: u64) -> u64 { pick(n, |m| self.f(m)) + g(move |o| Self::f(o)) }"),
            ["|m", "move|"]
        );
        assert_eq!(inlined("fn f(n: u64) -> u64 { (0..n).map(|k| vec![f(k), 1].len()).sum() }"), ["|k"]);
    }

    #[test]
    fn no_other_is() {
        assert!(inlined("fn f(n: u64) -> u64 { (0..n).map(|k| k + 1).sum() + f(n - 1) }").is_empty());
        assert!(inlined("fn f(n: u64) -> u64 { let g = |k| f(k); g(n) }").is_empty());
        assert!(inlined("fn f(n: u64) -> u64 { (0..n).map(#[inline(never)] |k| f(k)).sum() }").is_empty());
        assert!(inlined("fn f(n: u64) -> u64 { fn g(n: u64) -> u64 { (0..n).map(|k| f(k)).sum() } g(n) }").is_empty());
        assert!(inlined("fn f(n: u64) -> u64 { run(async || f(n - 1)) }").is_empty());
    }

    #[test]
    fn closures_within_closures_are_as_long_as_there_are_not_too_many_copies() {
        let within = |calls: &str| inlined(&format!("fn f(n: u64) -> u64 {{ a(|x| b(|y| c(|z| {calls}))) }}"));
        assert_eq!(within("f(z) + f(y)"), ["|x", "|y", "|z"]);
        assert_eq!(within("f(z) + f(y) + f(x)"), ["|y", "|z"]);
        assert!(within(&["f(z)"; 9].join(" + ")).is_empty());
    }
}
