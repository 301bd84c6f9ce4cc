//! The code of a function whose recursive calls pass some arguments on: those choose a table of their own.
//!
//! ```text
//! fn paths(graph: &Graph, n: usize) -> u64 {
//!     ::speedup::cache::Tables::get(__PATHS_TABLES, (graph,), |own| ::speedup::cache::is_same(graph, &own.0), (n,))
//! }
//! const PATHS: &::speedup::Cache<(Graph, usize), u64> = { .. };                          the handle sees all tables as one
//! const __PATHS_TABLES: &::speedup::cache::Tables<(Graph,), (usize,), u64> = { .. };
//! fn __paths_uncached(graph: &Graph, n: usize) -> u64 { .. }
//! ```

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Index;
use syn::ext::IdentExt;

use super::expand::{call, keeps_at_once, show};
use super::expand_spans;
use super::model::Cached;
use super::own_calls;
use crate::expansion;
use crate::signature::{self, Argument, Pass};

/// `__F_TABLES`
pub(super) fn tables_name(model: &Cached) -> Ident {
    format_ident!("__{}_TABLES", model.handle.unraw(), span = model.handle.span())
}

/// `::speedup::cache::Tables::get(__F_TABLES, (graph,), |own| .., (n,))`
pub(super) fn look_up(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let tables = model.place.sibling(&tables_name(model));
    let (steady, varying) = (model.arguments_that_are(true), model.arguments_that_are(false));
    let lent = |argument: &Argument| {
        let name = &argument.name;
        if argument.pass == Pass::Lend { quote!(#name) } else { quote!(&#name) }
    };
    let passed_on = signature::tuple(at, steady.iter().map(lent));
    let own = Ident::new("own", Span::mixed_site().located_at(at));
    let same = same(at, &steady, &own.to_token_stream());
    let lends = model.moves_err || varying.iter().any(|argument| argument.pass == Pass::Lend);
    let key = signature::tuple(
        at,
        varying.iter().map(|argument| {
            let name = &argument.name;
            if lends { lent(argument) } else { quote!(#name) }
        }),
    );
    let get = Ident::new(if lends { "get_ref" } else { "get" }, at);
    let known = model.known();
    quote_spanned!(at=> ::speedup::cache::Tables #known ::#get(#tables, #passed_on, |#own| #(#same)&&*, #key))
}

/// For each argument that is passed on, whether it is what `own` holds.
pub(super) fn same(at: Span, steady: &[Argument], own: &TokenStream) -> Vec<TokenStream> {
    let each = steady.iter().enumerate().map(|(index, argument)| {
        let (name, index) = (&argument.name, Index::from(index));
        match argument.pass {
            Pass::Lend if argument.is_wrapped() => {
                quote_spanned!(at=> ::speedup::cache::is_same(#name, &#own.#index.0))
            }
            Pass::Copy | Pass::Clone if argument.is_wrapped() => {
                quote_spanned!(at=> ::speedup::cache::Part::is_part(&#name, &#own.#index))
            }
            Pass::Lend => quote_spanned!(at=> ::speedup::cache::is_same(#name, &#own.#index)),
            Pass::Copy | Pass::Clone => {
                let known = argument.checked.as_ref().map(|ty| quote_spanned!(at=> ::<#ty, _>));
                quote_spanned!(at=> ::speedup::cache::is_equal #known (&#name, &#own.#index))
            }
        }
    });
    each.collect()
}

/// ```text
/// const __F_TABLES: &::speedup::cache::Tables<(Graph,), (usize,), u64> = {
///     static __F_TABLES_STATE: ::speedup::cache::TablesState<(Graph,), (usize,), u64> = ::speedup::cache::TablesState::new();
///     &::speedup::cache::Tables::of(&__F_TABLES_STATE, "f", |(graph,): &(Graph,), (n,): &(usize,)| __f_uncached(graph, *n))
/// };
/// ```
pub(super) fn tables(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.handle;
    let name = tables_name(model);
    let state = expansion::state_name(&name, at);
    let (steady, varying) = (model.arguments_that_are(true), model.arguments_that_are(false));
    let (of, by) = (signature::key_type(at, &steady), signature::key_type(at, &varying));
    let result = &model.result;
    let title = model.function.sig.ident.unraw().to_string();
    let inner = model.place.lasting_sibling(&model.inner);
    let passed = model.arguments.iter().map(|argument| argument.passed(&expansion::in_closure(&argument.name)));
    let goes_on = own_calls::go_on_in_table(model);
    let (call, running) = if goes_on {
        let (inside, ty) = (own_calls::inside(), inside_type(model));
        (quote!(#inner(#inside, #(#passed),*)), Some(quote!(, #inside: #ty)))
    } else {
        (call(model, &inner, passed), None)
    };
    let keeps = keeps_at_once(model);
    let made = match (goes_on, keeps.is_some()) {
        (false, false) => "of",
        (true, false) => "of_inside",
        (false, true) => "keeping",
        (true, true) => "keeping_inside",
    };
    let made = Ident::new(made, at);
    let keeps = keeps.map(|keeps| quote!(, #keeps));
    let (passed_on, key) = (pattern(at, &steady), pattern(at, &varying));
    let show = show(&varying);
    let sequential = model.sequential.then(|| quote!(.sequential()));
    let uses_rayon = model.uses_rayon.then(|| quote!(.uses_rayon()));
    let limit = model.tables.as_ref().map(|most| quote!(.limit(#most)));
    let lifetime = expansion::handle_lifetime(&model.place, at);
    let body = if model.has_spans() {
        let (all, whole) = (Ident::new("own", Span::mixed_site()), Ident::new("key", Span::mixed_site()));
        let enter = expand_spans::enter(model, &all.to_token_stream(), &whole.to_token_stream());
        quote_spanned!(at=> |#all: &#of, #whole: &#by| { #enter let (#passed_on, #key) = (#all, #whole); #call })
    } else {
        quote_spanned!(at=> |#passed_on: &#of, #key: &#by #running| #call)
    };
    quote_spanned! {at=>
        #(#attributes)*
        #[doc(hidden)]
        const #name: &#lifetime ::speedup::cache::Tables<#of, #by, #result> = {
            static #state: ::speedup::cache::TablesState<#of, #by, #result> = ::speedup::cache::TablesState::new();
            &::speedup::cache::Tables::#made(&#state, #title, #body #keeps)
                #show #sequential #uses_rayon #limit
        };
    }
}

/// `::speedup::cache::InTable<'_, (usize,), u64>`
pub(super) fn inside_type(model: &Cached) -> TokenStream {
    let (by, result) = (signature::key_type(model.shown_at(), &model.arguments_that_are(false)), &model.result);
    quote_spanned!(model.shown_at()=> ::speedup::cache::InTable<'_, #by, #result>)
}

/// `.divided(&::speedup::cache::Division::new(__F_TABLES, |(graph, n)| ((graph,), (n,)), |(graph,), (n,)| (graph, n)))`
pub(super) fn division(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let tables = model.place.lasting_sibling(&tables_name(model));
    let all = pattern(at, &model.arguments);
    let (steady, varying) =
        (pattern(at, &model.arguments_that_are(true)), pattern(at, &model.arguments_that_are(false)));
    quote_spanned!(at=> .divided(&::speedup::cache::Division::new(#tables, |#all| (#steady, #varying), |#steady, #varying| #all)))
}

fn pattern(at: Span, arguments: &[Argument]) -> TokenStream {
    signature::tuple(at, arguments.iter().map(|argument| expansion::in_closure(&argument.name).to_token_stream()))
}
