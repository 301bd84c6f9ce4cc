//! Types that may not do for a key or a result: what they lack is reported once, at the type.
//!
//! ```text
//! const F: &::speedup::Cache<(::speedup::cache::Checked<Graph, { ::speedup::cache::argument::<Graph>() }>, usize), u64> = { .. };
//! ```
//!
//! `Checked<T, _>` is `T`. Where the constant has a fault it is no type, and of what has no type the compiler reports nothing more: neither of the
//! rest of the expansion, nor of what is done with the handle. All mentions of a type have the same fault at the same place, which is told once.
//! A constant in a type can name no type parameters, so generic functions have bounds instead (`expand_types`). In documentation, which shows types as
//! they are written, they are what users know.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{ItemFn, ReturnType, Signature, Type};

use super::form::{self, Form, Home};
use super::model::Cached;
use crate::expansion;
use crate::place::Place;
use crate::signature::{self, Argument};

/// What a type is to be.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Argument,
    Output,
}

/// Whether the types of a function have a meaning in a constant, and stand where nobody but the expansion writes them.
pub(super) fn may(function: &ItemFn, place: &Place, form: &Form) -> bool {
    let is_ours = match form {
        Form::Plain | Form::Tables(_) => true,
        Form::Context(context) => matches!(context.home, Home::Static | Home::Scope),
        Form::Generic => false,
    };
    // Of an `impl` that was not read it is not known whether its types have parameters.
    let is_read = matches!(place, Place::Free | Place::Inherent { ty: Some(_), .. });
    is_ours && is_read && !form::is_generic(function, place) && !is_documenting()
}

/// Whether it is rustdoc that expands: it has a use for types alone, and checks no body.
fn is_documenting() -> bool {
    let program = || std::env::current_exe().ok()?.file_stem().map(|name| name == "rustdoc");
    proc_macro::is_available() && program().unwrap_or(false)
}

/// Whether it takes the compiler to know if values of this type can be kept.
pub(super) fn is_open(ty: &Type) -> bool {
    !signature::is_harmless(ty) && signature::borrow_in(ty).is_none()
}

/// A type as a part of a key.
pub(super) fn part(ty: &Type, written: Span) -> TokenStream {
    checked(signature::key_part(expansion::generated_at(written), ty), written, Role::Argument)
}

/// `::speedup::cache::Checked<Graph, { ::speedup::cache::argument::<Graph>() }>`, shown where the type was written.
pub(super) fn checked(ty: TokenStream, written: Span, role: Role) -> TokenStream {
    let at = expansion::generated_at(written);
    let ty = expansion::shown(ty, at);
    let role = match role {
        Role::Argument => Ident::new("argument", at),
        Role::Output => Ident::new("output", at),
    };
    quote_spanned!(at=> ::speedup::cache::Checked<#ty, { ::speedup::cache::#role::<#ty>() }>)
}

/// Tells the arguments that the key has how their types are named.
pub(super) fn name_types(arguments: &mut [Argument], form: &Form) {
    let all = vec![true; arguments.len()];
    let keyed = match form {
        Form::Context(context) if context.key.is_some() => return,
        Form::Context(context) => &context.keyed,
        Form::Plain | Form::Tables(_) | Form::Generic => &all,
    };
    for (argument, _) in arguments.iter_mut().zip(keyed).filter(|(argument, keyed)| **keyed && is_open(&argument.owned))
    {
        argument.checked = Some(part(&argument.owned, argument.declared.ty.span()));
    }
}

/// Whether anything is checked.
pub(super) fn has_any(model: &Cached) -> bool {
    let made = match &model.form {
        Form::Context(context) => context.key.is_some(),
        Form::Plain | Form::Tables(_) | Form::Generic => false,
    };
    let arguments = model.arguments.iter().any(|argument| argument.checked.is_some());
    model.checks && made || arguments || model.checked_result.is_some()
}

/// The body of a function whose result is checked returns what that is found to be.
pub(super) fn returning(signature: &mut Signature, model: &Cached) {
    if let (Some(_), ReturnType::Type(_, ty)) = (&model.checked_result, &mut signature.output) {
        **ty = model.result.clone();
    }
}
