//! The faults of one invocation, gathered so that the user sees them all in one compile.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Gathers faults; [`Errors::into_tokens`] must be called in the end, or they would be lost.
#[derive(Default)]
pub(crate) struct Errors {
    faults: Vec<syn::Error>,
    reported: bool,
}

impl Errors {
    /// Reports `message` at all of `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.faults.push(syn::Error::new_spanned(tokens, message));
    }

    /// Takes over what a parser found.
    pub(crate) fn add(&mut self, fault: syn::Error) {
        self.faults.push(fault);
    }

    /// How many faults were reported so far; a later, larger number means that a check failed.
    pub(crate) fn count(&self) -> usize {
        self.faults.len()
    }

    /// The `compile_error!` of each fault, or nothing.
    pub(crate) fn into_tokens(mut self) -> TokenStream {
        self.reported = true;
        self.faults.iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        debug_assert!(self.reported || std::thread::panicking(), "the faults of an invocation were never reported");
    }
}
