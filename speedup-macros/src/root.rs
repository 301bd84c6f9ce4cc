//! Where generated code finds the crate: at `::speedup`, unless the option `crate` says otherwise.
//!
//! All expansions are written with `::speedup`, and this is the one place that knows that it can have another name.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Path};

use crate::errors::Errors;

/// Reads the value of `crate = my::speedup`.
pub(crate) fn option(value: &Expr, errors: &mut Errors) -> Option<Path> {
    match value {
        Expr::Path(path) if path.qself.is_none() => Some(path.path.clone()),
        other => {
            errors.at(other, "expected the path of the crate, without quotes: write `crate = my::speedup`");
            None
        }
    }
}

/// The same code with this path for `::speedup`.
pub(crate) fn rename(root: Option<&Path>, code: TokenStream) -> TokenStream {
    match root {
        Some(root) => replace(&root.to_token_stream(), code),
        None => code,
    }
}

fn replace(root: &TokenStream, code: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = code.into_iter().collect();
    let mut replaced = TokenStream::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Punct(_) if begins_root(&tokens, at) => {
                let span = tokens[at + 2].span();
                // Faults are shown where they would be.
                let root = root.clone().into_iter().map(|mut token| {
                    token.set_span(token.span().located_at(span));
                    token
                });
                replaced.extend(quote_spanned!(span=> #(#root)*));
                at += 2;
            }
            TokenTree::Group(group) => {
                let mut inside = Group::new(group.delimiter(), replace(root, group.stream()));
                inside.set_span(group.span());
                replaced.extend([TokenTree::Group(inside)]);
            }
            other => replaced.extend([other.clone()]),
        }
        at += 1;
    }
    replaced
}

/// Whether `::speedup` begins here, and is no part of a longer path.
fn begins_root(tokens: &[TokenTree], at: usize) -> bool {
    const BEFORE_A_PATH: [&str; 16] = [
        "as", "break", "const", "dyn", "else", "for", "if", "impl", "in", "let", "match", "mut", "return", "use",
        "where", "while",
    ];
    let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    let before = |by: usize| at.checked_sub(by).and_then(|before| tokens.get(before));
    // `<T as A>::speedup` goes on, `-> ::speedup` and `=> ::speedup` do not.
    let is_arrow = || matches!(before(2), Some(TokenTree::Punct(punct)) if matches!(punct.as_char(), '-' | '='));
    let is_lifetime = || matches!(before(2), Some(TokenTree::Punct(punct)) if punct.as_char() == '\'');
    let is_first = match before(1) {
        Some(TokenTree::Ident(word)) => is_lifetime() || BEFORE_A_PATH.iter().any(|known| word == known),
        Some(TokenTree::Punct(punct)) => punct.as_char() != '>' || is_arrow(),
        _ => true,
    };
    is_first
        && is_colon(at)
        && is_colon(at + 1)
        && matches!(tokens.get(at + 2), Some(TokenTree::Ident(word)) if word == "speedup")
}

#[cfg(test)]
mod tests {
    use proc_macro2::TokenStream;

    use super::rename;
    use crate::expansion::testing::tokens;

    #[test]
    fn the_root_is_renamed_and_nothing_else() {
        let code = "use ::speedup::a; f(&::speedup::b, speedup::c, x::speedup::d, <T as ::speedup::E>::F, ::speedup::g); fn h() -> ::speedup::H; let i: &'static ::speedup::I";
        let expected = "use my::s::a; f(&my::s::b, speedup::c, x::speedup::d, <T as my::s::E>::F, my::s::g); fn h() -> my::s::H; let i: &'static my::s::I";
        let text = |code: TokenStream| code.to_string().replace(' ', "");
        let renamed = rename(Some(&syn::parse_quote!(my::s)), tokens(code));
        assert_eq!(text(renamed), text(tokens(expected)));
        assert_eq!(text(rename(None, tokens(code))), text(tokens(code)));
    }
}
