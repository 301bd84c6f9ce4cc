//! Which of the items that a function becomes gets which of the user's attributes.

use syn::{Attribute, Meta, Path, parse_quote};

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
        for attribute in attributes {
            if let Some(name) = ours(attribute.path()) {
                errors.at(
                    attribute,
                    format!("one attribute of `speedup` on a function is enough: remove this `#[{name}]`"),
                );
                continue;
            }
            match Kind::of(attribute) {
                Kind::Presence => {
                    sorted.wrapper.push(attribute.clone());
                    sorted.handle.push(attribute.clone());
                    sorted.body.push(attribute.clone());
                }
                Kind::Lint => {
                    sorted.wrapper.push(permission(attribute));
                    sorted.body.push(permission(attribute));
                }
                Kind::Deprecated => {
                    sorted.wrapper.push(attribute.clone());
                    sorted.handle.push(parse_quote!(#[allow(deprecated)]));
                    sorted.body.push(parse_quote!(#[allow(deprecated)]));
                }
                Kind::Hidden => {
                    sorted.wrapper.push(attribute.clone());
                    sorted.handle.push(attribute.clone());
                }
                Kind::Function => sorted.wrapper.push(attribute.clone()),
            }
        }
        sorted
    }
}

fn ours(path: &Path) -> Option<String> {
    let name = path.segments.last()?.ident.to_string();
    let direct = path.segments.len() == 1 || path.segments.first().is_some_and(|first| first.ident == "speedup");
    (direct && (name == "cache" || name == "buffer")).then_some(name)
}

/// An expectation can only be met once, and there are two functions: it becomes a permission.
fn permission(lint: &Attribute) -> Attribute {
    match &lint.meta {
        Meta::List(list) if lint.path().is_ident("expect") => {
            let lints = &list.tokens;
            parse_quote!(#[allow(#lints)])
        }
        _ => lint.clone(),
    }
}

enum Kind {
    /// `#[cfg]`: all items or none.
    Presence,
    /// A lint level, for the signature and the body.
    Lint,
    Deprecated,
    /// `#[doc(hidden)]`.
    Hidden,
    /// Anything else is about the function that users call.
    Function,
}

impl Kind {
    fn of(attribute: &Attribute) -> Kind {
        let path = attribute.path();
        let is = |names: &[&str]| names.iter().any(|name| path.is_ident(name));
        if is(&["cfg"]) {
            Kind::Presence
        } else if is(&["allow", "expect", "warn", "deny", "forbid"]) {
            Kind::Lint
        } else if is(&["deprecated"]) {
            Kind::Deprecated
        } else if is(&["doc"]) && matches!(&attribute.meta, Meta::List(list) if list.tokens.to_string() == "hidden") {
            Kind::Hidden
        } else if is(&["cfg_attr"]) {
            Kind::conditional(attribute)
        } else {
            Kind::Function
        }
    }

    /// `cfg_attr(condition, attribute)`: goes where the attribute would.
    fn conditional(attribute: &Attribute) -> Kind {
        let Meta::List(list) = &attribute.meta else { return Kind::Function };
        let tokens = list.tokens.to_string();
        let conditional = tokens.split_once(',').map_or("", |(_, attribute)| attribute.trim_start());
        let starts_with = |names: &[&str]| names.iter().any(|name| conditional.starts_with(name));
        if starts_with(&["cfg"]) {
            Kind::Presence
        } else if starts_with(&["allow", "warn", "deny", "forbid", "expect"]) {
            Kind::Lint
        } else {
            Kind::Function
        }
    }
}
