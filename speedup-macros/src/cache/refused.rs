//! What is left of a function that is refused. One mistake is one error: neither who calls the function, nor who uses its handle, nor the
//! function itself adds another.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{ItemFn, ReturnType, Visibility, parse_quote};

use super::form;
use super::itself;
use super::model::Options;
use crate::clashes;
use crate::errors::Errors;
use crate::expansion;
use crate::place::Place;
use crate::signature;

/// The function as its callers know it, and its handle.
pub(super) fn expand(errors: Errors, function: ItemFn, place: &Place, options: &Options) -> TokenStream {
    let handle = options.handle(&function);
    let mut faults = errors.into_tokens();
    // Who gives it a name where there is none uses it.
    let is_named = options.name.is_some() && matches!(place, Place::Free | Place::Inherent { .. });
    if (is_named || options.names_handle(place)) && !clashes::is_taken(&handle, &function, place) {
        faults = expansion::refused_handle(&handle, &function, form::is_generic(&function, place), &faults);
    }
    let function = as_called(function, place, options.returns_ref.is_some());
    quote!(#faults #function)
}

/// The function with the signature that callers know. Where its own body would not do for that, that is a function of its own:
///
/// ```text
/// async fn f(n: u64) -> u64 { ::core::unreachable!() }          a recursion needs a box without the attribute
/// async fn __f_uncached(n: u64) -> u64 { .. }                   what the user wrote is still looked at
/// ```
fn as_called(mut function: ItemFn, place: &Place, lends: bool) -> TokenStream {
    let ReturnType::Type(_, result) = &function.sig.output else { return quote!(#function) };
    let recurses = function.sig.asyncness.is_some() && itself::calls_itself(&function);
    if !(recurses || lends) || signature::opaque_in(result).is_some() {
        return quote!(#function);
    }
    let mut body = function.clone();
    body.attrs = vec![parse_quote!(#[allow(dead_code)])];
    body.vis = Visibility::Inherited;
    body.sig.ident = expansion::inner_name(&function.sig.ident, "uncached");
    let mut body = matches!(place, Place::Free | Place::Inherent { .. }).then_some(body);
    if lends {
        body = body.filter(|_| signature::borrow_in(result).is_none());
        function.sig.output = parse_quote!(-> &'static #result);
    }
    function.attrs.push(parse_quote!(#[allow(unused_variables, unused_mut)]));
    *function.block = parse_quote!({ ::core::unreachable!() });
    quote!(#function #body)
}
