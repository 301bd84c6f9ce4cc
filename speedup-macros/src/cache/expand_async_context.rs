//! The code of an `async fn` whose body gets more than its key. The call belongs to nobody, and may go on when the one who began it has
//! left: so it owns what it gets, which is cloned on a miss.
//!
//! ```text
//! async fn load(self: Arc<Self>, user: u64) -> u64 {
//!     match ::speedup::AsyncCache::find(Self::LOAD, (user,)) {
//!         ::core::result::Result::Ok(value) => value,
//!         ::core::result::Result::Err(key) => {
//!             let this = ::speedup::cache::passed_on(&self);
//!             ::speedup::cache::boxed(::speedup::AsyncCache::get_with(Self::LOAD, key, move |key| Self::__load_started(this, key))).await
//!         }
//!     }
//! }
//! ```

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{FnArg, ReceiverKind};

use super::expand::{cache_type, keep, rules, state_type};
use super::form::{Context, Home};
use super::model::Cached;
use super::{expand_async, expand_context, expand_store};
use crate::expansion;
use crate::signature::{self, Pass};

/// All but the body.
pub(super) fn expand(model: &Cached, context: &Context) -> TokenStream {
    let wrapper = wrapper(model, context);
    let handle = match context.home {
        Home::Static => Some(handle(model, context)),
        Home::Types => {
            let key = expand_context::key_type(model, context);
            Some(super::expand_types::handle(model, &key, &of_types(model, context)))
        }
        Home::Scope | Home::Field(_) => None,
    };
    let start = start(model, context);
    quote!(#wrapper #handle #start)
}

fn wrapper(model: &Cached, context: &Context) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.wrapper;
    let visibility = &model.function.vis;
    let mut signature = model.function.sig.clone();
    let receiver = signature.receiver().cloned().map(FnArg::Receiver);
    let inputs = model.arguments.iter().map(|argument| FnArg::Typed(expand_context::in_wrapper(argument)));
    signature.inputs = receiver.into_iter().chain(inputs).collect();
    let (function, this) = (function(model, context), model.this(at));
    let cache = match &context.home {
        Home::Static | Home::Scope => model.place.sibling(&model.handle),
        Home::Types => of_types(model, context),
        Home::Field(field) => match rules(model, &expand_context::key_type(model, context)) {
            Some(rules) => {
                quote_spanned!(at=> ::speedup::AsyncMemo::with_policies(&#this.#field, || #rules, || #function))
            }
            None => quote_spanned!(at=> ::speedup::AsyncMemo::cache(&#this.#field, || #function)),
        },
    };
    let cached = Ident::new("cache", Span::mixed_site().located_at(at));
    let look_up = look_up(model, context, &cached);
    // The user's own braces make this the user's function to the compiler's lints.
    let mut block = TokenStream::new();
    model.function.block.brace_token.surround(&mut block, |block| {
        block.extend(quote_spanned! {at=>
            let #cached = #cache;
            #look_up
        });
    });
    quote!(#(#attributes)* #visibility #signature #block)
}

/// `match find(cache, key) { Ok(value) => value, Err(key) => .. }`
fn look_up(model: &Cached, context: &Context, cached: &Ident) -> TokenStream {
    let at = model.shown_at();
    let lends = expand_context::lends(model, context);
    let key = expand_context::key(model, context, lends);
    let find = Ident::new(if lends { "find_ref" } else { "find" }, at);
    let [value, missing] = ["value", "key"].map(|name| Ident::new(name, Span::mixed_site().located_at(at)));
    let owned = owned(model, context);
    let taken: Vec<_> =
        owned.iter().map(|Owned { name, taken, .. }| quote_spanned!(at=> let #name = #taken;)).collect();
    let names = owned.iter().map(|owned| &owned.name);
    let start = expansion::with_types(&model.place, &model.function.sig, &start_name(model));
    let ty = cache_type(model);
    let find = expand_async::found_by(model, &quote_spanned!(at=> #ty::#find(#cached, #key)));
    // What may be asked for again is not given away.
    let again = names.clone().map(|name| quote_spanned!(at=> let #name = ::core::clone::Clone::clone(&#name);));
    let again = if model.moves_err { again.collect() } else { Vec::new() };
    let asking = |ask: &str| {
        let ask = Ident::new(ask, at);
        let names = names.clone();
        expand_async::asking(model, &missing, |key| {
            let get = quote_spanned!(at=> #ty::#ask(#cached, #key, move |#missing| #start(#(#names,)* #missing)));
            if again.is_empty() { get } else { quote_spanned!(at=> { #(#again)* #get }) }
        })
    };
    let get = asking("get_with");
    let look_up = quote_spanned! {at=>
        match #find {
            ::core::result::Result::Ok(#value) => #value,
            ::core::result::Result::Err(#missing) => {
                #(#taken)*
                #get.await
            }
        }
    };
    match model.policies.forces() {
        Some(forces) => {
            let key_type = expand_context::key_type(model, context);
            let owned = quote_spanned!(at=> <_ as ::speedup::cache::Lookup<#key_type>>::to_key(#key));
            let owned = if lends { owned } else { key };
            let refresh = asking("refresh_with");
            quote_spanned! {at=>
                if #forces {
                    #(#taken)*
                    let #missing = #owned;
                    #refresh.await
                } else {
                    #look_up
                }
            }
        }
        None => look_up,
    }
}

/// What a body owns, by name: how the wrapper takes it, its type, and how the body gets it.
struct Owned {
    name: Ident,
    taken: TokenStream,
    ty: TokenStream,
    passed: TokenStream,
}

/// `self`, and the arguments that are no part of the key.
fn owned(model: &Cached, context: &Context) -> Vec<Owned> {
    let receiver = model.function.sig.receiver().map(|receiver| {
        let name = Ident::new("this", Span::mixed_site());
        let at = expansion::generated_at(receiver.self_token.span);
        let lent = matches!(receiver.kind, ReceiverKind::Reference(..));
        let ty = match &receiver.kind {
            ReceiverKind::Typed(_, ty) => ty.to_token_stream(),
            _ => quote!(Self),
        };
        let (taken, passed) =
            if lent { (quote!(self), quote!(&#name)) } else { (quote!(&self), name.to_token_stream()) };
        Owned { taken: quote_spanned!(at=> ::speedup::cache::passed_on(#taken)), name, ty, passed }
    });
    let arguments = model.arguments.iter().zip(&context.keyed).filter(|(_, keyed)| !**keyed).map(|(argument, _)| {
        let name = expansion::in_closure(&argument.name);
        let given = expand_context::outer_name(argument);
        let lent = argument.pass == Pass::Lend;
        let (taken, passed) =
            if lent { (quote!(#given), quote!(&#name)) } else { (quote!(&#given), name.to_token_stream()) };
        let taken = quote_spanned!(model.shown_at()=> ::speedup::cache::passed_on(#taken));
        Owned { name, taken, ty: argument.owned.to_token_stream(), passed }
    });
    receiver.into_iter().chain(arguments).collect()
}

/// ```text
/// fn __load_started(this: Arc<Self>, (user,): (u64,)) -> ::speedup::cache::Boxed<u64> {
///     ::speedup::cache::boxed(async move { Self::__load_uncached(this, user).await })
/// }
/// ```
///
/// An item of its own, since a recursive call in the body asks whether the wrapper's future is `Send`.
fn start(model: &Cached, context: &Context) -> TokenStream {
    let at = model.shown_at();
    let (name, key) = (start_name(model), expand_context::key_type(model, context));
    let (_, result) = expand_store::held(model, &key, &model.result);
    let generics = &model.function.sig.generics;
    let bounds = &generics.where_clause;
    let owned = owned(model, context);
    let declared = owned.iter().map(|Owned { name, ty, .. }| quote!(#name: #ty));
    let this = model.function.sig.receiver().map(|_| owned[0].passed.clone());
    let mut passed_on = owned.iter().skip(usize::from(this.is_some())).map(|owned| owned.passed.clone());
    let mut names = Vec::new();
    let arguments = model.arguments.iter().zip(&context.keyed).map(|(argument, keyed)| {
        if !keyed {
            return passed_on.next().unwrap_or_default();
        }
        let name = expansion::in_closure(&argument.name);
        names.push(name.to_token_stream());
        expand_async::passed(argument, &name)
    });
    let passed: Vec<TokenStream> = this.into_iter().chain(arguments).collect();
    let pattern = match context.key {
        Some(_) => quote!(_),
        None => signature::tuple(at, names.into_iter()),
    };
    let inner = expansion::with_types(&model.place, &model.function.sig, &model.inner);
    let computed = expand_async::shared(model, quote_spanned!(at=> #inner(#(#passed),*).await));
    let (taken, awaited) = expand_store::awaited(model, &key, &pattern, &computed);
    quote_spanned! {at=>
        fn #name #generics (#(#declared,)* #taken) -> ::speedup::cache::Boxed<#result> #bounds {
            #awaited
        }
    }
}

fn start_name(model: &Cached) -> Ident {
    expansion::inner_name(&model.function.sig.ident, "started")
}

/// `::speedup::cache::AsyncFunction::of_context("load").show(..)`
fn function(model: &Cached, context: &Context) -> TokenStream {
    let at = model.shown_at();
    let title = model.function.sig.ident.unraw().to_string();
    let keep = keep(model);
    let key = expand_context::key_type(model, context);
    let behind = expand_store::behind(model, &key);
    let (key, _) = expand_store::held(model, &key, &model.result);
    quote_spanned! {at=>
        ::speedup::cache::AsyncFunction::of_context(#title).show(|key: &#key, out| {
            use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
            (&::speedup::__private::Show(key)).__speedup_show(out)
        }) #keep #behind
    }
}

fn handle(model: &Cached, context: &Context) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.handle;
    let docs = expansion::handle_docs("cache", &model.place, &model.function.sig.ident);
    let visibility = expansion::handle_visibility(&model.function);
    let name = &model.handle;
    let key = expand_context::key_type(model, context);
    let result = &model.result;
    let function = function(model, context);
    let dock = expand_store::dock(model, &key);
    let (ty, state_type, rules) = (cache_type(model), state_type(model), rules(model, &key));
    let keyword = expansion::handle_keyword(&model.place, &model.function);
    let state = expansion::state_name(name, at);
    let lifetime = expansion::handle_lifetime(&model.place, at);
    let end = expansion::handle_end(&model.place, &model.function);
    quote_spanned! {at=>
        #(#attributes)*
        #[doc = #docs]
        #visibility #keyword #name: &#lifetime #ty<#key, #result> = {
            static #state: #state_type<#key, #result> = #state_type::new(#rules);
            #dock
            &#ty::of(&#state, #function)
        } #end
    }
}

/// `::speedup::cache::of_async_types(load::<T>, || ..)`
fn of_types(model: &Cached, context: &Context) -> TokenStream {
    super::expand_types::of_types(model, &expand_context::key_type(model, context), &function(model, context))
}
