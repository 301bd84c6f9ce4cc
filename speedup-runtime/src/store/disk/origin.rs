//! Which function results are those of: `#[cache(disk)]` says where it stands, and the compiler what its path is.

use std::{
    any::{TypeId, type_name, type_name_of_val},
    collections::BTreeSet,
    path::PathBuf,
};

use serde::{Serialize, de::DeserializeOwned};

use super::{DiskStore, DiskStoreBuilder};
use crate::store::{Error, Result, codec};
use crate::sync::global::{Mutex, lock};

/// Where a function stands.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Its package.
    pub package: &'static str,
    /// Its module.
    pub module: &'static str,
    /// Whether it is in an `impl`.
    pub in_impl: bool,
    /// Made of its source, and of the version that was given.
    pub version: &'static str,
}

/// The functions of this process that have results on disk.
static FUNCTIONS: Mutex<BTreeSet<[u8; 16]>> = Mutex::new(BTreeSet::new());

/// The store of `#[cache(disk)]`.
///
/// # Errors
/// As [`DiskStoreBuilder::open`]; and for the second of two functions that nothing tells apart.
#[doc(hidden)]
pub fn on_disk<K, V>(origin: Origin, function: &impl FnItem, location: Option<PathBuf>) -> Result<DiskStore<K, V>>
where
    K: Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    let path = type_name_of_val(function);
    let mut name = format!("{} {path}", origin.package);
    if !is_unique(path, origin.module, origin.in_impl) {
        // Two blocks of one function may hold functions of one name: the compiler tells them apart, their paths do not.
        name.push_str(&format!(" {:?}", function.id()));
    }
    let mark = format!("{name}\n{}\n{}\n{location:?}", origin.version, type_name::<(K, V)>());
    if !lock(&FUNCTIONS).insert(codec::hash(mark.as_bytes())) {
        let why = "another function has the same path and text; give one of them another name";
        return Err(Error::other(format!("`{path}` on disk"), why));
    }
    let builder = DiskStore::builder(name).version(origin.version);
    DiskStoreBuilder { location, ..builder }.open()
}

/// Whether there is one function of this path at most: one that stands in a module, or in an `impl` of a type of that module.
fn is_unique(path: &str, module: &str, in_impl: bool) -> bool {
    let Some(rest) = path.strip_prefix(module).and_then(|rest| rest.strip_prefix("::")) else { return false };
    // Types in angle brackets are written with their paths.
    let mut depth = 0_usize;
    let plain: String = rest
        .chars()
        .filter(|c| {
            depth = depth + usize::from(*c == '<') - usize::from(*c == '>' && depth > 0);
            depth == 0
        })
        .collect();
    let steps = plain.split("::").filter(|step| !step.is_empty() && *step != ">").count();
    steps == if in_impl { 2 } else { 1 }
}

/// The type of a function.
#[doc(hidden)]
pub trait FnItem {
    /// What the compiler knows it by.
    fn id(&self) -> TypeId;
}

impl<F: 'static> FnItem for F {
    fn id(&self) -> TypeId {
        TypeId::of::<F>()
    }
}

#[cfg(test)]
mod tests {
    use super::is_unique;

    #[test]
    fn functions_of_modules_and_types_are_known_by_their_paths() {
        assert!(is_unique("app::shapes::area", "app::shapes", false));
        assert!(is_unique("app::shapes::area<alloc::vec::Vec<u8>>", "app::shapes", false));
        assert!(is_unique("app::shapes::Square::area", "app::shapes", true));
        assert!(is_unique("app::shapes::Square<app::Unit>::area", "app::shapes", true));
        assert!(!is_unique("app::shapes::outer::area", "app::shapes", false), "in a function");
        assert!(!is_unique("app::shapes::outer::Square::area", "app::shapes", true), "of a type in a function");
        assert!(!is_unique("app::Square::area", "app::shapes", true), "of a type of another module");
    }
}
