//! Computing a key again although its value is there: once, however many ask for it at the same time.
//!
//! A renewal is a call in a core of its own, whose claims say which keys are being renewed. It keeps no values: a new value goes
//! to the core that is renewed, and to those who wait.

use crate::{
    cache::{
        call::{callee::Callee, function::Function, renewals::Renewals, state::Core},
        table::{
            Current,
            key::{Key, Output},
        },
        thread::registry::Worker,
    },
    sync::Ordering,
};

impl<K: Key, R: Output> Core<K, R> {
    /// Computes a key again and keeps the new value instead of the old one, which stays until then. Those who ask for that at the
    /// same time get the same value.
    pub(in crate::cache) fn refresh(&self, callee: Callee<'_, K, R>, key: &K, worker: &'static Worker) -> R {
        if !self.contains(key, worker) {
            return self.get(callee, key);
        }
        self.parked.forget();
        let keep = callee.function.keep.unwrap_or(Function::<K, R>::keep_all);
        let function = callee.function.clone().keep(keep);
        self.renewals().get(callee.of_another(&function), key)
    }

    fn renewals(&self) -> &Self {
        let renewals = self.renewals.get_or_init(|| {
            let mut core = Self::new();
            // Renewals are counted as calls of the same function.
            core.number = self.number.lend();
            if self.table.is_lasting() {
                core.table = Current::none_lasting();
            }
            core.renewed.store(std::ptr::from_ref(self).cast_mut(), Ordering::Relaxed);
            let (core, _kept) = core.into_counted();
            Renewals { core, _kept }
        });
        // SAFETY: kept alive beside it.
        unsafe { renewals.core.as_ref() }
    }

    /// Whether this core renews another, which then has got the value.
    #[inline]
    pub(in crate::cache) fn renews(
        &self,
        function: &Function<K, R>,
        key: &K,
        value: &R,
        worker: &'static Worker,
    ) -> bool {
        // Relaxed: written before anybody else knows the core.
        // SAFETY: who asked for a renewal has borrowed the core that is renewed until the renewal has ended.
        let Some(core) = (unsafe { self.renewed.load(Ordering::Relaxed).as_ref() }) else { return false };
        let old = core.put(function, key, value.clone(), worker);
        if let Some(settle) = &function.settle {
            settle.settle(core, key, old);
        }
        true
    }

    /// The core that this one renews, or itself.
    pub(in crate::cache) fn principal(&self) -> &Self {
        // SAFETY: as in `renews`.
        unsafe { self.renewed.load(Ordering::Relaxed).as_ref() }.unwrap_or(self)
    }
}
