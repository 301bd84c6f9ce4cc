//! Calls that a function makes of itself go on in the table of the running one, without looking for it: in which functions, and what their
//! bodies begin with.
//!
//! ```text
//! |(i, j): &(usize, usize), inside: ::speedup::cache::InScope<'_, ..>| -> u32 {
//!     let given = [::speedup::cache::place_of(a), ::speedup::cache::place_of(b)];
//!     let lcs = identity(#[inline(always)] move |a: &[u8], b: &[u8], i: usize, j: usize| -> u32 {
//!         ::speedup::cache::InScope::get(inside, given, [place_of(a), place_of(b)], (i, j), |(i, j)| lcs(a, b, i, j))
//!     });
//!     { .. }
//! }
//! ```
//!
//! The closure has the function's name. Where the body does something with that which a closure could not do, there is none, and each call
//! looks for its table.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::visit::{self, Visit};
use syn::{FnArg, ItemFn, ReturnType, Safety, Signature, Type};

use super::borrowed;
use super::checked;
use super::expand_context;
use super::expand_spans;
use super::expand_tables;
use super::form::{Context, Home};
use super::itself;
use super::model::Cached;
use super::steady;
use crate::place::Place;
use crate::signature::{self, Argument, Pass};

/// Whether the calls of a scoped function's body go on in its scope by themselves: where its key and result have types that lack nothing, of which
/// there is nothing to tell.
pub(super) fn go_on_in_scope(model: &Cached, context: &Context) -> bool {
    let key = expand_context::keyed(model, context)
        .all(|argument| argument.is_wrapped() || signature::is_harmless(&argument.owned));
    matches!((&context.home, &context.key, &model.within), (Home::Scope, None, None))
        && !model.sequential
        && !model.policies.any()
        && !expand_context::lends(model, context)
        && key
        && signature::is_harmless(&model.result)
        && can(model)
}

/// Whether the calls of a body go on by place by themselves: not where it is yet to be checked what the types of parts have, which is told once.
pub(super) fn go_on_by_place(model: &Cached) -> bool {
    model.has_spans() && !model.returns_ref && !checked::has_any(model) && expand_spans::are_named(model) && can(model)
}

/// Whether the calls of a body go on in the table of what they pass on by themselves.
pub(super) fn go_on_in_table(model: &Cached) -> bool {
    let is_told = |argument: &Argument| argument.pass != Pass::Clone && !argument.is_wrapped();
    model.has_tables()
        && !model.has_spans()
        && !model.returns_ref
        && model.arguments_that_are(true).iter().all(is_told)
        && model.arguments_that_are(false).iter().all(|argument| argument.pass != Pass::Lend)
        && can(model)
}

/// Whether a body makes all its calls of the function itself, and none of them a closure, an `async` block or a macro that may have them made by
/// another thread.
pub(super) fn are_here(model: &Cached) -> bool {
    Here::of(&model.function)
}

/// What a body by place asks before it puts a forecast together.
pub(super) fn may_look_ahead(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    if go_on_by_place(model) && are_here(model) {
        let running = at_parts();
        return quote_spanned!(at=> ::speedup::cache::AtParts::may_look_ahead(&#running));
    }
    quote_spanned!(at=> ::speedup::cache::may_look_ahead())
}

/// Whether a closure can stand for the function in its body. Bodies that use rayon are what they would be without: jobs of its threads are none
/// of the running call's.
fn can(model: &Cached) -> bool {
    matches!(model.place, Place::Free)
        && !(model.moves_err || model.stays_here || model.uses_rayon)
        && can_be_closure(&model.function.sig)
        && itself::calls_itself(&model.function)
        && Mentions::of(&model.function).are_calls
}

/// Whether a closure can have this signature, and be called as the function is.
fn can_be_closure(signature: &Signature) -> bool {
    let Signature { constness, asyncness, safety, abi, generics, variadic, inputs, output, .. } = signature;
    let is_plain = constness.is_none() && asyncness.is_none() && matches!(safety, Safety::Default) && abi.is_none();
    let types = inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) => Some(argument.ty.as_ref()),
        FnArg::Receiver(_) => None,
    });
    let result = match output {
        ReturnType::Type(_, ty) => Some(ty.as_ref()),
        ReturnType::Default => None,
    };
    is_plain
        && generics.params.is_empty()
        && variadic.is_none()
        && types.chain(result).all(|ty| !names_no_type(ty))
        && !result.is_some_and(borrowed::borrows)
}

/// Whether there is an `impl` or a macro in a type.
pub(super) fn names_no_type(ty: &Type) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
            self.0 = true;
        }
        fn visit_type_macro(&mut self, _: &'ast syn::TypeMacro) {
            self.0 = true;
        }
    }
    let mut search = Search(false);
    search.visit_type(ty);
    search.0
}

/// Where a body mentions the function.
struct Mentions<'a> {
    name: &'a Ident,
    /// Whether it is called wherever it is mentioned, by its bare name, and not by an item, which sees no variables.
    are_calls: bool,
}

impl Mentions<'_> {
    fn of(function: &ItemFn) -> Mentions<'_> {
        let mut mentions = Mentions { name: &function.sig.ident, are_calls: true };
        mentions.are_calls = mentions.are_calls_in(function.block.to_token_stream());
        mentions.visit_block(&function.block);
        mentions
    }

    fn are_calls_in(&self, tokens: TokenStream) -> bool {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_bare = |at: usize| {
            let before = at.checked_sub(1).map(|before| &tokens[before]);
            !matches!(before, Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '.' | ':' | '$'))
        };
        let is_called = |at: usize| {
            let behind = tokens.get(at + 1);
            matches!(behind, Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
        };
        tokens.iter().enumerate().all(|(at, token)| match token {
            TokenTree::Ident(ident) if ident == self.name => is_bare(at) && is_called(at),
            TokenTree::Group(group) => self.are_calls_in(group.stream()),
            _ => true,
        })
    }
}

impl<'ast> Visit<'ast> for Mentions<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        self.are_calls &= !steady::mentions(item.to_token_stream(), &self.name.to_string());
        visit::visit_item(self, item);
    }
}

/// The calls of a function that its body makes itself.
struct Here<'a> {
    name: &'a Ident,
    calls: usize,
}

impl Here<'_> {
    /// Whether there are no others. For a function that is called wherever it is mentioned.
    fn of(function: &ItemFn) -> bool {
        let name = &function.sig.ident;
        let mut here = Here { name, calls: 0 };
        here.visit_block(&function.block);
        here.calls == mentions_in(function.block.to_token_stream(), name)
    }
}

fn mentions_in(tokens: TokenStream, name: &Ident) -> usize {
    let each = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(ident) => usize::from(ident == *name),
        TokenTree::Group(group) => mentions_in(group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => 0,
    });
    each.sum()
}

impl<'ast> Visit<'ast> for Here<'_> {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        self.calls += usize::from(matches!(call.func.as_ref(), syn::Expr::Path(path) if path.path.is_ident(self.name)));
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_closure(&mut self, _: &'ast syn::ExprClosure) {}

    fn visit_expr_async(&mut self, _: &'ast syn::ExprAsync) {}

    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

/// What the body of a scoped function begins with.
pub(super) fn in_scope(model: &Cached, context: &Context) -> TokenStream {
    let at = model.shown_at();
    let name = &model.function.sig.ident;
    let (given, inside) = (Ident::new("given", Span::mixed_site()), expand_context::inside());
    let names: Vec<Ident> = model.arguments.iter().map(expand_context::outer_name).collect();
    let parameters = model.arguments.iter().map(expand_context::in_wrapper);
    let (output, places) = (&model.function.sig.output, expand_context::places(model, context));
    let key = expand_context::key(model, context, false);
    let again = expand_context::keyed(model, context).map(|argument| {
        let name = expand_context::outer_name(argument);
        argument.wrap(&name.to_token_stream())
    });
    let again = signature::tuple(at, again);
    quote_spanned! {at=>
        let #given = [#(#places),*];
        #[allow(unused_variables, non_snake_case, clippy::redundant_closure, clippy::shadow_unrelated, clippy::too_many_arguments)]
        let #name = ::core::convert::identity(#[inline(always)] move |#(#parameters),*| #output {
            ::speedup::cache::InScope::get(#inside, #given, [#(#places),*], #key, |#again| #name(#(#names),*))
        });
    }
}

/// What the running call is known as by a body that gets it as an argument.
pub(super) fn inside() -> Ident {
    Ident::new("inside", Span::mixed_site())
}

/// The same where it knows the parts that it is given.
fn at_parts() -> Ident {
    Ident::new("running", Span::mixed_site())
}

/// The running call, as an argument of the body: its name and its type.
pub(super) fn running(model: &Cached) -> Option<(Ident, TokenStream)> {
    let at = model.shown_at();
    if go_on_by_place(model) {
        let ty = expand_spans::running_type(model);
        return Some((at_parts(), quote_spanned!(at=> ::core::option::Option<#ty>)));
    }
    go_on_in_table(model).then(|| (inside(), expand_tables::inside_type(model)))
}

/// What the body begins with that gets the running call as an argument.
pub(super) fn of_running(model: &Cached) -> TokenStream {
    if model.has_spans() { by_place(model) } else { in_table(model) }
}

/// ```text
/// let passed_on = (graph,);
/// let paths = identity(#[inline(always)] move |graph: &Graph, n: usize| -> u64 {
///     InTable::get(inside, is_same(graph, &passed_on.0), (n,), |(n,)| paths(graph, n))
/// });
/// ```
fn in_table(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let function = &model.function.sig.ident;
    let (passed_on, inside) = (Ident::new("passed_on", Span::mixed_site()), inside());
    let parameters = model.arguments.iter().map(Argument::in_wrapper);
    let names: Vec<&Ident> = model.arguments.iter().map(|argument| &argument.name).collect();
    let output = &model.function.sig.output;
    let (steady, varying) = (model.arguments_that_are(true), model.arguments_that_are(false));
    let given =
        signature::tuple(at, steady.iter().map(|argument| expand_context::outer_name(argument).into_token_stream()));
    let same = expand_tables::same(at, &steady, &passed_on.to_token_stream());
    let key = signature::tuple(at, varying.iter().map(|argument| argument.name.to_token_stream()));
    quote_spanned! {at=>
        let #passed_on = #given;
        #[allow(unused_variables, non_snake_case, clippy::redundant_closure, clippy::shadow_unrelated, clippy::too_many_arguments)]
        let #function = ::core::convert::identity(#[inline(always)] move |#(#parameters),*| #output {
            ::speedup::cache::InTable::get(#inside, #(#same)&&*, #key, |#key| #function(#(#names),*))
        });
    }
}

/// ```text
/// let passed_on = (patterns,);
/// let ways = identity(#[inline(always)] move |patterns: &[String], design: &str| -> u64 {
///     let Some((inside, given, reach)) = running.map(AtParts::parts) else { return ways(patterns, design) };
///     let place = if reach && is_same(patterns, &passed_on.0) && given.0.ends_with(design) {
///         (given.0.number_of_end(design),)
///     } else {
///         let far = || { .. Some((given.0.number_of(design)?,)) };
///         let Some(far) = far() else { return elsewhere(move || ways(patterns, design)) };
///         far
///     };
///     inside.get(place, || (design,))
/// });
/// ```
fn by_place(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let function = &model.function.sig.ident;
    let [passed_on, given, reach, place] =
        ["passed_on", "given", "reach", "place"].map(|name| Ident::new(name, Span::mixed_site()));
    let (running, inside, name) = (at_parts(), inside(), expand_spans::inside_name(model));
    let parameters = model.arguments.iter().map(Argument::in_wrapper);
    let names: Vec<&Ident> = model.arguments.iter().map(|argument| &argument.name).collect();
    let output = &model.function.sig.output;
    let steady = model.arguments_that_are(true);
    let lent = steady.iter().map(|argument| match argument.pass {
        Pass::Lend => expand_context::outer_name(argument).into_token_stream(),
        Pass::Copy | Pass::Clone => quote!(()),
    });
    let lent = signature::tuple(at, lent);
    let lent = (!steady.is_empty()).then(|| quote_spanned!(at=> let #passed_on = #lent;));
    let owned = expand_tables::same(at, &steady, &quote!(#inside.steady()));
    let same = steady.iter().zip(owned).enumerate().map(|(index, (argument, owned))| {
        let (name, index) = (&argument.name, syn::Index::from(index));
        match argument.pass {
            Pass::Lend => quote_spanned!(at=> ::speedup::cache::is_same(#name, &#passed_on.#index)),
            Pass::Copy | Pass::Clone => owned,
        }
    });
    let same: Vec<TokenStream> = same.collect();
    let expand_spans::Own { are_ends, ends, parts, key } = expand_spans::own_calls(model, &given);
    let far = same.iter().map(|same| quote_spanned!(at=> if !(#same) { return ::core::option::Option::None; }));
    let near = same.iter().chain(&are_ends);
    quote_spanned! {at=>
        #lent
        #[allow(unused_variables, non_snake_case, clippy::redundant_closure, clippy::shadow_unrelated, clippy::too_many_arguments)]
        let #function = ::core::convert::identity(#[inline(always)] move |#(#parameters),*| #output {
            let ::core::option::Option::Some((#inside, #given, #reach)) =
                ::core::option::Option::map(#running, ::speedup::cache::AtParts::parts)
            else {
                return #function(#(#names),*);
            };
            let #place = if #reach && #(#near)&&* {
                #ends
            } else {
                let #place = ::core::convert::identity(
                    #[inline(always)] || { #(#far)* ::core::option::Option::Some(#parts) }
                );
                let ::core::option::Option::Some(#place) = #place() else {
                    return ::speedup::cache::elsewhere(move || #function(#(#names),*));
                };
                #place
            };
            ::speedup::cache::#name::get(#inside, #place, || #key)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Here, Mentions, can_be_closure};

    fn goes_on(function: &str) -> bool {
        let function = syn::parse_str(function).unwrap();
        Mentions::of(&function).are_calls && can_be_closure(&function.sig)
    }

    #[test]
    fn a_closure_stands_for_a_function_that_is_called_by_its_name() {
        assert!(goes_on("fn f(a: &[u8], n: u64) -> u64 { f(a, n - 1) + [1].iter().map(|k| f(a, *k)).sum() }"));
        assert!(goes_on("fn f(a: &dyn Fn(u64) -> u64, n: u64) -> u64 { vec![f(a, n - 1); 3].len() }"));
        assert!(goes_on("fn f(a: &[u8], n: u64) { f(a, n - 1) }"));
    }

    #[test]
    fn calls_are_made_here_where_nothing_stands_around_them_that_may_have_them_made_elsewhere() {
        let are_here = |body: &str| Here::of(&syn::parse_str(&format!("fn f(n: u64) -> u64 {{ {body} }}")).unwrap());
        assert!(are_here(
            "let k = if n > 3 { f(n - 1) } else { 0 }; for i in 0..k { g(f(i)); } loop { break f(k) + f(f(k)) }"
        ));
        assert!(are_here("(0..f(n)).map(|k| k + 1).sum()"));
        assert!(!are_here("f(n) + (0..n).map(|k| f(k)).sum()"));
        assert!(!are_here("f(n) + wait(async { f(n) })"));
        assert!(!are_here("f(n) + vec![f(n)].len()"));
    }

    #[test]
    fn not_where_it_is_a_value_a_path_or_called_by_an_item() {
        assert!(!goes_on("fn f(n: u64) -> u64 { (0..n).map(f).sum() }"));
        assert!(!goes_on("fn f(n: u64) -> u64 { self::f(n - 1) }"));
        assert!(!goes_on("fn f(n: u64) -> u64 { let f: u64 = f(n - 1); f }"));
        assert!(!goes_on("fn f(n: u64) -> u64 { fn half(n: u64) -> u64 { f(n / 2) } half(n) }"));
        assert!(!goes_on("fn f(n: u64) -> u64 { macro_rules! half { () => { f(n / 2) } } half!() }"));
    }

    #[test]
    fn not_where_a_closure_would_be_something_else() {
        assert!(!goes_on("fn f<T: Copy>(a: T, n: u64) -> u64 { f(a, n - 1) }"));
        assert!(!goes_on("fn f<'a>(a: &'a str, n: u64) -> u64 { f(a, n - 1) }"));
        assert!(!goes_on("fn f(a: impl Fn(u64), n: u64) -> u64 { f(a, n - 1) }"));
        assert!(!goes_on("unsafe fn f(n: u64) -> u64 { f(n - 1) }"));
        assert!(!goes_on("extern \"C\" fn f(n: u64) -> u64 { f(n - 1) }"));
    }
}
