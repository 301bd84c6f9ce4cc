//! The options between the parentheses of an attribute: reading them, and what can be wrong with any of them.
//!
//! A macro describes its options as a table of [`Known`]; that table is the only place where a name is written.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, ExprTuple, ExprUnary, Lit, LitInt, Token, UnOp, token};

use crate::errors::Errors;
use crate::expansion::ungrouped;
use crate::foreign::{Foreign, Invocation};

/// One row of a macro's table of options.
pub(crate) struct Known<O: 'static> {
    pub(crate) option: O,
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
}

/// What stands behind an option's name.
#[derive(Clone, Copy)]
pub(crate) enum Takes {
    /// Nothing: the name alone switches it on.
    Nothing,
    /// A value; the text is the example shown when it is missing.
    Value(&'static str),
    /// Nothing or a value: the name alone stands for the usual one.
    Optional,
    /// Names in parentheses; the text is the example shown when they are missing.
    Names(&'static str),
}

/// An option as the user wrote it; the key keeps its span for later faults.
pub(crate) struct Given<O> {
    pub(crate) option: O,
    pub(crate) key: Ident,
    pub(crate) value: Option<Expr>,
}

/// Options that exclude each other: each of the first and each of the second. Those are taken for the mistake.
pub(crate) struct Conflict<O: 'static> {
    pub(crate) these: &'static [O],
    pub(crate) those: &'static [O],
    pub(crate) why: &'static str,
    /// What to write instead.
    pub(crate) cure: &'static str,
}

/// An option that says something of what another one brings.
pub(crate) struct Need<O: 'static> {
    pub(crate) option: O,
    pub(crate) one_of: &'static [O],
    /// What it is about, and what to write.
    pub(crate) cure: &'static str,
}

/// The options of an invocation.
pub(crate) struct Read<O> {
    pub(crate) given: Vec<Given<O>>,
    /// Options that contradict others, of which `given` has none. What function is meant is unclear then.
    pub(crate) refused: Vec<Given<O>>,
}

/// All that an attribute takes.
pub(crate) struct Vocabulary<O: 'static> {
    pub(crate) table: &'static [Known<O>],
    pub(crate) conflicts: &'static [Conflict<O>],
    pub(crate) needs: &'static [Need<O>],
    /// Words of other crates.
    pub(crate) foreign: &'static [Foreign],
    /// What a number alone would mean, as in `#[cache(100)]`.
    pub(crate) number: &'static str,
}

/// Reads the options of an attribute on `item`; what is wrong with them is reported and left out.
pub(crate) fn read<O: Copy + PartialEq>(
    tokens: TokenStream,
    item: &TokenStream,
    vocabulary: &Vocabulary<O>,
    errors: &mut Errors,
) -> Read<O> {
    let Vocabulary { table, conflicts, needs, foreign, number } = vocabulary;
    let mut given: Vec<Given<O>> = Vec::new();
    let entries = split(tokens, number, errors);
    let values = entries.iter().filter_map(|entry| Some((entry.key.to_string(), entry.value.as_ref()?)));
    let invocation = Invocation::of(item, values);
    for Entry { key, value, colon, listed } in entries {
        if let Some(foreign) = foreign.iter().find(|foreign| key == foreign.word) {
            errors.at(&key, foreign.message(value.as_ref(), &invocation));
            continue;
        }
        if let Some(colon) = colon {
            errors.at(colon, format!("write `{key} = value`"));
            continue;
        }
        let Some(known) = table.iter().find(|known| key == known.name) else {
            let meant = unknown(&key, table, errors);
            // Whoever uses the handle by the name that it was to have adds no error.
            if let Some(known) = meant.filter(|known| known.name == NAME && value.is_some()) {
                given.push(Given { option: known.option, key, value });
            }
            continue;
        };
        if let Some(message) = value.as_ref().and_then(|value| invocation.foreign_value(known.name, value)) {
            errors.at(&value, message);
            continue;
        }
        if given.iter().any(|earlier| earlier.option == known.option) {
            errors.at(&key, format!("`{key}` is given twice: keep one of them"));
            continue;
        }
        match (known.takes, &value) {
            (Takes::Value(_) | Takes::Nothing | Takes::Optional, Some(value)) if listed => {
                errors.at(value, format!("write `{key} = value`"));
            }
            (Takes::Nothing, Some(value)) => errors.at(value, no_value(&key, value)),
            (Takes::Names(example), None) => errors.at(&key, format!("`{key}` needs names: write `{example}`")),
            (Takes::Names(example), Some(value)) if !listed => {
                errors.at(value, format!("`{key}` takes names in parentheses: write `{example}`"));
            }
            (Takes::Names(example), Some(Expr::Tuple(list))) if list.elems.is_empty() => {
                errors.at(&key, format!("`{key}` needs names: write `{example}`"));
            }
            (Takes::Value(example), None) => errors.at(&key, format!("`{key}` needs a value: write `{example}`")),
            (Takes::Nothing | Takes::Optional, None)
            | (Takes::Value(_) | Takes::Names(_) | Takes::Optional, Some(_)) => {
                given.push(Given { option: known.option, key, value });
            }
        }
    }
    let mut refused = report_needs(&mut given, needs, errors);
    refused.extend(report_conflicts(&mut given, conflicts, errors));
    Read { given, refused }
}

/// Reports options that lack the other one that they are about, and takes them out.
fn report_needs<O: Copy + PartialEq>(
    given: &mut Vec<Given<O>>,
    needs: &[Need<O>],
    errors: &mut Errors,
) -> Vec<Given<O>> {
    let has = |options: &[O]| given.iter().any(|given| options.contains(&given.option));
    let lacking: Vec<&Need<O>> = needs.iter().filter(|need| has(&[need.option]) && !has(need.one_of)).collect();
    let is_lacking = |given: &mut Given<O>| lacking.iter().any(|need| need.option == given.option);
    let refused: Vec<Given<O>> = given.extract_if(.., is_lacking).collect();
    for Given { option, key, .. } in &refused {
        let cures = lacking.iter().filter(|need| need.option == *option).map(|need| need.cure);
        cures.for_each(|cure| errors.at(key, format!("`{key}` {cure}")));
    }
    refused
}

/// Reports each mistake once: an option that excludes several others is named beside the first of them.
fn report_conflicts<O: Copy + PartialEq>(
    given: &mut Vec<Given<O>>,
    conflicts: &[Conflict<O>],
    errors: &mut Errors,
) -> Vec<Given<O>> {
    let mut refused = Vec::new();
    for Conflict { these, those, why, cure } in conflicts {
        let Some(first) = given.iter().find(|given| these.contains(&given.option)).map(|given| given.key.clone())
        else {
            continue;
        };
        let mut found = given.extract_if(.., |given| those.contains(&given.option));
        if let Some(second) = found.next() {
            errors.at(&second.key, format!("`{first}` and `{}` exclude each other: {why}: {cure}", second.key));
            refused.push(second);
        }
        refused.extend(found);
    }
    refused
}

/// A flag is there or not.
fn no_value(key: &Ident, value: &Expr) -> String {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Bool(flag), .. }) if !flag.value => {
            format!("`{key}` is off where it is not written: leave it out")
        }
        _ => format!("`{key}` takes no value: write `{key}` alone"),
    }
}

/// An option as it is written.
struct Entry {
    key: Ident,
    value: Option<Expr>,
    /// The `:` of `key: value`, which other crates want.
    colon: Option<Token![:]>,
    /// Whether the value is a list: `key(a, b)`.
    listed: bool,
}

/// Splits `key`, `key = value`, .. at the commas. A fault in one entry leaves the others readable.
fn split(tokens: TokenStream, number: &str, errors: &mut Errors) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut rest = tokens.into_iter().peekable();
    while rest.peek().is_some() {
        let entry = next_entry(&mut rest);
        match (|input: ParseStream<'_>| entry_parser(input, number)).parse2(entry) {
            Ok(entry) => entries.push(entry),
            Err(fault) => errors.add(fault),
        }
    }
    entries
}

/// The tokens up to the next comma that separates options: one outside of a closure's `|..|` and of `<..>` in a type.
fn next_entry(rest: &mut impl Iterator<Item = TokenTree>) -> TokenStream {
    let (mut in_bars, mut angles) = (false, 0_usize);
    let mut before = ' ';
    rest.take_while(|token| {
        let TokenTree::Punct(punct) = token else {
            before = ' ';
            return true;
        };
        let now = punct.as_char();
        match now {
            '|' => in_bars = !in_bars,
            '<' if before == ':' => angles += 1,
            '>' if angles > 0 && before != '-' => angles -= 1,
            _ => {}
        }
        before = now;
        now != ',' || in_bars || angles > 0
    })
    .collect()
}

fn entry_parser(input: ParseStream<'_>, number: &str) -> syn::Result<Entry> {
    if let Some(count) = input.fork().parse::<LitInt>().ok().filter(|_| !number.is_empty()) {
        return Err(input.error(format!("a number needs its name: write `{number} = {count}`")));
    }
    let Ok(key) = input.call(<Ident as syn::ext::IdentExt>::parse_any) else {
        return Err(input.error("expected the name of an option, as in `name = TABLE`"));
    };
    if input.is_empty() {
        return Ok(Entry { key, value: None, colon: None, listed: false });
    }
    if input.peek(token::Paren) {
        let names;
        let paren_token = syn::parenthesized!(names in input);
        let elems = Punctuated::<Expr, Token![,]>::parse_terminated(&names)?;
        let elems = elems.into_iter().map(bare).collect();
        let value = Expr::Tuple(ExprTuple { attrs: Vec::new(), paren_token, elems });
        return Ok(Entry { key, value: Some(value), colon: None, listed: true });
    }
    let colon: Option<Token![:]> = if input.peek(Token![::]) { None } else { input.parse()? };
    if colon.is_none() {
        input.parse::<Token![=]>()?;
    }
    if input.is_empty() {
        return Err(syn::Error::new_spanned(&key, format!("`{key} =` lacks its value")));
    }
    let value = match input.parse::<Option<Token![ref]>>()? {
        // The one word that is no expression.
        Some(word) => Expr::Verbatim(quote!(#word)),
        None => bare(input.parse()?),
    };
    if !input.is_empty() {
        return Err(input.error(format!("expected a comma after the value of `{key}`")));
    }
    Ok(Entry { key, value: Some(value), colon, listed: false })
}

/// What stands for itself, as it would be written, where `macro_rules!` has handed it on.
fn bare(value: Expr) -> Expr {
    match ungrouped(&value) {
        bare @ (Expr::Lit(_) | Expr::Path(_) | Expr::Closure(_)) => bare.clone(),
        _ => value,
    }
}

/// The value of an option that counts something: a literal is checked here, any other expression by the compiler.
pub(crate) fn positive(key: &Ident, value: Expr, errors: &mut Errors) -> Option<Expr> {
    let message = match &value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => match number.base10_parse::<usize>() {
            Ok(0) => format!("`{key}` must be at least 1: write `{key} = 1` or more"),
            Ok(_) => return Some(value),
            Err(_) => format!("`{key}` must fit a `usize`"),
        },
        Expr::Lit(_) | Expr::Unary(ExprUnary { op: UnOp::Neg(_), .. }) | Expr::Closure(_) | Expr::Tuple(_) => {
            format!("`{key}` is a number of values: write `{key} = 16`")
        }
        _ => return Some(value),
    };
    errors.at(&value, message);
    None
}

/// The option that gives the handle a name, in all attributes that have one.
const NAME: &str = "name";

/// Reports an option that there is not; the one that is meant, if that is clear.
fn unknown<'a, O>(key: &Ident, table: &'a [Known<O>], errors: &mut Errors) -> Option<&'a Known<O>> {
    let list: Vec<String> = table.iter().map(|known| format!("`{}`", known.name)).collect();
    let list = list.join(", ");
    let written = key.to_string();
    let near = nearest(&written, table.iter().map(|known| known.name));
    let hint = match near {
        Some(name) => format!("did you mean `{name}`? The options are {list}"),
        None => format!("the options are {list}"),
    };
    errors.at(key, format!("unknown option `{key}`: {hint}"));
    table.iter().find(|known| Some(known.name) == near)
}

/// The candidate that a typing slip away from `written`, if one is that near.
pub(crate) fn nearest<'a>(written: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|name| (distance(written, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Levenshtein's distance: single letters to insert, delete or replace.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn the_nearest_name_is_found_only_when_it_is_near() {
        let known = ["name", "sequential", "cache_err", "cache_none"];
        let nearest = |written| nearest(written, known.into_iter());
        assert_eq!(nearest("nam"), Some("name"));
        assert_eq!(nearest("sequentiel"), Some("sequential"));
        assert_eq!(nearest("cache_error"), Some("cache_err"));
        assert_eq!(nearest("zebra"), None);
    }

    #[test]
    fn the_distance_counts_single_letters() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("size", "size"), 0);
        assert_eq!(distance("sise", "size"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
