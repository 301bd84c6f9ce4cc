//! A cache on the list of all that have been used: what is told of it, and what a profile does with it.

use std::mem::ManuallyDrop;

use crate::{
    cache::{
        call::{function::Function, known::Known, state::Core},
        table::key::{Key, Output},
    },
    seeing::{
        limit::Held,
        registry::{Aside, Ticket, Told, Used},
        report::Kind,
    },
    sync::{Arc, Weak},
};

/// A cache that is listed: those in statics never go.
pub(in crate::cache) enum Place<T: 'static> {
    Static(&'static T),
    Counted(Weak<T>),
}

impl<K: Key, R: Output> Core<K, R> {
    /// Lists the cache, if it is one of those that are and has not been listed yet.
    #[cold]
    #[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
    pub(in crate::cache) fn list(&self) {
        let is_divided = self.function.get().is_some_and(|function| function.is_divided);
        if self.listed_as.is_some() && !is_divided {
            self.ticket.get_or_init(|| ticket_of(std::sync::Arc::new(self.place())));
        }
    }

    fn place(&self) -> Place<Self> {
        match self.counted() {
            Some(counted) => {
                // SAFETY: it came from `Arc::into_raw`, and is alive since it is borrowed; the count is not changed.
                let core = ManuallyDrop::new(unsafe { Arc::from_raw(counted.as_ptr()) });
                Place::Counted(Arc::downgrade(&core))
            }
            // SAFETY: what is listed and not counted lies in a static: `State` is, and `Cache::of` takes it as such.
            None => Place::Static(unsafe { &*std::ptr::from_ref(self) }),
        }
    }
}

/// Lists a cache, whatever its types.
#[inline(never)]
#[cfg_attr(target_os = "linux", unsafe(link_section = "speedup_first"))]
fn ticket_of(used: std::sync::Arc<dyn Used>) -> Ticket {
    Ticket::of(used)
}

impl<K, R> Function<K, R> {
    /// The name in reports: with its types if it is generic, and where it stands if it is a closure.
    pub(in crate::cache) fn label(&self) -> String {
        self.path.map_or_else(|| self.name.to_owned(), |path| label_of(path()))
    }
}

/// The name of a function by the path of its type.
fn label_of(path: &str) -> String {
    const CLOSURE: &str = "::{{closure}}";
    let outside = path.trim_end_matches(CLOSURE);
    let name = without_modules(outside);
    if outside.len() < path.len() { format!("closure in {name}") } else { name }
}

/// `a::f<b::C>` as `f<C>`.
fn without_modules(path: &str) -> String {
    let mut name = String::new();
    let mut word = 0;
    for part in path.chars() {
        name.push(part);
        match part {
            ':' if name.ends_with("::") => name.truncate(word),
            ':' | '_' => {}
            _ if part.is_alphanumeric() => {}
            _ => word = name.len(),
        }
    }
    name
}

impl<K: Key, R: Output> Place<Core<K, R>> {
    /// Looks at the cache, if it has not gone.
    fn look<T>(&self, look: impl FnOnce(&Core<K, R>) -> T) -> Option<T> {
        match self {
            Self::Static(core) => Some(look(core)),
            Self::Counted(core) => {
                let core = core.upgrade()?;
                // Retired when it is let go: boards may still name it.
                let _kept = core.keep_alive();
                let found = look(&core);
                drop(core);
                Some(found)
            }
        }
    }
}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Static(place) => Self::Static(place),
            Self::Counted(place) => Self::Counted(place.clone()),
        }
    }
}

impl<K: Key, R: Output> Used for Place<Core<K, R>> {
    fn told(&self) -> Option<Told> {
        let told = |core: &Core<K, R>| {
            let kind = core.listed_as?;
            Some(Told {
                name: core.function.get()?.label(),
                kind,
                is_one_of_many: kind == Kind::Memo,
                is_bounded: core.function.get()?.settle.is_some(),
                stats: core.with_books(Known::of(core).with_cost_of(core).stats()),
            })
        };
        self.look(told)?
    }

    fn set_aside(&self) -> Option<Aside> {
        let (table, counted) = self.look(|core| (core.table.set_aside(), core.number.totals()))?;
        let place = self.clone();
        Some(Box::new(move || {
            let put_back = |core: &Core<K, R>| {
                core.number.rewind(counted);
                core.clear();
                if let Some(table) = table {
                    core.table.put_back(table);
                }
                core.rebook();
            };
            place.look(put_back);
        }))
    }

    fn empty(&self) {
        self.look(Core::clear);
    }

    fn held(&self) -> Option<Held> {
        self.look(Core::held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_by_their_last_word_and_their_types() {
        let labels = [
            ("a::b::largest<alloc::string::String>", "largest<String>"),
            ("a::pair<(u8, &b::C), [d::e::F; 3]>", "pair<(u8, &C), [F; 3]>"),
            ("a::b::main::{{closure}}", "closure in main"),
            ("f", "f"),
        ];
        for (path, label) in labels {
            assert_eq!(label_of(path), label);
        }
    }
}
