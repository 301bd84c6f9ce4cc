//! Buffers: the values of a generator, computed once, ahead of their readers, and kept.
//!
//! `handle` is what users hold; `function`, `family`, `iter`, `search`, `slice`, `reader`, `stream` and `halt` add to it, and `window` stands
//! beside it. Below lies `demand`, what becomes of a reader's wish; `ahead`, how helpers come and go; `production`, what happens during a
//! turn; `state`, what all of them share. Below these `helpers`, `lodging`, `engagement` and `pace`: who does it, where, and whether it pays;
//! `turn`, `patience` and `circle`: how to wait and when not to; `wishes` and `mark`, what readers tell producers and how seldom. At the
//! bottom `source` makes values, `sink` takes them, and `segments` (in `memory`) and `ring` keep them. Imports go downwards only.

mod ahead;
mod apart;
mod circle;
mod cpu_clock;
mod demand;
mod engagement;
mod error;
mod family;
mod function;
mod halt;
mod handle;
mod helpers;
mod item;
mod iter;
#[cfg(not(loom))]
mod listed;
mod lodging;
#[cfg(all(test, loom))]
mod loom;
mod mark;
mod memory;
mod order;
mod pace;
mod patience;
mod production;
mod pulled;
mod reader;
mod ring;
mod search;
mod segments;
mod settings;
mod shared;
mod sink;
mod slice;
mod source;
mod state;
mod stats;
mod store;
mod stream;
mod token;
mod turn;
mod window;
mod wishes;
mod work;

#[doc(hidden)]
pub use self::order::__private;
pub use self::{
    error::{Full, Gone},
    family::{Buffers, FamilyState},
    function::{FamilyFunction, Function},
    halt::{AbsNonDecreasing, Attempts, Halt, Magnitude, NonDecreasing},
    handle::{Buffer, Compare, State},
    item::{Arguments, Given, Item},
    iter::{Chunks, Iter, Values},
    reader::Reader,
    settings::DEFAULT_SIZE,
    slice::{Slice, SliceIter},
    source::{Out, Source},
    stats::Stats,
    window::{Window, WindowIter, WindowState, WindowValues},
};
