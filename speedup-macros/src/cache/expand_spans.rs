//! The code of a function whose calls pass on parts of slices or strings: inside an outermost call they are known by where those lie.
//!
//! ```text
//! fn ways(patterns: &[String], design: &str) -> u64 {
//!     match ::speedup::cache::Spans::get(__WAYS_SPANS, || (design,), |own| .. Some((span_of(design, &own.key().0)?,))) {
//!         Some(value) => value,
//!         None => { by contents },
//!     }
//! }
//! const __WAYS_SPANS: &::speedup::cache::Spans<(Vec<String>,), (String,), (u64,), u64> = { .. };
//! fn __ways_uncached(patterns: &[String], design: &str) -> u64 { .. }
//! ```
//!
//! By contents such a function is what it would be without: a table, or one for each set of the arguments that are passed on. The body
//! of a call by contents asks `Spans::enter` first, which goes on by places if it is an outermost one.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Index;
use syn::ext::IdentExt;

use super::expand::{call, keep};
use super::expand_tables;
use super::model::Cached;
use super::own_calls;
use crate::expansion;
use crate::signature::{self, Argument, Pass};

/// `__F_SPANS`
pub(super) fn spans_name(model: &Cached) -> Ident {
    format_ident!("__{}_SPANS", model.handle.unraw(), span = model.handle.span())
}

/// `span_of(name, own)`
fn place(at: Span, argument: &Argument, name: &Ident, own: &TokenStream) -> TokenStream {
    let known =
        argument.checked.is_some().then(|| argument.lent_as()).map(|element| quote_spanned!(at=> ::<#element, _>));
    quote_spanned!(at=> ::speedup::cache::span_of #known (#name, #own)?)
}

/// The arguments that vary, each with its index among them and whether it is a part of a slice or string.
fn varying(model: &Cached) -> Vec<(Argument, Index, bool)> {
    let such = model.arguments.iter().zip(model.keyed()).zip(&model.spans).filter(|((_, keyed), _)| *keyed);
    such.enumerate().map(|(index, ((argument, _), span))| (argument.clone(), Index::from(index), *span)).collect()
}

/// What a key holds of a part: the `Vec` or `String` itself.
fn own(key: &TokenStream, argument: &Argument, index: &Index) -> TokenStream {
    if argument.is_wrapped() { quote!(&#key.#index.0) } else { quote!(&#key.#index) }
}

/// `match ::speedup::cache::Spans::get(__F_SPANS, || (design,), |own| ..) { Some(value) => value, None => by_content }`
pub(super) fn look_up(model: &Cached, by_content: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    let spans = model.place.sibling(&spans_name(model));
    let key = contents(model);
    let inside = inside(model);
    let value = Ident::new("value", Span::mixed_site().located_at(at));
    quote_spanned! {at=>
        match ::speedup::cache::Spans::get(#spans, || #key, #inside) {
            ::core::option::Option::Some(#value) => #value,
            ::core::option::Option::None => #by_content,
        }
    }
}

/// `(design, &n)`: the arguments that vary, lent.
fn contents(model: &Cached) -> TokenStream {
    let lent = varying(model).into_iter().map(|(argument, ..)| {
        let name = &argument.name;
        if argument.pass == Pass::Lend { quote!(#name) } else { quote!(&#name) }
    });
    signature::tuple(model.shown_at(), lent.collect::<Vec<_>>().into_iter())
}

/// What calls that a body makes of its own function are known by.
pub(super) struct Own {
    /// Whether each part is the end of the one that was given: `given.0.ends_with(design)`.
    pub(super) are_ends: Vec<TokenStream>,
    /// The place if that is so: `(given.0.number_of_end(design), n)`.
    pub(super) ends: TokenStream,
    /// Any place: `(given.0.number_of(design)?, n)`.
    pub(super) parts: TokenStream,
    /// The contents: `(design, &n)`.
    pub(super) key: TokenStream,
}

/// Of a body that knows what it was given by this name.
pub(super) fn own_calls(model: &Cached, given: &Ident) -> Own {
    let at = model.shown_at();
    let varying = varying(model);
    let part = |of: fn(Span, &TokenStream, &Ident) -> TokenStream| {
        let parts = varying.iter().map(move |(argument, index, span)| {
            let name = &argument.name;
            if *span { of(at, &quote!(#given.#index), name) } else { quote!(#name) }
        });
        signature::tuple(at, parts)
    };
    let are_ends = varying.iter().filter(|(.., span)| *span).map(|(argument, index, _)| {
        let name = &argument.name;
        quote_spanned!(at=> ::speedup::cache::GivenPart::ends_with(#given.#index, #name))
    });
    Own {
        are_ends: are_ends.collect(),
        ends: part(|at, given, name| quote_spanned!(at=> ::speedup::cache::GivenPart::number_of_end(#given, #name))),
        parts: part(|at, given, name| quote_spanned!(at=> ::speedup::cache::GivenPart::number_of(#given, #name)?)),
        key: contents(model),
    }
}

/// Whether each part that a body gets has a name in it.
pub(super) fn are_named(model: &Cached) -> bool {
    varying(model).iter().all(|(argument, _, span)| {
        let pat = argument.declared.pat.as_ref();
        !span || matches!(pat, syn::Pat::Ident(binding) if binding.subpat.is_none() && binding.by_ref.is_none())
    })
}

/// `|own| { if !is_same(patterns, &own.steady().0) { return None; } Some((span_of(design, &own.key().0)?,)) }`
fn inside(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let outer = Ident::new("own", Span::mixed_site().located_at(at));
    let same = expand_tables::same(at, &model.arguments_that_are(true), &quote!(#outer.steady()));
    let same = same.iter().map(|same| quote_spanned!(at=> if !(#same) { return ::core::option::Option::None; }));
    let parts = signature::tuple(
        at,
        varying(model).iter().map(|(argument, index, span)| {
            let name = &argument.name;
            let own = own(&quote!(#outer.key()), argument, index);
            if *span { place(at, argument, name, &own) } else { quote!(#name) }
        }),
    );
    quote_spanned!(at=> |#outer| { #(#same)* ::core::option::Option::Some(#parts) })
}

/// `(u64, u8)`: the type of the arguments that vary with a number for each part.
fn place_type(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    signature::tuple(
        at,
        varying(model).iter().map(|(argument, _, span)| {
            if *span { quote_spanned!(at=> ::core::primitive::u64) } else { argument.key_part(at) }
        }),
    )
}

/// `AtPlace`, or `AtPlaceHere` of a body that makes all its own calls itself.
pub(super) fn inside_name(model: &Cached) -> Ident {
    Ident::new(if own_calls::are_here(model) { "AtPlaceHere" } else { "AtPlace" }, model.shown_at())
}

/// `::speedup::cache::AtPlace<'_, (Vec<String>,), (String,), (u64,), u64>`
pub(super) fn inside_type(model: &Cached) -> TokenStream {
    let (of, by, place, result) = (steady_type(model), key_type(model), place_type(model), &model.result);
    let name = inside_name(model);
    quote_spanned!(model.shown_at()=> ::speedup::cache::#name<'_, #of, #by, #place, #result>)
}

/// `::speedup::cache::AtParts<AtPlace<..>, (GivenPart<'_, str, String>,)>`
pub(super) fn running_type(model: &Cached) -> TokenStream {
    let (at, inside) = (model.shown_at(), inside_type(model));
    let given = varying(model).into_iter().map(|(argument, _, span)| {
        let (element, owned) = (argument.lent_as(), &argument.owned);
        if span { quote_spanned!(at=> ::speedup::cache::GivenPart<'_, #element, #owned>) } else { quote!(()) }
    });
    let given = signature::tuple(at, given.collect::<Vec<_>>().into_iter());
    quote_spanned!(at=> ::speedup::cache::AtParts<#inside, #given>)
}

fn steady_type(model: &Cached) -> TokenStream {
    signature::key_type(model.shown_at(), &model.arguments_that_are(true))
}

fn key_type(model: &Cached) -> TokenStream {
    let varying: Vec<Argument> = varying(model).into_iter().map(|(argument, ..)| argument).collect();
    signature::key_type(model.shown_at(), &varying)
}

/// ```text
/// if let Some(value) = ::speedup::cache::Spans::enter(__F_SPANS, steady, key) { return value; }
/// ```
pub(super) fn enter(model: &Cached, steady: &TokenStream, key: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    let spans = model.place.lasting_sibling(&spans_name(model));
    let value = Ident::new("value", Span::mixed_site().located_at(at));
    quote_spanned! {at=>
        if let ::core::option::Option::Some(#value) = ::speedup::cache::Spans::enter(#spans, #steady, #key) {
            return #value;
        }
    }
}

/// ```text
/// const __F_SPANS: &::speedup::cache::Spans<(Vec<String>,), (String,), (u64,), u64> = &::speedup::cache::Spans::of("f",
///     |key, own| Some((span_like::<str, _>(&key.0, &own.0)?,)), |key| span_size::<str, _>(&key.0),
///     |own: &::speedup::cache::Outermost<..>, (at,): &(u64,)| __f_uncached(&own.steady().0, span_at(&own.key().0, *at)));
/// ```
pub(super) fn spans(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.handle;
    let name = spans_name(model);
    let (of, by, place, result) = (steady_type(model), key_type(model), place_type(model), &model.result);
    let title = model.function.sig.ident.unraw().to_string();
    let lifetime = expansion::handle_lifetime(&model.place, at);
    let varying = varying(model);
    let (key, own_key) = (Ident::new("key", Span::mixed_site()), Ident::new("own", Span::mixed_site()));
    let like = signature::tuple(
        at,
        varying.iter().map(|(argument, index, span)| {
            let element = argument.lent_as();
            let (part, whole) =
                (own(&key.to_token_stream(), argument, index), own(&own_key.to_token_stream(), argument, index));
            if *span {
                quote_spanned!(at=> ::speedup::cache::span_like::<#element, _>(#part, #whole)?)
            } else {
                quote!(#key.#index)
            }
        }),
    );
    let ends = varying.iter().filter(|(.., span)| *span).map(|(argument, index, _)| {
        let element = argument.lent_as();
        let whole = own(&key.to_token_stream(), argument, index);
        quote_spanned!(at=> ::speedup::cache::span_end::<#element, _>(#whole))
    });
    let ends = signature::tuple(at, ends.collect::<Vec<_>>().into_iter());
    let last = varying.iter().all(|(.., span)| *span).then(|| quote_spanned!(at=> .last(|#key: &#by| #ends)));
    let sizes = varying.iter().filter(|(.., span)| *span).map(|(argument, index, _)| {
        let element = argument.lent_as();
        let whole = own(&key.to_token_stream(), argument, index);
        quote_spanned!(at=> ::speedup::cache::span_size::<#element, _>(#whole))
    });
    let made = match own_calls::go_on_by_place(model) {
        true if own_calls::are_here(model) => "of_here",
        true => "of_inside",
        false => "of",
    };
    let made = Ident::new(made, at);
    let body = body(model, &varying);
    let shown = shown(model, &varying);
    let keep = keep(model);
    let sequential = model.sequential.then(|| quote!(.sequential()));
    let uses_rayon = model.uses_rayon.then(|| quote!(.uses_rayon()));
    quote_spanned! {at=>
        #(#attributes)*
        #[doc(hidden)]
        const #name: &#lifetime ::speedup::cache::Spans<#of, #by, #place, #result> = &::speedup::cache::Spans::#made(
            #title,
            |#key: &#by, #own_key: &#by| ::core::option::Option::Some(#like),
            |#key: &#by| #(#sizes)+*,
            #body,
        )
        .show(#shown) #last #keep #sequential #uses_rayon;
    }
}

/// `|own: &Outermost<..>, (at,): &(u64,)|` and what stands for each argument that varies.
fn by_place(model: &Cached, varying: &[(Argument, Index, bool)]) -> (TokenStream, TokenStream, Vec<TokenStream>) {
    let at = model.shown_at();
    let (of, by, result, place) = (steady_type(model), key_type(model), &model.result, place_type(model));
    let outer = Ident::new("own", Span::mixed_site());
    let names: Vec<Ident> = varying.iter().map(|(argument, ..)| expansion::in_closure(&argument.name)).collect();
    let pattern = signature::tuple(at, names.iter().map(ToTokens::to_token_stream));
    let head = quote_spanned!(at=> #outer: &::speedup::cache::Outermost<#of, #by, #result>, #pattern: &#place);
    let parts = varying.iter().zip(&names).map(|((argument, index, span), name)| {
        if *span {
            let (element, own) = (argument.lent_as(), own(&quote!(#outer.key()), argument, index));
            quote_spanned!(at=> ::speedup::cache::span_at::<#element, _>(#own, *#name))
        } else {
            argument.passed(name)
        }
    });
    (head, outer.to_token_stream(), parts.collect())
}

fn body(model: &Cached, varying: &[(Argument, Index, bool)]) -> TokenStream {
    let at = model.shown_at();
    let inner = model.place.lasting_sibling(&model.inner);
    let (head, outer, parts) = by_place(model, varying);
    let steady = model.arguments_that_are(true);
    let names =
        signature::tuple(at, steady.iter().map(|argument| expansion::in_closure(&argument.name).to_token_stream()));
    let steady = (!steady.is_empty()).then(|| quote_spanned!(at=> let #names = #outer.steady();));
    if own_calls::go_on_by_place(model) {
        let (inside, name, ty) = (own_calls::inside(), inside_name(model), inside_type(model));
        let given = Ident::new("given", Span::mixed_site());
        let (numbers, parts, reach) = given_parts(at, &outer, &given, varying);
        let passed = passed(model, parts);
        let run = |reach: bool| {
            quote_spanned! {at=>
                let #given = #numbers;
                let #inside = ::speedup::cache::#name::with(#inside, #given, #reach);
                #inner(::core::option::Option::Some(#inside), #(#passed),*)
            }
        };
        let (near, far) = (run(true), run(false));
        return quote_spanned! {at=>
            |#head, #inside: #ty| {
                #steady
                if #(#reach)&&* { #near } else { #far }
            }
        };
    }
    let call = call(model, &inner, passed(model, parts).into_iter());
    quote_spanned!(at=> |#head| { #steady #call })
}

/// What the body gets: those of the arguments that vary, and what is passed on.
fn passed(model: &Cached, varying: Vec<TokenStream>) -> Vec<TokenStream> {
    let mut varying = varying.into_iter();
    let passed = model.arguments.iter().zip(model.keyed()).map(|(argument, keyed)| match keyed {
        true => varying.next().unwrap_or_default(),
        false => argument.passed(&expansion::in_closure(&argument.name)),
    });
    passed.collect()
}

/// `(span_given::<str, _>(&own.key().0, *design), ())`, by the name that this has what stands for each argument, and whether each part reaches
/// to the end.
fn given_parts(
    at: Span,
    outer: &TokenStream,
    given: &Ident,
    varying: &[(Argument, Index, bool)],
) -> (TokenStream, Vec<TokenStream>, Vec<TokenStream>) {
    let numbers = varying.iter().map(|(argument, index, span)| {
        let (name, element) = (expansion::in_closure(&argument.name), argument.lent_as());
        let own = own(&quote!(#outer.key()), argument, index);
        if *span { quote_spanned!(at=> ::speedup::cache::span_given::<#element, _>(#own, *#name)) } else { quote!(()) }
    });
    let parts = varying.iter().map(|(argument, index, span)| match span {
        true => quote_spanned!(at=> ::speedup::cache::GivenPart::part(#given.#index)),
        false => argument.passed(&expansion::in_closure(&argument.name)),
    });
    let reach = varying.iter().filter(|(.., span)| *span).map(|(argument, index, _)| {
        let (name, element) = (expansion::in_closure(&argument.name), argument.lent_as());
        let own = own(&quote!(#outer.key()), argument, index);
        quote_spanned!(at=> ::speedup::cache::span_reaches::<#element, _>(#own, *#name))
    });
    (signature::tuple(at, numbers), parts.collect(), reach.collect())
}

/// Writes the arguments that vary.
fn shown(model: &Cached, varying: &[(Argument, Index, bool)]) -> TokenStream {
    let at = model.shown_at();
    let (head, _, parts) = by_place(model, varying);
    let parts = signature::tuple(at, parts.into_iter());
    let out = Ident::new("out", Span::mixed_site());
    if varying.iter().all(|(argument, ..)| signature::is_well_known(&argument.owned)) {
        return quote_spanned!(at=> |#head, #out| ::core::fmt::Debug::fmt(&#parts, #out));
    }
    quote_spanned! {at=>
        |#head, #out| {
            use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
            (&::speedup::__private::Show(&#parts)).__speedup_show(#out)
        }
    }
}

/// `|own| Some((span_of(text, &own.key().0)?, n))`: how a forecast names a call.
pub(super) fn asked(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let outer = Ident::new("own", Span::mixed_site());
    let parts = varying(model).into_iter().map(|(argument, index, span)| {
        let name = expansion::in_closure(&argument.name);
        let own = own(&quote!(#outer.key()), &argument, &index);
        if span { place(at, &argument, &name, &own) } else { name.to_token_stream() }
    });
    let parts = signature::tuple(at, parts.collect::<Vec<_>>().into_iter());
    quote_spanned!(at=> |#outer| ::core::option::Option::Some(#parts))
}
