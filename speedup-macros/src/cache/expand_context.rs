//! The code of a function whose body gets more than its key: the body stays where it is, as a closure that captures the rest.
//!
//! ```text
//! fn load(db: &Db, user: u64) -> u64 {
//!     ::speedup::Cache::get_with(LOAD, (user,), |(user,): &(u64,)| -> u64 {
//!         let user: u64 = *user;
//!         { .. }
//!     })
//! }
//! const LOAD: &::speedup::Cache<(u64,), u64> = { .. };
//! ```

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, FnArg, Pat, PatType, Signature, parse_quote};

use super::borrowed;
use super::checked;
use super::closures;
use super::expand::{
    self, cache_type, keep, keep_here, keeps_at_once, lent, returning, rules, show, show_key_if_it_can,
};
use super::expand_store;
use super::forecast;
use super::form::{Context, Home};
use super::itself;
use super::model::Cached;
use super::moved::Moved;
use super::own_calls;
use crate::expansion;
use crate::place::Place;
use crate::signature::{self, Argument, Pass};

/// All items.
pub(super) fn expand(model: &Cached, context: &Context) -> TokenStream {
    let wrapper = wrapper(model, context);
    let handle = match context.home {
        Home::Static => Some(handle(model, context)),
        Home::Types if !matches!(model.place, Place::TraitImpl | Place::Trait) => Some(handle_of_types(model, context)),
        Home::Types | Home::Scope | Home::Field(_) => None,
    };
    quote!(#wrapper #handle)
}

fn wrapper(model: &Cached, context: &Context) -> TokenStream {
    let at = model.shown_at();
    if let Some(within) = &model.within {
        return borrowed::expand(model, context, within, &function(model, context));
    }
    let attributes = &model.attributes.wrapper;
    let visibility = &model.function.vis;
    let signature = signature(model);
    let lends = lends(model, context);
    let (asked, key) = asked_again(model, context, key(model, context, lends));
    let body = body(model, context);
    let mut scopes = None;
    let this = signature::receiver(&model.function.sig, at);
    let look_up = match &context.home {
        Home::Static => look_up(model, &model.place.sibling(&model.handle), &key, lends, &body),
        Home::Types => look_up(model, &of_types(model, context), &key, lends, &body),
        Home::Field(field) if model.policies.any() => {
            let function = function(model, context);
            let rules = rules(model, &key_type(model, context));
            let cache = quote_spanned!(at=> ::speedup::Memo::with_policies(&#this.#field, || #rules, || #function));
            look_up(model, &cache, &key, lends, &body)
        }
        Home::Field(field) => {
            let get = Ident::new(if lends { "get_ref_as" } else { "get_as" }, at);
            let function = function(model, context);
            quote_spanned!(at=> ::speedup::Memo::#get(&#this.#field, #key, || #function, #body))
        }
        Home::Scope => {
            let get = match (lends, model.policies.any()) {
                (false, false) => "get",
                (true, false) => "get_ref",
                (false, true) => "get_bounded",
                (true, true) => "get_ref_bounded",
            };
            let get = Ident::new(get, at);
            let function = function(model, context);
            let rules = rules(model, &key_type(model, context)).map(|rules| quote_spanned!(at=> || #rules,));
            let places = places(model, context);
            let unwrapped = model.stays_here.then(|| quote_spanned!(at=> .into_inner()));
            let known = scope_types(model, context, lends);
            let name = format_ident!("__{}_SCOPES", model.handle.unraw(), span = at);
            let made = quote!(::speedup::cache::Scoped::new());
            scopes = Some(quote_spanned!(at=> static #name: ::speedup::cache::Scoped = #made;));
            quote_spanned! {at=>
                ::speedup::cache::Scoped::#get #known (&#name, [#(#places),*], #key, #rules || #function, #body) #unwrapped
            }
        }
    };
    let look_up = if model.moves_err { taken(model, &look_up) } else { look_up };
    // The user's own braces make this the user's function to the compiler's lints.
    let mut block = TokenStream::new();
    model.function.block.brace_token.surround(&mut block, |block| block.extend(quote!(#scopes #asked #look_up)));
    let inline = !attributes.iter().any(|attribute| attribute.path().is_ident("inline"));
    let inline = inline.then(|| inlined(model));
    // What a body uses up is a clone, which is made for each call that runs.
    let clones = model.arguments.iter().any(|argument| argument.pass == Pass::Clone);
    let lints = clones.then(|| quote_spanned!(at=> #[allow(clippy::needless_pass_by_value)]));
    quote!(#(#attributes)* #inline #lints #visibility #signature #block)
}

/// `::<_, K, R, ..>`, as [`Cached::known`].
fn scope_types(model: &Cached, context: &Context, lends: bool) -> Option<TokenStream> {
    let at = model.shown_at();
    let (key, result, lookup) = (key_type(model, context), &model.result, lends.then(|| quote!(, _)));
    checked::has_any(model).then(|| quote_spanned!(at=> ::<_, #key, #result #lookup, _>))
}

/// A hit is short enough to stand where the call stands; a recursive call must, so that a level of the recursion is one frame.
pub(super) fn inlined(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    if itself::calls_itself(&model.function) {
        quote_spanned!(at=> #[inline(always)] #[allow(clippy::inline_always)])
    } else {
        quote_spanned!(at=> #[inline])
    }
}

/// The wrapper's.
pub(super) fn signature(model: &Cached) -> Signature {
    let mut signature = model.function.sig.clone();
    let receiver = signature.inputs.iter().find(|input| matches!(input, FnArg::Receiver(_))).cloned();
    let inputs = model.arguments.iter().map(|argument| FnArg::Typed(in_wrapper(argument)));
    signature.inputs = receiver.into_iter().chain(inputs).collect();
    returning(&mut signature, model);
    signature
}

/// A key that an expression makes is made once, though it may be asked for again: `let asked = ..;`, and `asked.clone()`.
fn asked_again(model: &Cached, context: &Context, key: TokenStream) -> (Option<TokenStream>, TokenStream) {
    if !model.moves_err || context.key.is_none() {
        return (None, key);
    }
    let at = model.shown_at();
    let asked = Ident::new("asked", Span::mixed_site().located_at(at));
    (Some(quote_spanned!(at=> let #asked = #key;)), quote_spanned!(at=> ::core::clone::Clone::clone(&#asked)))
}

/// `loop { if let Some(result) = Fallible::taken(look_up) { break result; } }`: whose call failed for another asks again.
pub(super) fn taken(model: &Cached, look_up: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    let result = Ident::new("result", Span::mixed_site().located_at(at));
    quote_spanned! {at=>
        loop {
            if let ::core::option::Option::Some(#result) = ::speedup::cache::Fallible::taken(#look_up) {
                break #result;
            }
        }
    }
}

/// `::speedup::Cache::get_with(LOAD, (user,), ..)`
fn look_up(model: &Cached, cache: &TokenStream, key: &TokenStream, lends: bool, body: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    let ty = cache_type(model);
    let known = model.known();
    let get = Ident::new(if lends { "get_ref_with" } else { "get_with" }, at);
    let Some(forces) = model.policies.forces() else {
        return quote_spanned!(at=> #ty #known ::#get(#cache, #key, #body));
    };
    let refresh = Ident::new(if lends { "refresh_ref_with" } else { "refresh_with" }, at);
    let once = Ident::new("body", Span::mixed_site().located_at(at));
    let look_up = quote_spanned! {at=>
        let #once = #body;
        if #forces { #ty #known ::#refresh(#cache, #key, #once) } else { #ty #known ::#get(#cache, #key, #once) }
    };
    if model.moves_err { quote_spanned!(at=> { #look_up }) } else { look_up }
}

/// An argument keeps its name where it has one, so that the body finds it.
pub(super) fn in_wrapper(argument: &Argument) -> PatType {
    let name = outer_name(argument);
    PatType { pat: Box::new(parse_quote!(#name)), ..argument.declared.clone() }
}

pub(super) fn outer_name(argument: &Argument) -> Ident {
    match argument.declared.pat.as_ref() {
        Pat::Ident(binding) if binding.subpat.is_none() => binding.ident.clone(),
        _ => argument.name.clone(),
    }
}

pub(super) fn keyed<'a>(model: &'a Cached, context: &'a Context) -> impl ExactSizeIterator<Item = &'a Argument> {
    let keyed: Vec<_> = model.arguments.iter().zip(&context.keyed).filter(|(_, keyed)| **keyed).collect();
    keyed.into_iter().map(|(argument, _)| argument)
}

pub(super) fn lends(model: &Cached, context: &Context) -> bool {
    // What may be asked for again is not given away.
    let asks_again = model.moves_err && model.function.sig.asyncness.is_none();
    keyed(model, context).any(|argument| argument.pass == Pass::Lend || asks_again && argument.pass == Pass::Clone)
}

/// `(user, page)`, by reference if one of them is lent.
pub(super) fn key(model: &Cached, context: &Context, lends: bool) -> TokenStream {
    let at = model.shown_at();
    if let Some((value, ty)) = &context.key {
        let value = match value {
            Expr::Block(value) => quote!((|| -> #ty #value)()),
            value => quote!((|| -> #ty { #value })()),
        };
        let value = if is_tuple(ty) { value } else { quote_spanned!(at=> (#value,)) };
        if !signature::holds_floats(ty) {
            return value;
        }
        let key = key_type(model, context);
        return quote_spanned!(at=> <#key as ::speedup::cache::Key>::of(#value));
    }
    let parts = keyed(model, context).map(|argument| {
        let name = outer_name(argument);
        match argument.pass {
            Pass::Lend => quote!(#name),
            _ if lends => quote!(&#name),
            _ => argument.wrap(&quote!(#name)),
        }
    });
    signature::tuple(at, parts)
}

fn is_tuple(ty: &syn::Type) -> bool {
    matches!(ty, syn::Type::Tuple(_))
}

pub(super) fn key_type(model: &Cached, context: &Context) -> TokenStream {
    let at = model.shown_at();
    match &context.key {
        Some((_, syn::Type::Tuple(parts))) => signature::tuple(at, parts.elems.iter().map(|part| model.key_part(part))),
        Some((_, ty)) => signature::tuple(at, [ty].iter().map(|ty| model.key_part(ty))),
        None => signature::key_type(at, &keyed(model, context).cloned().collect::<Vec<_>>()),
    }
}

/// The running call, as a body with forecasts names it.
pub(super) fn inside() -> Ident {
    Ident::new("inside", Span::mixed_site())
}

/// What the body gets that is no part of the key, by the names that the function gives it.
fn captured(model: &Cached, context: &Context) -> Vec<TokenStream> {
    let at = model.shown_at();
    let moved = Moved::of(&model.function.block);
    let found = model.arguments.iter().zip(&context.keyed).filter(|(_, keyed)| !**keyed).filter_map(|(argument, _)| {
        let PatType { pat, .. } = &argument.declared;
        let name = outer_name(argument);
        let plain =
            matches!(pat.as_ref(), Pat::Ident(binding) if binding.mutability.is_none() && binding.subpat.is_none());
        let by_value =
            argument.pass == Pass::Clone && !matches!(argument.declared.ty.as_ref(), syn::Type::Reference(_));
        match (plain, argument.pass) {
            (true, _) if !(by_value && moved.contains(&name)) => None,
            (_, Pass::Lend | Pass::Copy) => Some(quote_spanned!(at=> let #pat = #name;)),
            (_, Pass::Clone) => Some(quote_spanned!(at=> let #pat = ::core::clone::Clone::clone(&#name);)),
        }
    });
    found.collect()
}

/// `|(user,): &(u64,)| -> u64 { let user: u64 = *user; { .. } }`
pub(super) fn body(model: &Cached, context: &Context) -> TokenStream {
    let at = model.shown_at();
    let key = key_type(model, context);
    let result = &model.result;
    let names: Vec<Ident> = keyed(model, context).map(|argument| expansion::in_closure(&argument.name)).collect();
    let pattern = match context.key {
        Some(_) => quote!(_),
        None => signature::tuple(at, names.iter().map(ToTokens::to_token_stream)),
    };
    let given = keyed(model, context).zip(&names).map(|(argument, name)| {
        let PatType { pat, ty, .. } = &argument.declared;
        let passed = argument.passed(name);
        // The wrapper has the same names.
        quote_spanned!(at=> #[allow(clippy::shadow_unrelated)] let #pat: #ty = #passed;)
    });
    let captured = captured(model, context);
    // What a key is made of by an expression is not to be foretold.
    let formed = context.key.is_none().then(|| forecast::form(model));
    let forecasts = formed.filter(|formed| forecast::has_forecasts(model, formed));
    let plain = &model.function.block;
    let mut block = forecasts.as_ref().unwrap_or(plain).clone();
    closures::inline(&mut block, &model.function);
    // Around the lines of a closure braces of the user's own would be superfluous ones to the compiler.
    block.brace_token = syn::token::Brace(expansion::generated_at(block.brace_token.span.join()));
    let block = lent(model, &block.to_token_stream());
    let block = if model.moves_err { shared(model, &block) } else { block };
    if let Some(within) = &model.within {
        let parts = borrowed::Body { pattern: &pattern, given: quote_spanned!(at=> #(#given)* #(#captured)*), block };
        return borrowed::body(model, context, within, parts);
    }
    let mut computed = quote_spanned!(at=> #(#given)* #(#captured)* #block);
    let mut taken = pattern;
    if model.stored.is_on() {
        let name = expand_store::key_name(at);
        computed = expand_store::asked(model, &quote_spanned!(at=> let #taken = #name; #computed));
        taken = name.to_token_stream();
    }
    let (mut key, mut result) = (key, result.to_token_stream());
    if model.policies.any() {
        if !model.stored.is_on() {
            computed = quote_spanned!(at=> ::speedup::cache::Stored::of((|| -> #result { #computed })()));
        }
        taken = quote_spanned!(at=> ::speedup::cache::Hashed(#taken));
        (key, result) = (quote!(::speedup::cache::Hashed<#key>), quote!(::speedup::cache::Stored<#result>));
    }
    let body = closure(model, context, &taken, (&key, &result), (&computed, forecasts.is_some()));
    match keeps_at_once(model).filter(|_| !model.stays_here) {
        Some(keeps) => quote_spanned!(at=> ::speedup::cache::Keeping(#body, #keeps)),
        None => body,
    }
}

/// The closure of a body, as what it is to the engine.
fn closure(
    model: &Cached,
    context: &Context,
    taken: &TokenStream,
    (key, result): (&TokenStream, &TokenStream),
    (computed, has_forecasts): (&TokenStream, bool),
) -> TokenStream {
    let at = model.shown_at();
    let lints = model.attributes.of_closure();
    if own_calls::go_on_in_scope(model, context) {
        let (inside, own) = (inside(), own_calls::in_scope(model, context));
        return quote_spanned! {at=>
            ::speedup::cache::InItsScope(#(#lints)* |#taken: &#key, #inside: ::speedup::cache::InScope<'_, #key, #result>| -> #result {
                #own #computed
            })
        };
    }
    if has_forecasts {
        let inside = inside();
        return quote_spanned! {at=>
            ::speedup::cache::With(#(#lints)* |#taken: &#key, #inside: ::speedup::cache::Inside<'_, #key, #result>| -> #result {
                #computed
            })
        };
    }
    let body = quote_spanned!(at=> #(#lints)* |#taken: &#key| -> #result { #computed });
    // What makes no calls of its own, or one after the other, is nothing that another thread could help with.
    let is_local = model.sequential || !itself::calls_itself(&model.function);
    if is_local { quote_spanned!(at=> ::speedup::cache::Local(#body)) } else { body }
}

/// `{ ::speedup::__private::share(|| -> Result<T, E> { .. }) }`
fn shared(model: &Cached, block: &TokenStream) -> TokenStream {
    let output = &model.function.sig.output;
    quote!({ ::speedup::__private::share(|| #output #block) })
}

/// `::speedup::cache::Function::of_context("load").show(..)`
fn function(model: &Cached, context: &Context) -> TokenStream {
    let at = model.shown_at();
    let title = model.function.sig.ident.unraw().to_string();
    let keyed_by = keyed(model, context).cloned().collect::<Vec<_>>();
    let known = keyed_by.iter().all(|argument| signature::is_well_known(&argument.owned));
    let named = || keyed_by.iter().any(|argument| borrowed::borrows(&argument.owned));
    let show = if model.within.is_some() && !known && named() {
        // What a type of the user's writes of itself may be about some lifetimes alone.
        TokenStream::new()
    } else if context.key.is_some() || !known {
        let (key, _) = expand_store::held(model, &key_type(model, context), &model.result);
        show_key_if_it_can(&key)
    } else {
        show(&keyed_by)
    };
    let keep = if model.stays_here { keep_here(model) } else { keep(model) };
    let sequential = model.sequential.then(|| quote!(.sequential()));
    let uses_rayon = model.uses_rayon.then(|| quote!(.uses_rayon()));
    let moves_err = model.moves_err.then(|| quote!(.moves_err()));
    let behind = expand_store::behind(model, &key_type(model, context));
    if model.within.is_some() {
        return quote_spanned!(at=> ::speedup::cache::Borrowing::new(#title) #show #keep #moves_err #sequential #uses_rayon);
    }
    quote_spanned!(at=> ::speedup::cache::Function::of_context(#title) #show #keep #moves_err #sequential #uses_rayon #behind)
}

fn handle(model: &Cached, context: &Context) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.handle;
    let docs = expand::docs(model);
    let visibility = expansion::handle_visibility(&model.function);
    let name = &model.handle;
    let key = key_type(model, context);
    let result = &model.result;
    let function = function(model, context);
    let (ty, state_type) = (cache_type(model), expand::state_type(model));
    let (constant, rules) = expand::constant_rules(model, &key).unzip();
    let rules = rules.as_slice();
    let keyword = expansion::handle_keyword(&model.place, &model.function);
    let state = expansion::state_name(name, at);
    let lifetime = expansion::handle_lifetime(&model.place, at);
    let end = expansion::handle_end(&model.place, &model.function);
    let dock = expand_store::dock(model, &key);
    quote_spanned! {at=>
        #(#attributes)*
        #[doc = #docs]
        #visibility #keyword #name: &#lifetime #ty<#key, #result> = {
            #constant
            static #state: #state_type<#key, #result> = #state_type::new(#(#rules)*);
            #dock
            &#ty::of(&#state, #(#rules,)* #function)
        } #end
    }
}

/// `::speedup::cache::of_types(load::<T>, || ::speedup::cache::Function::of_context("load"))`
fn of_types(model: &Cached, context: &Context) -> TokenStream {
    super::expand_types::of_types(model, &key_type(model, context), &function(model, context))
}

/// `fn LOAD<T: Hash>() -> &'static ::speedup::Cache<(T,), u64> { .. }`
fn handle_of_types(model: &Cached, context: &Context) -> TokenStream {
    let cache = of_types(model, context);
    super::expand_types::handle(model, &key_type(model, context), &cache)
}

/// What tells the outermost call from others: where that lies which it passes on.
pub(super) fn places(model: &Cached, context: &Context) -> Vec<TokenStream> {
    let at = model.shown_at();
    let this = signature::receiver(&model.function.sig, at);
    let receiver = model.function.sig.receiver().map(|receiver| {
        let by_reference = matches!(receiver.kind, syn::ReceiverKind::Reference(..));
        if by_reference { quote_spanned!(at=> ::speedup::cache::place_of(#this)) } else { quote_spanned!(at=> (0, 0)) }
    });
    let passed_on = model.arguments.iter().zip(&context.keyed).filter(|(_, keyed)| !**keyed).map(|(argument, _)| {
        let name = outer_name(argument);
        match argument.pass {
            Pass::Lend => quote_spanned!(at=> ::speedup::cache::place_of(#name)),
            Pass::Copy => quote_spanned!(at=> ::speedup::cache::number_of(&#name)),
            Pass::Clone => quote_spanned!(at=> (0, 0)),
        }
    });
    receiver.into_iter().chain(passed_on).collect()
}
