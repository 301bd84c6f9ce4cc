//! What `#[buffer]` cannot be put on. Each rule reports at the wrong token and says what to write.

use syn::{Expr, FnArg, ItemFn, ReturnType, Type, TypeParamBound};

use super::model::{ATTRIBUTE, Form, Options, Wrapper};
use crate::clashes;
use crate::errors::Errors;
use crate::place::Place;
use crate::signature::{self, Allowed};

/// All rules, in the order in which a reader meets what they are about.
pub(crate) fn check(function: &ItemFn, place: &Place, form: &Form, options: &Options, errors: &mut Errors) {
    place.check(&function.sig.ident, ATTRIBUTE, "buffer", errors);
    let receiver = "`#[buffer]` cannot take `self`, its value is no part of the key: write a function without `self` that takes what it \
                    needs, and call it as `Self::name(self.field)`";
    let allowed =
        Allowed { generics: false, self_type: false, receiver: Some(receiver), borrows: false, keyed: &|_| true };
    signature::check(function, ATTRIBUTE, allowed, errors);
    is_rust(function, errors);
    is_not_async(function, errors);
    parameters(function, options, errors);
    on_disk(function, options, errors);
    body_and_type_agree(function, form, errors);
    wrapper_can_return(function, form, errors);
    values_are_owned(form, errors);
    stop_on_err_has_errors(form, options, errors);
    halt_is_a_condition(options, errors);
    clashes::check(options.name.as_ref(), function, place, ATTRIBUTE, errors);
}

/// Other languages have no iterators.
fn is_rust(function: &ItemFn, errors: &mut Errors) {
    if let Some(abi) = &function.sig.abi {
        errors.at(
            abi,
            "`#[buffer]` goes on a Rust function: remove `extern`, and read the buffer in an `extern` function",
        );
    }
}

fn is_not_async(function: &ItemFn, errors: &mut Errors) {
    if let Some(asyncness) = &function.sig.asyncness {
        errors.at(
            asyncness,
            format!(
                "{ATTRIBUTE} does not support `async fn` yet: put it on a plain `fn` and call that from async code"
            ),
        );
    }
}

/// A generator outlives its call.
fn parameters(function: &ItemFn, options: &Options, errors: &mut Errors) {
    let mut typed = function.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(declared) => Some(declared),
        FnArg::Receiver(_) => None,
    });
    for declared in typed.clone() {
        if let Some(element) = signature::borrowed(&declared.ty)
            && !matches!(declared.ty.as_ref(), Type::Reference(reference) if reference.mutability.is_some())
        {
            let owned = signature::tidy(signature::owned_form(element))
                .replace("::std::string::", "")
                .replace("::std::vec::", "");
            errors.at(
                &declared.ty,
                format!("a generator runs on after its call and cannot borrow: take an owned value, `{owned}`"),
            );
        }
    }
    if let (Some((keep, _)), Some(_)) = (&options.keep, typed.next()) {
        errors.at(
            keep,
            "`keep` and parameters exclude each other, a window has one generator: remove `keep` or the parameters",
        );
    }
}

/// A list holds the values of one generator.
fn on_disk(function: &ItemFn, options: &Options, errors: &mut Errors) {
    if let (Some((resume, _)), None) = (&options.resume, &options.disk) {
        errors.at(resume, "`resume` goes on behind values on disk: write `disk = \"name\"`, too");
    }
    if let (Some((disk, _)), false) = (&options.disk, function.sig.inputs.is_empty()) {
        errors.at(
            disk,
            "`disk` and parameters exclude each other, a list holds the values of one generator: remove `disk` or the parameters",
        );
    }
}

fn body_and_type_agree(function: &ItemFn, form: &Form, errors: &mut Errors) {
    let ReturnType::Type(_, declared) = &function.sig.output else {
        errors.at(
            &function.sig,
            "a buffer needs the type of its values: write `-> impl Iterator<Item = T>` and return an iterator, or `-> T` \
             and hand out values with `yield_!(value)`",
        );
        return;
    };
    match form {
        Form::Unclear => errors.at(
            declared,
            format!(
                "this body has no `yield_!` and returns no iterator: write `-> impl Iterator<Item = {}>` and return an \
                 iterator, or hand out values with `yield_!(value)`",
                value_type(declared)
            ),
        ),
        Form::Yields { item: Type::ImplTrait(_) } => errors.at(
            declared,
            "with `yield_!` the declared type is that of one value: write `-> T` instead of `-> impl Iterator<Item = T>`",
        ),
        Form::Yields { item: Type::Never(_) } => {
            errors.at(declared, "with `yield_!` the declared type is that of one value: write it instead of `!`");
        }
        Form::Yields { .. } | Form::Iterator { .. } => {}
    }
}

fn value_type(declared: &Type) -> String {
    match declared {
        Type::ImplTrait(_) | Type::Never(_) => "T".to_owned(),
        other => signature::tidy(other),
    }
}

/// The wrapper reads the buffer from the front, and can be no more than that.
fn wrapper_can_return(function: &ItemFn, form: &Form, errors: &mut Errors) {
    let ReturnType::Type(_, declared) = &function.sig.output else { return };
    match (form, declared.as_ref()) {
        (Form::Iterator { wrapper: Wrapper::AsDeclared, .. }, Type::ImplTrait(opaque)) => {
            for bound in &opaque.bounds {
                if let TypeParamBound::Trait(bound) = bound
                    && let Some(last) = bound.path.segments.last()
                    && (last.ident == "DoubleEndedIterator" || last.ident == "ExactSizeIterator")
                {
                    errors.at(
                        &bound.path,
                        format!(
                            "the values of a buffer are read from the front: write `Iterator` instead of `{}`",
                            last.ident
                        ),
                    );
                }
            }
        }
        (Form::Iterator { wrapper: Wrapper::Boxed, .. }, declared) => {
            let text = signature::tidy(declared);
            if !text.contains("Send") {
                errors.at(declared, "a generator moves between threads: write `Box<dyn Iterator<Item = T> + Send>`");
            }
        }
        _ => {}
    }
}

fn values_are_owned(form: &Form, errors: &mut Errors) {
    match form.item() {
        // With `yield_!`, an opaque type as such was reported as the type of the whole.
        Some(Type::ImplTrait(_)) if matches!(form, Form::Yields { .. }) => {}
        Some(item) if signature::opaque_in(item).is_some() => {
            errors.at(item, "a buffer needs the type of its values: write it instead of `impl Trait`");
        }
        Some(item) => {
            if let Some(inner) = signature::borrow_in(item) {
                errors.at(
                    &inner,
                    format!(
                        "a buffer keeps its values and cannot hold the borrow `{}`: hand out values that own what they hold, \
                         such as `String` for `&str`",
                        signature::tidy(&inner)
                    ),
                );
            }
        }
        None => {}
    }
}

fn stop_on_err_has_errors(form: &Form, options: &Options, errors: &mut Errors) {
    let (Some(flag), Some(item)) = (&options.stop_on_err, form.item()) else { return };
    let name = signature::last_segment(item);
    if signature::is_primitive(item) || matches!(name.as_deref(), Some("Option" | "String" | "Vec")) {
        errors.at(
            flag,
            format!(
                "`stop_on_err` is for values of type `Result`, and these are `{}`: remove it",
                signature::tidy(item)
            ),
        );
    }
}

/// A condition is called with three arguments; other things are for the compiler to refuse.
fn halt_is_a_condition(options: &Options, errors: &mut Errors) {
    match &options.halt {
        Some(Expr::Closure(closure)) if closure.inputs.len() != 3 => errors.at(
            closure,
            "the condition is called with the buffer, the item and the number of attempts: write `|buffer, item, attempts| ..`",
        ),
        Some(other @ (Expr::Lit(_) | Expr::Unary(_) | Expr::Tuple(_) | Expr::Range(_))) => errors.at(
            other,
            "`halt` says when a search may stop: write `AbsNonDecreasing`, `Attempts(5)` or `|buffer, item, attempts| ..`",
        ),
        _ => {}
    }
}
