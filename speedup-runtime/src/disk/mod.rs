//! A map and a list larger than memory: [`DiskDict`] and [`DiskList`].
//!
//! Both behave like the standard collections, keep a bounded amount of data in memory and are still there tomorrow. Items lie
//! packed in pages of 4 KiB in a file of their own; sled holds the directory that finds a page by key or position and
//! publishes changes as one; a journal makes single operations durable.
//!
//! Imports run downwards:
//!
//! ```text
//! place, folder_batch        a folder of structures; changes of several of them as one
//! dict, list, view           what users see; `state` is the same without types
//!   write_buffer, filter     a dict's scattered changes, and which keys are surely absent
//! shared                     a handle for many threads
//! handle                     a structure behind its locks (`striped` beside `disk`), and whose it is
//!   body                     its state as the handle sees it: what is due, and in what parts
//!   process, behind, errands forks and exit, the threads that write journals and checkpoints
//! types, rebuild, value_mut  what a folder holds, all items anew in one step, a value that is stored again
//! joint                      changes of several structures, written down before they are made
//! store                      checkpoint, opening, compact; repair in store/rescue
//!   next, common, journal, superblock, folder, options
//! tree, tail                 items in order by key or position; the open end
//!   inner, leaf              directory nodes and pages, encoded
//! pages                      who reads pages: one that also writes, or several beside each other
//! pager                      pages by reference, cached, published as one
//!   scan                     what the pages alone still say
//!   cache, slots, page_file, rest, spare, engine (sled)
//! key, prefix, value, fingerprint, error; the shapes of types lie outside, in `shape`
//! ```

mod behind;
mod body;
mod cache;
mod common;
mod dict;
mod engine;
mod errands;
mod error;
mod filter;
mod fingerprint;
mod folder;
mod folder_batch;
#[cfg(test)]
mod fuzz;
#[allow(unsafe_code)]
mod handle;
mod inner;
mod joint;
mod journal;
mod key;
mod leaf;
mod list;
mod next;
mod options;
#[allow(unsafe_code)]
mod page_file;
mod pager;
mod pages;
mod place;
mod prefix;
#[allow(unsafe_code)]
mod process;
mod rebuild;
mod rest;
mod scan;
mod shared;
mod slots;
mod spare;
mod store;
mod superblock;
mod tail;
#[cfg(test)]
mod testing;
mod tree;
mod types;
mod value;
mod value_mut;
mod view;
mod write_buffer;

pub use self::dict::{Append, Batch, DictBuilder, DiskDict, Entry, Iter as DictIter, Keys, Range, Values};
pub use self::error::{Error, Result};
pub(crate) use self::folder::default_location;
pub use self::folder_batch::FolderBatch;
pub use self::key::{EncodeKey, Key};
pub use self::list::{DiskList, Drain, Iter as ListIter, ListBatch, ListBuilder, SharedIter as SharedListIter};
pub use self::place::{Folder, list};
pub use self::prefix::{KeyPrefix, PartOf};
pub(crate) use self::process::Process;
pub use self::shared::{Shared, Structure};
pub use self::store::Repaired;
pub use self::value::Value;
pub use self::value_mut::ValueMut;
pub use self::view::ReadOnly;
