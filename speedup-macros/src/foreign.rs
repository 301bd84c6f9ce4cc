//! The words of other crates for what an option of ours does, each with the very text to write here.

use proc_macro2::TokenStream;
use syn::{Expr, ExprLit, FnArg, ItemFn, Lit, Pat};

use crate::signature;

/// A word of another crate.
pub(crate) struct Foreign {
    pub(crate) word: &'static str,
    /// What to write instead. `{value}` stands for the value as given, `{text}` for what a literal holds,
    /// `{closure}` for a key made by it.
    pub(crate) says: &'static str,
    /// Stands for the value where there is none.
    pub(crate) example: &'static str,
    /// Who says so.
    pub(crate) from: &'static str,
}

/// What messages about an invocation can name.
#[derive(Default)]
pub(crate) struct Invocation {
    /// `a, b` for `fn f(a: u64, b: u64)`.
    arguments: String,
    /// The values of `key` and `convert`, where both are strings: half of a closure each.
    key: Option<String>,
    convert: Option<String>,
}

impl Invocation {
    /// Reads the names of the arguments of `item`, and what `options` say in the manner of another crate.
    pub(crate) fn of<'a>(item: &TokenStream, options: impl Iterator<Item = (String, &'a Expr)>) -> Invocation {
        let names = syn::parse2::<ItemFn>(item.clone()).map(|function| names(&function)).unwrap_or_default();
        let mut invocation = Invocation { arguments: names.join(", "), ..Invocation::default() };
        for (key, value) in options.filter(|(_, value)| is_string(value)) {
            match key.as_str() {
                "key" => invocation.key = Some(text(value)),
                "convert" => invocation.convert = Some(text(value)),
                _ => {}
            }
        }
        invocation
    }

    /// What is wrong with a value that would be one in another crate.
    pub(crate) fn foreign_value(&self, key: &str, value: &Expr) -> Option<String> {
        (key == "key" && is_string(value)).then(|| {
            let closure = self.closure(&text(value), self.convert.as_deref().unwrap_or("{ .. }"));
            format!("the key is made by a closure, not by a string: write `key = {closure}`")
        })
    }

    fn closure(&self, ty: &str, body: &str) -> String {
        format!("|{}| -> {ty} {body}", self.arguments)
    }
}

fn names(function: &ItemFn) -> Vec<String> {
    let name = |input: &FnArg| match input {
        FnArg::Typed(typed) => match typed.pat.as_ref() {
            Pat::Ident(binding) => binding.ident.to_string(),
            other => signature::tidy(other),
        },
        FnArg::Receiver(_) => "self".to_owned(),
    };
    function.sig.inputs.iter().map(name).collect()
}

impl Foreign {
    /// The message for this word, with this value.
    pub(crate) fn message(&self, value: Option<&Expr>, invocation: &Invocation) -> String {
        let (written, text) = match value {
            Some(value) => (signature::tidy(value), text(value)),
            None => (self.example.to_owned(), self.example.to_owned()),
        };
        let closure = invocation.closure(invocation.key.as_deref().unwrap_or("Type"), &text);
        let says = self.says.replace("{closure}", &closure).replace("{value}", &written).replace("{text}", &text);
        format!("`{}` is a word of {}: {says}", self.word, self.from)
    }
}

fn is_string(value: &Expr) -> bool {
    matches!(value, Expr::Lit(ExprLit { lit: Lit::Str(_), .. }))
}

/// A literal without its quotes or its type, anything else as it is.
fn text(value: &Expr) -> String {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value().trim().to_owned(),
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_digits().to_owned(),
        other => signature::tidy(other),
    }
}

const fn cached(word: &'static str, example: &'static str, says: &'static str) -> Foreign {
    Foreign { word, says, example, from: "the crate `cached`" }
}

const fn memoize(word: &'static str, example: &'static str, says: &'static str) -> Foreign {
    Foreign { word, says, example, from: "the crate `memoize`" }
}

const fn lru(word: &'static str, example: &'static str, says: &'static str) -> Foreign {
    Foreign { word, says, example, from: "`lru_cache`" }
}

/// What `#[cache]` is asked for in other words.
pub(crate) const CACHE: &[Foreign] = &[
    cached("size", "100", "write `capacity = {value}`"),
    cached("max_size", "100", "write `capacity = {value}`"),
    lru("maxsize", "100", "write `capacity = {value}`"),
    cached("unbound", "", "a table has no bound unless `capacity` sets one: leave it out"),
    cached("time", "60", "write `ttl = \"{text}s\"`"),
    cached("ttl_secs", "60", "write `ttl = \"{text}s\"`"),
    cached("ttl_millis", "500", "write `ttl = \"{text}ms\"`"),
    cached("refresh", "", "to count the time from the last use, write `idle = \"60s\"` instead of `ttl`"),
    cached("time_refresh", "", "to count the time from the last use, write `idle = \"60s\"` instead of `ttl`"),
    cached("convert", "{ .. }", "write `key = {closure}`"),
    cached(
        "result",
        "",
        "without it, too, only `Ok` is kept: leave it out, or write `cache_err` to keep `Err` as well",
    ),
    cached(
        "option",
        "",
        "without it, too, only `Some` is kept: leave it out, or write `cache_none` to keep `None` as well",
    ),
    cached("result_fallback", "", "write `stale_on_err`"),
    cached("sync_writes", "", "each key is computed once, whoever asks at the same time: leave it out"),
    cached("sync_lock", "", "a hit takes no lock: leave it out"),
    cached("with_cached_flag", "", "leave it out, and ask the handle: `F.contains(&(argument,))` before the call"),
    cached("in_impl", "", "a function in an `impl` is recognised: leave it out"),
    cached("ty", "", "the handle is a `Cache`, and what else is to keep its values is its store: write `store = EXPR`"),
    cached(
        "create",
        "",
        "the handle is made by the attribute, and what else is to keep its values is its store: write `store = EXPR`",
    ),
    cached(
        "map_error",
        "",
        "a fault of a store is reported in `stats()`, and fails the call with `on_store_error = \"fail\"`",
    ),
    memoize("Capacity", "100", "write `capacity = {value}`"),
    memoize("TimeToLive", "Duration::from_secs(60)", "write `ttl = {value}`"),
    memoize("SharedCache", "", "all threads share one table: leave it out"),
    memoize("Ignore", "argument", "write `skip({text})`"),
    memoize("CustomHasher", "", "the table has its own hash, which is fast and resists flooding: leave it out"),
    memoize("HasherInit", "", "the table has its own hash, which is fast and resists flooding: leave it out"),
    lru("ignore_args", "argument", "write `skip({text})`"),
];
