//! Which results are kept.

use syn::Type;

use super::model::Options;
use crate::signature;

/// Which results are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// All of them.
    All,
    /// `Ok` of a `Result`, `Some` of an `Option`, all of anything else: the compiler finds out which it is, since a name can be an alias or
    /// that of a type of the user's.
    ByType,
}

/// Which results of this type are kept, with these options.
pub(super) fn of(result: &Type, options: &Options) -> Keep {
    if options.cache_err.is_some() || options.cache_none.is_some() || options.returns_ref.is_some() {
        return Keep::All;
    }
    match result {
        Type::Path(_) if signature::is_primitive(result) => Keep::All,
        Type::Path(_) => match signature::last_segment(result).as_deref() {
            Some(name) if PLAIN.contains(&name) => Keep::All,
            _ => Keep::ByType,
        },
        Type::Macro(_) => Keep::ByType,
        _ => Keep::All,
    }
}

/// Names that nobody gives to an alias of `Result` or `Option`.
const PLAIN: [&str; 16] = [
    "String",
    "Vec",
    "VecDeque",
    "Box",
    "Arc",
    "HashMap",
    "HashSet",
    "BTreeMap",
    "BTreeSet",
    "PathBuf",
    "Duration",
    "BigUint",
    "BigInt",
    "Complex64",
    "Wrapping",
    "Ordering",
];
