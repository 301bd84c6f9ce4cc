//! A map and a list larger than memory: [`DiskDict`] and [`DiskList`].
//!
//! Both behave like the standard collections, keep a bounded amount of data in memory and are still there tomorrow. Items lie
//! packed in pages of 4 KiB in a file of their own; sled holds the directory that finds a page by key or position and
//! publishes changes as one; a journal makes single operations durable.
//!
//! Imports run downwards:
//!
//! ```text
//! dict, list                 what users see; `state` is the same without types
//!   write_buffer, filter     a dict's scattered changes, and which keys are surely absent
//!   handle, shared           the lock, the thread that writes the journal
//! types, rebuild, value_mut   what a folder holds, all items anew in one step, a value that is stored again
//! store                      checkpoint, opening, compact; repair in store/rescue
//!   journal, superblock, folder, options
//! tree, tail                 items in order by key or position; the open end
//!   inner, leaf              directory nodes and pages, encoded
//! pager                      pages by reference, cached, published as one
//!   scan                     what the pages alone still say
//!   cache, slots, page_file, spare, engine (sled)
//! key, prefix, value, shape, fingerprint, error
//! ```

mod cache;
mod dict;
mod engine;
mod error;
mod filter;
mod fingerprint;
mod folder;
mod handle;
mod inner;
mod journal;
mod key;
mod leaf;
mod list;
mod options;
mod page_file;
mod pager;
mod prefix;
mod rebuild;
mod scan;
mod shape;
mod shared;
mod slots;
mod spare;
mod store;
mod superblock;
mod tail;
mod tree;
mod types;
mod value;
mod value_mut;
mod write_buffer;

pub use self::dict::{Append, DictBuilder, DiskDict, Entry, Iter as DictIter, Keys, Range, Values};
pub use self::error::{Error, Result};
pub use self::key::{EncodeKey, Key};
pub use self::list::{DiskList, Drain, Iter as ListIter, ListBuilder};
pub use self::prefix::{KeyPrefix, PartOf};
pub use self::shared::Shared;
pub use self::store::Repaired;
pub use self::value::Value;
pub use self::value_mut::ValueMut;
