//! What an invocation of `#[buffer]` says.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{
    Block, Expr, ExprClosure, GenericArgument, ItemFn, Meta, Path, PathArguments, ReturnType, Type, TypeParamBound,
    parse_quote, parse_quote_spanned,
};

use super::{prompt, yields};
use crate::attributes::Attributes;
use crate::errors::Errors;
use crate::expansion;
use crate::options::{self, Conflict, Given, Known, Takes, Vocabulary};
use crate::place::Place;
use crate::root;
use crate::signature::{self, Argument};

/// The attribute as messages name it.
pub(crate) const ATTRIBUTE: &str = "`#[buffer]`";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opt {
    Crate,
    Name,
    Size,
    Halt,
    Max,
    Keep,
    StopOnErr,
    Lend,
    Batches,
    Disk,
    Resume,
}

const TABLE: &[Known<Opt>] = &[
    Known { option: Opt::Size, name: "size", takes: Takes::Value("size = 16") },
    Known { option: Opt::Halt, name: "halt", takes: Takes::Value("halt = |buffer, item, attempts| attempts > 100") },
    Known { option: Opt::Name, name: "name", takes: Takes::Value("name = VALUES") },
    Known { option: Opt::Max, name: "max", takes: Takes::Value("max = 1_000_000") },
    Known { option: Opt::Keep, name: "keep", takes: Takes::Value("keep = 1_000") },
    Known { option: Opt::StopOnErr, name: "stop_on_err", takes: Takes::Nothing },
    Known { option: Opt::Lend, name: "lend", takes: Takes::Nothing },
    Known { option: Opt::Batches, name: "batches", takes: Takes::Nothing },
    Known { option: Opt::Crate, name: "crate", takes: Takes::Value("crate = my::speedup") },
    Known { option: Opt::Disk, name: "disk", takes: Takes::Value("disk = \"name\"") },
    Known { option: Opt::Resume, name: "resume", takes: Takes::Value("resume = |last| (last + 1)..") },
];

const CONFLICTS: &[Conflict<Opt>] = &[
    Conflict {
        these: &[Opt::Keep],
        those: &[Opt::Halt],
        why: "a window forgets its values and cannot be searched",
        cure: "leave one of them out",
    },
    Conflict {
        these: &[Opt::Keep],
        those: &[Opt::Lend],
        why: "a window forgets its values and cannot lend them",
        cure: "leave one of them out",
    },
    Conflict {
        these: &[Opt::Keep],
        those: &[Opt::Max],
        why: "a window never holds more than it keeps",
        cure: "leave `max` out",
    },
];

const VOCABULARY: Vocabulary<Opt> =
    Vocabulary { table: TABLE, conflicts: CONFLICTS, needs: &[], foreign: &[], number: "size" };

/// The options of an invocation.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<Ident>,
    /// Where the crate is, if not at `::speedup`.
    pub(crate) root: Option<Path>,
    pub(crate) size: Option<Expr>,
    pub(crate) max: Option<Expr>,
    pub(crate) halt: Option<Expr>,
    /// With its key, since it also excludes parameters.
    pub(crate) keep: Option<(Ident, Expr)>,
    pub(crate) stop_on_err: Option<Ident>,
    /// The function lends the values instead of giving clones.
    pub(crate) lend: bool,
    /// No value waits for what a reader does.
    pub(crate) batches: bool,
    /// The list on disk to which the values go, with its key.
    pub(crate) disk: Option<(Ident, Expr)>,
    /// How the generator goes on behind the last value on disk.
    pub(crate) resume: Option<(Ident, ExprClosure)>,
}

/// Reads the options of an invocation.
pub(crate) fn options(tokens: TokenStream, item: &TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    for Given { option, key, value } in options::read(tokens, item, &VOCABULARY, errors).given {
        match (option, value) {
            (Opt::Crate, Some(value)) => options.root = root::option(&value, errors),
            (Opt::Name, Some(value)) => options.name = expansion::name_option(&value, "name = VALUES", errors),
            (Opt::Size, Some(value)) => options.size = options::positive(&key, value, errors),
            (Opt::Max, Some(value)) => options.max = options::positive(&key, value, errors),
            (Opt::Keep, Some(value)) => options.keep = options::positive(&key, value, errors).map(|value| (key, value)),
            (Opt::Halt, Some(value)) => options.halt = Some(value),
            (Opt::StopOnErr, _) => options.stop_on_err = Some(key),
            (Opt::Lend, _) => options.lend = true,
            (Opt::Batches, _) => options.batches = true,
            (Opt::Disk, Some(value)) => options.disk = Some((key, value)),
            (Opt::Resume, Some(Expr::Closure(closure))) if closure.inputs.len() == 1 => {
                options.resume = Some((key, closure));
            }
            (Opt::Resume, Some(other)) => {
                errors.at(other, "write how it goes on behind the last value, `resume = |last| (last + 1)..`");
            }
            (Opt::Crate | Opt::Name | Opt::Size | Opt::Max | Opt::Keep | Opt::Halt | Opt::Disk | Opt::Resume, _) => {}
        }
    }
    options
}

/// How the body is written, and with it the type of a value.
pub(crate) enum Form {
    /// The body hands out values with `yield_!`; the declared type is that of a value.
    Yields { item: Type },
    /// The body returns something that iterates.
    Iterator { item: Type, wrapper: Wrapper },
    /// Neither is to be seen; `validate` says so.
    Unclear,
}

/// How the wrapper gives back the declared type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapper {
    /// It is `impl Iterator` or `impl IntoIterator`, which the values are.
    AsDeclared,
    /// It is a collection.
    Collect,
    /// It is `Box<dyn Iterator>`.
    Boxed,
    /// It is some other iterable type, which only the body can make: the wrapper returns `impl Iterator`.
    Iterator,
}

impl Form {
    /// Reads the form off the body and the declared type.
    pub(crate) fn of(function: &ItemFn) -> Form {
        let ReturnType::Type(_, declared) = &function.sig.output else { return Form::Unclear };
        let declared = declared.as_ref();
        if yields::are_in(&function.block) {
            return Form::Yields { item: declared.clone() };
        }
        match declared {
            Type::ImplTrait(opaque) => match item_of_bounds(opaque.bounds.iter()) {
                Some(item) => Form::Iterator { item, wrapper: Wrapper::AsDeclared },
                None => Form::Unclear,
            },
            Type::Never(_) | Type::Tuple(_) | Type::Infer(_) | Type::FnPtr(_) => Form::Unclear,
            Type::Path(path) => Form::of_path(declared, &path.path),
            _ => Form::any_iterable(declared),
        }
    }

    fn of_path(declared: &Type, path: &Path) -> Form {
        if signature::is_primitive(declared) {
            return Form::Unclear;
        }
        let Some(last) = path.segments.last() else { return Form::Unclear };
        let argument = only_argument(&last.arguments);
        match (last.ident.to_string().as_str(), argument) {
            ("String" | "str", _) => Form::Unclear,
            ("Vec" | "VecDeque" | "LinkedList" | "BinaryHeap" | "BTreeSet" | "HashSet", Some(item)) => {
                Form::Iterator { item: item.clone(), wrapper: Wrapper::Collect }
            }
            ("Range" | "RangeFrom" | "RangeInclusive", Some(item)) => {
                Form::Iterator { item: item.clone(), wrapper: Wrapper::Iterator }
            }
            ("Box", Some(Type::TraitObject(object))) => match item_of_bounds(object.bounds.iter()) {
                Some(item) => Form::Iterator { item, wrapper: Wrapper::Boxed },
                None => Form::Unclear,
            },
            ("Box", Some(Type::Slice(slice))) => {
                Form::Iterator { item: slice.elem.as_ref().clone(), wrapper: Wrapper::Collect }
            }
            _ => Form::any_iterable(declared),
        }
    }

    fn any_iterable(declared: &Type) -> Form {
        // A type that does not iterate is reported where it stands.
        let place = expansion::generated_at(declared.span());
        let item = parse_quote_spanned!(place=> <#declared as ::core::iter::IntoIterator>::Item);
        Form::Iterator { item, wrapper: Wrapper::Iterator }
    }

    /// The type of a value.
    pub(crate) fn item(&self) -> Option<&Type> {
        match self {
            Form::Yields { item } | Form::Iterator { item, .. } => Some(item),
            Form::Unclear => None,
        }
    }
}

/// `T` in `Iterator<Item = T>`, the first bound that has one.
fn item_of_bounds<'a>(bounds: impl Iterator<Item = &'a TypeParamBound>) -> Option<Type> {
    let mut items = bounds.filter_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let PathArguments::AngleBracketed(arguments) = &bound.path.segments.last()?.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(assoc) if assoc.ident == "Item" => Some(assoc.ty.clone()),
            _ => None,
        })
    });
    items.next()
}

fn only_argument(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(ty)) => Some(ty),
        _ => None,
    }
}

/// An invocation without faults.
pub(crate) struct Buffered {
    pub(crate) function: ItemFn,
    pub(crate) attributes: Attributes,
    pub(crate) place: Place,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) form: Form,
    /// The type of a value.
    pub(crate) item: Type,
    /// The user's body; with `yield_!`, ready for the generator.
    pub(crate) block: Block,
    pub(crate) options: Options,
    /// The body names rayon, or calls what it usually offers.
    pub(crate) uses_rayon: bool,
    /// The name of the handle.
    pub(crate) handle: Ident,
    /// The name of the function that makes the generator.
    pub(crate) inner: Ident,
}

impl Buffered {
    /// Puts together what `validate` has let through.
    pub(crate) fn new(
        function: ItemFn,
        place: Place,
        form: Form,
        block: Block,
        mut options: Options,
        errors: &mut Errors,
    ) -> Buffered {
        let mut attributes = Attributes::sort(&function.attrs, errors);
        if let Form::Yields { .. } = form {
            // The wrapper returns an iterator, which must be used as it is.
            attributes
                .wrapper
                .retain(|attribute| !matches!(&attribute.meta, Meta::Path(path) if path.is_ident("must_use")));
        }
        options.batches |= prompt::is_certain(&function);
        Buffered {
            attributes,
            arguments: signature::arguments(&function.sig),
            item: form.item().cloned().unwrap_or_else(|| parse_quote!(())),
            uses_rayon: expansion::mentions_rayon(function.block.to_token_stream()),
            handle: options.name.take().unwrap_or_else(|| expansion::handle_name(&function.sig.ident)),
            inner: expansion::inner_name(&function.sig.ident, "generator"),
            function,
            place,
            form,
            block,
            options,
        }
    }

    /// Where the expansion shows what concerns the types of the function.
    pub(crate) fn shown_at(&self) -> Span {
        expansion::generated_at(self.function.sig.ident.span())
    }
}
