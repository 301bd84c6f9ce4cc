//! The code that a cached function becomes: wrapper, handle, body.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{FnArg, ReturnType, Signature, Visibility};

use super::expand_async;
use super::form::Form;
use super::keep::Keep;
use super::model::Cached;
use super::own_calls;
use super::{checked, closures, expand_context, expand_spans, expand_store, expand_tables, expand_types, forecast};
use crate::expansion;
use crate::signature::{self, Argument, Pass};

/// All items.
pub(super) fn expand(model: &Cached) -> TokenStream {
    if model.function.sig.asyncness.is_some() {
        return expand_async::expand(model);
    }
    if let Form::Context(context) = &model.form {
        return expand_context::expand(model, context);
    }
    let wrapper = wrapper(model);
    let handle = match model.form {
        Form::Generic => expand_types::handle_of_body(model),
        _ => handle(model),
    };
    let tables = model.has_tables().then(|| expand_tables::tables(model));
    let spans = model.has_spans().then(|| expand_spans::spans(model));
    let body = body(model);
    quote!(#wrapper #handle #tables #spans #body)
}

/// ```text
/// #[inline]
/// fn f(n: u64, text: &str) -> R { ::speedup::Cache::get_ref(F, (&n, text)) }
/// ```
fn wrapper(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.wrapper;
    let visibility = &model.function.vis;
    let mut signature = model.function.sig.clone();
    signature.inputs = model.arguments.iter().map(Argument::in_wrapper).collect();
    returning(&mut signature, model);
    let look_up = if model.has_tables() { expand_tables::look_up(model) } else { look_up(model) };
    let look_up = if model.has_spans() { expand_spans::look_up(model, &look_up) } else { look_up };
    let look_up = if model.moves_err { taken(model, &look_up) } else { look_up };
    // The user's own braces make this the user's function to the compiler's lints.
    let mut block = TokenStream::new();
    model.function.block.brace_token.surround(&mut block, |block| {
        block.extend(look_up);
    });
    // A hit is short enough to stand where the call stands.
    let inline = !attributes.iter().any(|attribute| attribute.path().is_ident("inline"));
    let several = model.has_tables() || model.has_spans();
    let inline = inline.then(|| if several { expand_context::inlined(model) } else { quote_spanned!(at=> #[inline]) });
    // Where a hit is found by what is lent, values are lent, too.
    let lends = model.arguments.iter().any(|argument| argument.pass == Pass::Lend);
    let lints = (lends || model.has_tables()) && model.arguments.iter().any(|argument| argument.pass == Pass::Clone);
    let lints = lints.then(|| quote!(#[allow(clippy::needless_pass_by_value)]));
    quote!(#(#attributes)* #inline #lints #visibility #signature #block)
}

/// `match Fallible::taken(look_up) { Some(result) => result, None => __f_uncached(..) }`: whose call failed on another thread runs for
/// itself.
fn taken(model: &Cached, look_up: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    let inner = match model.form {
        Form::Generic => expansion::with_types(&model.place, &model.function.sig, &model.inner),
        _ => model.place.sibling(&model.inner),
    };
    let names = model.arguments.iter().map(|argument| &argument.name);
    let result = Ident::new("result", Span::mixed_site().located_at(at));
    quote_spanned! {at=>
        match ::speedup::cache::Fallible::taken(#look_up) {
            ::core::option::Option::Some(#result) => #result,
            ::core::option::Option::None => #inner(#(#names),*),
        }
    }
}

/// A call of the user's body, for a table.
pub(super) fn call(model: &Cached, inner: &TokenStream, passed: impl Iterator<Item = TokenStream>) -> TokenStream {
    let outermost = own_calls::go_on_by_place(model).then(|| quote!(::core::option::Option::None,));
    shared(model, quote!(#inner(#outermost #(#passed),*)))
}

fn shared(model: &Cached, call: TokenStream) -> TokenStream {
    if model.moves_err { quote!(::speedup::cache::Fallible::share(#call)) } else { call }
}

/// A function whose results are lent returns references.
pub(super) fn returning(signature: &mut Signature, model: &Cached) {
    // What stays on its thread is given back as it is.
    if let (true, ReturnType::Type(_, ty)) = (model.returns_ref, &mut signature.output) {
        **ty = model.result.clone();
    }
}

/// `{ ::speedup::__private::lend(|| -> R { .. }) }`, for a body of a function whose results are lent, or
/// `{ ::speedup::cache::Here::of(|| -> R { .. }) }` for one whose results stay on their thread.
pub(super) fn lent(model: &Cached, body: &TokenStream) -> TokenStream {
    let output = &model.function.sig.output;
    if model.returns_ref {
        quote!({ ::speedup::__private::lend(|| #output #body) })
    } else if model.stays_here {
        quote!({ ::speedup::cache::Here::of(|| #output #body) })
    } else {
        body.clone()
    }
}

/// `::speedup::Cache::get_ref(F, (&n, text))`
fn look_up(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let ty = cache_type(model);
    let cache = match model.form {
        Form::Generic => expand_types::cache(model),
        _ => model.place.sibling(&model.handle),
    };
    let lends = model.moves_err || model.arguments.iter().any(|argument| argument.pass == Pass::Lend);
    let parts = model.arguments.iter().map(|argument| {
        let name = &argument.name;
        if lends && argument.pass != Pass::Lend { quote!(&#name) } else { quote!(#name) }
    });
    let key = signature::tuple(at, parts);
    let get = Ident::new(if lends { "get_ref" } else { "get" }, at);
    let known = model.known();
    let look_up = quote_spanned!(at=> #ty #known ::#get(#cache, #key));
    let Some(forces) = model.policies.forces() else { return look_up };
    let refresh = Ident::new(if lends { "refresh_ref" } else { "refresh" }, at);
    quote_spanned!(at=> if #forces { #ty #known ::#refresh(#cache, #key) } else { #look_up })
}

/// The type of the handle.
pub(super) fn cache_type(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    if model.function.sig.asyncness.is_some() {
        return expand_async::cache_type(model);
    }
    if model.policies.any() {
        quote_spanned!(at=> ::speedup::PolicyCache)
    } else {
        quote_spanned!(at=> ::speedup::Cache)
    }
}

/// ```text
/// const F: &::speedup::Cache<(u64, String), R> = {
///     static __F_STATE: ::speedup::cache::State<(u64, String), R> = ::speedup::cache::State::new();
///     let _ = f;
///     &::speedup::Cache::of(&__F_STATE, ::speedup::cache::Function::new("f", |(n, text): &(u64, String)| __f_uncached(*n, text)))
/// };
/// ```
///
/// A static cannot name `Self`, so it holds the state alone.
fn handle(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.handle;
    let docs = docs(model);
    let visibility = expansion::handle_visibility(&model.function);
    let name = &model.handle;
    let key = signature::key_type(model.shown_at(), &model.arguments);
    let result = &model.result;
    let wrapper = model.place.lasting_sibling(&model.function.sig.ident);
    let function = runtime_function(model);
    let (ty, state) = (cache_type(model), state_type(model));
    let (constant, rules) = constant_rules(model, &key).unzip();
    let rules = rules.as_slice();
    let division = model.has_tables().then(|| expand_tables::division(model));
    let keyword = expansion::handle_keyword(&model.place, &model.function);
    let state_name = expansion::state_name(name, at);
    let lifetime = expansion::handle_lifetime(&model.place, at);
    let end = expansion::handle_end(&model.place, &model.function);
    let dock = expand_store::dock(model, &key);
    quote_spanned! {at=>
        #(#attributes)*
        #[doc = #docs]
        #visibility #keyword #name: &#lifetime #ty<#key, #result> = {
            #constant
            static #state_name: #state<#key, #result> = #state::new(#(#rules)*);
            #dock
            // Who uses the handle uses the function: no `dead_code` for it.
            let _ = #wrapper;
            &#ty::of(&#state_name, #(#rules,)* #function) #division
        } #end
    }
}

/// The documentation of the handle: a link to the function, and what becomes of its calls.
pub(super) fn docs(model: &Cached) -> String {
    let link = expansion::handle_docs("cache", &model.place, &model.function.sig.ident);
    // What a key is made of by an expression is not foretold.
    let foretold = !matches!(&model.form, Form::Context(context) if context.key.is_some());
    if foretold { link + &forecast::tell(model) } else { link }
}

/// The type of what the handle's static holds.
pub(super) fn state_type(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let name = match (model.function.sig.asyncness.is_some(), model.policies.any()) {
        (false, false) => "State",
        (false, true) => "PolicyState",
        (true, false) => "AsyncState",
        (true, true) => "AsyncPolicyState",
    };
    let name = Ident::new(name, at);
    quote_spanned!(at=> ::speedup::cache::#name)
}

/// What the handle's static is told of sizes and ages.
pub(super) fn rules(model: &Cached, key: &TokenStream) -> Option<TokenStream> {
    model.policies.any().then(|| model.policies.rules(model.shown_at(), key, &model.result))
}

/// `const __F_RULES: ::speedup::cache::Rules<..> = ..;`, and its name: what a hit looks at is then known where the call stands.
pub(super) fn constant_rules(model: &Cached, key: &TokenStream) -> Option<(TokenStream, Ident)> {
    let (at, result) = (model.shown_at(), &model.result);
    let (rules, name) = (rules(model, key)?, expansion::rules_name(&model.handle, at));
    Some((quote_spanned!(at=> const #name: ::speedup::cache::Rules<#key, #result> = #rules;), name))
}

fn runtime_function(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let title = syn::ext::IdentExt::unraw(&model.function.sig.ident).to_string();
    let names: Vec<Ident> = model.arguments.iter().map(|argument| expansion::in_closure(&argument.name)).collect();
    let pattern = signature::tuple(at, names.iter().map(ToTokens::to_token_stream));
    let passed = model.arguments.iter().zip(&names).map(|(argument, name)| argument.passed(name));
    let key = signature::key_type(model.shown_at(), &model.arguments);
    let show = show(&model.arguments);
    if model.has_tables() {
        let wrapper = model.place.lasting_sibling(&model.function.sig.ident);
        let call = shared(model, quote!(#wrapper(#(#passed),*)));
        return quote_spanned! {at=>
            ::speedup::cache::Function::new(#title, |#pattern: &#key| #call) #show
        };
    }
    let inner = model.place.lasting_sibling(&model.inner);
    let sequential = model.sequential.then(|| quote!(.sequential()));
    let uses_rayon = model.uses_rayon.then(|| quote!(.uses_rayon()));
    let behind = expand_store::behind(model, &key);
    let body = if model.has_spans() {
        let whole = Ident::new("key", Span::mixed_site());
        let enter = expand_spans::enter(model, &quote!(&()), &whole.to_token_stream());
        let call = call(model, &inner, passed);
        quote_spanned!(at=> |#whole: &#key| { #enter let #pattern = #whole; #call })
    } else {
        expand_store::computing(model, &key, &pattern, &call(model, &inner, passed))
    };
    let function = function_of(model, &title, &body);
    quote_spanned!(at=> #function #show #sequential #uses_rayon #behind)
}

/// `::speedup::cache::Function::new("f", body)`, or `keeping` with what says which results are kept.
pub(super) fn function_of(model: &Cached, title: &str, body: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    if let Some(keeps) = keeps_at_once(model) {
        return quote_spanned!(at=> ::speedup::cache::Function::keeping(#title, #body, #keeps));
    }
    let keep = keep(model);
    quote_spanned!(at=> ::speedup::cache::Function::new(#title, #body) #keep)
}

/// `.keep(|value| ..)`, where not all results are kept.
pub(super) fn keep(model: &Cached) -> TokenStream {
    keeps(model).map_or_else(TokenStream::new, |keeps| quote!(.keep(#keeps)))
}

/// The closure that says which results are kept where a body ends, if not all are: what is kept of others than plain tables is decided by more.
pub(super) fn keeps_at_once(model: &Cached) -> Option<TokenStream> {
    keeps(model).filter(|_| !model.policies.any() && !model.stored.is_on())
}

/// The closure that says which results are kept, if not all are.
fn keeps(model: &Cached) -> Option<TokenStream> {
    // As it was written, if it is checked: of what has no type it could not be told whether it is kept.
    let result = model.checked_result.as_ref().unwrap_or(&model.result);
    // Beside a body that gets context nothing has said before what the result is.
    let has_context = matches!(&model.form, Form::Context(_));
    match model.keep {
        Keep::All => None,
        Keep::ByType if model.policies.any() => Some(quote! {
            |stored: &::speedup::cache::Stored<#result>| {
                #[allow(unused_imports)]
                use ::speedup::__private::{KeepAny as _, KeepOption as _, KeepResult as _};
                (&::speedup::__private::Keep(::speedup::cache::Stored::get(stored))).__speedup_keep()
            }
        }),
        Keep::ByType => {
            let ty = (has_context || checked::has_any(model)).then(|| quote!(: &#result));
            Some(quote! {
                |value #ty| {
                    use ::speedup::__private::{KeepAny as _, KeepOption as _, KeepResult as _};
                    (&::speedup::__private::Keep(value)).__speedup_keep()
                }
            })
        }
    }
}

/// As [`keep`], for results that stay on their thread.
pub(super) fn keep_here(model: &Cached) -> TokenStream {
    let result = &model.result;
    let (result, value) = if model.policies.any() {
        (quote!(::speedup::cache::Stored<#result>), quote!(::speedup::cache::Stored::get(value)))
    } else {
        (quote!(#result), quote!(value))
    };
    let keep = match model.keep {
        Keep::All => quote!(true),
        Keep::ByType => quote! {{
            use ::speedup::__private::{KeepAny as _, KeepOption as _, KeepResult as _};
            (&::speedup::__private::Keep(::speedup::cache::Here::get(#value))).__speedup_keep()
        }},
    };
    quote!(.keep(|value: &#result| { let _ = value; #keep }))
}

/// How a key prints, in the message about a cycle: with `Debug` where there is one.
pub(super) fn show(arguments: &[Argument]) -> TokenStream {
    if arguments.iter().all(|argument| signature::is_well_known(&argument.owned)) {
        return quote!(.show(::core::fmt::Debug::fmt));
    }
    show_if_it_can()
}

/// The same of a key of which nothing has said before what it is.
pub(super) fn show_key_if_it_can(key: &TokenStream) -> TokenStream {
    quote! {
        .show(|key: &#key, out| {
            use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
            (&::speedup::__private::Show(key)).__speedup_show(out)
        })
    }
}

/// The same of a type of which it is not known whether it has a `Debug`.
pub(super) fn show_if_it_can() -> TokenStream {
    quote! {
        .show(|key, out| {
            use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
            (&::speedup::__private::Show(key)).__speedup_show(out)
        })
    }
}

/// ```text
/// #[inline]
/// fn __f_uncached(n: u64, text: &str) -> R { .. }
/// ```
fn body(model: &Cached) -> TokenStream {
    let attributes = &model.attributes.body;
    let mut signature = model.function.sig.clone();
    signature.ident = model.inner.clone();
    // Only the cache calls it.
    signature.abi = None;
    signature.fn_token.span = expansion::generated_at(signature.fn_token.span);
    signature.inputs = model.arguments.iter().map(|argument| FnArg::Typed(argument.declared.clone())).collect();
    returning(&mut signature, model);
    checked::returning(&mut signature, model);
    let mut block = forecast::form(model);
    closures::inline(&mut block, &model.function);
    let block = lent(model, &block.to_token_stream());
    // Lints that pass over what other crates can see: the body, which they cannot, is as the user's function is.
    let lints = (!matches!(model.function.vis, Visibility::Inherited))
        .then(|| quote!(#[allow(clippy::trivially_copy_pass_by_ref, clippy::unnecessary_wraps)]));
    // So that it can stand in the frame of the call that runs it, wherever the compiler puts that; and does, where two do.
    let inline =
        if model.has_spans() { quote!(#[inline(always)] #[allow(clippy::inline_always)]) } else { quote!(#[inline]) };
    let (block, lints) = match own_calls::running(model) {
        Some((inside, ty)) => {
            signature.inputs.insert(0, syn::parse_quote!(#inside: #ty));
            let own = own_calls::of_running(model);
            (quote!({ #own #block }), quote!(#lints #[allow(clippy::too_many_arguments)]))
        }
        None => (block, quote!(#lints)),
    };
    quote!(#inline #lints #(#attributes)* #signature #block)
}
