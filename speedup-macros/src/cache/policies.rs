//! The options that bound a cache or let its values age, and the rules that they become.
//!
//! ```text
//! capacity = 100, ttl = "30s"   =>   ::speedup::cache::Rules::new().capacity(100 as u64).ttl(::core::time::Duration::from_nanos(..))
//! ```

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprClosure, ExprLit, Lit, Pat, ReturnType, Type};

use crate::errors::Errors;
use crate::{expansion, options};

/// What an invocation says of sizes and ages.
#[derive(Default)]
pub(crate) struct Policies {
    /// The first of them, for messages.
    pub(super) first: Option<Ident>,
    /// The first that is about time.
    pub(super) first_of_time: Option<Ident>,
    capacity: Option<Bound>,
    weight: Option<(Ident, Option<Expr>)>,
    on_evict: Option<Expr>,
    ttl: Option<Age>,
    idle: Option<Age>,
    refresh_ahead: Option<(Ident, Age)>,
    pub(super) stale_on_err: Option<Ident>,
    force_refresh: Option<ExprClosure>,
}

/// What all values may weigh together.
enum Bound {
    Values(Expr),
    /// A text, and the bytes that it says.
    Bytes(Ident, u64),
}

#[allow(clippy::large_enum_variant, reason = "there are a few of them an attribute")]
enum Age {
    Nanos(u64),
    Value(Expr),
}

/// Which of the options one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    Capacity,
    Weight,
    OnEvict,
    Ttl,
    Idle,
    RefreshAhead,
    StaleOnErr,
    ForceRefresh,
}

impl Policies {
    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        self.first.is_some()
    }

    /// Reads one of them.
    pub(super) fn read(&mut self, policy: Policy, key: Ident, value: Option<Expr>, errors: &mut Errors) {
        self.first.get_or_insert_with(|| key.clone());
        if !matches!(policy, Policy::Capacity | Policy::Weight | Policy::OnEvict) {
            self.first_of_time.get_or_insert_with(|| key.clone());
        }
        match (policy, value) {
            (Policy::Capacity, Some(value)) => self.capacity = capacity(&key, value, errors),
            (Policy::Weight, Some(value)) => {
                let cure = "`weight` says what a value weighs: write `weight = |value| value.len()`, or the like";
                // Also where it is none: that is the one mistake then.
                self.weight = Some((key, callable(value, 1, cure, errors)));
            }
            (Policy::OnEvict, Some(value)) => {
                let cure = "`on_evict` is told the key and the value: write `on_evict = |key, value| log(key, value)`";
                self.on_evict = callable(value, 2, cure, errors);
            }
            (Policy::Ttl, Some(value)) => self.ttl = age(&key, value, errors).and_then(|age| age.of_one_value(errors)),
            (Policy::Idle, Some(value)) => self.idle = age(&key, value, errors),
            (Policy::RefreshAhead, Some(value)) => {
                self.refresh_ahead = age(&key, value, errors).map(|age| (key, age));
            }
            (Policy::StaleOnErr, _) => self.stale_on_err = Some(key),
            (Policy::ForceRefresh, Some(Expr::Closure(closure))) => self.force_refresh = Some(closure),
            (Policy::ForceRefresh, Some(other)) => {
                errors.at(&other, "write a closure of the arguments by name: `force_refresh = |page| page == 0`");
            }
            (_, None) => {}
        }
    }

    /// What one of them needs of the others.
    pub(super) fn check(&self, errors: &mut Errors) {
        if let (Some(Bound::Bytes(key, _)), None) = (&self.capacity, &self.weight) {
            errors.at(
                key,
                "a bound in bytes needs to know what a value weighs: add `weight = |value| value.len()`, or the like",
            );
        }
        if let (Some(Expr::Closure(_)), Some(key)) = (self.idle_value(), &self.first) {
            errors.at(key, "`idle` is one age for all values: write `idle = \"5m\"`");
        }
    }

    fn idle_value(&self) -> Option<&Expr> {
        match &self.idle {
            Some(Age::Value(value)) => Some(value),
            _ => None,
        }
    }

    /// `::speedup::cache::Rules::new().capacity(..)`
    pub(super) fn rules(&self, at: Span, key: &TokenStream, result: &Type) -> TokenStream {
        let capacity = self.capacity.as_ref().map(|bound| match bound {
            Bound::Values(most) => quote!(.capacity((#most) as u64)),
            Bound::Bytes(_, bytes) => quote!(.capacity(#bytes)),
        });
        let weight = self.weight.as_ref().and_then(|(_, weight)| weight.as_ref()).map(|weight| {
            let at = shown_at(weight);
            let weight = of_value(weight, result);
            quote_spanned!(at=> .weight(&|value: &#result| -> u64 { (#weight)(value) as u64 }))
        });
        let on_evict = self.on_evict.as_ref().map(|tell| {
            let at = shown_at(tell);
            let tell = typed(tell, &[quote!(&#key), quote!(&#result)]);
            quote_spanned!(at=> .on_evict(&|key: &#key, value: &#result| { (#tell)(key, value); }))
        });
        let ttl = self.ttl.as_ref().map(|age| match age {
            Age::Nanos(nanos) => quote!(.ttl(::core::time::Duration::from_nanos(#nanos))),
            Age::Value(life @ Expr::Closure(_)) => {
                let at = shown_at(life);
                let life = of_value(life, result);
                quote_spanned!(at=> .ttl_of(&|value: &#result| -> ::core::time::Duration { (#life)(value) }))
            }
            Age::Value(age) => quote!(.ttl_of(&|_: &#result| -> ::core::time::Duration { #age })),
        });
        let idle = self.idle.as_ref().map(Age::tokens).map(|age| quote!(.idle(#age)));
        let ahead = self.refresh_ahead.as_ref().map(|(_, age)| age.tokens()).map(|age| quote!(.refresh_ahead(#age)));
        let stale = self.stale_on_err.as_ref().map(|_| quote!(.stale_on_err()));
        quote_spanned! {at=>
            ::speedup::cache::Rules::new() #capacity #weight #on_evict #ttl #idle #ahead #stale
        }
    }

    /// Whether a call is to renew its value: an expression of the arguments.
    pub(super) fn forces(&self) -> Option<TokenStream> {
        self.force_refresh.as_ref().map(|closure| {
            let body = &closure.body;
            quote!((|| -> bool { #body })())
        })
    }

    /// The names in `force_refresh`, which are those of arguments.
    pub(super) fn forced_by(&self) -> impl Iterator<Item = &Pat> {
        self.force_refresh.iter().flat_map(|closure| &closure.inputs)
    }
}

impl Age {
    /// An age that is a closure goes by the value alone.
    fn of_one_value(self, errors: &mut Errors) -> Option<Self> {
        let Self::Value(value) = self else { return Some(self) };
        let cure = "`ttl` may depend on the value alone: write `ttl = |value| value.expires_in`";
        let is_closure = matches!(value, Expr::Closure(_));
        let value = if is_closure { callable(value, 1, cure, errors)? } else { value };
        Some(Self::Value(value))
    }

    fn tokens(&self) -> TokenStream {
        match self {
            Self::Nanos(nanos) => quote!(::core::time::Duration::from_nanos(#nanos)),
            Self::Value(value) => quote!(#value),
        }
    }
}

/// What is called with `count` arguments, as far as can be seen.
fn callable(value: Expr, count: usize, cure: &str, errors: &mut Errors) -> Option<Expr> {
    match &value {
        Expr::Closure(closure) if closure.inputs.len() == count => return Some(value),
        Expr::Closure(closure) if !closure.inputs.is_empty() => errors.at(&closure.inputs, cure),
        Expr::Closure(_) | Expr::Lit(_) | Expr::Tuple(_) | Expr::Array(_) => errors.at(&value, cure),
        _ => return Some(value),
    }
    None
}

/// Where the compiler shows that what was written has another type than it should.
fn shown_at(function: &Expr) -> Span {
    match function {
        Expr::Closure(closure) => expansion::generated_at(closure.body.span()),
        other => expansion::generated_at(other.span()),
    }
}

/// A closure or function of a value, with the type that inference would not find.
fn of_value(function: &Expr, result: &Type) -> TokenStream {
    typed(function, &[quote!(&#result)])
}

fn typed(function: &Expr, types: &[TokenStream]) -> TokenStream {
    let Expr::Closure(closure) = function else { return quote!(#function) };
    let mut closure = closure.clone();
    for (input, ty) in closure.inputs.iter_mut().zip(types) {
        if !matches!(input, Pat::Type(_)) {
            let pattern = input.clone();
            *input = Pat::Type(syn::parse_quote!(#pattern: #ty));
        }
    }
    if matches!(closure.output, ReturnType::Default) { quote!(#closure) } else { quote!((#closure)) }
}

fn capacity(key: &Ident, value: Expr, errors: &mut Errors) -> Option<Bound> {
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &value else {
        return options::positive(key, value, errors).map(Bound::Values);
    };
    match bytes(&text.value()) {
        Some(bytes) if bytes > 0 => Some(Bound::Bytes(key.clone(), bytes)),
        _ => {
            errors.at(text, "write a size such as `\"64 MiB\"`, in `B`, `kB`, `KiB`, `MB`, `MiB`, `GB` or `GiB`");
            None
        }
    }
}

fn age(key: &Ident, value: Expr, errors: &mut Errors) -> Option<Age> {
    match &value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => match nanos(&text.value()) {
            Some(nanos) if nanos > 0 => return Some(Age::Nanos(nanos)),
            _ => errors.at(text, "write an age such as `\"30s\"` or `\"1h 30m\"`, in `ms`, `s`, `m`, `h` or `d`"),
        },
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
            errors.at(number, format!("an age needs its unit: write `{key} = \"{}s\"`", number.base10_digits()));
        }
        Expr::Lit(other) => errors.at(other, format!("write `{key} = \"30s\"`, or a `Duration`")),
        _ => return Some(Age::Value(value)),
    }
    None
}

/// The bytes of `64 MiB`.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = parts(text)?;
    let factor = match unit {
        "" | "B" | "b" => 1,
        "kB" | "KB" => 1_000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        "TB" => 1_000_000_000_000,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// The nanoseconds of `1h 30m`.
fn nanos(text: &str) -> Option<u64> {
    let mut sum = 0_u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '_').unwrap_or(rest.len());
        let (_, after) = rest.split_at(end);
        let unit = after.trim_start();
        let end_of_unit = unit.find(|letter: char| !letter.is_alphabetic()).unwrap_or(unit.len());
        let used = rest.len() - unit.len() + end_of_unit;
        let (number, unit) = parts(&rest[..used])?;
        let factor = match unit {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" | "sec" | "secs" => 1_000_000_000,
            "m" | "min" | "mins" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "d" => 86_400_000_000_000,
            _ => return None,
        };
        sum = sum.checked_add(number.checked_mul(factor)?)?;
        rest = rest[used..].trim_start();
    }
    Some(sum)
}

/// A number and what stands behind it.
fn parts(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '_').unwrap_or(text.len());
    let number = text[..end].replace('_', "").parse().ok()?;
    Some((number, text[end..].trim()))
}

#[cfg(test)]
mod tests {
    use super::{bytes, nanos};

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("64 MiB"), Some(64 << 20));
        assert_eq!(bytes("10kB"), Some(10_000));
        assert_eq!(bytes("1_000"), Some(1_000));
        assert_eq!(bytes("MiB"), None);
        assert_eq!(bytes("5 parsecs"), None);
    }

    #[test]
    fn ages_have_units_and_add_up() {
        assert_eq!(nanos("30s"), Some(30_000_000_000));
        assert_eq!(nanos("1h 30m"), Some(5_400_000_000_000));
        assert_eq!(nanos("1h30m"), Some(5_400_000_000_000));
        assert_eq!(nanos("500 ms"), Some(500_000_000));
        assert_eq!(nanos("30"), None);
        assert_eq!(nanos(""), None);
        assert_eq!(nanos("half an hour"), None);
    }
}
