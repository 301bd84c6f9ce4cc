//! What is left of a function that is refused. One mistake is one error: neither who calls the function, nor who uses its handle, nor the
//! function itself adds another.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{ItemFn, ReturnType, Visibility, parse_quote};

use super::model::Options;
use super::steady;
use super::stored::Stored;
use super::validate;
use crate::errors::Errors;
use crate::expansion;
use crate::place::Place;
use crate::signature;

/// The function as its callers know it, and its handle where that would be missed. (Of a name that is missing in a module the compiler says
/// nothing where a macro has failed; in an `impl` it does.)
pub(super) fn expand(errors: Errors, function: ItemFn, place: &Place, options: Options) -> TokenStream {
    let lends = options.returns_ref.is_some();
    match mended(&function, place, options) {
        Some(options) => super::cached(errors, function, place.clone(), options),
        None => expansion::with_faults(errors, as_called(function, place, lends)),
    }
}

/// The options without those that may be what is wrong, if there is a handle with them.
fn mended(function: &ItemFn, place: &Place, options: Options) -> Option<Options> {
    if !matches!(place, Place::Inherent { .. }) || !options.names_handle(place) {
        return None;
    }
    let passes = |options: &Options| validate::check(function, place, options, &mut Errors::silent());
    let flags = Options { cache_err: None, cache_none: None, tables: None, stored: Stored::default(), ..options };
    if passes(&flags) {
        return Some(flags);
    }
    // With another key, and errors that have to be `Clone`: where nothing can be wrong with the types.
    let arguments = signature::arguments(&function.sig);
    let ReturnType::Type(_, result) = &function.sig.output else { return None };
    let mut types = arguments.iter().map(|argument| &argument.owned).chain([result.as_ref()]);
    let fewer = Options { move_err: None, skip: Vec::new(), ..flags };
    (types.all(signature::is_harmless) && passes(&fewer)).then_some(fewer)
}

/// The function with the signature that callers know. Where its own body would not do for that, that is a function of its own:
///
/// ```text
/// async fn f(n: u64) -> u64 { ::core::unreachable!() }          a recursion needs a box without the attribute
/// async fn __f_uncached(n: u64) -> u64 { .. }                   what the user wrote is still looked at
/// ```
fn as_called(mut function: ItemFn, place: &Place, lends: bool) -> TokenStream {
    let ReturnType::Type(_, result) = &function.sig.output else { return quote!(#function) };
    let recurses = function.sig.asyncness.is_some() && steady::calls_itself(&function);
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
