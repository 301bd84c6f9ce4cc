//! Names of the user's that the handle's would clash with. Each fault is reported at that name, and says how to name the handle.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::{Item, ItemFn, PatIdent};

use crate::errors::Errors;
use crate::expansion;
use crate::place::{self, Place};

/// Reports what clashes with the handle of `function`, whose name is `given` or made of the function's. `attribute` is ours as it is
/// written, `` `#[cache]` ``.
pub(crate) fn check(given: Option<&Ident>, function: &ItemFn, place: &Place, attribute: &str, errors: &mut Errors) {
    let name = &function.sig.ident;
    let handle = given.cloned().unwrap_or_else(|| expansion::handle_name(name));
    let other = other_name(&handle);
    let write = format!("{}(name = {other})]`", attribute.trim_end_matches("]`"));
    if handle == *name {
        let message = match given {
            Some(_) => format!("`{handle}` is the function itself: give the handle another name, such as `{other}`"),
            None => format!("the handle would have the name of its function, `{handle}`: give it another, {write}"),
        };
        errors.at(given.unwrap_or(name), message);
        return;
    }
    // In an `impl` the handle is `Self::X`, and meets nobody in a body.
    if *place == Place::Free {
        for binding in bindings(&handle, function) {
            errors.at(
                &binding,
                format!(
                    "`{handle}` is the handle of `{name}`, and no variable can have the name of a constant: rename it, or the \
                     handle, {write}"
                ),
            );
        }
    }
    if place::has_neighbour(name, &handle) {
        errors.at(
            given.unwrap_or(name),
            format!("there is a constant `{handle}` already, which is what the handle would be called: write {write}"),
        );
    }
}

/// Whether any of that clashes with a handle of this name.
pub(crate) fn is_taken(handle: &Ident, function: &ItemFn, place: &Place) -> bool {
    let binds = *place == Place::Free && !bindings(handle, function).is_empty();
    *handle == function.sig.ident || binds || place::has_neighbour(&function.sig.ident, handle)
}

/// A name for the handle that is not this one: `LIMIT_CACHE`.
fn other_name(handle: &Ident) -> String {
    let upper = expansion::handle_name(handle).to_string();
    if *handle == upper { format!("{upper}_CACHE") } else { upper }
}

/// The variables of a function, its arguments among them, that have this name.
fn bindings(handle: &Ident, function: &ItemFn) -> Vec<Ident> {
    struct Search<'a>(&'a Ident, Vec<Ident>);
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_pat_ident(&mut self, binding: &'ast PatIdent) {
            if binding.ident == *self.0 {
                self.1.push(binding.ident.clone());
            }
            visit::visit_pat_ident(self, binding);
        }
        fn visit_item(&mut self, _: &'ast Item) {}
    }
    let mut search = Search(handle, Vec::new());
    search.visit_signature(&function.sig);
    search.visit_block(&function.block);
    search.1
}
