//! What the expansions of both macros share: the names and spans of the items, and what is left of an item that has a
//! fault.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprField, GenericParam, ItemFn, Lifetime, Lit, Member, Signature, Token};

use crate::errors::Errors;
use crate::place::Place;
use crate::signature;

/// Whether two pieces of source are the same but for where they stand. Told by their tokens: comparing the trees would take a feature
/// of syn that makes it half as large again.
pub(crate) fn is_same(one: &impl ToTokens, other: &impl ToTokens) -> bool {
    one.to_token_stream().to_string() == other.to_token_stream().to_string()
}

/// An expression without what `macro_rules!` has put around it.
pub(crate) fn ungrouped(expression: &Expr) -> &Expr {
    match expression {
        Expr::Group(inner) => ungrouped(&inner.expr),
        other => other,
    }
}

/// The handle's name for a function: `FIBONACCI` for `fibonacci`, `PARSE_URL` for `parseUrl`, `MATCH` for `r#match`.
///
/// The name is one of the expansion (a lint about it would be nobody's business) that points at the function's name.
pub(crate) fn handle_name(function: &Ident) -> Ident {
    Ident::new(&screaming(&function.unraw().to_string()), generated_at(function.span()))
}

/// A span of the expansion that is shown at `place`.
///
/// All that deals with the types of the arguments and the result is shown at the function's name: what they lack is then
/// reported there, and once for all places with the same complaint.
pub(crate) fn generated_at(place: Span) -> Span {
    Span::call_site().located_at(place)
}

/// The tokens with their own meaning, shown at a place. What the compiler says of them at one place it says once.
pub(crate) fn shown(tokens: TokenStream, at: Span) -> TokenStream {
    let token = |token: TokenTree| match token {
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), shown(group.stream(), at));
            inner.set_span(group.span().located_at(at));
            TokenTree::Group(inner)
        }
        mut other => {
            other.set_span(other.span().located_at(at));
            other
        }
    };
    tokens.into_iter().map(token).collect()
}

/// The static inside of a handle, under a name that no constant of the user has: it stands beside the types of the function.
pub(crate) fn state_name(handle: &Ident, at: Span) -> Ident {
    format_ident!("__{}_STATE", handle.unraw(), span = at)
}

/// The constant beside it that says of which sizes and ages the values are.
pub(crate) fn rules_name(handle: &Ident, at: Span) -> Ident {
    format_ident!("__{}_RULES", handle.unraw(), span = at)
}

/// A function at this place with the types that the signature's parameters stand for: `count::<T, N>`, `Self::count::<T>`.
pub(crate) fn with_types(place: &Place, signature: &Signature, name: &Ident) -> TokenStream {
    let path = place.sibling(name);
    let parameters = signature.generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) => Some(parameter.ident.to_token_stream()),
        GenericParam::Const(parameter) => Some(parameter.ident.to_token_stream()),
        GenericParam::Lifetime(_) => None,
    });
    let parameters: Vec<TokenStream> = parameters.collect();
    if parameters.is_empty() { path } else { quote!(#path::<#(#parameters),*>) }
}

/// The name of an argument inside of the expansion's own closure, where it meets no name of the user.
pub(crate) fn in_closure(name: &Ident) -> Ident {
    let mut name = name.clone();
    name.set_span(Span::mixed_site().located_at(name.span()));
    name
}

/// The `const` of a handle.
///
/// The compiler's lints pass over an item that bears the expansion's spans: an unused function gives its own `dead_code`
/// warning, and its handle none. Unused items of an `impl` are named in one common warning, which would be passed over
/// as a whole: there the handle bears the function's spans, and is named beside it.
pub(crate) fn handle_keyword(place: &Place, function: &ItemFn) -> Token![const] {
    match place {
        Place::Free => Token![const](generated_at(function.sig.fn_token.span)),
        Place::Inherent { .. } | Place::TraitImpl | Place::Trait => Token![const](function.sig.fn_token.span),
    }
}

/// The lifetime of a handle's type, where one must be written: in an `impl` that has lifetimes none is understood.
pub(crate) fn handle_lifetime(place: &Place, at: Span) -> Option<Lifetime> {
    (*place != Place::Free).then(|| Lifetime::new("'static", at))
}

/// The visibility of a handle, with the expansion's spans: what the compiler says about it has been said about the function.
pub(crate) fn handle_visibility(function: &ItemFn) -> TokenStream {
    let shown = |token: TokenTree| {
        let mut token = token;
        token.set_span(generated_at(token.span()));
        token
    };
    function.vis.to_token_stream().into_iter().map(shown).collect()
}

/// The `;` of a handle; see [`handle_keyword`].
pub(crate) fn handle_end(place: &Place, function: &ItemFn) -> Token![;] {
    let end = function.block.brace_token.span.close();
    match place {
        Place::Free => Token![;](generated_at(end)),
        Place::Inherent { .. } | Place::TraitImpl | Place::Trait => Token![;](end),
    }
}

fn screaming(name: &str) -> String {
    let mut upper = String::with_capacity(name.len() + 4);
    let mut before_was_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && before_was_lower {
            upper.push('_');
        }
        before_was_lower = letter.is_lowercase() || letter.is_ascii_digit();
        upper.extend(letter.to_uppercase());
    }
    upper
}

/// The name of the function that holds the user's body: `__fibonacci_uncached`.
pub(crate) fn inner_name(function: &Ident, role: &str) -> Ident {
    let name = function.unraw().to_string();
    format_ident!("__{}_{role}", name.trim_start_matches('_'), span = generated_at(function.span()))
}

/// Reads the value of `name = IDENT`. What is meant is known also where it is written in another way: whoever uses the handle by that name adds
/// no error.
pub(crate) fn name_option(value: &Expr, example: &str, errors: &mut Errors) -> Option<Ident> {
    let name = match value {
        Expr::Path(path) if path.qself.is_none() && path.path.get_ident().is_some() => path.path.get_ident().cloned(),
        Expr::Lit(literal) => {
            errors.at(literal, format!("the name is written without quotes: `{example}`"));
            let Lit::Str(text) = &literal.lit else { return None };
            text.parse().ok()
        }
        other => {
            errors.at(other, format!("expected a name: write `{example}`"));
            let Expr::Path(path) = other else { return None };
            path.path.segments.last().map(|last| last.ident.clone())
        }
    };
    name.map(|mut ident| {
        ident.set_span(generated_at(ident.span()));
        ident
    })
}

/// A field of `self`, which may be one of a tuple, or lie in another: `memo`, `0`, `inner.memo`.
pub(crate) type Field = Punctuated<Member, Token![.]>;

/// Reads the value of `field = memo`; empty where that cannot be read.
pub(crate) fn field_option(value: &Expr, errors: &mut Errors) -> Field {
    let value = ungrouped(value);
    let mut members = Vec::new();
    if let Ok(place) = syn::parse2::<Expr>(quote!(self.#value)) {
        let mut place = &place;
        while let Expr::Field(ExprField { base, member, .. }) = place {
            members.push(member.clone());
            place = base;
        }
        if !matches!(place, Expr::Path(_)) {
            members.clear();
        }
    }
    if members.is_empty() {
        members.extend(name_option(value, "field = memo", errors).map(Member::Named));
    }
    for member in &mut members {
        if let Member::Named(name) = member {
            name.set_span(generated_at(name.span()));
        }
    }
    members.into_iter().rev().collect()
}

/// The handle of a function that is refused: `const F: PhantomData<[(); { compile_error! { ".." } 0 }]> = loop {};`
///
/// The faults stand in its type: of what is done with a value whose type has a fault, nothing more is reported.
pub(crate) fn refused_handle(name: &Ident, function: &ItemFn, is_generic: bool, faults: &TokenStream) -> TokenStream {
    let (visibility, generics) = (&function.vis, &function.sig.generics);
    let ty = quote!(::core::marker::PhantomData<[(); { #faults 0 }]>);
    if is_generic {
        let bounds = &generics.where_clause;
        quote!(#[allow(non_snake_case, dead_code)] #visibility fn #name #generics () -> #ty #bounds { loop {} })
    } else {
        quote!(#[allow(dead_code)] #visibility const #name: #ty = loop {};)
    }
}

/// The documentation of a handle: a link to its function.
pub(crate) fn handle_docs(kind: &str, place: &Place, function: &Ident) -> String {
    let path = place.sibling(function).to_string().replace(' ', "");
    if path.contains("r#") { format!(" The {kind} of `{path}`.") } else { format!(" The {kind} of [`{path}()`].") }
}

/// Does a body bring parallelism of its own? Too often yes costs little, so names are enough: those of rayon, and its functions where
/// they stand alone or are methods of a pool. `Path::join` and `words.join(" ")` are neither.
pub(crate) fn mentions_rayon(tokens: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Ident(ident) => {
            let name = ident.to_string();
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            name == "rayon"
                || name.starts_with("par_")
                || name.starts_with("into_par_")
                || (matches!(name.as_str(), "join" | "scope" | "in_place_scope" | "install")
                    && is_call_of_rayon(&name, before, tokens.get(at + 1)))
        }
        TokenTree::Group(group) => mentions_rayon(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Whether a name between two tokens is called as rayon's functions and the methods of its pools are.
fn is_call_of_rayon(name: &str, before: Option<&TokenTree>, after: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(arguments)) = after else { return false };
    let several = || {
        let mut commas = arguments.stream().into_iter().enumerate();
        commas.any(|(at, token)| at > 0 && matches!(token, TokenTree::Punct(punct) if punct.as_char() == ','))
    };
    match before {
        // The whole path says `rayon`, if it is rayon's.
        Some(TokenTree::Punct(punct)) if punct.as_char() == ':' => false,
        Some(TokenTree::Punct(punct)) if punct.as_char() == '.' => name != "join" || several(),
        _ => name != "install" && (name != "join" || several()),
    }
}

/// An item with a fault keeps its place, so that its callers do not add faults of their own.
pub(crate) fn with_faults(errors: Errors, item: impl ToTokens) -> TokenStream {
    let faults = errors.into_tokens();
    quote!(#faults #item)
}

/// Reads the function below an attribute; anything else is reported.
pub(crate) fn function(item: &TokenStream, attribute: &str, errors: &mut Errors) -> Option<ItemFn> {
    let fault = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(mut function) => {
            signature::ungroup(&mut function.sig);
            return Some(function);
        }
        Err(fault) => fault,
    };
    let message = |what: &str| {
        format!("{attribute} goes on a function, and this is {what}: move it to the function that does the work")
    };
    if let Ok(declaration) = syn::parse2::<syn::TraitItemFn>(item.clone()) {
        errors.at(
            &declaration.sig,
            format!("{attribute} needs the function's body: put it on a function that has one, outside of the trait"),
        );
        return None;
    }
    match syn::parse2::<syn::Item>(item.clone()) {
        Ok(syn::Item::Struct(other)) => errors.at(other.struct_token, message("a struct")),
        Ok(syn::Item::Enum(other)) => errors.at(other.enum_token, message("an enum")),
        Ok(syn::Item::Trait(other)) => errors.at(other.trait_token, message("a trait")),
        Ok(syn::Item::Impl(other)) => errors.at(other.impl_token, message("an `impl` block")),
        Ok(syn::Item::Mod(other)) => errors.at(other.mod_token, message("a module")),
        Ok(syn::Item::Const(other)) => errors.at(other.const_token, message("a constant")),
        Ok(syn::Item::Static(other)) => errors.at(other.static_token, message("a static")),
        Ok(other) => errors.at(other, message("something else")),
        Err(_) => errors.add(fault),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::testing::tokens;
    use super::{handle_name, inner_name, mentions_rayon, screaming};
    use syn::parse_quote;

    #[test]
    fn only_what_may_be_rayons_is_taken_for_it() {
        for body in [
            "rayon::join(|| f(1), || f(2))",
            "join(|| f(1), || f(2))",
            "if x { pool.join(|| f(1), || f(2)) }",
            "pool.install(|| f(1))",
            "scope(|s| s.spawn(f))",
            "v.par_iter().sum()",
            "v.into_par_iter().sum()",
        ] {
            assert!(mentions_rayon(tokens(body)), "{body}");
        }
        for body in [
            "folder.join(\"name\")",
            "Path::join(folder, \"name\")",
            "[\"a\"].join(\"/\")",
            "std::thread::scope(|s| s.spawn(f))",
            "handle.join()",
            "let scope = 1; scope + install",
            "speedup::join(|| f(1), || f(2))",
        ] {
            assert!(!mentions_rayon(tokens(body)), "{body}");
        }
    }

    #[test]
    fn names_are_screaming_snake_case() {
        for (function, handle) in [
            ("fibonacci", "FIBONACCI"),
            ("edit_distance", "EDIT_DISTANCE"),
            ("_hidden", "_HIDDEN"),
            ("sha256", "SHA256"),
            ("parseUrl", "PARSE_URL"),
            ("straße", "STRASSE"),
        ] {
            assert_eq!(screaming(function), handle);
        }
    }

    #[test]
    fn raw_names_lose_their_prefix() {
        assert_eq!(handle_name(&parse_quote!(r#match)), "MATCH");
        assert_eq!(inner_name(&parse_quote!(r#match), "uncached"), "__match_uncached");
        assert_eq!(inner_name(&parse_quote!(_f), "uncached"), "__f_uncached");
    }
}

/// Help for the snapshots of expansions.
#[cfg(test)]
pub(crate) mod testing {
    use proc_macro2::TokenStream;

    pub(crate) fn tokens(text: &str) -> TokenStream {
        text.parse().unwrap_or_else(|fault| panic!("{fault}: {text}"))
    }

    /// An expansion as rustfmt would write it.
    pub(crate) fn pretty(expansion: TokenStream) -> String {
        let file = syn::parse2(expansion).unwrap_or_else(|fault| panic!("the expansion does not parse: {fault}"));
        prettyplease::unparse(&file)
    }
}
