//! Options of `#[cache]` that exclude each other, and options that need another. Said here and nowhere else: the guide's table is made of
//! these rows, and so are the tests.

use super::model::Opt;
use super::policies::Policy;
use crate::options::{Conflict, Need};

const POLICIES: &[Opt] = &[
    Opt::Policy(Policy::Capacity),
    Opt::Policy(Policy::Weight),
    Opt::Policy(Policy::OnEvict),
    Opt::Policy(Policy::Ttl),
    Opt::Policy(Policy::Idle),
    Opt::Policy(Policy::RefreshAhead),
    Opt::Policy(Policy::StaleOnErr),
    Opt::Policy(Policy::ForceRefresh),
];

const AGES: &[Opt] = &[
    Opt::Policy(Policy::Ttl),
    Opt::Policy(Policy::Idle),
    Opt::Policy(Policy::RefreshAhead),
    Opt::Policy(Policy::StaleOnErr),
    Opt::Policy(Policy::ForceRefresh),
];

const STORES: &[Opt] = &[Opt::Disk, Opt::Store];

pub(super) const CONFLICTS: &[Conflict<Opt>] = &[
    // What is lent: that stays, and so does what callers are given.
    Conflict {
        these: &[Opt::Returns],
        those: &[Opt::MoveErr],
        why: "what is lent stays for ever, so no error can be moved away",
        cure: "write `cache_err` for `move_err`",
    },
    Conflict {
        these: &[Opt::Returns],
        those: &[Opt::Scoped],
        why: "what is lent stays for ever, and these values go with the outermost call",
        cure: "return an `Arc`",
    },
    Conflict {
        these: &[Opt::Returns],
        those: &[Opt::Field],
        why: "what is lent stays for ever, and these values go with `self`",
        cure: "return an `Arc`",
    },
    Conflict {
        these: &[Opt::Returns],
        those: STORES,
        why: "what is lent stays in memory for ever",
        cure: "return an `Arc`",
    },
    Conflict {
        these: &[Opt::Returns],
        those: POLICIES,
        why: "what is lent stays for ever, and these values go",
        cure: "return an `Arc`",
    },
    // Where the values are.
    Conflict {
        these: &[Opt::Field],
        those: &[Opt::Scoped],
        why: "the values go with `self` or with the outermost call",
        cure: "leave one of them out",
    },
    Conflict {
        these: &[Opt::Scoped],
        those: STORES,
        why: "stored values outlive the outermost call, and those of a scope go with it",
        cure: "leave one of them out",
    },
    Conflict {
        these: &[Opt::Field],
        those: STORES,
        why: "stored values outlive `self`, and those of a field go with it",
        cure: "write `skip(self)` or `key = ..` instead of `field`, or leave the store out",
    },
    Conflict {
        these: &[Opt::Disk],
        those: &[Opt::Store],
        why: "results go to one store",
        cure: "write `store = Tiered(near, far)` for one in front of another",
    },
    Conflict {
        these: &[Opt::Store],
        those: &[Opt::Version],
        why: "only what `disk` makes goes by versions",
        cure: "give this one to the store, as a part of its name",
    },
    // What the handle is called, and how many tables there are.
    Conflict {
        these: &[Opt::Scoped],
        those: &[Opt::Name],
        why: "the values go with the outermost call, so there is no handle to name",
        cure: "leave `name` out",
    },
    Conflict {
        these: &[Opt::Field],
        those: &[Opt::Name],
        why: "the values are in the field, so there is no handle to name",
        cure: "leave `name` out",
    },
    Conflict {
        these: &[Opt::Scoped],
        those: &[Opt::Tables],
        why: "each outermost call has a table of its own",
        cure: "leave `tables` out",
    },
    Conflict {
        these: &[Opt::Field],
        those: &[Opt::Tables],
        why: "the one table is in the field",
        cure: "leave `tables` out",
    },
    Conflict {
        these: STORES,
        those: &[Opt::Tables],
        why: "a store knows results by all arguments, so there is one table",
        cure: "leave `tables` out, and bound the one by `capacity`",
    },
    Conflict {
        these: POLICIES,
        those: &[Opt::Tables],
        why: "bounds and ages are those of one table",
        cure: "leave `tables` out, and bound the one by `capacity`",
    },
    // What the key is.
    Conflict {
        these: &[Opt::Key],
        those: &[Opt::Skip],
        why: "what `key` does not name is skipped already",
        cure: "leave `skip` out",
    },
    // What is kept, and who gets it.
    Conflict {
        these: &[Opt::CacheErr],
        those: &[Opt::CacheNone],
        why: "one is for a result of type `Result`, the other for `Option`",
        cure: "keep the one for the function's own",
    },
    Conflict {
        these: &[Opt::CacheErr],
        those: &[Opt::Policy(Policy::StaleOnErr)],
        why: "one keeps an `Err` as it keeps an `Ok`, the other serves the last `Ok` instead",
        cure: "leave one of them out",
    },
    Conflict {
        these: &[Opt::CacheNone],
        those: &[Opt::Policy(Policy::StaleOnErr)],
        why: "one keeps a `None` as it keeps a `Some`, the other serves the last `Some` instead",
        cure: "leave one of them out",
    },
    Conflict {
        these: &[Opt::MoveErr],
        those: &[Opt::CacheErr],
        why: "an error that is kept is cloned for every caller, and one that is moved goes to one of them",
        cure: "leave one of them out",
    },
    Conflict {
        these: &[Opt::MoveErr],
        those: &[Opt::CacheNone],
        why: "one is for a result of type `Result`, the other for `Option`",
        cure: "keep the one for the function's own",
    },
    Conflict {
        these: &[Opt::Field],
        those: &[Opt::MoveErr],
        why: "the field holds what its type says, which is to be `Clone`",
        cure: "share the error, as in `fn f(..) -> Result<T, Arc<E>>`",
    },
    Conflict {
        these: &[Opt::OnStoreError],
        those: &[Opt::CacheErr],
        why: "an error of the store would be kept as the result",
        cure: "leave one of them out",
    },
    // Bounds and ages.
    Conflict {
        these: &[Opt::Scoped],
        those: AGES,
        why: "the values go with the outermost call, so a bound is all that they need",
        cure: "write `capacity`, or leave `scoped` out",
    },
];

const TTL: &[Opt] = &[Opt::Policy(Policy::Ttl)];

pub(super) const NEEDS: &[Need<Opt>] = &[
    Need {
        option: Opt::Policy(Policy::Weight),
        one_of: &[Opt::Policy(Policy::Capacity)],
        cure: "counts against a bound: add `capacity = \"64 MiB\"`, or the like",
    },
    Need {
        option: Opt::Policy(Policy::RefreshAhead),
        one_of: TTL,
        cure: "counts from the end of a value's life: add `ttl = \"30s\"`, or the like",
    },
    Need {
        option: Opt::Policy(Policy::StaleOnErr),
        one_of: TTL,
        cure: "is about values that end: add `ttl = \"30s\"`, or the like",
    },
    Need { option: Opt::Version, one_of: STORES, cure: "is about a store, and there is none: write `disk`, too" },
    Need { option: Opt::OnStoreError, one_of: STORES, cure: "is about a store, and there is none: write `disk`, too" },
];
