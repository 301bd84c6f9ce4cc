//! The fingerprint of a function: a number of its source that formatting and comments do not change.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{ExprClosure, ItemFn};

/// The fingerprint of a function: of its signature and body, and of the key that is made of its arguments.
pub(crate) fn of(function: &ItemFn, key: Option<&ExprClosure>) -> String {
    let mut hash = Hash(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
    hash.tokens(function.sig.to_token_stream(), None);
    hash.tokens(function.block.to_token_stream(), None);
    if let Some(key) = key {
        hash.tokens(key.to_token_stream(), None);
    }
    format!("{:032x}", hash.0)
}

/// FNV-1a of 128 bits: stable for ever, and there is no adversary here.
struct Hash(u128);

impl Hash {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul((1 << 88) | 0x13b);
        }
    }

    fn word(&mut self, word: &str) {
        self.bytes(word.as_bytes());
        self.bytes(&[0]);
    }

    /// Tokens as they follow each other, without what rustfmt may add: a comma at the end of a list.
    fn tokens(&mut self, tokens: TokenStream, within: Option<Delimiter>) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        // A tuple of one has a comma that matters.
        let commas = tokens.iter().filter(|token| is_comma(token)).count();
        let is_list = commas > 1 || within != Some(Delimiter::Parenthesis);
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Punct(_) if is_list && is_comma(token) && at + 1 == tokens.len() => {}
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::None => ("", ""),
                    };
                    self.word(open);
                    self.tokens(group.stream(), Some(group.delimiter()));
                    self.word(close);
                }
                token => self.word(&token.to_string()),
            }
        }
    }
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(text: &str) -> String {
        of(&syn::parse_str(text).unwrap(), None)
    }

    #[test]
    fn formatting_and_comments_make_no_difference() {
        let plain = of_text("fn f(a: u64, b: u64) -> u64 { g(a, b) + [a, b].len() as u64 }");
        let other = "/// Docs.\n#[inline] pub fn f(\n a: u64,\n b: u64,\n) -> u64 {\n // why\n g(\n a,\n b,\n ) + [a, b,].len() as u64 }";
        assert_eq!(plain, of_text(other));
    }

    #[test]
    fn what_is_computed_makes_one() {
        let all = [
            "fn f(a: u64) -> u64 { a + 1 }",
            "fn f(a: u64) -> u64 { a + 2 }",
            "fn f(a: u64) -> u64 { (a + 1) }",
            "fn f(a: u64) -> u64 { a - 1 }",
            "fn f(a: i64) -> u64 { a + 1 }",
            "fn f(a: u64) -> u64 { (a,); a + 1 }",
            "fn f(a: u64) -> u64 { (a); a + 1 }",
            "fn f(a: u64) -> u64 { a + \"1\" }",
        ]
        .map(of_text);
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{at}");
        }
    }
}
