//! The function that a path means, as the source declares it.

use proc_macro2::Ident;
use syn::{Attribute, ItemFn, Path};

use super::scan::{self, Around, Found};

/// The attributes of the function that a path means beside `near`: one that is declared in its block, or in a module there, as far as the
/// source tells. Nothing where that may have several answers, or mentions a `handle` of the function's.
pub(crate) fn declared(near: &Ident, path: &Path, handle: &Ident) -> Option<Vec<Attribute>> {
    let source = super::source(near)?;
    if mentions(&source, &handle.to_string()) {
        return None;
    }
    let span = near.span().unwrap();
    let Found::Block(around) = scan::around(&source, span.line(), span.column(), &near.to_string())? else {
        return None;
    };
    let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let (name, modules) = words.split_last()?;
    let found = function(&source, name)?;
    let is_meant = path.leading_colon.is_none()
        && match modules {
            [] => found.block == around,
            [module] if module == "Self" => found.block == around,
            [module] => found.block.head.split_whitespace().eq(["mod", module]) && found.outer == around.start,
            _ => false,
        };
    let function = format!("{} {name}() {{}}", found.head);
    is_meant.then(|| syn::parse_str::<ItemFn>(&function).ok()).flatten().map(|function| function.attrs)
}

/// A function, as its source declares it.
#[derive(Debug, PartialEq, Eq)]
struct Declared {
    /// What stands before its name: attributes, visibility, `fn`.
    head: String,
    block: Around,
    /// Where the block around that one starts.
    outer: usize,
}

/// The one function of this name, unless a macro is about it, which may make anything of it.
fn function(source: &str, name: &str) -> Option<Declared> {
    let is_declared = |spot: &usize| source[..*spot].trim_end().ends_with("fn") && is_word_at(source, *spot, name);
    let spots = source.match_indices(name).map(|(spot, _)| spot).filter(is_declared);
    // Comments and strings declare nothing.
    let mut found = spots.filter_map(|spot| scan::scanned(source, spot));
    let (scanner, None) = (found.next()?, found.next()) else { return None };
    if scanner.open.iter().any(|open| open.head.contains('!')) {
        return None;
    }
    let mut blocks = scanner.open.iter().rev().filter(|open| open.brace == '{');
    let block = blocks.next().map_or_else(Around::file, Around::of);
    let outer = blocks.next().map_or(0, |open| open.at);
    Some(Declared { head: scanner.head.trim_start().to_owned(), block, outer })
}

/// Whether a word stands anywhere in a source, be it in a comment.
fn mentions(source: &str, word: &str) -> bool {
    source.match_indices(word).any(|(spot, _)| is_word_at(source, spot, word))
}

/// Whether what begins at a byte is this word, and not a part of a longer one.
fn is_word_at(source: &str, spot: usize, word: &str) -> bool {
    let is_part = |letter: char| letter == '_' || letter.is_alphanumeric();
    !source[..spot].ends_with(is_part) && !source[spot + word.len()..].starts_with(is_part)
}

#[cfg(test)]
mod tests {
    use super::{function, mentions};

    #[test]
    fn a_function_is_found_where_it_is_declared_once() {
        let declared = |source: &str| {
            let found = function(source, "half")?;
            Some((found.head, found.block.head, found.outer))
        };
        let text = |head: &str, block: &str| Some((head.to_owned(), block.to_owned(), 0));
        for (source, found) in [
            ("#[inline] fn half() {}", text("#[inline] fn ", "")),
            (
                "fn other() { half() } mod m { /// fn half\n #[cache(name = X)] pub(crate) fn half() {} }",
                text("#[cache(name = X)] pub(crate) fn ", "mod m"),
            ),
            ("fn halfway() {} // fn half", None),
            ("fn half() {} mod m { fn half() {} }", None),
            ("made! { fn half() {} }", None),
            ("macro_rules! made { () => { fn half() {} } }", None),
        ] {
            assert_eq!(declared(source), found, "{source}");
        }
        assert!(mentions("// HALF", "HALF") && !mentions("HALFWAY, _HALF", "HALF"));
    }
}
