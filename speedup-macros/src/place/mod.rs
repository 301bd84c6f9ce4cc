//! Where a function stands: its siblings are named `X` in a module or a block, and `Self::X` in an `impl` block.
//!
//! An attribute sees the function alone, so the answer is looked up in the source file; where there is none to read
//! (an expression typed into a tool, code made by another macro), the function's own words decide.

mod scan;

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{ItemFn, ItemImpl, ItemTrait, Type};

use crate::errors::Errors;

/// The surroundings of a function, as far as the names of its siblings and the meaning of `Self` are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A module or a block.
    Free,
    /// An `impl` block without a trait.
    Inherent {
        /// The last word of the type's path, where it is known: `Type::name(..)` means `Self::name(..)`.
        ty: Option<String>,
        /// Type or const parameters: the function would be another one for each of them.
        generic: bool,
    },
    /// The `impl` block of a trait.
    TraitImpl,
    /// A trait.
    Trait,
}

impl Place {
    /// Finds out where `function` stands.
    pub(crate) fn of(function: &ItemFn) -> Place {
        match head_of_block_around(&function.sig.ident) {
            Some(head) => Place::from_head(&head),
            None if mentions_self(function.to_token_stream()) => Place::Inherent { ty: None, generic: false },
            None => Place::Free,
        }
    }

    /// Reads what stands before the `{` of the block, such as `impl Point` or `fn main()`.
    fn from_head(head: &str) -> Place {
        let block = format!("{head} {{}}");
        if let Ok(block) = syn::parse_str::<ItemImpl>(&block) {
            if block.trait_.is_some() {
                return Place::TraitImpl;
            }
            let generic =
                block.generics.type_params().next().is_some() || block.generics.const_params().next().is_some();
            return Place::Inherent { ty: last_word(&block.self_ty), generic };
        }
        if syn::parse_str::<ItemTrait>(&block).is_ok() { Place::Trait } else { Place::Free }
    }

    /// Reports a place that has no room for a handle. `thing` is what all instances would share.
    pub(crate) fn check(&self, name: &Ident, attribute: &str, thing: &str, errors: &mut Errors) {
        let message = match self {
            Place::Free | Place::Inherent { generic: false, .. } => return,
            Place::Inherent { generic: true, .. } => format!(
                "{attribute} would share one {thing} between all types of this generic `impl`: move the function out of \
                 it, or to an `impl` of one type"
            ),
            Place::TraitImpl | Place::Trait => format!(
                "{attribute} needs room for a constant beside the function, and a trait has none: put it on a function \
                 outside of the trait and call that from here"
            ),
        };
        errors.at(name, message);
    }

    /// How a function at this place names its sibling.
    pub(crate) fn sibling(&self, name: &Ident) -> TokenStream {
        match self {
            Place::Free => quote!(#name),
            Place::Inherent { .. } | Place::TraitImpl | Place::Trait => quote!(Self::#name),
        }
    }
}

fn last_word(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    Some(path.path.segments.last()?.ident.to_string())
}

fn head_of_block_around(name: &Ident) -> Option<String> {
    if !proc_macro::is_available() {
        return None;
    }
    let span = name.span().unwrap();
    let source = std::fs::read_to_string(span.local_file()?).ok()?;
    scan::head_of_block_around(&source, span.line(), span.column(), &name.to_string())
}

fn mentions_self(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "Self",
        TokenTree::Group(group) => mentions_self(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn the_head_of_the_block_tells_the_place() {
        let inherent = |ty: &str, generic| Place::Inherent { ty: Some(ty.to_owned()), generic };
        assert_eq!(Place::from_head("impl Point"), inherent("Point", false));
        assert_eq!(Place::from_head("#[allow(dead_code)] impl geometry::Point<'_>"), inherent("Point", false));
        assert_eq!(Place::from_head("impl<'a, T: for<'b> Fn(&'b u8)> Holder<'a, T>"), inherent("Holder", true));
        assert_eq!(Place::from_head("unsafe impl<T> Send for Holder<T>"), Place::TraitImpl);
        assert_eq!(Place::from_head("pub trait Shape: Sized"), Place::Trait);
        assert_eq!(Place::from_head("pub(crate) mod shapes"), Place::Free);
        assert_eq!(Place::from_head("fn main() -> impl Sized"), Place::Free);
        assert_eq!(Place::from_head(""), Place::Free);
    }
}
