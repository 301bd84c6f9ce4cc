//! Which form an invocation takes: where the values are, and what is part of the key.

use proc_macro2::Ident;
use syn::{Expr, ExprClosure, GenericParam, ItemFn, Type};

use super::itself;
use super::model::Options;
use super::steady;
use crate::errors::Errors;
use crate::expansion::Field;
use crate::place::Place;
use crate::signature::{self, Argument, Pass};

/// Where the values of a function are.
pub(crate) enum Form {
    /// In a static.
    Plain,
    /// In one table for each set of the arguments that all recursive calls pass on, which these are.
    Tables(Vec<bool>),
    /// One static for each set of types.
    Generic,
    /// The body gets more than the key.
    Context(Box<Context>),
}

/// A function whose body gets more than its key.
pub(crate) struct Context {
    pub(crate) home: Home,
    /// For each argument, whether it is part of the key; what is not, the body gets as it is.
    pub(crate) keyed: Vec<bool>,
    /// What the key is instead, with its type.
    pub(crate) key: Option<(Expr, Type)>,
}

/// Where the values are that a function with context has.
pub(crate) enum Home {
    /// In a table that the outermost call makes.
    Scope,
    /// In this field of `self`.
    Field(Field),
    /// In a static, under the handle's name.
    Static,
    /// In a static for each set of types; in a trait, where there is room for no handle, for each implementation.
    Types,
}

impl Form {
    fn context(home: Home, keyed: Vec<bool>, key: Option<(Expr, Type)>) -> Form {
        Form::Context(Box::new(Context { home, keyed, key }))
    }

    /// For each argument, whether it is a slice or string of which recursive calls may pass on a part; none where others vary by which a
    /// call cannot be told at the price of a number.
    pub(crate) fn spans(&self, function: &ItemFn, arguments: &[Argument]) -> Vec<bool> {
        let none = vec![false; arguments.len()];
        let steady = match self {
            Form::Plain => &none,
            Form::Tables(steady) => steady,
            Form::Generic | Form::Context(_) => return none,
        };
        if function.sig.asyncness.is_some() || !itself::calls_itself(function) {
            return none;
        }
        let stretch =
            |argument: &Argument| signature::borrowed(&argument.declared.ty).is_some_and(signature::is_stretch);
        let each = arguments.iter().zip(steady);
        if each.clone().any(|(argument, steady)| !steady && !stretch(argument) && argument.pass != Pass::Copy) {
            return none;
        }
        each.map(|(argument, steady)| !steady && stretch(argument)).collect()
    }

    /// The form of a function with these options.
    pub(crate) fn of(function: &ItemFn, place: &Place, options: &Options, arguments: &[Argument]) -> Form {
        let asynchronous = function.sig.asyncness.is_some();
        let all = |keyed: bool| vec![keyed; arguments.len()];
        let generic = is_generic(function, place);
        let home = if options.scoped.is_some() {
            Home::Scope
        } else if let Some(field) = &options.field {
            Home::Field(field.clone())
        } else if generic || matches!(place, Place::TraitImpl | Place::Trait) {
            Home::Types
        } else {
            Home::Static
        };
        let skipped = |argument: &Argument| options.skip.iter().any(|name| *name == argument.declared_name());
        if let Some((_, value, ty)) = options.key.as_ref().and_then(key_of) {
            return Form::context(home, all(false), Some((value, ty)));
        }
        match home {
            Home::Scope if !asynchronous => {
                let steady = steady::kept_by_all(function, arguments);
                let keyed = steady.iter().zip(arguments).map(|(steady, argument)| !steady && !skipped(argument));
                Form::context(home, keyed.collect(), None)
            }
            Home::Static if asynchronous && !options.skips() && function.sig.receiver().is_none() => Form::Plain,
            // A store knows results by all arguments.
            Home::Static if !options.skips() && options.stored.is_on() => Form::Plain,
            // One queue and one set of ages for all of them.
            Home::Static if !options.skips() && options.policies.any() => Form::Plain,
            Home::Static if !options.skips() && !asynchronous => match steady::passed_on(function, arguments) {
                steady if steady.contains(&true) => Form::Tables(steady),
                _ => Form::Plain,
            },
            Home::Types if !options.skips() && generic && !matches!(place, Place::TraitImpl | Place::Trait) => {
                Form::Generic
            }
            home => {
                let keyed = arguments.iter().map(|argument| !skipped(argument)).collect();
                Form::context(home, keyed, None)
            }
        }
    }
}

/// Whether there is a function for each set of types.
pub(crate) fn is_generic(function: &ItemFn, place: &Place) -> bool {
    let own = function.sig.generics.params.iter().any(|parameter| !matches!(parameter, GenericParam::Lifetime(_)));
    own || matches!(place, Place::Inherent { generic: true, .. })
}

/// What a `key = |user, page| -> (u64, u32) { .. }` says: names, value and type.
pub(crate) fn key_of(closure: &ExprClosure) -> Option<(Vec<Ident>, Expr, Type)> {
    let syn::ReturnType::Type(_, ty) = &closure.output else { return None };
    let names = closure.inputs.iter().filter_map(|input| match input {
        syn::Pat::Ident(name) => Some(name.ident.clone()),
        _ => None,
    });
    Some((names.collect(), closure.body.as_ref().clone(), ty.as_ref().clone()))
}

/// Faults of the options that are about single arguments.
pub(crate) fn check(function: &ItemFn, options: &Options, arguments: &[Argument], errors: &mut Errors) {
    let mut known: Vec<String> = arguments.iter().map(Argument::declared_name).collect();
    if function.sig.receiver().is_some() {
        known.push("self".to_owned());
    }
    let list = || known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let unknown = |name: &Ident, errors: &mut Errors| {
        if !known.iter().any(|known| name == known) {
            errors.at(name, format!("`{name}` is no argument of this function: its arguments are {}", list()));
        }
    };
    for name in &options.skip {
        unknown(name, errors);
    }
    let Some(closure) = &options.key else { return };
    if matches!(closure.output, syn::ReturnType::Default) {
        errors.at(
            closure.inputs_end,
            "say what the key is, with its type: write `key = |user, page| -> (u64, u32) { (user.id, page) }`",
        );
    }
    for input in &closure.inputs {
        match input {
            syn::Pat::Ident(name) => unknown(&name.ident, errors),
            other => errors.at(
                other,
                "name the arguments as the function does, without patterns and types: write `key = |user, page| -> ..`",
            ),
        }
    }
}
