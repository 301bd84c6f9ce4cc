//! What neither attribute can be put on. Each rule reports at the wrong token and says what to write.

use syn::visit::Visit;
use syn::{FnArg, GenericParam, ItemFn, PatType, ReceiverKind, ReturnType, Safety, Signature, Type};

use super::types::{borrow_in, borrowed, opaque_in, tidy, unnamed_borrow_in};
use crate::errors::Errors;

/// A key is a tuple, and tuples have what a key needs up to this length.
const MOST_ARGUMENTS: usize = 12;

/// What an invocation can do with a signature.
#[derive(Clone, Copy)]
pub(crate) struct Allowed<'a> {
    /// Type and const parameters.
    pub(crate) generics: bool,
    /// `Self` in the types of the arguments and the result.
    pub(crate) self_type: bool,
    /// What to say of a `self`, if it is refused.
    pub(crate) receiver: Option<&'a str>,
    /// Lifetimes with a name in what the key is made of.
    pub(crate) borrows: bool,
    /// Whether this argument is a part of the key.
    pub(crate) keyed: &'a dyn Fn(&PatType) -> bool,
}

/// Reports what neither attribute can be put on. `attribute` is its name as written, such as `#[cache]`.
pub(crate) fn check(function: &ItemFn, attribute: &str, allowed: Allowed<'_>, errors: &mut Errors) {
    let signature = &function.sig;
    qualifiers(function, attribute, errors);
    if !allowed.generics {
        generics(signature, attribute, errors);
    }
    for input in &signature.inputs {
        match (input, allowed.receiver) {
            (FnArg::Receiver(receiver), Some(message)) => errors.at(receiver, message),
            (FnArg::Receiver(receiver), None) => changing_receiver(receiver, errors),
            (FnArg::Typed(declared), _) if (allowed.keyed)(declared) => argument(declared, allowed.borrows, errors),
            (FnArg::Typed(declared), _) => passed_on(declared, errors),
        }
    }
    number_of_arguments(signature, errors);
    if !allowed.self_type {
        self_in_signature(signature, errors);
    }
}

fn changing_receiver(receiver: &syn::Receiver, errors: &mut Errors) {
    let changes = match &receiver.kind {
        ReceiverKind::Reference(_, _, changes) => changes.is_some(),
        ReceiverKind::Typed(_, ty) => {
            matches!(ty.as_ref(), Type::Reference(reference) if reference.mutability.is_some())
        }
        _ => false,
    };
    if changes {
        errors.at(
            receiver,
            "a cached method cannot change `self`, since a call that finds its value does nothing: take `&self`, and change what is to \
             be changed in a method that calls this one",
        );
    }
}

/// An argument that is no part of the key.
fn passed_on(declared: &PatType, errors: &mut Errors) {
    if let Type::Reference(reference) = declared.ty.as_ref()
        && reference.mutability.is_some()
    {
        errors.at(
            &declared.ty,
            "what a cached call passes on is shared with other threads: take `&` instead of `&mut`, or return what changes",
        );
    }
}

fn number_of_arguments(signature: &Signature, errors: &mut Errors) {
    if let Some(extra) = signature.inputs.iter().nth(MOST_ARGUMENTS) {
        errors.at(
            extra,
            format!("a key has at most {MOST_ARGUMENTS} arguments: put some of them into a struct that derives `Hash` and `Eq`"),
        );
    }
}

fn qualifiers(function: &ItemFn, attribute: &str, errors: &mut Errors) {
    let signature = &function.sig;
    if let Some(default) = &function.modifiers.defaultness {
        errors.at(default, format!("{attribute} does not work on a `default fn`: put it on a plain `fn`"));
    }
    if let Some(constness) = &signature.constness {
        errors.at(
            constness,
            format!("{attribute} does not work on a `const fn`, it runs code at run time: remove `const`"),
        );
    }
    match &signature.safety {
        Safety::Unsafe(token) => errors.at(
            token,
            format!(
                "{attribute} calls the function by itself and cannot keep an unsafe contract: put it on a safe function, which calls \
                 this one where the contract holds"
            ),
        ),
        Safety::Safe(token) => errors.at(token, format!("{attribute} goes on a plain `fn`: remove `safe`")),
        Safety::Default => {}
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(variadic, format!("{attribute} needs a fixed list of arguments: remove `...`"));
    }
}

fn generics(signature: &Signature, attribute: &str, errors: &mut Errors) {
    for parameter in &signature.generics.params {
        match parameter {
            GenericParam::Type(parameter) => errors.at(
                parameter,
                format!(
                    "{attribute} needs one type for each argument and the result: write a concrete type for `{}`, \
                     and one function for each type that is needed",
                    parameter.ident
                ),
            ),
            GenericParam::Const(parameter) => {
                errors.at(parameter, format!("{attribute} needs one function: make `{}` an argument", parameter.ident))
            }
            GenericParam::Lifetime(_) => {}
        }
    }
}

fn argument(declared: &PatType, borrows: bool, errors: &mut Errors) {
    if let Some(conditional) = declared.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
        errors.at(conditional, "an argument that is there only sometimes changes the key: write two functions instead");
    }
    let ty = declared.ty.as_ref();
    if let Some(opaque) = opaque_in(ty) {
        errors.at(opaque, "the key needs a type with a name: write a concrete type instead of `impl Trait`");
        return;
    }
    match ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            let element = &reference.elem;
            let element = tidy(element);
            errors.at(
                ty,
                format!(
                    "a `&mut` argument can change and so is no key: take `{element}` by value and return what changes"
                ),
            );
        }
        Type::Slice(_) => errors.at(ty, "a slice argument needs a reference: write `&[T]`"),
        Type::Infer(_) => errors.at(ty, "write the type of the argument"),
        _ => {
            let element = borrowed(ty).unwrap_or(ty);
            if borrows {
                if let Some(inner) = unnamed_borrow_in(element) {
                    let inner = tidy(&inner);
                    errors.at(
                        ty,
                        format!(
                            "the key keeps `{inner}` for as long as the call lasts: give its lifetime a name, as in \
                             `fn f<'a>(words: &'a [&'a str], last: Option<&'a str>)`"
                        ),
                    );
                }
            } else if let Some(inner) = borrow_in(element) {
                errors.at(
                    &inner,
                    format!(
                        "the key owns its values, and cannot own `{}` inside of another type: write a type that owns \
                         it, such as `String` for `&str`",
                        tidy(&inner)
                    ),
                );
            } else if let Type::TraitObject(object) = element {
                errors.at(object, "a trait object cannot be part of a key: write a concrete type");
            }
        }
    }
}

/// `Self` cannot be named by the static that holds the state.
fn self_in_signature(signature: &Signature, errors: &mut Errors) {
    struct Search<'e>(&'e mut Errors);
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            if let Some(first) = path.segments.first().filter(|segment| segment.ident == "Self") {
                self.0.at(&first.ident, "write the type's name instead of `Self` in the arguments and the result");
            }
            syn::visit::visit_path(self, path);
        }
    }
    let mut search = Search(errors);
    for input in &signature.inputs {
        if let FnArg::Typed(declared) = input {
            search.visit_type(&declared.ty);
        }
    }
    if let ReturnType::Type(_, ty) = &signature.output {
        search.visit_type(ty);
    }
}
