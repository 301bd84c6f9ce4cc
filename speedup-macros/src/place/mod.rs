//! Where a function stands: its siblings are named `X` in a module or a block, and `Self::X` in an `impl` block.
//!
//! An attribute sees the function alone, so the answer is looked up in the source file, there also in the rules of a macro
//! and at its calls; where there is none to read (standard input, the macro of another file), the function's own words decide.

mod declared;
mod scan;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{ItemFn, ItemImpl, ItemTrait, Lifetime, Type, TypeReference};

pub(crate) use self::declared::declared;
use self::scan::{Around, Found};
use crate::errors::Errors;
use crate::open;

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
        /// `P<'static>` for `impl<'a> P<'a>`: the type as a constant can name it, if it has lifetimes.
        lasting: Option<String>,
        /// Type parameters that may borrow.
        open: Vec<String>,
    },
    /// The `impl` block of a trait.
    TraitImpl,
    /// A trait.
    Trait,
}

impl Place {
    /// Finds out where `function` stands.
    pub(crate) fn of(function: &ItemFn) -> Place {
        in_source(function).unwrap_or_else(|| Place::from_words(function))
    }

    /// What the function itself tells.
    fn from_words(function: &ItemFn) -> Place {
        if function.sig.receiver().is_some() || mentions_self(function.to_token_stream()) {
            return Place::Inherent { ty: None, generic: false, lasting: None, open: Vec::new() };
        }
        match type_it_is_called_through(function) {
            Some(ty) => Place::Inherent { ty: Some(ty), generic: false, lasting: None, open: Vec::new() },
            None => Place::Free,
        }
    }

    /// Reads what stands before the `{` of the block, such as `impl Point` or `fn main()`.
    fn from_head(head: &str) -> Place {
        // In the rules of a macro, where a type's name is a name for it.
        let (in_rules, head) = (head.contains('$'), head.replace('$', "__"));
        let block = format!("{head} {{}}");
        if let Ok(block) = syn::parse_str::<ItemImpl>(&block) {
            if block.trait_.is_some() {
                return Place::TraitImpl;
            }
            let generic =
                block.generics.type_params().next().is_some() || block.generics.const_params().next().is_some();
            let (ty, lasting) = if in_rules { (None, None) } else { (last_word(&block.self_ty), lasting(&block)) };
            return Place::Inherent { ty, generic, lasting, open: open::parameters(&block.generics) };
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

impl Place {
    /// How a constant at this place names the function beside it: what is in a constant outlives the lifetimes of an `impl`.
    pub(crate) fn lasting_sibling(&self, name: &Ident) -> TokenStream {
        let lasting = match self {
            Place::Inherent { lasting: Some(lasting), .. } => syn::parse_str::<Type>(lasting).ok(),
            _ => None,
        };
        lasting.map_or_else(|| self.sibling(name), |ty| quote!(<#ty>::#name))
    }
}

fn last_word(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    Some(path.path.segments.last()?.ident.to_string())
}

/// The type of an `impl` with lifetimes, each of them `'static`.
fn lasting(block: &ItemImpl) -> Option<String> {
    struct Lasting<'a>(&'a ItemImpl, bool);
    impl VisitMut for Lasting<'_> {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            if lifetime.ident == "_" || self.0.generics.lifetimes().any(|own| own.lifetime == *lifetime) {
                *lifetime = Lifetime::new("'static", lifetime.span());
                self.1 = true;
            }
        }
        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            reference.lifetime.get_or_insert_with(|| Lifetime::new("'_", Span::call_site()));
            visit_mut::visit_type_reference_mut(self, reference);
        }
    }
    let (mut ty, mut lasting) = (block.self_ty.clone(), Lasting(block, false));
    lasting.visit_type_mut(&mut ty);
    lasting.1.then(|| ty.to_token_stream().to_string())
}

fn in_source(function: &ItemFn) -> Option<Place> {
    let source = source(&function.sig.ident)?;
    let signature = &function.sig;
    let look = |word: &str, span: Span| {
        let span = span.unwrap();
        scan::around(&source, span.line(), span.column(), word)
    };
    let by_name = || look(&signature.ident.to_string(), signature.ident.span());
    match look("fn", signature.fn_token.span).or_else(by_name)? {
        Found::Block(around) => Some(Place::from_head(&around.head)),
        Found::Rules(name) => match by_name() {
            // The name was given to the macro.
            Some(Found::Block(around)) => Some(Place::from_head(&around.head)),
            _ => of_calls(&scan::around_calls(&source, &name)),
        },
    }
}

/// The place that all calls of a macro have in common.
fn of_calls(calls: &[Around]) -> Option<Place> {
    let mut places = calls.iter().map(|around| Place::from_head(&around.head));
    let first = places.next()?;
    places.try_fold(first, |common, place| match (common, place) {
        (common, place) if common == place => Some(common),
        (Place::Inherent { generic, mut open, .. }, Place::Inherent { generic: other, open: others, .. }) => {
            open.extend(others);
            Some(Place::Inherent { ty: None, generic: generic || other, lasting: None, open })
        }
        _ => None,
    })
}

/// Whether a constant named `handle` stands beside the function that is named `function`, as far as the source tells.
pub(crate) fn has_neighbour(function: &Ident, handle: &Ident) -> bool {
    let (Some(source), handle) = (source(function), handle.to_string()) else { return false };
    if !source.contains(&handle) {
        return false;
    }
    let span = function.span().unwrap();
    match scan::around(&source, span.line(), span.column(), &function.to_string()) {
        Some(Found::Block(around)) => scan::has_constant(&source, around.start, &handle),
        Some(Found::Rules(_)) | None => false,
    }
}

/// The file that a name stands in.
fn source(name: &Ident) -> Option<String> {
    if !proc_macro::is_available() {
        return None;
    }
    std::fs::read_to_string(name.span().unwrap().local_file()?).ok()
}

/// `Point` where the body of `area` calls `Point::area(..)`: by their names, types are told from modules.
fn type_it_is_called_through(function: &ItemFn) -> Option<String> {
    struct Search<'a>(&'a Ident, Option<String>);
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
            let mut words = path.path.segments.iter().rev();
            if let (Some(last), Some(before)) = (words.next(), words.next())
                && last.ident == *self.0
                && before.ident.to_string().starts_with(char::is_uppercase)
            {
                self.1 = Some(before.ident.to_string());
            }
            visit::visit_expr_path(self, path);
        }
    }
    let mut search = Search(&function.sig.ident, None);
    search.visit_block(&function.block);
    search.1
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
    fn without_a_source_the_words_of_the_function_tell_the_place() {
        let inherent = |ty: Option<&str>| {
            let ty = ty.map(str::to_owned);
            Place::Inherent { ty, generic: false, lasting: None, open: Vec::new() }
        };
        for (function, place) in [
            ("fn area(n: u64) -> u64 { area(n - 1) }", Place::Free),
            ("fn area(n: u64) -> u64 { shapes::area(n - 1) + Other::size() }", Place::Free),
            ("fn area(n: u64) -> u64 { Self::STEP * n }", inherent(None)),
            ("fn area(&self, n: u64) -> u64 { n }", inherent(None)),
            ("fn area(n: u64) -> u64 { shapes::Point::area(n - 1) }", inherent(Some("Point"))),
        ] {
            assert_eq!(Place::from_words(&syn::parse_str(function).unwrap()), place, "{function}");
        }
    }

    #[test]
    fn the_head_of_the_block_tells_the_place() {
        let inherent = |ty: &str, generic, lasting: &str| {
            let lasting = (!lasting.is_empty()).then(|| lasting.to_owned());
            let open = if generic { vec!["T".to_owned()] } else { Vec::new() };
            Place::Inherent { ty: Some(ty.to_owned()), generic, lasting, open }
        };
        assert_eq!(Place::from_head("impl Point"), inherent("Point", false, ""));
        let head = "#[allow(dead_code)] impl geometry::Point<'_>";
        assert_eq!(Place::from_head(head), inherent("Point", false, "geometry :: Point < 'static >"));
        let head = "impl<'a, T: for<'b> Fn(&'b u8)> Holder<'a, T>";
        assert_eq!(Place::from_head(head), inherent("Holder", true, "Holder < 'static , T >"));
        assert_eq!(Place::from_head("impl Holder<&u8>"), inherent("Holder", false, "Holder < & 'static u8 >"));
        assert_eq!(
            Place::from_head("impl $t"),
            Place::from_words(&syn::parse_quote!(
                fn f(&self) {}
            ))
        );
        assert_eq!(Place::from_head("unsafe impl<T> Send for Holder<T>"), Place::TraitImpl);
        assert_eq!(Place::from_head("pub trait Shape: Sized"), Place::Trait);
        assert_eq!(Place::from_head("pub(crate) mod shapes"), Place::Free);
        assert_eq!(Place::from_head("fn main() -> impl Sized"), Place::Free);
        assert_eq!(Place::from_head(""), Place::Free);
    }
}
