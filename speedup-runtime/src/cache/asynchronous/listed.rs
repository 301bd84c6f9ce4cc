//! An async cache on the list of all that have been used.

use std::sync::{Arc, Weak};

use super::state::{AsyncCache, AsyncState, Place};
use crate::{
    cache::{
        memory::{epoch::Garbage, garbage},
        table::key::{Key, Output},
    },
    seeing::{
        limit::Held,
        registry::{Aside, Ticket, Told, Used},
        report::Kind,
    },
};

/// An async cache that is listed: those in statics never go.
enum Listed<K: Key, R: Output> {
    Static(&'static AsyncState<K, R>),
    Own(Weak<AsyncState<K, R>>),
}

impl<K: Key, R: Output> AsyncCache<K, R> {
    /// Lists the cache, unless it is.
    #[inline]
    pub(super) fn list(&self) {
        if self.values.core.ticket.get().is_none() {
            self.list_now();
        }
    }

    #[cold]
    fn list_now(&self) {
        self.values.core.function.get_or_init(|| self.function.rules.clone());
        let listed = match &self.values {
            Place::Static(values) => Listed::Static(values),
            Place::Own(values) => Listed::Own(Arc::downgrade(values)),
        };
        self.values.core.ticket.get_or_init(|| Ticket::new(listed));
    }
}

impl<K: Key, R: Output> Listed<K, R> {
    /// Looks at the cache, if it has not gone.
    fn look<T>(&self, look: impl FnOnce(&AsyncState<K, R>) -> T) -> Option<T> {
        match self {
            Self::Static(values) => Some(look(values)),
            Self::Own(values) => {
                let values = values.upgrade()?;
                let found = look(&values);
                // As when the cache is dropped: after all that was removed from its tables.
                garbage::retire_behind_all(Garbage::dropped(values));
                Some(found)
            }
        }
    }
}

impl<K: Key, R: Output> Clone for Listed<K, R> {
    fn clone(&self) -> Self {
        match self {
            Self::Static(values) => Self::Static(values),
            Self::Own(values) => Self::Own(values.clone()),
        }
    }
}

impl<K: Key, R: Output> Used for Listed<K, R> {
    fn told(&self) -> Option<Told> {
        let told = |values: &AsyncState<K, R>| {
            Some(Told {
                name: values.core.function.get()?.label(),
                kind: Kind::AsyncCache,
                is_one_of_many: false,
                is_bounded: values.core.function.get()?.settle.is_some(),
                stats: values.core.with_books(values.known().with_cost_of(&values.core).stats()),
            })
        };
        self.look(told)?
    }

    fn set_aside(&self) -> Option<Aside> {
        let (table, counted) = self.look(|values| (values.core.table.set_aside(), values.core.number.totals()))?;
        let listed = self.clone();
        Some(Box::new(move || {
            let put_back = |values: &AsyncState<K, R>| {
                values.core.number.rewind(counted);
                values.core.clear();
                if let Some(table) = table {
                    values.core.table.put_back(table);
                }
                values.core.rebook();
            };
            listed.look(put_back);
        }))
    }

    fn empty(&self) {
        self.look(|values| values.core.clear());
    }

    fn held(&self) -> Option<Held> {
        self.look(|values| values.core.held())
    }
}
