//! The options of results that outlive the process: what they say, and what they go with.

use proc_macro2::Ident;
use syn::{Expr, ExprLit, ItemFn, Lit, ReturnType};

use super::form::{self, Form, Home};
use super::model::Options;
use crate::errors::Errors;
use crate::place::Place;
use crate::signature;

pub(super) const ON_ERROR: &str = "on_store_error = \"fail\"";
const VERSION: &str = "write `version = 2`, or `version = \"stable\"` for results that stay when the source changes";

/// Where results outlive the process, and what becomes of old ones.
#[derive(Default)]
pub(crate) struct Stored {
    /// The option that says so.
    pub(crate) key: Option<Ident>,
    pub(crate) place: Option<Store>,
    pub(crate) version: Option<(Ident, String)>,
    /// The function fails where its store does.
    pub(crate) fails: Option<Ident>,
}

/// Where results go.
pub(crate) enum Store {
    /// To a folder, the usual one if there is none.
    Disk(Option<Expr>),
    /// To what this expression makes.
    Made(Expr),
}

impl Stored {
    pub(crate) fn disk(&mut self, key: Ident, location: Option<Expr>) {
        self.place = Some(Store::Disk(location));
        self.key = Some(key);
    }

    pub(crate) fn store(&mut self, key: Ident, made: Expr) {
        self.place = Some(Store::Made(made));
        self.key = Some(key);
    }

    pub(crate) fn version(&mut self, key: Ident, value: Expr, errors: &mut Errors) {
        match &value {
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
                self.version = Some((key, number.base10_digits().to_owned()));
            }
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value() == "stable" => {
                self.version = Some((key, "stable".to_owned()));
            }
            other => errors.at(other, VERSION),
        }
    }

    pub(crate) fn on_error(&mut self, key: Ident, value: &Expr, errors: &mut Errors) {
        match value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value() == "fail" => self.fails = Some(key),
            other => errors.at(
                other,
                format!("write `{ON_ERROR}`, or leave it out: then the function computes where its store fails"),
            ),
        }
    }

    /// Whether results outlive the process.
    pub(crate) fn is_on(&self) -> bool {
        self.place.is_some()
    }

    /// The version by which results on disk go, given the fingerprint of the source.
    pub(crate) fn version_of(&self, fingerprint: &str) -> String {
        match &self.version {
            None => fingerprint.to_owned(),
            Some((_, version)) if version == "stable" => version.clone(),
            Some((_, version)) => format!("{version} {fingerprint}"),
        }
    }
}

/// What these options do not go with.
pub(super) fn check(function: &ItemFn, place: &Place, options: &Options, form: &Form, errors: &mut Errors) {
    let stored = &options.stored;
    let Some(key) = &stored.key else { return };
    let in_trait = matches!(place, Place::TraitImpl | Place::Trait);
    let is_context_of_types = matches!(form, Form::Context(context) if matches!(context.home, Home::Types));
    if in_trait || (is_context_of_types && form::is_generic(function, place)) {
        errors.at(
            key,
            format!("`{key}` needs a function of its own: move the work into one outside of the trait, whose arguments are the whole key"),
        );
    }
    let ReturnType::Type(_, ty) = &function.sig.output else { return };
    if let Some(fails) = &stored.fails
        && signature::last_segment(ty).as_deref() != Some("Result")
    {
        errors.at(
            fails,
            format!("`{fails}` is for functions that return a `Result` whose error is `From<speedup::store::Error>`: leave it out, and the function computes where its store fails"),
        );
    }
}
