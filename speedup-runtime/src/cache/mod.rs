//! Memoized functions whose independent recursive calls run in parallel.
//!
//! [`Cache`] is the handle. The rooms, from the top, each of which knows those below it alone:
//!
//! - `api` is what users meet: the handle, tasks, counts; `asynchronous` is the same for `async` functions;
//! - `fork` computes calls together that do not need each other;
//! - `call` is the life of a call: looked up, claimed, computed, published;
//! - `block` waits for what others compute, without going in circles;
//! - `bound` chooses who goes where there is too little room, for `policy`, which has the caches with bounds and ages;
//! - `sharing` finds work that others have not begun, and finds out whether that pays;
//! - `table` holds the values, each in a slot that is claimed and published;
//! - `thread` is what is known of a thread and its running calls;
//! - `memory` frees what nobody can be looking at.
//!
//! The model checker gets the protocols: boards, the graph of waits, reclamation, and tables with the claims on their slots
//! (`model`, which has small stand-ins for the rest).

#![cfg_attr(loom, allow(dead_code, unreachable_pub, reason = "the models have no functions, and nobody outside"))]

mod api;
#[cfg(feature = "async")]
mod asynchronous;
mod block;
#[cfg_attr(loom, allow(unused_imports, reason = "the models name what is in it"))]
mod bound;
mod call;
mod fork;
mod memory;
#[cfg(all(test, loom))]
mod model;
#[cfg(not(loom))]
mod policy;
mod sharing;
mod table;
mod thread;

#[cfg(not(loom))]
pub use self::api::{
    at_place::{AtParts, AtPlace, AtPlaceHere, elsewhere},
    autoref as probe,
    borrowed::{Borrowing, Lent, Within},
    branches::TablesState,
    cache::{Cache, Parts, State, Values},
    context::{Body, Keeping, Local, With},
    fallible::{AsyncFallible, Fallible, Handed, Here, Moved, found, until_taken},
    foretold,
    in_scope::{InItsScope, InScope},
    in_table::InTable,
    into_function::IntoFunction,
    lasting::{Borrowed, BorrowedPart},
    of_types::of_types,
    outermost::Outermost,
    scoped::{Place, Scoped, number_of, place_of},
    spans::{Asked, Foretells, Spans, may_look_ahead},
    stretch::{GivenPart, Stretch, span_at, span_end, span_given, span_like, span_of, span_reaches, span_size},
    tables::{Division, Tables, is_equal, is_same},
    task::{Task, TimedOut},
    warming::Warming,
};
#[cfg(all(feature = "stores", not(loom)))]
pub(crate) use self::asynchronous::get::wait_for_calls;
#[cfg(not(loom))]
pub(crate) use self::thread::registry::demand_attention;
#[cfg(all(feature = "async", not(loom)))]
pub use self::{
    asynchronous::{
        function::{AsyncFunction, Boxed, IntoAsyncFunction, PassedOn, boxed, passed_on},
        get::Get,
        group::{GetAll, Group, Together, together},
        of_types::of_async_types,
        state::{AsyncCache, AsyncState, AsyncValues},
        task::AsyncTask,
    },
    policy::{AsyncMemo, AsyncPolicyCache, AsyncPolicyState, of_async_types_with_policies},
};
#[cfg(not(loom))]
pub use self::{
    bound::{Hashed, Stored},
    call::{
        behind::{Attached, Behind, Counts, Fault, Foretelling, Help, Seat, Sought, Turn},
        bodies::Inside,
        function::Function,
    },
    fork::join::{join, map},
    policy::{Life, Memo, OnEvict, PolicyCache, PolicyState, Rules, Weight, of_types_with_policies},
    table::{
        bits::{Bits, ByBits},
        checked::{Checked, Checks, argument, output},
        coordinates::{Coordinates, Spread},
        distinct::Distinct,
        key::{Argument, Key, Lookup, Output, Part},
    },
    thread::stack::set_stack_limit,
};
#[cfg(not(loom))]
pub use crate::seeing::stats::Stats;
