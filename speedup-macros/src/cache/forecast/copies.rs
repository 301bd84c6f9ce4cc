//! Which variables are surely copied when they are used, by what they are bound to: a forecast has such by itself, and they need not lie in
//! memory for its sake.
//!
//! | bound to | why |
//! |---|---|
//! | numbers, `bool`s, `char`s | they are |
//! | shared references | they are |
//! | what is taken out of an element, `pairs[i]`, or out of what is behind a reference that is an argument | else it could not be taken |
//! | `x` in the pattern `&x` | as before |
//! | what methods of slices and strings give, such as `split_first` and `strip_prefix` | references, alone or in an `Option` or a pair |
//! | what a pattern takes out of any of these | a part of what is copied is, and so is a reference to it |

use syn::visit::{self, Visit};
use syn::{Expr, ExprMethodCall, Pat, Type, UnOp};

use super::locals::Locals;

/// Methods of a slice whose results are copied, whatever the elements are.
const OF_SLICES: [&str; 9] = [
    "first",
    "last",
    "get",
    "split_first",
    "split_last",
    "split_at",
    "split_at_checked",
    "strip_prefix",
    "strip_suffix",
];
/// The same of a string.
const OF_STRINGS: [&str; 13] = [
    "as_bytes",
    "get",
    "split_at",
    "split_at_checked",
    "split_once",
    "rsplit_once",
    "strip_prefix",
    "strip_suffix",
    "trim",
    "trim_start",
    "trim_end",
    "trim_start_matches",
    "trim_end_matches",
];
/// Iterators of a string over what is copied, and what takes one such out of them.
const LETTERS: [&str; 2] = ["chars", "bytes"];
const ONE: [&str; 4] = ["next", "next_back", "last", "nth"];
/// Methods of an `Option` that give it, or what it holds.
const OF_OPTIONS: [&str; 10] = [
    "filter",
    "unwrap",
    "expect",
    "unwrap_or",
    "unwrap_or_else",
    "unwrap_or_default",
    "copied",
    "or",
    "or_else",
    "xor",
];

/// What an argument is, of which methods are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lent {
    Slice,
    Text,
}

impl Lent {
    /// What a reference to this type leads to.
    pub(super) fn of(element: &Type) -> Option<Self> {
        match element {
            Type::Slice(_) => Some(Self::Slice),
            Type::Path(path) if path.path.is_ident("str") => Some(Self::Text),
            Type::Paren(inner) => Self::of(&inner.elem),
            Type::Group(inner) => Self::of(&inner.elem),
            _ => None,
        }
    }
}

/// Whether what a pattern takes out of a value is surely copied, if what this is made of is as `locals` knows.
pub(super) fn are_copied(locals: &Locals, pattern: &Pat, value: &Expr) -> bool {
    // A place may hold a mutable reference: what a pattern finds behind that is lent to it.
    let takes_all = matches!(pattern, Pat::Ident(binding) if binding.subpat.is_none());
    is_copied(locals, value) && (takes_all || !is_place(value) || is_shared(locals, value))
}

/// Whether an expression names a part of something, and does not make it.
fn is_place(value: &Expr) -> bool {
    match value {
        Expr::Index(_) | Expr::Field(_) => true,
        Expr::Unary(unary) => matches!(unary.op, UnOp::Deref(_)),
        Expr::Paren(inner) => is_place(&inner.expr),
        _ => false,
    }
}

/// Whether a place lies behind a shared reference that is an argument.
fn is_shared(locals: &Locals, place: &Expr) -> bool {
    match place {
        Expr::Index(index) => is_shared(locals, &index.expr),
        Expr::Field(field) => is_shared(locals, &field.base),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => is_shared(locals, &unary.expr),
        Expr::Paren(inner) => is_shared(locals, &inner.expr),
        Expr::Path(path) => path.path.get_ident().is_some_and(|name| locals.is_reference(&name.to_string())),
        _ => false,
    }
}

/// Whether a value is surely copied.
fn is_copied(locals: &Locals, value: &Expr) -> bool {
    let of_one = |part: &Expr| is_copied(locals, part);
    match value {
        Expr::Paren(inner) => of_one(&inner.expr),
        Expr::Group(inner) => of_one(&inner.expr),
        Expr::Try(inner) => gives(locals, &inner.expr),
        Expr::Tuple(tuple) => tuple.elems.iter().all(of_one),
        Expr::Reference(reference) => reference.mutability.is_none(),
        Expr::Path(path) => path.path.get_ident().is_some_and(|name| locals.is_copied(&name.to_string())),
        Expr::MethodCall(_) => gives(locals, value),
        value => locals.is_scalar(value) || cannot_be_moved(locals, value),
    }
}

/// Whether nothing can be moved out of a place, so that what is taken out of it is copied.
fn cannot_be_moved(locals: &Locals, place: &Expr) -> bool {
    match place {
        // An element, or a part of one: a range of them has no size, and cannot be taken.
        Expr::Index(_) => true,
        Expr::Paren(inner) => cannot_be_moved(locals, &inner.expr),
        Expr::Field(field) => is_behind_reference(locals, &field.base),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => is_behind_reference(locals, &unary.expr),
        _ => false,
    }
}

/// Whether a place is, or is a part of, what an argument refers to.
fn is_behind_reference(locals: &Locals, place: &Expr) -> bool {
    match place {
        Expr::Path(path) => path.path.get_ident().is_some_and(|name| locals.is_reference(&name.to_string())),
        place => cannot_be_moved(locals, place),
    }
}

/// Whether a method gives what is copied, or an `Option` of it.
fn gives(locals: &Locals, value: &Expr) -> bool {
    let Expr::MethodCall(ExprMethodCall { receiver, method, .. }) = value else { return false };
    let is_of = |methods: &[&str]| methods.iter().any(|known| method == known);
    if let Expr::Path(path) = &**receiver
        && let Some(name) = path.path.get_ident()
        && let Some(lent) = locals.lent(&name.to_string())
    {
        return match lent {
            Lent::Slice => is_of(&OF_SLICES),
            Lent::Text => is_of(&OF_STRINGS),
        };
    }
    let is_of_letters = |letters: &Expr| match letters {
        Expr::MethodCall(call) if LETTERS.iter().any(|known| call.method == known) => {
            matches!(&*call.receiver, Expr::Path(path) if path.path.get_ident()
                .is_some_and(|name| locals.lent(&name.to_string()) == Some(Lent::Text)))
        }
        _ => false,
    };
    is_of(&ONE) && is_of_letters(receiver) || is_of(&OF_OPTIONS) && gives_option(locals, receiver)
}

/// Whether a method gives an `Option` of what is copied.
fn gives_option(locals: &Locals, value: &Expr) -> bool {
    const PLAIN: [&str; 12] = [
        "split_at",
        "as_bytes",
        "trim",
        "trim_start",
        "trim_end",
        "trim_start_matches",
        "trim_end_matches",
        "unwrap",
        "expect",
        "unwrap_or",
        "unwrap_or_else",
        "unwrap_or_default",
    ];
    let Expr::MethodCall(call) = value else { return false };
    !PLAIN.iter().any(|plain| call.method == plain) && gives(locals, value)
}

/// The names that a pattern binds, each with whether it is declared `mut` and whether it is surely copied: as what is bound is, and as its
/// place in the pattern tells.
pub(super) fn bindings(pattern: &Pat, copied: bool) -> Vec<(String, bool, bool)> {
    struct Search {
        found: Vec<(String, bool, bool)>,
        copied: bool,
    }
    impl<'ast> Visit<'ast> for Search {
        fn visit_pat_ident(&mut self, binding: &'ast syn::PatIdent) {
            let name = binding.ident.to_string();
            // A constant or a variant.
            if !name.starts_with(char::is_uppercase) || binding.mutability.is_some() || binding.by_ref.is_some() {
                let copied = self.copied && (binding.by_ref.is_none() || binding.mutability.is_none());
                self.found.push((name, binding.mutability.is_some(), copied));
            }
            visit::visit_pat_ident(self, binding);
        }
        fn visit_pat_reference(&mut self, reference: &'ast syn::PatReference) {
            // It is taken out of what is behind a reference.
            let around = self.copied;
            self.copied |= reference.mutability.is_none();
            visit::visit_pat_reference(self, reference);
            self.copied = around;
        }
        fn visit_expr(&mut self, _: &'ast Expr) {}
    }
    let mut search = Search { found: Vec::new(), copied };
    search.visit_pat(pattern);
    search.found
}
