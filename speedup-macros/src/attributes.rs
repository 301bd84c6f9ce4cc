//! Which of the items that a function becomes gets which of the user's attributes.

use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token, parse_quote};

use crate::errors::Errors;

/// The user's attributes, sorted by the item they go to.
#[derive(Default)]
pub(crate) struct Attributes {
    /// For the wrapper, which is the user's function to everybody else.
    pub(crate) wrapper: Vec<Attribute>,
    /// For the handle: `#[cfg]`, and what hides or deprecates.
    pub(crate) handle: Vec<Attribute>,
    /// For the function that holds the user's body.
    pub(crate) body: Vec<Attribute>,
}

impl Attributes {
    /// Sorts `attributes`; another attribute of this crate among them is reported.
    pub(crate) fn sort(attributes: &[Attribute], errors: &mut Errors) -> Attributes {
        let mut sorted = Attributes::default();
        for attribute in attributes.iter().flat_map(apart) {
            let Some((kind, path)) = Kind::of(&attribute.meta) else {
                sorted.wrapper.push(attribute);
                continue;
            };
            if let Some(name) = ours(&path) {
                errors.at(
                    &attribute,
                    format!("one attribute of `speedup` on a function is enough: remove this `#[{name}]`"),
                );
                continue;
            }
            sorted.add(kind, attribute, errors);
        }
        sorted
    }

    /// Those of the body that a closure can bear, too: lint levels.
    pub(crate) fn of_closure(&self) -> impl Iterator<Item = &Attribute> {
        let is_lint = |attribute: &&Attribute| matches!(Kind::of(&attribute.meta), Some((Kind::Lint, _)));
        self.body.iter().filter(is_lint)
    }

    fn add(&mut self, kind: Kind, attribute: Attribute, errors: &mut Errors) {
        match kind {
            Kind::Presence => {
                self.wrapper.push(attribute.clone());
                self.handle.push(attribute.clone());
                self.body.push(attribute);
            }
            Kind::Lint => {
                self.wrapper.push(permission(&attribute));
                self.body.push(permission(&attribute));
            }
            Kind::Deprecated => {
                self.wrapper.push(attribute);
                self.handle.push(parse_quote!(#[allow(deprecated)]));
                self.body.push(parse_quote!(#[allow(deprecated)]));
            }
            Kind::Hidden => {
                self.wrapper.push(attribute.clone());
                self.handle.push(attribute);
            }
            Kind::Caller => {
                self.wrapper.push(attribute.clone());
                self.body.push(attribute);
            }
            Kind::Contract => errors.at(
                &attribute,
                "the handle can be used on any processor, and cannot keep this contract: put the attribute on a function of its own, \
                 and call that from here behind `is_x86_feature_detected!` or its like",
            ),
            Kind::Function => self.wrapper.push(attribute),
        }
    }
}

/// `#[cfg_attr(x, a, b)]` as `#[cfg_attr(x, a)] #[cfg_attr(x, b)]`, each of which goes its own way.
fn apart(attribute: &Attribute) -> Vec<Attribute> {
    let Some((condition, metas)) = conditional(&attribute.meta) else { return vec![attribute.clone()] };
    let one = |meta: Meta| Attribute { meta: parse_quote!(cfg_attr(#condition, #meta)), ..attribute.clone() };
    metas.into_iter().map(one).collect()
}

/// The parts of `cfg_attr(condition, attribute, ..)`.
fn conditional(meta: &Meta) -> Option<(Meta, Vec<Meta>)> {
    let Meta::List(list) = meta else { return None };
    if !list.path.is_ident("cfg_attr") {
        return None;
    }
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok()?;
    let mut parts = parts.into_iter();
    Some((parts.next()?, parts.collect()))
}

fn ours(path: &Path) -> Option<String> {
    let name = path.segments.last()?.ident.to_string();
    let direct = path.segments.len() == 1 || path.segments.first().is_some_and(|first| first.ident == "speedup");
    (direct && (name == "cache" || name == "buffer")).then_some(name)
}

/// An expectation can only be met once, and there are two functions: it becomes a permission.
fn permission(lint: &Attribute) -> Attribute {
    fn permitted(meta: &Meta) -> Meta {
        if let Some((condition, metas)) = conditional(meta) {
            let metas = metas.iter().map(permitted);
            return parse_quote!(cfg_attr(#condition, #(#metas),*));
        }
        match meta {
            Meta::List(list) if list.path.is_ident("expect") => {
                let lints = &list.tokens;
                parse_quote!(allow(#lints))
            }
            _ => meta.clone(),
        }
    }
    Attribute { meta: permitted(&lint.meta), ..lint.clone() }
}

enum Kind {
    /// `#[cfg]`: all items or none.
    Presence,
    /// A lint level, for the signature and the body.
    Lint,
    Deprecated,
    /// `#[doc(hidden)]`.
    Hidden,
    /// `#[track_caller]`: wherever the body is called, the user's code is shown.
    Caller,
    /// `#[target_feature]`: who calls the function promises something.
    Contract,
    /// Anything else is about the function that users call.
    Function,
}

impl Kind {
    /// What an attribute is about, and its path; those of the attribute that a condition decides about.
    fn of(meta: &Meta) -> Option<(Kind, Path)> {
        if let Some((_, metas)) = conditional(meta) {
            return Kind::of(metas.first()?);
        }
        let path = meta.path();
        let is = |names: &[&str]| names.iter().any(|name| path.is_ident(name));
        let kind = if is(&["cfg"]) {
            Kind::Presence
        } else if is(&["allow", "expect", "warn", "deny", "forbid"]) {
            Kind::Lint
        } else if is(&["deprecated"]) {
            Kind::Deprecated
        } else if is(&["doc"]) && matches!(meta, Meta::List(list) if list.tokens.to_string() == "hidden") {
            Kind::Hidden
        } else if is(&["track_caller"]) {
            Kind::Caller
        } else if is(&["target_feature"]) {
            Kind::Contract
        } else {
            Kind::Function
        };
        Some((kind, path.clone()))
    }
}
