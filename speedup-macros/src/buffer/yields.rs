//! A body with `yield_!` as the body of a generator: what `yield_!`, `?` and `return` mean there.
//!
//! | written | becomes |
//! |---|---|
//! | `yield_!(x)` | `out.give(x).await`; where another macro hides it, it stays, and is defined in front of the body |
//! | `e?`, the values being `Result`s | a `match` that hands out `Err(From::from(error))` as the last value |
//! | `return` | stays: it ends the generator |
//! | `yield_!` in a closure or an `async` block, `return x`, `?` with other values | a fault |
//!
//! Items inside of the body are left alone: a nested function has its own `return` and `?`.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, Block, Expr, ExprAsync, ExprClosure, ExprMacro, ExprReturn, Item, Macro, Stmt, StmtMacro, Token, Type,
    parse_quote, parse_quote_spanned,
};

use crate::errors::Errors;
use crate::signature;

/// Is there a `yield_!` in the body itself?
pub(crate) fn are_in(body: &Block) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_macro(&mut self, invocation: &'ast Macro) {
            self.0 |= is_yield(invocation) || names_yield(invocation.tokens.clone());
        }
        fn visit_item(&mut self, _: &'ast Item) {}
    }
    let mut search = Search(false);
    visit::visit_block(&mut search, body);
    search.0
}

fn is_yield(invocation: &Macro) -> bool {
    let segments = &invocation.path.segments;
    let ours = segments.len() == 1 || segments.first().is_some_and(|first| first.ident == "speedup");
    ours && segments.last().is_some_and(|last| last.ident == "yield_")
}

fn names_yield(tokens: TokenStream) -> bool {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let found = match token {
            TokenTree::Ident(ident) if ident == "yield_" => {
                matches!(tokens.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == '!')
            }
            TokenTree::Group(group) => names_yield(group.stream()),
            _ => false,
        };
        if found {
            return true;
        }
    }
    false
}

/// The body, ready to stand behind the definition of `yield_!`; `item` is the type of a value.
pub(crate) fn rewrite(body: &Block, item: &Type, errors: &mut Errors) -> Block {
    let mut block = body.clone();
    let fallible = signature::last_segment(item).is_some_and(|name| name.ends_with("Result"));
    let mut rewriter = Rewriter { item, fallible, around: Around::Generator, errors };
    rewriter.visit_block_mut(&mut block);
    // As it was written: a message is to show no generated code.
    rewriter.value_at_the_end(body);
    block
}

/// What the innermost function-like thing around an expression is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Generator,
    Closure,
    Async,
}

struct Rewriter<'a> {
    item: &'a Type,
    /// The values are `Result`s.
    fallible: bool,
    around: Around,
    errors: &'a mut Errors,
}

impl Rewriter<'_> {
    fn inside(&mut self, around: Around, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.around, around);
        visit(self);
        self.around = outer;
    }

    /// What takes the place of a `yield_!`.
    fn yielding(&mut self, invocation: &mut Macro) -> Option<Expr> {
        let place = match self.around {
            Around::Generator => None,
            Around::Closure => Some("a closure"),
            Around::Async => Some("an inner `async` block"),
        };
        if let Some(place) = place {
            let message = format!(
                "`yield_!` inside of {place} would suspend that, not the generator: collect the values there and hand them \
                 out with a `for` loop around `yield_!(value)`"
            );
            self.errors.at(&invocation.path, message);
            return None;
        }
        let value = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(invocation.tokens.clone());
        match value {
            Ok(values) if values.len() == 1 => {
                let mut value = values.into_iter().next()?;
                self.visit_expr_mut(&mut value);
                return Some(given(&value, invocation.path.span()));
            }
            Ok(values) if values.is_empty() => {
                self.errors.at(&invocation.path, "`yield_!` hands out a value: write `yield_!(value)`");
            }
            Ok(values) => {
                self.errors.at(&values, "`yield_!` hands out one value: write a tuple, `yield_!((a, b))`");
            }
            Err(fault) => self.errors.add(fault),
        }
        None
    }

    fn other_macro(&mut self, invocation: &mut Macro) {
        let tokens = &invocation.tokens;
        if !(names_yield(tokens.clone()) || asks(tokens.clone())) {
            return;
        }
        if let Ok(mut parts) = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone()) {
            for part in &mut parts {
                self.visit_expr_mut(part);
            }
            invocation.tokens = parts.into_token_stream();
        } else if let Ok(mut statements) = Block::parse_within.parse2(tokens.clone()) {
            // `vec![value; count]` is two of them to the parser, and prints as it was.
            for statement in &mut statements {
                self.visit_stmt_mut(statement);
            }
            invocation.tokens = statements.iter().map(ToTokens::to_token_stream).collect();
        } else {
            self.asking_of_its_own(tokens.clone());
        }
    }

    /// `?` in a macro with a syntax of its own: what looks like that of an expression is one, and cannot be rewritten.
    fn asking_of_its_own(&mut self, tokens: TokenStream) {
        if self.around != Around::Generator {
            return;
        }
        let mut after_value = false;
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            let ends = match tokens.peek() {
                None => true,
                Some(TokenTree::Punct(next)) => matches!(next.as_char(), ',' | ';' | '.' | '?'),
                Some(_) => false,
            };
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == '?' && after_value && ends => self.errors.at(
                    punct,
                    "`?` in a macro with a syntax of its own cannot be told from that: write `let value = ..?;` in front of \
                     the macro, and `value` in it",
                ),
                TokenTree::Group(group) => self.asking_of_its_own(group.stream()),
                _ => {}
            }
            after_value = match token {
                TokenTree::Punct(punct) => punct.as_char() == '?' && after_value,
                TokenTree::Group(group) => group.delimiter() != Delimiter::Brace,
                TokenTree::Ident(_) | TokenTree::Literal(_) => true,
            };
        }
    }

    /// `?`: the error is the last value.
    fn asking(&mut self, asking: &syn::ExprTry) -> Option<Expr> {
        if !self.fallible {
            let item = signature::tidy(self.item);
            self.errors.at(
                asking.question_token,
                format!(
                    "`?` makes the error the last value, and these values are `{item}`: write `-> Result<{item}, E>`"
                ),
            );
            return None;
        }
        let inner = &asking.expr;
        let attributes = &asking.attrs;
        let value = Ident::new("value", Span::mixed_site());
        let error = Ident::new("error", Span::mixed_site());
        let out = out();
        Some(parse_quote! {
            #(#attributes)*
            match #inner {
                ::core::result::Result::Ok(#value) => #value,
                ::core::result::Result::Err(#error) => {
                    #out.give(::core::result::Result::Err(::core::convert::From::from(#error))).await;
                    return;
                }
            }
        })
    }

    /// Looks at a `return` as it was written, and takes the value away that it cannot have.
    fn returning(&mut self, returning: &mut ExprReturn) {
        let Some(value) = returning.expr.clone() else { return };
        if matches!(value.as_ref(), Expr::Tuple(unit) if unit.elems.is_empty()) {
            return;
        }
        let text = match value.as_ref() {
            Expr::Macro(ExprMacro { mac, .. }) if is_yield(mac) => format!("yield_!({})", signature::tidy(&mac.tokens)),
            value => format!("yield_!({})", signature::tidy(value)),
        };
        self.errors
            .at(&*returning, format!("a generator hands out its values and returns none: write `{text}; return;`"));
        returning.expr = None;
    }

    /// The last expression of the body, where it is certainly a value.
    fn value_at_the_end(&mut self, body: &Block) {
        let Some(Stmt::Expr(last, None)) = body.stmts.last() else { return };
        let value = match last {
            Expr::Lit(_) | Expr::Path(_) | Expr::Array(_) | Expr::Struct(_) | Expr::Cast(_) | Expr::Field(_) => true,
            Expr::Tuple(tuple) => !tuple.elems.is_empty(),
            _ => false,
        };
        if value {
            let text = signature::tidy(last);
            self.errors
                .at(last, format!("a generator hands out its values and returns none: write `yield_!({text});`"));
        }
    }
}

/// Is there a `?` among the tokens?
fn asks(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Punct(punct) => punct.as_char() == '?',
        TokenTree::Group(group) => asks(group.stream()),
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    })
}

impl VisitMut for Rewriter<'_> {
    fn visit_item_mut(&mut self, _: &mut Item) {}

    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        self.inside(Around::Closure, |this| visit_mut::visit_expr_closure_mut(this, closure));
    }

    fn visit_expr_async_mut(&mut self, block: &mut ExprAsync) {
        self.inside(Around::Async, |this| visit_mut::visit_expr_async_mut(this, block));
    }

    fn visit_macro_mut(&mut self, invocation: &mut Macro) {
        self.other_macro(invocation);
    }

    fn visit_stmt_mut(&mut self, statement: &mut Stmt) {
        if let Stmt::Macro(StmtMacro { attrs, mac, semi_token }) = statement
            && is_yield(mac)
        {
            if let Some(given) = self.yielding(mac) {
                *statement = Stmt::Expr(attributed(attrs, given), Some(semi_token.unwrap_or_default()));
            }
            return;
        }
        visit_mut::visit_stmt_mut(self, statement);
    }

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        if let Expr::Yield(keyword) = expression {
            let message = "`yield` is not for stable Rust: write `yield_!(value)`";
            self.errors.at(keyword, message);
        }
        if let Expr::Macro(ExprMacro { attrs, mac }) = expression
            && is_yield(mac)
        {
            if let Some(given) = self.yielding(mac) {
                *expression = attributed(attrs, given);
            }
            return;
        }
        if let Expr::Return(returning) = expression
            && self.around == Around::Generator
        {
            self.returning(returning);
        }
        visit_mut::visit_expr_mut(self, expression);
        if self.around != Around::Generator {
            return;
        }
        if let Expr::Try(asking) = expression
            && let Some(rewritten) = self.asking(asking)
        {
            *expression = rewritten;
        }
    }
}

/// An expression with the attributes of what it takes the place of.
fn attributed(attributes: &[Attribute], expression: Expr) -> Expr {
    if attributes.is_empty() {
        return expression;
    }
    parse_quote!(#(#attributes)* #expression)
}

/// Where the values go: the handle given to the body.
pub(crate) fn out() -> Ident {
    Ident::new("out", Span::mixed_site())
}

/// `out.give(value).await`, shown at the `yield_!`.
///
/// What a value only needs while it is computed, such as a lock, is given back before others run.
fn given(value: &Expr, place: Span) -> Expr {
    let place = Span::mixed_site().located_at(place);
    let out = Ident::new("out", place);
    if !makes_temporaries(value) {
        return parse_quote_spanned!(place=> #out.give(#value).await);
    }
    let name = Ident::new("value", place);
    parse_quote_spanned!(place=> { let #name = #value; #out.give(#name).await })
}

/// Does an expression make temporary values?
fn makes_temporaries(value: &Expr) -> bool {
    struct Search(bool);
    impl<'ast> Visit<'ast> for Search {
        fn visit_expr(&mut self, expression: &'ast Expr) {
            let simple = match expression {
                // `Ok(value)`, `Point(x, y)`.
                Expr::Call(call) => matches!(call.func.as_ref(), Expr::Path(path) if names_constructor(&path.path)),
                Expr::Lit(_) | Expr::Path(_) | Expr::Field(_) | Expr::Paren(_) | Expr::Tuple(_) | Expr::Cast(_) => true,
                Expr::Binary(_) | Expr::Unary(_) => true,
                _ => false,
            };
            self.0 |= !simple;
            visit::visit_expr(self, expression);
        }
    }
    let mut search = Search(false);
    search.visit_expr(value);
    search.0
}

fn names_constructor(path: &syn::Path) -> bool {
    path.segments.last().is_some_and(|last| last.ident.to_string().starts_with(char::is_uppercase))
}

/// The definition of `yield_!` that goes in front of a body in which another macro still hides one.
pub(crate) fn definition(body: &Block) -> Option<TokenStream> {
    let out = out();
    names_yield(body.to_token_stream()).then(|| {
        quote! {
            macro_rules! yield_ {
                ($value:expr $(,)?) => {{ let value = $value; #out.give(value).await }};
            }
        }
    })
}
