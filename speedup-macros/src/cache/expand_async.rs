//! The code that a cached `async fn` becomes: wrapper, handle, body.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::FnArg;

use super::awaits;
use super::expand::{keep, rules, show, show_if_it_can, state_type};
use super::expand_store;
use super::form::Form;
use super::model::Cached;
use super::{checked, expand_async_context, expand_types};
use crate::expansion;
use crate::signature::{self, Argument, Pass};

/// All three items.
pub(super) fn expand(model: &Cached) -> TokenStream {
    let body = body(model);
    if let Form::Context(context) = &model.form {
        let outside = expand_async_context::expand(model, context);
        return quote!(#outside #body);
    }
    let wrapper = wrapper(model);
    let handle = match model.form {
        Form::Generic => handle_of_types(model),
        _ => handle(model),
    };
    quote!(#wrapper #handle #body)
}

/// ```text
/// #[inline]
/// async fn f(n: u64, text: &str) -> R {
///     match ::speedup::AsyncCache::find_ref(F, (&n, text)) {
///         ::core::result::Result::Ok(value) => value,
///         ::core::result::Result::Err(key) => ::speedup::cache::boxed(::speedup::AsyncCache::get(F, key)).await,
///     }
/// }
/// ```
///
/// So a hit has no future but the user's own. What is waited for is boxed, to show none of the function's types: in a recursion the future of
/// the body holds this one, and has to be `Send` whatever lifetimes they have.
fn wrapper(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.wrapper;
    let visibility = &model.function.vis;
    let mut signature = model.function.sig.clone();
    signature.inputs = model.arguments.iter().map(Argument::in_wrapper).collect();
    let handle = model.running();
    let lends = model.arguments.iter().any(|argument| argument.pass == Pass::Lend);
    let parts = model.arguments.iter().map(|argument| {
        let name = &argument.name;
        part(argument, name.to_token_stream(), lends)
    });
    let key = signature::tuple(at, parts);
    let (ty, known) = (cache_type(model), model.known());
    let find = Ident::new(if lends { "find_ref" } else { "find" }, at);
    let [found, missing] = ["value", "key"].map(|name| Ident::new(name, Span::mixed_site().located_at(at)));
    // The user's own braces make this the user's function to the compiler's lints.
    let mut block = TokenStream::new();
    model.function.block.brace_token.surround(&mut block, |block| {
        let find = found_by(model, &quote_spanned!(at=> #ty #known ::#find(#handle, #key)));
        let get = asking(model, &missing, |key| quote_spanned!(at=> #ty #known ::get(#handle, #key)));
        let look_up = quote_spanned! {at=>
            match #find {
                ::core::result::Result::Ok(#found) => #found,
                ::core::result::Result::Err(#missing) => #get.await,
            }
        };
        block.extend(match model.policies.forces() {
            Some(forces) => {
                let key_type = signature::key_type(model.shown_at(), &model.arguments);
                let owned = quote_spanned!(at=> <_ as ::speedup::cache::Lookup<#key_type>>::to_key(#key));
                let owned = if lends { owned } else { key };
                let refresh = asking(model, &missing, |key| quote_spanned!(at=> #ty #known ::refresh(#handle, #key)));
                quote_spanned! {at=>
                    if #forces {
                        let #missing = #owned;
                        #refresh.await
                    } else {
                        #look_up
                    }
                }
            }
            None => look_up,
        });
    });
    let inline = !attributes.iter().any(|attribute| attribute.path().is_ident("inline"));
    let inline = inline.then(|| quote_spanned!(at=> #[inline]));
    quote!(#(#attributes)* #inline #visibility #signature #block)
}

/// ```text
/// const F: &::speedup::AsyncCache<(u64, String), R> = {
///     static __F_STATE: ::speedup::cache::AsyncState<(u64, String), R> = ::speedup::cache::AsyncState::new();
///     let _ = f;
///     &::speedup::AsyncCache::of(&__F_STATE, ..)
/// };
/// ```
fn handle(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.handle;
    let docs = expansion::handle_docs("cache", &model.place, &model.function.sig.ident);
    let visibility = expansion::handle_visibility(&model.function);
    let name = &model.handle;
    let key = signature::key_type(model.shown_at(), &model.arguments);
    let result = &model.result;
    let wrapper = model.place.lasting_sibling(&model.function.sig.ident);
    let function = runtime_function(model);
    let (ty, state, rules) = (cache_type(model), state_type(model), rules(model, &key));
    let keyword = expansion::handle_keyword(&model.place, &model.function);
    let state_name = expansion::state_name(name, at);
    let lifetime = expansion::handle_lifetime(&model.place, at);
    let end = expansion::handle_end(&model.place, &model.function);
    let dock = expand_store::dock(model, &key);
    quote_spanned! {at=>
        #(#attributes)*
        #[doc = #docs]
        #visibility #keyword #name: &#lifetime #ty<#key, #result> = {
            static #state_name: #state<#key, #result> = #state::new(#rules);
            #dock
            // Who uses the handle uses the function: no `dead_code` for it.
            let _ = #wrapper;
            &#ty::of(&#state_name, #function)
        } #end
    }
}

/// `fn F<T: ..>() -> &'static ::speedup::AsyncCache<(T,), R> { ::speedup::cache::of_async_types(f::<T>, || ..) }`
fn handle_of_types(model: &Cached) -> TokenStream {
    let key = signature::key_type(model.shown_at(), &model.arguments);
    let cache = expand_types::of_types(model, &key, &runtime_function(model));
    expand_types::handle(model, &key, &cache)
}

/// ```text
/// ::speedup::cache::AsyncFunction::new("f", |(n, text): (u64, String)| {
///     ::speedup::cache::boxed(async move { __f_uncached(n, &text).await })
/// })
/// ```
///
/// The future owns the key, so that it can outlive the call that began it. The box is what a recursion needs.
fn runtime_function(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let title = syn::ext::IdentExt::unraw(&model.function.sig.ident).to_string();
    let names: Vec<Ident> = model.arguments.iter().map(|argument| expansion::in_closure(&argument.name)).collect();
    let pattern = signature::tuple(at, names.iter().map(ToTokens::to_token_stream));
    let passed = model.arguments.iter().zip(&names).map(|(argument, name)| passed(argument, name));
    let key = signature::key_type(model.shown_at(), &model.arguments);
    let inner = match model.form {
        Form::Generic => expansion::with_types(&model.place, &model.function.sig, &model.inner),
        _ => model.place.lasting_sibling(&model.inner),
    };
    let show = show_of(model);
    let keep = keep(model);
    let computed = shared(model, quote_spanned!(at=> #inner(#(#passed),*).await));
    let (taken, awaited) = expand_store::awaited(model, &key, &pattern, &computed);
    let behind = expand_store::behind(model, &key);
    quote_spanned! {at=>
        ::speedup::cache::AsyncFunction::new(#title, |#taken| { #awaited }) #show #keep #behind
    }
}

/// What was found; where errors are moved, its error is taken.
pub(super) fn found_by(model: &Cached, find: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    if model.moves_err { quote_spanned!(at=> ::speedup::cache::found(#find)) } else { find.clone() }
}

/// `boxed(get(F, key))`, or `until_taken(move || get(F, key.clone()))` where errors are moved.
pub(super) fn asking(model: &Cached, key: &Ident, ask: impl FnOnce(TokenStream) -> TokenStream) -> TokenStream {
    let at = model.shown_at();
    if model.moves_err {
        let ask = ask(quote_spanned!(at=> ::core::clone::Clone::clone(&#key)));
        quote_spanned!(at=> ::speedup::cache::until_taken(move || #ask))
    } else {
        let ask = ask(key.to_token_stream());
        quote_spanned!(at=> ::speedup::cache::boxed(#ask))
    }
}

/// `AsyncFallible::share(__f_uncached(n).await)`, of a function whose errors are moved.
pub(super) fn shared(model: &Cached, computed: TokenStream) -> TokenStream {
    let at = model.shown_at();
    if model.moves_err { quote_spanned!(at=> ::speedup::cache::AsyncFallible::share(#computed)) } else { computed }
}

/// How a key prints, which in a generic function may or may not have a `Debug`.
fn show_of(model: &Cached) -> TokenStream {
    match model.form {
        Form::Generic => show_if_it_can(),
        _ => show(&model.arguments),
    }
}

/// ```text
/// async fn __f_uncached(n: u64, text: &str) -> R { .. }
/// ```
fn body(model: &Cached) -> TokenStream {
    let attributes = &model.attributes.body;
    let mut signature = model.function.sig.clone();
    signature.ident = model.inner.clone();
    signature.fn_token.span = expansion::generated_at(signature.fn_token.span);
    let receiver = signature.receiver().cloned().map(FnArg::Receiver);
    let arguments = model.arguments.iter().map(|argument| FnArg::Typed(argument.declared.clone()));
    signature.inputs = receiver.into_iter().chain(arguments).collect();
    checked::returning(&mut signature, model);
    let block = awaits::form(model);
    quote!(#(#attributes)* #signature #block)
}

/// The type of the handle.
pub(super) fn cache_type(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    if model.policies.any() {
        quote_spanned!(at=> ::speedup::cache::AsyncPolicyCache)
    } else {
        quote_spanned!(at=> ::speedup::AsyncCache)
    }
}

/// An argument as the part of a key, which is of references where one of the arguments is.
pub(super) fn part(argument: &Argument, value: TokenStream, lends: bool) -> TokenStream {
    match argument.pass {
        Pass::Lend => value,
        Pass::Copy | Pass::Clone if lends => quote!(&#value),
        Pass::Copy | Pass::Clone => argument.wrap(&value),
    }
}

/// What the body gets of the part of a key that it owns.
pub(super) fn passed(argument: &Argument, name: &Ident) -> TokenStream {
    let value = if argument.is_wrapped() { quote!(#name.0) } else { name.to_token_stream() };
    if argument.pass == Pass::Lend { quote!(&#value) } else { value }
}
