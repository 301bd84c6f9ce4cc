//! Scoped functions whose keys or results borrow, or may by a type parameter: which those are, and what their code is.
//!
//! ```text
//! fn longest<'a>(words: &'a [&'a str], at: usize, prev: &'a str) -> &'a str { __longest_within(None, words, at, prev) }
//!
//! fn __longest_within<'a>(within: Option<Within<'_, ..>>, words: &'a [&'a str], at: usize, prev: &'a str) -> &'a str {
//!     static __LONGEST_SCOPES: ::speedup::cache::Scoped = ::speedup::cache::Scoped::new();
//!     ::speedup::cache::Scoped::get_within(&__LONGEST_SCOPES, within, .., (at, prev), .., |(at, prev), inside| -> &'a str {
//!         let longest = |words: &'a [&'a str], at: usize, prev: &'a str| -> &'a str { __longest_within(Some(inside), words, at, prev) };
//!         { .. }
//!     })
//! }
//! ```
//!
//! The calls of the body itself show in which table they go on, and have the lifetimes and types of that: a call by way of another function, or
//! of other types (`longest::<u8>(..)`), might be about what lives shorter, and begins a scope of its own (`within_calls`).

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::visit::Visit;
use syn::visit_mut::{self, VisitMut};
use syn::{FnArg, Lifetime, ReceiverKind, ReturnType, Signature, Type, parse_quote};

use super::expand_context;
use super::form::{Context, Form, Home};
use super::itself;
use super::model::{Cached, Options};
use super::own_calls;
use super::within_calls;
use crate::expansion;
use crate::open;
use crate::place::Place;
use crate::signature::{self, Argument, Pass, Wrapper};

/// Whether a function with these options may borrow in its key and result: nothing of it outlives the call, as what a bound has put out may for a
/// moment, and there is room for a function beside it.
pub(super) fn may(place: &Place, options: &Options) -> bool {
    let is_alone = options.key.is_none() && !options.policies.any();
    options.scoped.is_some() && is_alone && matches!(place, Place::Free | Place::Inherent { .. })
}

/// Gives a name to the lifetime that the result has by rule.
pub(super) fn name_lifetime(signature: &mut Signature) {
    let ReturnType::Type(_, result) = &mut signature.output else { return };
    let lent = Lifetime::new("'__lent", Span::mixed_site());
    let mut names = Names { lent: lent.clone(), found: false };
    names.visit_type_mut(result);
    if !names.found {
        return;
    }
    let receiver = signature.inputs.iter_mut().find_map(|input| match input {
        FnArg::Receiver(receiver) => Some(receiver),
        FnArg::Typed(_) => None,
    });
    match receiver.map(|receiver| &mut receiver.kind) {
        Some(ReceiverKind::Reference(_, lifetime, _)) => {
            lifetime.get_or_insert_with(|| lent.clone());
        }
        Some(ReceiverKind::Typed(_, ty)) => names.visit_type_mut(ty),
        Some(_) => {}
        None => signature.inputs.iter_mut().for_each(|input| names.visit_fn_arg_mut(input)),
    }
    signature.generics.params.insert(0, parse_quote!(#lent));
}

/// Names lifetimes that have no name.
struct Names {
    lent: Lifetime,
    found: bool,
}

impl VisitMut for Names {
    fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
        if reference.lifetime.is_none() {
            reference.lifetime = Some(self.lent.clone());
            self.found = true;
        }
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = self.lent.clone();
            self.found = true;
        }
    }

    fn visit_type_fn_ptr_mut(&mut self, _: &mut syn::TypeFnPtr) {}
    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut syn::ParenthesizedGenericArguments) {}
    fn visit_expr_mut(&mut self, _: &mut syn::Expr) {}
}

/// Whether a type has a lifetime with a name, other than `'static`.
pub(super) fn borrows(ty: &Type) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
            self.0 |= lifetime.ident != "static" && lifetime.ident != "_";
        }
        fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
    }
    let mut search = Search(false);
    search.visit_type(ty);
    search.0
}

/// References with a lifetime that has a name are in the key as they are, and not what they lead to.
pub(super) fn borrow_keys(arguments: &mut [Argument], form: &Form) {
    let Form::Context(context) = form else { return };
    for (argument, _) in arguments.iter_mut().zip(&context.keyed).filter(|(_, keyed)| **keyed) {
        let ty = argument.declared.ty.as_ref();
        if signature::borrowed(ty).is_some() && is_named(ty) {
            (argument.owned, argument.pass, argument.wrapper) = (ty.clone(), Pass::Copy, None);
        }
    }
}

fn is_named(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident != "_"),
        Type::Paren(inner) => is_named(&inner.elem),
        Type::Group(inner) => is_named(&inner.elem),
        _ => false,
    }
}

/// The function that goes on within a call, for one whose key or result borrows, or may, by a type parameter.
pub(super) fn within(
    signature: &Signature,
    place: &Place,
    arguments: &[Argument],
    form: &Form,
    result: &Type,
) -> Option<Ident> {
    let Form::Context(context) = form else { return None };
    let keyed = arguments.iter().zip(&context.keyed).filter(|(_, keyed)| **keyed).map(|(argument, _)| argument);
    let borrowed = keyed.clone().any(|argument| borrows(&argument.owned)) || borrows(result);
    let is = borrowed
        || !keyed.clone().any(|argument| argument.wrapper == Some(Wrapper::Bits)) && {
            let open = open_types(signature, place);
            keyed.clone().map(|argument| &argument.owned).chain([result]).any(|ty| open::mentioned(ty, &open).is_some())
        };
    (is && matches!(context.home, Home::Scope)).then(|| expansion::inner_name(&signature.ident, "within"))
}

/// The type parameters that may borrow, and `Self` where it may.
fn open_types(signature: &Signature, place: &Place) -> Vec<String> {
    let mut open = open::parameters(&signature.generics);
    if let Place::Inherent { open: of_impl, lasting, .. } = place {
        open.extend(of_impl.iter().cloned());
        open.extend((lasting.is_some() || !of_impl.is_empty()).then(|| "Self".to_owned()));
    }
    open
}

/// `::speedup::cache::Within<'_, (usize, &'a str), &'a str>`
fn within_type(model: &Cached, context: &Context) -> TokenStream {
    let at = model.shown_at();
    let (key, result) = (expand_context::key_type(model, context), &model.result);
    quote_spanned!(at=> ::speedup::cache::Within<'_, #key, #result>)
}

/// The wrapper and the function that goes on within a call.
pub(super) fn expand(model: &Cached, context: &Context, within: &Ident, function: &TokenStream) -> TokenStream {
    let at = model.shown_at();
    let attributes = &model.attributes.wrapper;
    let visibility = &model.function.vis;
    let signature = expand_context::signature(model);
    let names: Vec<Ident> = model.arguments.iter().map(expand_context::outer_name).collect();
    let receiver = signature::receiver(&signature, at).map(|this| quote!(#this,));
    let sibling = expansion::with_types(&model.place, &model.function.sig, within);
    let given = Ident::new("within", Span::mixed_site());
    let mut wrapper = TokenStream::new();
    let call = quote_spanned!(at=> #sibling(#receiver ::core::option::Option::None, #(#names),*));
    model.function.block.brace_token.surround(&mut wrapper, |block| block.extend(call));

    let mut inner = signature.clone();
    inner.ident = within.clone();
    inner.abi = None;
    inner.fn_token.span = expansion::generated_at(inner.fn_token.span);
    let ty = within_type(model, context);
    let place = usize::from(receiver.is_some());
    inner.inputs.insert(place, parse_quote!(#given: ::core::option::Option<#ty>));
    let lints = model.attributes.of_closure();
    let key = expand_context::key(model, context, expand_context::lends(model, context));
    let key = owned_key(model, context, key);
    let places = expand_context::places(model, context);
    let is_local = model.sequential || !itself::calls_itself(&model.function);
    let get = Ident::new(if is_local { "get_within_alone" } else { "get_within" }, at);
    let body = expand_context::body(model, context);
    let unwrapped = model.stays_here.then(|| quote_spanned!(at=> .into_inner()));
    let scopes = format_ident!("__{}_SCOPES", model.handle.unraw(), span = at);
    let look_up = quote_spanned! {at=>
        ::speedup::cache::Scoped::#get(&#scopes, #given, [#(#places),*], #key, || #function, #body) #unwrapped
    };
    let look_up = if model.moves_err { expand_context::taken(model, &look_up) } else { look_up };
    quote! {
        #(#attributes)* #visibility #signature #wrapper
        #(#lints)*
        #[doc(hidden)]
        #[inline(always)]
        #[allow(clippy::inline_always, clippy::too_many_arguments)]
        #inner {
            static #scopes: ::speedup::cache::Scoped = ::speedup::cache::Scoped::new();
            #look_up
        }
    }
}

/// `|(at, prev): &(usize, &'a str), inside: Within<..>| -> &'a str { .. }`
pub(super) fn body(model: &Cached, context: &Context, within: &Ident, parts: Body<'_>) -> TokenStream {
    let at = model.shown_at();
    let (key, result, ty) = (expand_context::key_type(model, context), &model.result, within_type(model, context));
    let Body { pattern, given, block } = parts;
    let inside = expand_context::inside();
    let lints = model.attributes.of_closure();
    let own = itself::calls_itself(&model.function).then(|| own_calls(model, within));
    let block = match &own {
        Some((_, closure)) => within_calls::rewritten(model, within, closure, block),
        None => block,
    };
    let own = own.map(|(own, _)| own);
    quote_spanned! {at=>
        #[allow(unused_variables)] #(#lints)*
        |#pattern: &#key, #inside: #ty| -> #result { #given #own #block }
    }
}

/// The parts of a body: what takes the key apart, what then has the names of the arguments, and what is computed.
pub(super) struct Body<'a> {
    pub(super) pattern: &'a TokenStream,
    pub(super) given: TokenStream,
    pub(super) block: TokenStream,
}

/// The key as an owned value, where parts of it are lent.
fn owned_key(model: &Cached, context: &Context, key: TokenStream) -> TokenStream {
    if !expand_context::lends(model, context) {
        return key;
    }
    let at = model.shown_at();
    let parts = expand_context::keyed(model, context).map(|argument| {
        let name = expand_context::outer_name(argument);
        argument.wrap(&match argument.pass {
            Pass::Lend => quote!(::std::borrow::ToOwned::to_owned(#name)),
            // It may be asked for again.
            Pass::Clone if model.moves_err => quote!(::core::clone::Clone::clone(&#name)),
            Pass::Copy | Pass::Clone => quote!(#name),
        })
    });
    signature::tuple(at, parts)
}

/// What stands for the function's own name in its body: it goes on within the running call.
fn own_calls(model: &Cached, within: &Ident) -> (TokenStream, Ident) {
    let at = model.shown_at();
    let method = model.place != Place::Free;
    let name = &model.function.sig.ident;
    let name = if method { format_ident!("__own_{}", name.unraw(), span = name.span()) } else { name.clone() };
    let names: Vec<Ident> = model.arguments.iter().map(|argument| expansion::in_closure(&argument.name)).collect();
    let parameters = model.arguments.iter().zip(&names).map(|(argument, name)| {
        let ty = &argument.declared.ty;
        // A closure's argument is of one type.
        if own_calls::names_no_type(ty) { quote!(#name) } else { quote!(#name: #ty) }
    });
    let receiver = signature::receiver(&model.function.sig, at).map(|this| quote!(#this,));
    let sibling = expansion::with_types(&model.place, &model.function.sig, within);
    let inside = expand_context::inside();
    let output = expand_context::signature(model).output;
    let own = quote_spanned! {at=>
        #[allow(unused_variables, clippy::redundant_closure)]
        let #name = |#(#parameters),*| #output {
            #sibling(#receiver ::core::option::Option::Some(#inside), #(#names),*)
        };
    };
    (own, name)
}
