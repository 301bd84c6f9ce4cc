//! What `#[cache]` cannot be put on. Each rule reports at the wrong token and says what to write.

use quote::ToTokens;
use syn::{ItemFn, PatType, ReturnType, Type};

use super::borrowed;
use super::form::{self, Form, Home};
use super::model::{ATTRIBUTE, Options};
use super::others;
use super::stored;
use crate::clashes;
use crate::errors::Errors;
use crate::expansion::is_same;
use crate::open;
use crate::place::Place;
use crate::signature::{self, Allowed, Argument, Wrapper};

/// All rules, in the order in which a reader meets what they are about. Returns whether there is nothing wrong.
pub(crate) fn check(function: &ItemFn, place: &Place, options: &Options, errors: &mut Errors) -> bool {
    let faults = errors.count();
    let arguments = signature::arguments(&function.sig);
    form::check(function, options, &arguments, errors);
    let form = Form::of(function, place, options, &arguments);
    // A scope is a part of the function.
    if matches!(place, Place::Trait) && function.sig.asyncness.is_none() && options.scoped.is_none() {
        place.check(&function.sig.ident, ATTRIBUTE, "table", errors);
    }
    let keyed = |declared: &PatType| is_keyed(&form, declared, &arguments);
    let mut allowed = allowed(&form, place, options, &keyed);
    if function.sig.asyncness.is_some() {
        if matches!(place, Place::TraitImpl | Place::Trait) {
            place.check(&function.sig.ident, ATTRIBUTE, "table", errors);
        }
        asynchronous(function, place, options, errors);
        allowed.receiver = allowed.receiver.map(|_| ASYNC_METHOD);
    }
    signature::check(function, ATTRIBUTE, allowed, errors);
    in_field(function, options, errors);
    named(place, options, errors);
    others::check(function, place, options, errors);
    stored::check(function, place, options, &form, errors);
    policies(function, options, errors);
    result(function, place, options, errors);
    flags_fit_result(function, options, errors);
    lent(function, options, errors);
    moved(function, options, errors);
    tables(&form, options, errors);
    lasting(function, place, options, &form, &arguments, errors);
    if options.names_handle(place) {
        clashes::check(options.name.as_ref(), function, place, ATTRIBUTE, errors);
    }
    errors.count() == faults
}

/// What can be cached in this form.
fn allowed<'a>(form: &Form, place: &Place, options: &Options, keyed: &'a dyn Fn(&PatType) -> bool) -> Allowed<'a> {
    let of_self = options.scoped.is_some()
        || options.field.is_some()
        || options.key.is_some()
        || options.skip.iter().any(|name| name == "self");
    let receiver = "is `self` part of the key? Write `#[cache(scoped)]` for a table that goes with the outermost call, `#[cache(field = memo)]` \
                    for one in a field `memo: speedup::Memo<(Args,), Ret>` that goes with `self`, `#[cache(skip(self))]` for one that all \
                    instances share because it makes no difference to the result, or `#[cache(key = |self, ..| -> .. { .. })]` for what of \
                    `self` tells results apart";
    Allowed {
        generics: true,
        self_type: match form {
            Form::Generic => true,
            Form::Context(context) => !matches!(context.home, Home::Static),
            Form::Plain | Form::Tables(_) => false,
        },
        receiver: (!of_self).then_some(receiver),
        borrows: borrowed::may(place, options),
        keyed,
    }
}

const ASYNC_METHOD: &str = "is `self` part of the key? Write `#[cache(skip(self))]` for a table that all instances share because it makes no \
                            difference to the result, `#[cache(key = |self, ..| -> .. { .. })]` for what of `self` tells results apart, or \
                            `#[cache(field = memo)]` with `self: Arc<Self>` for a table in a field `memo: speedup::AsyncMemo<(Args,), Ret>`";

/// What works for plain functions alone.
fn asynchronous(function: &ItemFn, place: &Place, options: &Options, errors: &mut Errors) {
    if let Some(word) = &options.scoped {
        errors.at(word, "an `async` call may go on when the one who began it has left, so there is no scope that it ends with: keep the values \
                         in a field, by `field = memo`, or leave `scoped` out");
    }
    if let Some(word) = &options.returns_ref {
        errors.at(word, "this is for plain functions: an `async fn` returns an `Arc` where a clone is dear");
    }
    if let (Place::Inherent { lasting: Some(_), .. }, Some(receiver)) = (place, function.sig.receiver()) {
        errors.at(
            receiver,
            "an `async` call may go on when the one who began it has left, and with it what this type borrows: let the type own that, or write \
             the function outside of the `impl`, with what it needs of `self` as arguments",
        );
        return;
    }
    if let (Some(_), Some(receiver)) = (&options.field, function.sig.receiver())
        && matches!(receiver.kind, syn::ReceiverKind::Reference(..))
    {
        errors.at(
            receiver,
            "an `async` call may go on when the one who began it has left, so it shares the value that the field is in: take `self: Arc<Self>`",
        );
    }
}

fn is_keyed(form: &Form, declared: &PatType, arguments: &[Argument]) -> bool {
    let Form::Context(context) = form else { return true };
    let at = arguments.iter().position(|argument| is_same(&argument.declared, declared));
    at.is_none_or(|at| context.keyed[at])
}

/// What bounds a cache or lets its values age.
fn policies(function: &ItemFn, options: &Options, errors: &mut Errors) {
    let policies = &options.policies;
    policies.check(errors);
    let known: Vec<String> = signature::arguments(&function.sig).iter().map(Argument::declared_name).collect();
    for input in policies.forced_by() {
        match input {
            syn::Pat::Ident(name) if known.iter().any(|known| name.ident == known) => {}
            other => errors
                .at(other, "name arguments of the function, without types: write `force_refresh = |page| page == 0`"),
        }
    }
}

/// A handle is a constant beside the function.
fn named(place: &Place, options: &Options, errors: &mut Errors) {
    if let (Some(name), Place::TraitImpl | Place::Trait) = (&options.name, place) {
        errors.at(
            name,
            "an implementation of a trait has room for its functions alone, so there is no handle to name: leave `name` out, or put \
             the attribute on a function outside of the trait, and call that from here",
        );
    }
}

/// Where there is no room for what type parameters may borrow that are in the key or the result.
fn lasting(
    function: &ItemFn,
    place: &Place,
    options: &Options,
    form: &Form,
    arguments: &[Argument],
    errors: &mut Errors,
) {
    let Form::Context(context) = form else { return };
    let keyed = arguments.iter().zip(&context.keyed).filter(|(_, keyed)| **keyed).map(|(argument, _)| argument);
    let (why, cure) = if options.scoped.is_none() {
        return;
    } else if matches!(place, Place::TraitImpl | Place::Trait) {
        ("there is no room in a trait for what that takes", "put the function outside of it, and call that from here")
    } else if options.key.is_some() {
        ("a key of its own cannot borrow", "leave `key` out")
    } else if options.policies.any() {
        ("what a bound has put out may outlive the call for a moment", "leave the bound out")
    } else if keyed.clone().any(|argument| argument.wrapper == Some(Wrapper::Bits)) {
        ("floats are no keys beside what borrows", "pass them as `to_bits()`")
    } else {
        return;
    };
    let key = options.key.as_ref().and_then(form::key_of).map(|(_, _, ty)| ty);
    let result = match &function.sig.output {
        ReturnType::Type(_, ty) => Some(ty.as_ref()),
        ReturnType::Default => None,
    };
    let kept: Vec<&Type> = keyed.map(|argument| &argument.owned).chain(&key).chain(result).collect();
    for parameter in open::certain(&function.sig.generics) {
        let name = [parameter.ident.to_string()];
        if !kept.iter().any(|ty| open::mentioned(ty, &name).is_some()) {
            continue;
        }
        let (name, bounds) = (&parameter.ident, &parameter.bounds);
        let plus = if bounds.is_empty() { "" } else { " + " };
        let bounds = bounds.to_token_stream();
        errors.at(
            parameter,
            format!("`{name}` may borrow, and is in the key or the result: {why}, so write `{name}: {bounds}{plus}'static`, or {cure}"),
        );
    }
}

fn in_field(function: &ItemFn, options: &Options, errors: &mut Errors) {
    if let Some(field) = &options.field
        && function.sig.receiver().is_none()
    {
        errors.at(
            field,
            "there is no `self` whose field this could be: give the function a `&self`, or leave `field` out",
        );
    }
}

fn result(function: &ItemFn, place: &Place, options: &Options, errors: &mut Errors) {
    let ReturnType::Type(_, ty) = &function.sig.output else {
        errors.at(&function.sig, "a cached function returns a value: write its type, such as `-> u64`");
        return;
    };
    if let Some(opaque) = signature::opaque_in(ty) {
        errors.at(
            opaque,
            "a cached result needs a type with a name: write it instead of `impl Trait`, for an iterator `Vec<..>`",
        );
        return;
    }
    let borrows = borrowed::may(place, options);
    if let (Some(_), Some(bound), false) =
        (&options.scoped, &options.policies.first, options.policies.first_of_time.is_some())
        && signature::borrow_in(ty).is_some()
    {
        errors.at(
            ty,
            format!(
                "what a scope with a bound has put out may outlive the call for a moment, so it cannot borrow: leave `{bound}` out, \
                 or return a type that owns it, such as `String` for `&str`"
            ),
        );
        return;
    }
    match ty.as_ref() {
        Type::Never(_) => {
            errors.at(ty, "a function that never returns has nothing to cache: write another result type")
        }
        Type::Reference(reference) if signature::borrowed(ty).is_some() && !borrows => {
            let element = signature::tidy(reference.elem.to_token_stream());
            let owned = match element.as_str() {
                "str" => "String".to_owned(),
                slice if slice.starts_with('[') => format!("Vec<{}>", slice.trim_matches(['[', ']'])),
                other => other.to_owned(),
            };
            errors.at(ty, format!("the cache owns its results and cannot keep a borrow: return `{owned}`"));
        }
        _ => {
            if signature::mentions_rc(ty) && !(options.scoped.is_some() && options.sequential) {
                errors.at(
                    ty,
                    "an `Rc` stays on its thread: write `#[cache(scoped, sequential)]`, or `Arc` instead of `Rc`",
                );
            }
            if let Some(inner) = signature::borrow_in(ty).filter(|_| !borrows) {
                errors.at(
                    &inner,
                    format!(
                        "the cache owns its results and cannot keep the borrow `{}`: return a type that owns it, such as \
                         `String` for `&str`",
                        signature::tidy(&inner)
                    ),
                );
            }
        }
    }
}

/// What is lent has to stay, so it is kept, whatever it is.
fn lent(function: &ItemFn, options: &Options, errors: &mut Errors) {
    let (Some(word), ReturnType::Type(_, ty)) = (&options.returns_ref, &function.sig.output) else { return };
    let flag = match signature::last_segment(ty).as_deref() {
        Some("Result") if options.cache_err.is_none() && options.move_err.is_none() => ("Err", "cache_err"),
        Some("Option") if options.cache_none.is_none() => ("None", "cache_none"),
        _ => return,
    };
    let (what, flag) = flag;
    errors.at(word, format!("what is lent stays for ever, so `{what}` does, too: write `returns = ref, {flag}`"));
}

/// Errors are moved out of what is kept for a moment, by a function that can ask once more.
fn moved(function: &ItemFn, options: &Options, errors: &mut Errors) {
    let (Some(word), ReturnType::Type(_, ty)) = (&options.move_err, &function.sig.output) else { return };
    let option = signature::last_segment(ty).as_deref() == Some("Option");
    if option || signature::is_primitive(ty) || !matches!(ty.as_ref(), Type::Path(_) | Type::Macro(_)) {
        errors.at(word, "there is no error to move: this is for results of type `Result`");
    }
}

/// `tables` where there is but one.
fn tables(form: &Form, options: &Options, errors: &mut Errors) {
    if let (Some((word, _)), false) = (&options.tables, matches!(form, Form::Tables(_))) {
        errors.at(
            word,
            "this is for functions with a table for each set of the arguments that all of their calls of themselves pass on unchanged, and \
             this is none: remove `tables`",
        );
    }
}

/// `cache_err` and `cache_none` on a result that is certainly neither.
fn flags_fit_result(function: &ItemFn, options: &Options, errors: &mut Errors) {
    let ReturnType::Type(_, ty) = &function.sig.output else { return };
    let last = signature::last_segment(ty);
    let plain = signature::is_primitive(ty) || !matches!(ty.as_ref(), Type::Path(_) | Type::Macro(_));
    if let Some(flag) = options.policies.stale_on_err.as_ref().filter(|_| plain || last.as_deref() == Some("Option")) {
        let result = signature::tidy(ty);
        errors.at(
            flag,
            format!("`{flag}` is for results of type `Result`, and this function returns `{result}`: remove it"),
        );
    }
    for (flag, wanted, other, other_flag) in
        [(&options.cache_err, "Result", "Option", "cache_none"), (&options.cache_none, "Option", "Result", "cache_err")]
    {
        let Some(flag) = flag else { continue };
        if last.as_deref() == Some(other) {
            errors.at(
                flag,
                format!("`{flag}` is for results of type `{wanted}`, and this function returns `{other}`: write `{other_flag}`"),
            );
        } else if plain {
            errors.at(
                flag,
                format!(
                    "`{flag}` is for results of type `{wanted}`, and this function returns `{}`: remove it",
                    signature::tidy(ty)
                ),
            );
        }
    }
}
