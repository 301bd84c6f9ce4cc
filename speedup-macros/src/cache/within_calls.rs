//! The calls that the body of a scoped function which may borrow makes of that function: which of them go on within the running call.
//!
//! ```text
//! best(xs, n)        best::<T>(xs, n)       best(xs, n), a closure of that name
//! self.best(n)       Self::best::<T>(n)     __own_best(n), a closure
//! best::<u8>(&[], n)                        __best_within::<u8>(None, &[], n)
//! ```

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::quote;
use syn::GenericParam;

use super::model::Cached;
use crate::place::Place;

/// What is made of the calls of a body's own function.
struct OwnCalls<'a> {
    name: &'a Ident,
    /// What stands for a call that is none of a variable of the function's name.
    by: By<'a>,
    /// The function's type and constant parameters.
    types: Vec<String>,
}

enum By<'a> {
    /// The closure has the function's name, so that variables of that name are what they are. It has no type parameters: with others than
    /// the running call's it is the function within no call.
    Name { within: &'a Ident },
    /// `self.f(..)` and `Self::f(..)` are calls of a local closure.
    Method { closure: Ident, has_receiver: bool },
}

/// A body whose calls of its own function go on within the running call.
pub(super) fn rewritten(model: &Cached, within: &Ident, closure: &Ident, body: TokenStream) -> TokenStream {
    OwnCalls::of(model, within, closure).rewritten(body)
}

impl<'a> OwnCalls<'a> {
    fn of(model: &'a Cached, within: &'a Ident, closure: &Ident) -> Self {
        let signature = &model.function.sig;
        let by = match model.place {
            Place::Free => By::Name { within },
            _ => By::Method { closure: closure.clone(), has_receiver: signature.receiver().is_some() },
        };
        let types = signature.generics.params.iter().filter_map(|parameter| match parameter {
            GenericParam::Type(parameter) => Some(parameter.ident.to_string()),
            GenericParam::Const(parameter) => Some(parameter.ident.to_string()),
            GenericParam::Lifetime(_) => None,
        });
        OwnCalls { name: &signature.ident, by, types: types.collect() }
    }

    /// A body's code, that which macros are given, too.
    fn rewritten(&self, body: TokenStream) -> TokenStream {
        let tokens: Vec<TokenTree> = body.into_iter().collect();
        let (mut written, mut at) = (Vec::with_capacity(tokens.len()), 0);
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Ident(ident) if ident == self.name => at = self.mention(&tokens, at, &mut written),
                TokenTree::Group(group) => written.push(TokenTree::Group(self.group(group))),
                other => written.push(other.clone()),
            }
        }
        written.into_iter().collect()
    }

    fn group(&self, group: &Group) -> Group {
        let mut inner = Group::new(group.delimiter(), self.rewritten(group.stream()));
        inner.set_span(group.span());
        inner
    }

    /// The function's name, behind which the code goes on `at` a place; returns where it goes on after what was written.
    fn mention(&self, tokens: &[TokenTree], at: usize, written: &mut Vec<TokenTree>) -> usize {
        let name = &tokens[at - 1];
        let types = types_at(tokens, at);
        let end = at + types.len();
        let call = match tokens.get(end) {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => Some(group),
            _ => None,
        };
        match (&self.by, call) {
            (By::Name { within }, Some(call)) if !types.is_empty() && !is_in_path(written) => {
                if self.are_own(types) {
                    written.push(name.clone());
                    return end;
                }
                let arguments = self.rewritten(call.stream());
                let mut inner = Group::new(Delimiter::Parenthesis, quote!(::core::option::Option::None, #arguments));
                inner.set_span(call.span());
                written.push(TokenTree::Ident(Ident::new(&within.to_string(), name.span())));
                written.extend(types.iter().cloned().chain([TokenTree::Group(inner)]));
                end + 1
            }
            (By::Method { closure, has_receiver }, Some(_)) if types.is_empty() || self.are_own(types) => {
                let own = match written.as_slice() {
                    [.., this, dot] if *has_receiver => (is_ident(this, "self") && is_punct(dot, '.')).then_some(2),
                    [.., this, one, two] if !has_receiver => {
                        (is_ident(this, "Self") && is_punct(one, ':') && is_punct(two, ':')).then_some(3)
                    }
                    _ => None,
                };
                let Some(before) = own else {
                    written.push(name.clone());
                    return at;
                };
                written.truncate(written.len() - before);
                written.push(TokenTree::Ident(closure.clone()));
                end
            }
            _ => {
                written.push(name.clone());
                at
            }
        }
    }

    /// Whether `::<T, N>` are the running call's types.
    fn are_own(&self, types: &[TokenTree]) -> bool {
        let given = types[3..types.len() - 1].split(|token| is_punct(token, ','));
        let given: Vec<&[TokenTree]> = given.filter(|one| !one.is_empty()).collect();
        given.len() == self.types.len()
            && given
                .iter()
                .zip(&self.types)
                .all(|(given, own)| matches!(given, [TokenTree::Ident(given)] if given == "_" || given == own))
    }
}

/// `::<T>`, if that stands at this place; otherwise nothing.
fn types_at(tokens: &[TokenTree], at: usize) -> &[TokenTree] {
    let [one, two, open, ..] = &tokens[at..] else { return &[] };
    if !(is_punct(one, ':') && is_punct(two, ':') && is_punct(open, '<')) {
        return &[];
    }
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate().skip(at + 2) {
        let is_arrow = is_punct(token, '>') && is_punct(&tokens[index - 1], '-');
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '<' => depth += 1,
            TokenTree::Punct(punct) if punct.as_char() == '>' && !is_arrow => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &tokens[at..=index];
        }
    }
    &[]
}

fn is_in_path(before: &[TokenTree]) -> bool {
    matches!(before.last(), Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '.' | ':' | '$'))
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn is_ident(token: &TokenTree, wanted: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == wanted)
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::{By, Ident, OwnCalls};

    fn rewritten(is_method: bool, body: &str) -> String {
        let named = |name| Ident::new(name, Span::call_site());
        let (name, within) = (named("f"), named("w"));
        let by = match is_method {
            true => By::Method { closure: named("own"), has_receiver: true },
            false => By::Name { within: &within },
        };
        let own = OwnCalls { name: &name, by, types: vec!["T".to_owned(), "N".to_owned()] };
        own.rewritten(body.parse().unwrap()).to_string()
    }

    fn same(one: &str, other: &str) -> bool {
        one.parse::<proc_macro2::TokenStream>().unwrap().to_string() == other
    }

    #[test]
    fn a_call_with_the_types_of_the_running_one_goes_on_within_it() {
        for (body, expected) in [
            ("f::<T, N>(x, f::<_, N,>(y))", "f(x, f(y))"),
            ("vec![f::<T, N>(x); 3]", "vec![f(x); 3]"),
            ("f(x) + a::f::<T, N>(y)", "f(x) + a::f::<T, N>(y)"),
        ] {
            assert!(same(expected, &rewritten(false, body)), "{body}");
        }
        for (body, expected) in [
            ("self.f(x).max(self.f::<T, N>(y))", "own(x).max(own(y))"),
            ("self.f::<u8, N>(x) + other.f(y)", "self.f::<u8, N>(x) + other.f(y)"),
        ] {
            assert!(same(expected, &rewritten(true, body)), "{body}");
        }
    }

    #[test]
    fn a_call_with_other_types_is_within_none() {
        for (body, expected) in [
            ("f::<u8, N>(x, f::<T, N>(y))", "w::<u8, N>(::core::option::Option::None, x, f(y))"),
            ("f::<fn(u8) -> Vec<T>, 3>()", "w::<fn(u8) -> Vec<T>, 3>(::core::option::Option::None,)"),
            ("f::<Vec<Vec<T>>, N>(x)", "w::<Vec<Vec<T>>, N>(::core::option::Option::None, x)"),
        ] {
            assert!(same(expected, &rewritten(false, body)), "{body}");
        }
    }
}
