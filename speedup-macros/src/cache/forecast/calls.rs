//! Which expressions call the function itself, or another one that takes part.

use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, ExprPath, ItemFn, Path, UseTree};

use super::methods;
use crate::expansion::{is_same, ungrouped};
use crate::place::Place;

/// The ways in which a body can name the functions that take part. The function itself is the first.
#[derive(Clone)]
pub(in crate::cache) struct Calls {
    name: String,
    arguments: usize,
    /// `Self::name(..)`, and the type's own name where it is known; otherwise the bare name.
    types: Option<Vec<String>>,
    /// The body gives the bare name another meaning, or may do so.
    shadowed: bool,
    others: Vec<Path>,
}

impl Calls {
    /// Reads off `function` how its body can call it.
    pub(in crate::cache) fn new(function: &ItemFn, place: &Place, others: Vec<Path>) -> Calls {
        let types = match place {
            Place::Inherent { ty, .. } => Some(["Self".to_owned()].into_iter().chain(ty.clone()).collect()),
            Place::TraitImpl => Some(vec!["Self".to_owned()]),
            Place::Free | Place::Trait => None,
        };
        let name = function.sig.ident.to_string();
        let shadowed = is_shadowed(&name, function);
        let arguments = function.sig.inputs.iter().filter(|input| matches!(input, syn::FnArg::Typed(_))).count();
        Calls { name, arguments, types, shadowed, others }
    }

    /// Which of the functions that take part is called.
    pub(in crate::cache) fn callee(&self, call: &ExprCall) -> Option<usize> {
        let named = self.named(&call.func)?;
        (call.attrs.is_empty() && (named > 0 || call.args.len() == self.arguments)).then_some(named)
    }

    /// Whether the function itself is called as a method of `self`.
    pub(in crate::cache) fn is_method(&self, call: &ExprMethodCall) -> bool {
        matches!(&*call.receiver, Expr::Path(receiver) if receiver.path.is_ident("self"))
            && call.method == self.name
            && call.turbofish.is_none()
            && call.args.len() == self.arguments
    }

    /// Which of the functions that take part is named.
    pub(super) fn named(&self, function: &Expr) -> Option<usize> {
        let Expr::Path(ExprPath { qself: None, path, attrs }) = ungrouped(function) else { return None };
        if !attrs.is_empty() {
            return None;
        }
        if self.is_own(path) {
            return Some(0);
        }
        self.others.iter().position(|other| is_same(other, path)).map(|position| position + 1)
    }

    /// How many arguments the function itself takes.
    pub(super) fn arguments(&self) -> usize {
        self.arguments
    }

    /// Whether a path is one by which the body calls the function itself.
    pub(in crate::cache) fn is_own(&self, path: &Path) -> bool {
        let mut segments = path.segments.iter();
        if path.leading_colon.is_some() {
            return false;
        }
        if methods::is_method(path, &self.name) {
            return true;
        }
        match (&self.types, segments.next(), segments.next(), segments.next()) {
            (None, Some(name), None, None) => !self.shadowed && name.arguments.is_none() && name.ident == self.name,
            (Some(types), Some(ty), Some(name), None) => {
                types.iter().any(|known| ty.ident == known) && name.arguments.is_none() && name.ident == self.name
            }
            _ => false,
        }
    }
}

/// Does a local variable, an argument or an inner item have the function's name, or may an import?
fn is_shadowed(name: &str, function: &ItemFn) -> bool {
    struct Search<'a> {
        name: &'a str,
        found: bool,
    }
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_pat_ident(&mut self, binding: &'ast syn::PatIdent) {
            self.found |= binding.ident == self.name;
            visit::visit_pat_ident(self, binding);
        }
        fn visit_item_fn(&mut self, inner: &'ast ItemFn) {
            self.found |= inner.sig.ident == self.name;
        }
        fn visit_item_const(&mut self, inner: &'ast syn::ItemConst) {
            self.found |= inner.ident == self.name;
        }
        fn visit_item_static(&mut self, inner: &'ast syn::ItemStatic) {
            self.found |= inner.ident == self.name;
        }
        fn visit_use_tree(&mut self, tree: &'ast UseTree) {
            self.found |= match tree {
                UseTree::Name(used) => used.ident == self.name,
                UseTree::Rename(used) => used.rename == self.name,
                // Who knows what it brings.
                UseTree::Glob(_) => true,
                UseTree::Path(_) | UseTree::Group(_) => false,
            };
            visit::visit_use_tree(self, tree);
        }
    }
    let mut search = Search { name, found: false };
    for input in &function.sig.inputs {
        search.visit_fn_arg(input);
    }
    search.visit_block(&function.block);
    search.found
}
