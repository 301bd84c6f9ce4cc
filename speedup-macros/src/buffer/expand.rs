//! The code that a generator becomes: wrapper, handle, body.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    AssocType, Block, Constraint, Expr, FnArg, GenericArgument, ItemFn, PathArguments, ReturnType, Signature, Type,
    TypeParamBound, parse_quote, parse_quote_spanned,
};

use super::model::{Buffered, Form, Wrapper};
use super::yields;
use crate::expansion;
use crate::fingerprint;
use crate::signature::{self, Argument};

/// All three items.
pub(super) fn expand(model: &Buffered) -> TokenStream {
    let wrapper = wrapper(model);
    let handle = handle(model);
    let body = body(model);
    quote!(#wrapper #handle #body)
}

/// Which of the runtime's types the handle is.
enum Handle {
    Buffer,
    /// One buffer for each set of arguments.
    Family,
    /// The last values only.
    Window,
}

impl Buffered {
    /// The wrapper lends the values; a window cannot.
    fn lends(&self) -> bool {
        self.options.lend && self.options.keep.is_none()
    }

    fn kind(&self) -> Handle {
        if self.options.keep.is_some() {
            Handle::Window
        } else if self.arguments.is_empty() {
            Handle::Buffer
        } else {
            Handle::Family
        }
    }
}

/// ```text
/// fn count() -> impl Iterator<Item = u64> { ::speedup::Buffer::values(COUNT) }
/// ```
fn wrapper(model: &Buffered) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.wrapper;
    let visibility = &model.function.vis;
    let mut signature = model.function.sig.clone();
    signature.inputs = model.arguments.iter().map(Argument::in_wrapper).collect();
    let handle = model.place.sibling(&model.handle);
    let item = &model.item;
    signature.output = if model.lends() {
        parse_quote_spanned!(at=> -> impl ::core::iter::Iterator<Item = &'static #item>)
    } else {
        wrapper_output(&model.function.sig, &model.form)
    };
    let values = match model.kind() {
        Handle::Buffer if model.lends() => quote_spanned!(at=> ::speedup::Buffer::iter(#handle)),
        Handle::Family if model.lends() => {
            let key = signature::tuple(at, model.arguments.iter().map(|argument| argument.name.to_token_stream()));
            quote_spanned!(at=> ::speedup::Buffer::iter(::speedup::Buffers::of(#handle, #key)))
        }
        Handle::Buffer => quote_spanned!(at=> ::speedup::Buffer::values(#handle)),
        Handle::Window => quote_spanned!(at=> ::speedup::Window::values(#handle)),
        Handle::Family => {
            let key = signature::tuple(at, model.arguments.iter().map(|argument| argument.name.to_token_stream()));
            quote_spanned!(at=> ::speedup::Buffers::values(#handle, #key))
        }
    };
    let values = match model.form {
        _ if model.lends() => values,
        Form::Iterator { wrapper: Wrapper::Collect, .. } => quote!(::core::iter::Iterator::collect(#values)),
        Form::Iterator { wrapper: Wrapper::Boxed, .. } => quote!(::std::boxed::Box::new(#values)),
        Form::Iterator { .. } | Form::Yields { .. } | Form::Unclear => values,
    };
    // The user's own braces make this the user's function to the compiler's lints.
    let mut block = TokenStream::new();
    model.function.block.brace_token.surround(&mut block, |block| block.extend(values));
    quote!(#(#attributes)* #visibility #signature #block)
}

/// The declared type, where a wrapper can give it; else the values, as an iterator.
fn wrapper_output(declared: &Signature, form: &Form) -> ReturnType {
    let at = expansion::generated_at(declared.ident.span());
    match form {
        Form::Yields { item } | Form::Iterator { item, wrapper: Wrapper::Iterator } => {
            parse_quote_spanned!(at=> -> impl ::core::iter::Iterator<Item = #item>)
        }
        Form::Iterator { .. } | Form::Unclear => declared.output.clone(),
    }
}

/// ```text
/// const COUNT: &::speedup::Buffer<u64> = {
///     static __COUNT_STATE: ::speedup::buffer::State<u64> = ::speedup::buffer::State::new();
///     let _ = count;
///     &::speedup::Buffer::of(&__COUNT_STATE, ::speedup::buffer::Function::new("count", || ..).size(4))
/// };
/// ```
fn handle(model: &Buffered) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.handle;
    let visibility = expansion::handle_visibility(&model.function);
    let name = &model.handle;
    let item = &model.item;
    let key = signature::owned_type(at, &model.arguments);
    let (kind, what, state, parameters) = match model.kind() {
        Handle::Buffer => ("buffer", quote_spanned!(at=> Buffer), quote_spanned!(at=> State), quote!(#item)),
        Handle::Window => ("window", quote_spanned!(at=> Window), quote_spanned!(at=> WindowState), quote!(#item)),
        Handle::Family => {
            ("buffers", quote_spanned!(at=> Buffers), quote_spanned!(at=> FamilyState), quote!(#key, #item))
        }
    };
    let of = Ident::new(if matches!(model.kind(), Handle::Family) { "of_family" } else { "of" }, at);
    let keep = model.options.keep.as_ref().map(|(_, keep)| quote!(, #keep));
    let function = runtime_function(model);
    let docs = expansion::handle_docs(kind, &model.place, &model.function.sig.ident);
    let wrapper = model.place.lasting_sibling(&model.function.sig.ident);
    let keyword = expansion::handle_keyword(&model.place, &model.function);
    let state_name = expansion::state_name(name, at);
    let lifetime = expansion::handle_lifetime(&model.place, at);
    let end = expansion::handle_end(&model.place, &model.function);
    quote_spanned! {at=>
        #(#attributes)*
        #[doc = #docs]
        #visibility #keyword #name: &#lifetime ::speedup::#what<#parameters> = {
            static #state_name: ::speedup::buffer::#state<#parameters> = ::speedup::buffer::#state::new();
            // Who uses the handle uses the function: no `dead_code` for it.
            let _ = #wrapper;
            &::speedup::#what::#of(&#state_name, #function #keep)
        } #end
    }
}

fn runtime_function(model: &Buffered) -> TokenStream {
    let at = model.shown_at();
    let title = syn::ext::IdentExt::unraw(&model.function.sig.ident).to_string();
    let names: Vec<Ident> = model.arguments.iter().map(|argument| expansion::in_closure(&argument.name)).collect();
    let inner = model.place.lasting_sibling(&model.inner);
    let call = quote!(#inner(#(#names),*));
    let source = match model.form {
        _ if model.options.disk.is_some() => on_disk(model, &call),
        Form::Yields { .. } => call,
        Form::Iterator { .. } | Form::Unclear => quote_spanned!(at=> ::speedup::buffer::Source::from_iter(#call)),
    };
    let new = if matches!(model.kind(), Handle::Family) {
        let pattern = signature::tuple(at, names.iter().map(ToTokens::to_token_stream));
        let key = signature::owned_type(at, &model.arguments);
        quote_spanned!(at=> ::speedup::buffer::FamilyFunction::new(#title, |#pattern: #key| #source))
    } else if matches!(model.form, Form::Yields { .. }) && model.options.disk.is_none() {
        quote_spanned!(at=> ::speedup::buffer::Function::new(#title, #inner))
    } else {
        quote_spanned!(at=> ::speedup::buffer::Function::new(#title, || #source))
    };
    let size = model.options.size.as_ref().map(|size| quote!(.size(#size)));
    let max = model.options.max.as_ref().map(|max| quote!(.max(#max)));
    let stop_on_err = model.options.stop_on_err.as_ref().map(|_| quote!(.stop_on_err()));
    let uses_rayon = model.uses_rayon.then(|| quote!(.uses_rayon()));
    let batches = model.options.batches.then(|| quote!(.in_batches()));
    let search = search(model);
    quote!(#new #size #max #stop_on_err #uses_rayon #batches #search)
}

/// `::speedup::buffer::Source::from_iter(::speedup::store::persisted("name", "..", || __f_generator()).resume(|last| ..))`
fn on_disk(model: &Buffered, call: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    let list = model.options.disk.as_ref().map(|(_, list)| list);
    let resume = model.options.resume.as_ref().map(|(_, resume)| resume);
    let fingerprint = fingerprint::of(&model.function, resume);
    let values = match model.form {
        Form::Yields { .. } => quote_spanned!(at=> ::speedup::buffer::Source::into_values(#call)),
        Form::Iterator { .. } | Form::Unclear => call.clone(),
    };
    let resume = resume.map(|resume| quote_spanned!(at=> .resume(#resume)));
    quote_spanned! {at=>
        ::speedup::buffer::Source::from_iter(::speedup::store::persisted(#list, #fingerprint, || #values) #resume)
    }
}

/// When a search may stop.
fn search(model: &Buffered) -> TokenStream {
    let (at, item) = (model.shown_at(), &model.item);
    match &model.options.halt {
        _ if model.options.keep.is_some() => TokenStream::new(),
        Some(closure @ Expr::Closure(_)) => quote!(.halt(#closure)),
        Some(condition) if provided(condition).is_none_or(|name| name != "NonDecreasing") => {
            let path = provided(condition).map(|_| quote!(::speedup::buffer::));
            let [buffer, value, attempts] =
                ["buffer", "item", "attempts"].map(|name| Ident::new(name, Span::mixed_site()));
            quote! {
                .halt(|#buffer, #value, #attempts| {
                    ::speedup::buffer::Halt::halt(&(#path #condition), #buffer, #value, #attempts)
                })
            }
        }
        _ if signature::is_well_known(item) => {
            quote!(.search(|| ::core::option::Option::Some(::core::cmp::PartialOrd::partial_cmp)))
        }
        _ => quote_spanned! {at=>
            .search(|| {
                #[allow(unused_imports)]
                use ::speedup::buffer::__private::{Ordered as _, Unordered as _};
                (&::speedup::buffer::__private::Items::<#item>::NEW).__speedup_compare()
            })
        },
    }
}

/// The name of one of the runtime's own conditions, which need no import: `Attempts` for `Attempts(5)`.
fn provided(condition: &Expr) -> Option<&Ident> {
    const PROVIDED: [&str; 3] = ["NonDecreasing", "AbsNonDecreasing", "Attempts"];
    let path = match condition {
        Expr::Path(path) => path,
        Expr::Call(call) => match call.func.as_ref() {
            Expr::Path(path) => path,
            _ => return None,
        },
        _ => return None,
    };
    path.path.get_ident().filter(|ident| PROVIDED.iter().any(|name| ident == name))
}

/// ```text
/// fn __count_generator() -> impl Iterator<Item = u64> { .. }
/// ```
///
/// and for a body with `yield_!`
///
/// ```text
/// fn __spiral_generator() -> ::speedup::buffer::Source<T> {
///     ::speedup::buffer::Source::from_body(|out: ::speedup::buffer::Out<T>| async move { .. })
/// }
/// ```
fn body(model: &Buffered) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.body;
    let mut signature = model.function.sig.clone();
    signature.ident = model.inner.clone();
    signature.fn_token.span = expansion::generated_at(signature.fn_token.span);
    signature.inputs = model.arguments.iter().map(|argument| FnArg::Typed(argument.declared.clone())).collect();
    let block = &model.block;
    let Form::Yields { item } = &model.form else {
        if let ReturnType::Type(_, declared) = &mut signature.output {
            iterates_anywhere(declared);
        }
        return quote!(#(#attributes)* #signature #block);
    };
    signature.output = parse_quote!(-> ::speedup::buffer::Source<#item>);
    // A block in a block: with the user's braces, the compiler would call one of them unnecessary.
    let braces = syn::token::Brace(expansion::generated_at(block.brace_token.span.join()));
    let block = Block { brace_token: braces, stmts: block.stmts.clone() };
    let out = yields::out();
    let definition = yields::definition(&block);
    let inside = definition.map_or_else(|| quote!(#block), |definition| quote!({ #definition #block }));
    let moved = (!model.arguments.is_empty()).then(|| quote!(move));
    quote_spanned! {at=>
        #(#attributes)*
        #signature {
            ::speedup::buffer::Source::from_body(#moved |#out: ::speedup::buffer::Out<#item>| async move #inside)
        }
    }
}

/// `impl IntoIterator<Item = T>` says nothing of its iterator, which moves between threads: `IntoIter: Send` is added.
fn iterates_anywhere(declared: &mut Type) {
    let Type::ImplTrait(opaque) = declared else { return };
    for bound in &mut opaque.bounds {
        if let TypeParamBound::Trait(bound) = bound
            && let Some(last) = bound.path.segments.last_mut()
            && last.ident == "IntoIterator"
            && let PathArguments::AngleBracketed(arguments) = &mut last.arguments
            && !arguments.args.iter().any(names_the_iterator)
        {
            arguments.args.push(parse_quote!(IntoIter: ::core::marker::Send));
        }
    }
}

/// `IntoIter = ..` or `IntoIter: ..`.
fn names_the_iterator(argument: &GenericArgument) -> bool {
    match argument {
        GenericArgument::AssocType(AssocType { ident, .. }) => ident == "IntoIter",
        GenericArgument::Constraint(Constraint { ident, .. }) => ident == "IntoIter",
        _ => false,
    }
}

/// What is left of a function with a fault: its signature, so that its callers have none.
pub(super) fn without_buffer(function: &ItemFn, form: &Form) -> TokenStream {
    let Form::Yields { item } = form else {
        let mut function = function.clone();
        if matches!(function.sig.output, ReturnType::Default) {
            // What hands values out there has no meaning.
            function.attrs.push(parse_quote!(#[allow(unused)]));
            *function.block = parse_quote!({});
        }
        return function.to_token_stream();
    };
    if matches!(item, Type::ImplTrait(_) | Type::Never(_)) {
        return TokenStream::new();
    }
    let ItemFn { attrs, vis, .. } = function;
    let mut signature = function.sig.clone();
    signature.constness = None;
    signature.asyncness = None;
    signature.output = wrapper_output(&function.sig, form);
    quote! {
        #(#attrs)*
        #[allow(unused)]
        #vis #signature { ::core::iter::empty::<#item>() }
    }
}
