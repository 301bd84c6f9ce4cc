//! What an invocation of `#[cache]` says.

use std::cell::OnceCell;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Block, Expr, ExprClosure, ItemFn, Path, ReturnType, Type};

use super::checked::Role;
use super::conflicts::{CONFLICTS, NEEDS};
use super::form::{Form, Home};
use super::keep::{self, Keep};
use super::policies::{Policies, Policy};
use super::stored::{self, Stored};
use super::{borrowed, checked, expand_context, expand_spans, expand_tables, expand_types, own_calls};
use crate::attributes::Attributes;
use crate::errors::Errors;
use crate::expansion;
use crate::fingerprint;
use crate::foreign;
use crate::options::{self, Known, Takes, Vocabulary};
use crate::place::Place;
use crate::root;
use crate::signature::{self, Argument, Wrapper};

/// The attribute as messages name it.
pub(crate) const ATTRIBUTE: &str = "`#[cache]`";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opt {
    Crate,
    Name,
    Sequential,
    CacheErr,
    CacheNone,
    Scoped,
    Skip,
    Key,
    Field,
    With,
    Policy(Policy),
    Disk,
    Store,
    Version,
    OnStoreError,
    Returns,
    Tables,
    MoveErr,
}

pub(super) const TABLE: &[Known<Opt>] = &[
    Known { option: Opt::Name, name: "name", takes: Takes::Value("name = TABLE") },
    Known { option: Opt::Sequential, name: "sequential", takes: Takes::Nothing },
    Known { option: Opt::CacheErr, name: "cache_err", takes: Takes::Nothing },
    Known { option: Opt::CacheNone, name: "cache_none", takes: Takes::Nothing },
    Known { option: Opt::Crate, name: "crate", takes: Takes::Value("crate = my::speedup") },
    Known {
        option: Opt::Policy(Policy::Capacity),
        name: "capacity",
        takes: Takes::Value("capacity = 10_000` or `capacity = \"64 MiB\", weight = |value| value.len()"),
    },
    Known { option: Opt::Policy(Policy::Weight), name: "weight", takes: Takes::Value("weight = |value| value.len()") },
    Known {
        option: Opt::Policy(Policy::OnEvict),
        name: "on_evict",
        takes: Takes::Value("on_evict = |key, value| log(key, value)"),
    },
    Known { option: Opt::Policy(Policy::Ttl), name: "ttl", takes: Takes::Value("ttl = \"30s\"") },
    Known { option: Opt::Policy(Policy::Idle), name: "idle", takes: Takes::Value("idle = \"5m\"") },
    Known {
        option: Opt::Policy(Policy::RefreshAhead),
        name: "refresh_ahead",
        takes: Takes::Value("refresh_ahead = \"5s\""),
    },
    Known { option: Opt::Policy(Policy::StaleOnErr), name: "stale_on_err", takes: Takes::Nothing },
    Known {
        option: Opt::Policy(Policy::ForceRefresh),
        name: "force_refresh",
        takes: Takes::Value("force_refresh = |page| page == 0"),
    },
    Known { option: Opt::Scoped, name: "scoped", takes: Takes::Nothing },
    Known { option: Opt::Skip, name: "skip", takes: Takes::Names("skip(db, logger)") },
    Known {
        option: Opt::Key,
        name: "key",
        takes: Takes::Value("key = |user, page| -> (u64, u32) { (user.id, page) }"),
    },
    Known { option: Opt::With, name: "with", takes: Takes::Names("with(odd, shapes::third)") },
    Known { option: Opt::MoveErr, name: "move_err", takes: Takes::Nothing },
    Known { option: Opt::Returns, name: "returns", takes: Takes::Value("returns = ref") },
    Known { option: Opt::Tables, name: "tables", takes: Takes::Value("tables = 64") },
    Known { option: Opt::Field, name: "field", takes: Takes::Value("field = memo") },
    Known { option: Opt::Disk, name: "disk", takes: Takes::Optional },
    Known { option: Opt::Store, name: "store", takes: Takes::Value("store = MyStore::open(..)") },
    Known { option: Opt::Version, name: "version", takes: Takes::Value("version = 2") },
    Known { option: Opt::OnStoreError, name: "on_store_error", takes: Takes::Value(stored::ON_ERROR) },
];

const VOCABULARY: Vocabulary<Opt> =
    Vocabulary { table: TABLE, conflicts: CONFLICTS, needs: NEEDS, foreign: foreign::CACHE, number: "capacity" };

/// The options of an invocation. The flags keep the place where they were set.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<Ident>,
    /// Where the crate is, if not at `::speedup`.
    pub(crate) root: Option<Path>,
    pub(crate) sequential: bool,
    pub(crate) cache_err: Option<Ident>,
    pub(crate) cache_none: Option<Ident>,
    pub(crate) scoped: Option<Ident>,
    pub(crate) skip: Vec<Ident>,
    pub(crate) key: Option<ExprClosure>,
    /// Empty where it could not be read.
    pub(crate) field: Option<expansion::Field>,
    /// Other cached functions whose calls take part.
    pub(crate) with: Vec<Path>,
    /// What bounds the cache, or lets its values age.
    pub(crate) policies: Policies,
    /// Where results outlive the process.
    pub(crate) stored: Stored,
    /// Whether results are lent.
    pub(crate) returns_ref: Option<Ident>,
    /// Whether errors are moved.
    pub(crate) move_err: Option<Ident>,
    /// How many tables are kept, with the word for it.
    pub(crate) tables: Option<(Ident, Expr)>,
    /// Some of what was given contradicts itself.
    pub(crate) contradictory: bool,
}

impl Options {
    /// Whether there is a handle beside the function.
    pub(crate) fn names_handle(&self, place: &Place) -> bool {
        self.scoped.is_none() && self.field.is_none() && matches!(place, Place::Free | Place::Inherent { .. })
    }

    /// The name of the handle.
    pub(crate) fn handle(&self, function: &ItemFn) -> Ident {
        self.name.clone().unwrap_or_else(|| expansion::handle_name(&function.sig.ident))
    }

    /// Whether the body gets something that is no part of the key.
    pub(crate) fn skips(&self) -> bool {
        self.key.is_some() || !self.skip.is_empty()
    }
}

/// Reads the options of an invocation.
pub(crate) fn options(tokens: TokenStream, item: &TokenStream, errors: &mut Errors) -> Options {
    let mut options = Options::default();
    let read = options::read(tokens, item, &VOCABULARY, errors);
    options.contradictory = !read.refused.is_empty();
    // Whoever uses a handle that there cannot be adds no error.
    let name = read.refused.iter().filter(|given| given.option == Opt::Name).find_map(|given| given.value.as_ref());
    options.name = name.and_then(|value| expansion::name_option(value, "name = TABLE", errors));
    for given in read.given {
        match (given.option, given.value) {
            (Opt::Crate, Some(value)) => options.root = root::option(&value, errors),
            (Opt::Name, Some(value)) => options.name = expansion::name_option(&value, "name = TABLE", errors),
            (Opt::Sequential, _) => options.sequential = true,
            (Opt::CacheErr, _) => options.cache_err = Some(given.key),
            (Opt::CacheNone, _) => options.cache_none = Some(given.key),
            (Opt::Scoped, _) => options.scoped = Some(given.key),
            (Opt::Skip, Some(value)) => options.skip = names(&value, errors),
            (Opt::With, Some(value)) => options.with = paths(&value, errors),
            (Opt::Key, Some(Expr::Closure(closure))) => options.key = Some(closure),
            (Opt::Key, Some(other)) => {
                errors.at(&other, "write `key = |user, page| -> (u64, u32) { (user.id, page) }`");
            }
            (Opt::Disk, location) => options.stored.disk(given.key, location),
            (Opt::Store, Some(value)) => options.stored.store(given.key, value),
            (Opt::Version, Some(value)) => options.stored.version(given.key, value, errors),
            (Opt::OnStoreError, Some(value)) => options.stored.on_error(given.key, &value, errors),
            (Opt::Field, Some(value)) => options.field = Some(expansion::field_option(&value, errors)),
            (Opt::Policy(policy), value) => options.policies.read(policy, given.key, value, errors),
            (Opt::MoveErr, _) => options.move_err = Some(given.key),
            (Opt::Returns, Some(Expr::Verbatim(_))) => options.returns_ref = Some(given.key),
            (Opt::Returns, Some(other)) => errors.at(&other, "write `returns = ref`"),
            (Opt::Tables, Some(value)) => {
                options.tables = options::positive(&given.key, value, errors).map(|most| (given.key, most));
            }
            (Opt::Crate | Opt::Name | Opt::Skip | Opt::Key | Opt::Field | Opt::With, _) => {}
            (Opt::Returns | Opt::Tables | Opt::Store | Opt::Version | Opt::OnStoreError, None) => {}
        }
    }
    options
}

/// The names of a list.
fn names(list: &Expr, errors: &mut Errors) -> Vec<Ident> {
    let Expr::Tuple(list) = list else { return Vec::new() };
    let mut names = Vec::new();
    for element in &list.elems {
        match element {
            Expr::Path(path) if path.path.get_ident().is_some() => names.extend(path.path.get_ident().cloned()),
            other => errors.at(other, "expected the name of an argument, as in `skip(db, logger)`"),
        }
    }
    names
}

/// The paths of a list.
fn paths(list: &Expr, errors: &mut Errors) -> Vec<Path> {
    let Expr::Tuple(list) = list else { return Vec::new() };
    let mut paths = Vec::new();
    for element in &list.elems {
        match element {
            Expr::Path(path) if path.qself.is_none() => paths.push(path.path.clone()),
            other => errors.at(other, "expected the path of a cached function, as in `with(odd, shapes::third)`"),
        }
    }
    paths
}

/// An invocation without faults.
pub(crate) struct Cached {
    pub(crate) function: ItemFn,
    pub(crate) attributes: Attributes,
    pub(crate) place: Place,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) result: Type,
    pub(crate) keep: Keep,
    pub(crate) sequential: bool,
    /// Other cached functions whose calls take part.
    pub(crate) with: Vec<Path>,
    /// Whether results are lent: `result` is a reference then.
    pub(crate) returns_ref: bool,
    /// Whether errors are moved: `result` holds them in a shape that can be cloned then.
    pub(crate) moves_err: bool,
    /// Whether results stay on one thread: `result` says so then.
    pub(crate) stays_here: bool,
    /// How many tables are kept.
    pub(crate) tables: Option<Expr>,
    /// The body names rayon, or calls what it usually offers.
    pub(crate) uses_rayon: bool,
    /// The name of the function that goes on within a call, where a key or result of a scope borrows.
    pub(crate) within: Option<Ident>,
    /// The name of the handle.
    pub(crate) handle: Ident,
    /// The name of the function that holds the user's body.
    pub(crate) inner: Ident,
    /// Where the values are.
    pub(crate) form: Form,
    /// What bounds the cache, or lets its values age.
    pub(crate) policies: Policies,
    /// Whether it is checked once what the types of the key and the result have.
    pub(super) checks: bool,
    /// The type of the result as it was written, if it is checked.
    pub(super) checked_result: Option<Type>,
    /// Where results outlive the process.
    pub(crate) stored: Stored,
    /// What tells this source from others.
    pub(crate) fingerprint: String,
    /// For each argument, whether calls inside an outermost one are known by its place in what that was given.
    pub(crate) spans: Vec<bool>,
    /// The body with its forecasts and what is told of it, once somebody has asked.
    pub(super) formed: OnceCell<(Block, String)>,
}

impl Cached {
    /// Puts together what `validate` has let through.
    pub(crate) fn new(mut function: ItemFn, place: Place, options: Options, errors: &mut Errors) -> Cached {
        let may_borrow = borrowed::may(&place, &options);
        if may_borrow {
            borrowed::name_lifetime(&mut function.sig);
        }
        let result = match &function.sig.output {
            ReturnType::Type(_, ty) => ty.as_ref().clone(),
            ReturnType::Default => syn::parse_quote!(()),
        };
        let keep = keep::of(&result, &options);
        let returns_ref = options.returns_ref.is_some();
        let written = result.clone();
        let result = if returns_ref { syn::parse_quote!(&'static #result) } else { result };
        let moves_err = moves_err(&function, &options);
        let result = match (moves_err, function.sig.asyncness) {
            (true, None) => syn::parse_quote!(<#result as ::speedup::cache::Fallible>::Shared),
            (true, Some(_)) => syn::parse_quote!(<#result as ::speedup::cache::AsyncFallible>::Shared),
            (false, _) => result,
        };
        let stays_here =
            !moves_err && options.scoped.is_some() && options.sequential && signature::mentions_rc(&result);
        let result = if stays_here { syn::parse_quote!(::speedup::cache::Here<#result>) } else { result };
        let mut arguments = signature::arguments(&function.sig);
        let (form, handle) = (Form::of(&function, &place, &options, &arguments), options.handle(&function));
        hold_in_coordinates(&mut arguments, has_pages(&function, &form, &options));
        if may_borrow {
            borrowed::borrow_keys(&mut arguments, &form);
        }
        let within = may_borrow.then(|| borrowed::within(&function.sig, &place, &arguments, &form, &result)).flatten();
        let checks = within.is_none() && checked::may(&function, &place, &form);
        if checks {
            checked::name_types(&mut arguments, &form);
        }
        let as_written = !returns_ref && !moves_err && !stays_here;
        let checked_result = Some(written).filter(|ty| checks && as_written && checked::is_open(ty));
        let result = match &checked_result {
            Some(ty) => Type::Verbatim(checked::checked(ty.to_token_stream(), ty.span(), Role::Output)),
            None => result,
        };
        Cached {
            within,
            checks,
            checked_result,
            attributes: Attributes::sort(&function.attrs, errors),
            // A store knows results by their contents, and so does a queue.
            spans: match options.stored.is_on() || options.policies.any() {
                true => vec![false; arguments.len()],
                false => form.spans(&function, &arguments),
            },
            form,
            arguments,
            keep,
            returns_ref,
            moves_err,
            stays_here,
            tables: options.tables.map(|(_, most)| most),
            sequential: options.sequential,
            with: options.with.clone(),
            fingerprint: fingerprint::of(&function, options.key.as_ref()),
            stored: options.stored,
            policies: options.policies,
            uses_rayon: expansion::mentions_rayon(function.block.to_token_stream()),
            handle,
            inner: expansion::inner_name(&function.sig.ident, "uncached"),
            formed: OnceCell::new(),
            function,
            place,
            result,
        }
    }
}

/// Whether small integers are found in pages, and a key may be of a type of ours: the handle of an `async fn` takes keys as they are, and so does the user's own field, and a
/// store knows its function by what the key is.
fn has_pages(function: &ItemFn, form: &Form, options: &Options) -> bool {
    let in_field = matches!(form, Form::Context(context) if matches!(context.home, Home::Field(_)));
    function.sig.asyncness.is_none() && !in_field && !options.policies.any() && !options.stored.is_on()
}

/// Leaves tuples and arrays of integers as they are where there are no pages.
fn hold_in_coordinates(arguments: &mut [Argument], has_pages: bool) {
    let held = arguments.iter_mut().filter(|argument| argument.wrapper == Some(Wrapper::Coordinates));
    held.filter(|_| !has_pages).for_each(|argument| argument.wrapper = None);
}

impl Cached {
    /// Whether there is a table for each set of the arguments that are passed on.
    pub(crate) fn has_tables(&self) -> bool {
        matches!(self.form, Form::Tables(_))
    }

    /// Whether calls inside an outermost one are known by the places of their slices and strings.
    pub(crate) fn has_spans(&self) -> bool {
        self.spans.contains(&true)
    }

    /// The arguments that are passed on by all recursive calls, or those that vary.
    pub(crate) fn arguments_that_are(&self, steady: bool) -> Vec<Argument> {
        let Form::Tables(are) = &self.form else { return Vec::new() };
        let such = self.arguments.iter().zip(are).filter(|(_, is)| **is == steady);
        such.map(|(argument, _)| argument.clone()).collect()
    }

    /// A type that a closure makes, as a part of a key.
    pub(super) fn key_part(&self, ty: &Type) -> TokenStream {
        if self.checks && checked::is_open(ty) {
            return checked::part(ty, ty.span());
        }
        signature::key_part(self.shown_at(), ty)
    }

    /// `::<_, R>`, if the result is checked: where it has no type, it is not to be guessed from what the function returns.
    pub(super) fn known(&self) -> Option<TokenStream> {
        let (at, result) = (self.shown_at(), &self.result);
        let keys = if self.has_tables() { quote!(_, _) } else { quote!(_) };
        self.checked_result.is_some().then(|| quote_spanned!(at=> ::<#keys, #result>))
    }

    /// For each argument, whether it is part of the key in which a recursion goes on.
    pub(crate) fn keyed(&self) -> Vec<bool> {
        match &self.form {
            Form::Plain | Form::Generic => vec![true; self.arguments.len()],
            Form::Tables(steady) => steady.iter().map(|steady| !steady).collect(),
            Form::Context(context) => context.keyed.clone(),
        }
    }

    /// What takes a forecast.
    pub(crate) fn ahead(&self) -> TokenStream {
        let at = self.shown_at();
        match &self.form {
            Form::Plain | Form::Generic if self.policies.any() => quote_spanned!(at=> ::speedup::PolicyCache::ahead),
            _ if self.has_spans() => quote_spanned!(at=> ::speedup::cache::Spans::ahead),
            Form::Plain | Form::Generic => quote_spanned!(at=> ::speedup::Cache::ahead),
            Form::Tables(_) => quote_spanned!(at=> ::speedup::cache::Tables::ahead),
            Form::Context(_) if self.within.is_some() => quote_spanned!(at=> ::speedup::cache::Within::ahead),
            Form::Context(context) if own_calls::go_on_in_scope(self, context) => {
                quote_spanned!(at=> ::speedup::cache::InScope::ahead)
            }
            Form::Context(_) => quote_spanned!(at=> ::speedup::cache::Inside::ahead),
        }
    }

    /// The cache in which a recursion goes on, as the body names it.
    pub(crate) fn running(&self) -> TokenStream {
        let contents = self.contents();
        if self.has_spans() {
            let spans = self.place.sibling(&expand_spans::spans_name(self));
            return quote!(#spans, #contents);
        }
        contents
    }

    /// The same for calls by the contents of their arguments.
    fn contents(&self) -> TokenStream {
        match &self.form {
            Form::Plain => self.place.sibling(&self.handle),
            Form::Generic => expand_types::cache(self),
            Form::Tables(_) => self.place.sibling(&expand_tables::tables_name(self)),
            Form::Context(_) => expand_context::inside().to_token_stream(),
        }
    }

    /// Where the expansion shows what concerns the types of the function: at the type, where only one can lack something. All that
    /// mentions them is shown at the same place, so that the compiler sees one fault and not one for each mention.
    pub(crate) fn shown_at(&self) -> Span {
        let arguments = self.arguments.iter().filter(|argument| !argument.is_wrapped());
        let arguments = arguments.map(|argument| (&argument.owned, argument.declared.ty.as_ref()));
        let result = self.checked_result.as_ref().unwrap_or(&self.result);
        let types = arguments.chain([(result, result)]);
        let mut suspects = types.filter(|(ty, _)| !signature::is_harmless(ty)).map(|(_, declared)| declared.span());
        match (suspects.next(), suspects.next()) {
            (Some(only), None) => expansion::generated_at(only),
            _ => expansion::generated_at(self.function.sig.ident.span()),
        }
    }
}

/// Whether errors are moved: because an option says so, or where the type is known not to be `Clone`.
fn moves_err(function: &ItemFn, options: &Options) -> bool {
    let says = options.cache_err.is_some() || options.cache_none.is_some() || options.returns_ref.is_some();
    let ReturnType::Type(_, ty) = &function.sig.output else { return false };
    // What a field holds is declared by the user.
    let known = options.field.is_none() && !says && signature::cannot_clone_error(ty);
    // Where both are said, `validate` has told which to leave out.
    options.returns_ref.is_none() && options.move_err.is_some() || known
}
