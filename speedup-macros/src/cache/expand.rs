//! The code that a cached function becomes: wrapper, handle, body.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::FnArg;

use super::expand_async;
use super::groups;
use super::model::{Cached, Keep};
use crate::expansion;
use crate::signature::{self, Argument, Pass};

/// All three items.
pub(super) fn expand(model: &Cached) -> TokenStream {
    if model.function.sig.asyncness.is_some() {
        return expand_async::expand(model);
    }
    let wrapper = wrapper(model);
    let handle = handle(model);
    let body = body(model);
    quote!(#wrapper #handle #body)
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
    let handle = model.place.sibling(&model.handle);
    let lends = model.arguments.iter().any(|argument| argument.pass == Pass::Lend);
    let parts = model.arguments.iter().map(|argument| {
        let name = &argument.name;
        if lends && argument.pass != Pass::Lend { quote!(&#name) } else { quote!(#name) }
    });
    let key = signature::tuple(at, parts);
    let get = Ident::new(if lends { "get_ref" } else { "get" }, at);
    // The user's own braces make this the user's function to the compiler's lints.
    let mut block = TokenStream::new();
    model.function.block.brace_token.surround(&mut block, |block| {
        block.extend(quote_spanned!(at=> ::speedup::Cache::#get(#handle, #key)));
    });
    // A hit is short enough to stand where the call stands.
    let inline = !attributes.iter().any(|attribute| attribute.path().is_ident("inline"));
    let inline = inline.then(|| quote_spanned!(at=> #[inline]));
    quote!(#(#attributes)* #inline #visibility #signature #block)
}

/// ```text
/// const F: &::speedup::Cache<(u64, String), R> = {
///     static STATE: ::speedup::cache::State<(u64, String), R> = ::speedup::cache::State::new();
///     let _ = f;
///     &::speedup::Cache::of(&STATE, ::speedup::cache::Function::new("f", |(n, text): &(u64, String)| __f_uncached(*n, text)))
/// };
/// ```
///
/// A static cannot name `Self`, so it holds the state alone.
fn handle(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.handle;
    let docs = expansion::handle_docs("cache", &model.place, &model.function.sig.ident);
    let visibility = &model.function.vis;
    let name = &model.handle;
    let key = signature::key_type(at, &model.arguments);
    let result = &model.result;
    let wrapper = model.place.sibling(&model.function.sig.ident);
    let function = runtime_function(model);
    let keyword = expansion::handle_keyword(&model.place, &model.function);
    let lints = expansion::handle_lints(&model.place, &model.function);
    let end = expansion::handle_end(&model.place, &model.function);
    quote_spanned! {at=>
        #(#attributes)*
        #[doc = #docs]
        #lints
        #visibility #keyword #name: &::speedup::Cache<#key, #result> = {
            static STATE: ::speedup::cache::State<#key, #result> = ::speedup::cache::State::new();
            // Who uses the handle uses the function: no `dead_code` for it.
            let _ = #wrapper;
            &::speedup::Cache::of(&STATE, #function)
        } #end
    }
}

fn runtime_function(model: &Cached) -> TokenStream {
    let at = model.shown_at();
    let title = syn::ext::IdentExt::unraw(&model.function.sig.ident).to_string();
    let names: Vec<Ident> = model.arguments.iter().map(|argument| expansion::in_closure(&argument.name)).collect();
    let pattern = signature::tuple(at, names.iter().map(ToTokens::to_token_stream));
    let passed = model.arguments.iter().zip(&names).map(|(argument, name)| argument.passed(name));
    let key = signature::key_type(at, &model.arguments);
    let inner = model.place.sibling(&model.inner);
    let keep = keep(model.keep);
    let show = show(&model.arguments);
    let sequential = model.sequential.then(|| quote!(.sequential()));
    let uses_rayon = model.uses_rayon.then(|| quote!(.uses_rayon()));
    quote_spanned! {at=>
        ::speedup::cache::Function::new(#title, |#pattern: &#key| #inner(#(#passed),*)) #show #keep #sequential #uses_rayon
    }
}

pub(super) fn keep(keep: Keep) -> TokenStream {
    match keep {
        Keep::All => TokenStream::new(),
        Keep::Ok => quote!(.keep(::core::result::Result::is_ok)),
        Keep::Some => quote!(.keep(::core::option::Option::is_some)),
        Keep::ByType => quote! {
            .keep(|value| {
                use ::speedup::__private::{KeepAny as _, KeepOption as _, KeepResult as _};
                (&::speedup::__private::Keep(value)).keep()
            })
        },
    }
}

/// How a key prints, in the message about a cycle: with `Debug` where there is one.
pub(super) fn show(arguments: &[Argument]) -> TokenStream {
    if arguments.iter().all(|argument| signature::is_well_known(&argument.owned)) {
        return quote!(.show(::core::fmt::Debug::fmt));
    }
    quote! {
        .show(|key, out| {
            use ::speedup::__private::{ShowDebug as _, ShowOpaque as _};
            (&::speedup::__private::Show(key)).show(out)
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
    signature.fn_token.span = expansion::generated_at(signature.fn_token.span);
    signature.inputs = model.arguments.iter().map(|argument| FnArg::Typed(argument.declared.clone())).collect();
    let block = groups::form(model);
    // So that it can stand in the frame of the call that runs it, wherever the compiler puts that.
    quote!(#[inline] #(#attributes)* #signature #block)
}
