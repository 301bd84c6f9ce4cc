//! A buffer on the list of all that have been used.

use super::{
    settings::Settings,
    shared::{Shared, Weakly},
    state::Engine,
    store::Store,
};
use crate::seeing::{
    registry::{Aside, Ticket, Told, Used},
    report::Kind,
    stats::Stats,
};

/// A buffer that is listed. Those in statics never go.
struct Listed<T: 'static, S: 'static> {
    engine: Weakly<Engine<T, S>>,
    name: &'static str,
    is_bounded: bool,
}

impl<T: 'static, S: Store<T> + 'static> Shared<Engine<T, S>> {
    /// Lists the buffer, unless it is.
    #[inline]
    pub(super) fn list(&self, settings: &Settings<T>) {
        if self.ticket.get().is_none() {
            self.list_now(settings);
        }
    }

    #[cold]
    fn list_now(&self, settings: &Settings<T>) {
        let is_bounded = settings.max != usize::MAX || settings.keep != usize::MAX;
        let listed = || Listed { engine: self.weak(), name: settings.name, is_bounded };
        self.ticket.get_or_init(|| Ticket::new(listed()));
    }
}

impl<T: 'static, S: Store<T> + 'static> Used for Listed<T, S> {
    fn told(&self) -> Option<Told> {
        let engine = self.engine.get()?;
        let (ahead, waits) = engine.counters.read();
        let (made, held) = (engine.store.len(), engine.store.held());
        let cost = engine.pace.cost();
        let stats = Stats {
            misses: (made as u64).saturating_sub(ahead),
            computed: made as u64,
            waits,
            entries: held,
            len: held,
            estimated_bytes: held.saturating_mul(size_of::<T>()),
            call_cost: (!cost.is_zero()).then_some(cost),
            side_by_side: ahead,
            ..Stats::default()
        };
        Some(Told {
            name: self.name.to_owned(),
            kind: Kind::Buffer,
            is_one_of_many: true,
            is_bounded: self.is_bounded,
            stats,
        })
    }

    /// A buffer keeps its values.
    fn set_aside(&self) -> Option<Aside> {
        None
    }

    fn empty(&self) {}
}
