//! Computing a key again although its value is there: once, however many ask for it at the same time.
//!
//! A renewal is a call in a core of its own, whose claims say which keys are being renewed. It keeps no values: a new value goes
//! to the core that is renewed, and to those who wait.

use crate::{
    cache::{
        call::{
            callee::Callee,
            function::Function,
            inner::Due,
            renewals::{Renewals, Why},
            state::Core,
        },
        table::{
            Current, Word,
            key::{Key, Output},
        },
        thread::registry::Worker,
    },
    sync::{Ordering, atomic::fence},
};

impl<K: Key, R: Output> Core<K, R> {
    /// Computes a key again and keeps the new value instead of the old one, which stays until then. Those who ask for that at the
    /// same time get the same value.
    pub(in crate::cache) fn refresh(&self, callee: Callee<'_, K, R>, key: &K, worker: &'static Worker) -> R {
        self.renew(callee, key, worker, Why::Asked)
    }

    /// The same as long as there is a reason to; who comes later gets what there is by then.
    pub(in crate::cache) fn renew(&self, callee: Callee<'_, K, R>, key: &K, worker: &'static Worker, why: Why) -> R {
        let keep = callee.function.keep.unwrap_or(Function::<K, R>::keep_all);
        let function = callee.function.clone().keep(keep);
        while self.contains(key, worker) || self.is_being_renewed(key, worker) {
            self.parked.forget();
            let due = || self.is_due(&function, key, worker, why);
            if let Some(value) = self.renewals().get_due(callee.of_another(&function), key, worker, &due) {
                return value;
            }
        }
        self.get(callee, key)
    }

    /// Whether a key is to be computed again, asked by who has claimed that.
    fn is_due(&self, function: &Function<K, R>, key: &K, worker: &'static Worker, why: Why) -> Due<R> {
        // With the one in `is_being_renewed`: of one who renews a key whose value goes meanwhile, and one who misses that, the one sees that it is
        // gone or the other sees the claim.
        fence(Ordering::SeqCst);
        let is_due = |value: &R| function.settle.as_ref().is_none_or(|settle| settle.is_due(why, value));
        let pin = worker.pin();
        match self.table(pin.at()).and_then(|table| table.find(key, key.pack(), pin.at())) {
            None => Due::Elsewhere,
            Some(value) if is_due(value) => Due::Now,
            Some(value) => Due::Not(value.clone()),
        }
    }

    /// Whether a key is being computed again. Who has seen that it has no value, and that it is not, may compute it.
    #[inline]
    pub(in crate::cache) fn is_being_renewed(&self, key: &K, worker: &'static Worker) -> bool {
        let Some(renewals) = self.renewals.get() else { return false };
        // SAFETY: kept alive beside it.
        unsafe { renewals.core.as_ref() }.is_claimed(key, worker)
    }

    #[inline(never)]
    fn is_claimed(&self, key: &K, worker: &'static Worker) -> bool {
        fence(Ordering::SeqCst);
        let pin = worker.pin();
        let slot = self.table(pin.at()).and_then(|table| table.slot_if_made(key, key.pack(), pin.at()));
        slot.is_some_and(|slot| matches!(slot.state().word(), Word::Claimed(_)))
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
