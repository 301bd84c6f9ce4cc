//! The types of a structure: how its values are encoded, and whether what lies in a folder was written as such.
//!
//! The superblock holds a fingerprint of the shape; the shape itself lies in the file `types`, which only counts if it has that fingerprint.

use std::fs;
use std::path::Path;

use super::error::At;
use super::journal::Replay;
use super::options::Options;
use super::store::Store;
use super::superblock::{Kind, Superblock};
use super::value::{Codec, Value};
use super::{Error, Result, fingerprint};
use crate::shape::{self, Graph};

const NAME: &str = "types";
const NEW: &str = "types.new";

/// How values of one type are written, and by what their folder is known.
#[derive(Debug)]
pub(crate) struct Types {
    pub(crate) codec: Codec,
    pub(crate) fingerprint: u64,
    /// What is kept in the file; empty with a codec that writes the names down.
    bytes: Vec<u8>,
    graph: Graph,
    /// The fingerprint that earlier versions gave the type.
    former: fn() -> u64,
    /// Where the type differs from what was found, if it does.
    difference: String,
}

impl Types {
    /// The types of a structure of `V`; an error if no value of it could be read back.
    pub(crate) fn of<V: Value>(named: bool) -> Result<Self> {
        let graph = shape::of::<V>();
        let (codec, bytes) = if named {
            if graph.has_blurred_option() {
                let why = "an option of an option is read as one; wrap the inner one in a struct with a field";
                return Err(Error::unfit::<V>(why));
            }
            (Codec::Named, Vec::new())
        } else {
            if let Some(place) = &graph.asks {
                let why = format!("{place} asks what comes next (as `untagged`, `tag`, `flatten` and `Value`s do)");
                return Err(Error::unfit::<V>(&why));
            }
            (Codec::compact::<V>(), graph.encode())
        };
        let fingerprint = fingerprint::of_bytes(if named { b"self-describing" } else { &bytes });
        let former = fingerprint::former_of_value::<V>;
        Ok(Types { codec, fingerprint, bytes, graph, former, difference: String::new() })
    }

    /// Finds out under which other fingerprints the folder may be opened: that of a type of which this one is an extension, or the one
    /// that an earlier version gave it.
    pub(crate) fn look(&mut self, options: &mut Options) -> Result<()> {
        options.readable.clear();
        let folder = options.folder()?;
        let Ok(Some(block)) = Superblock::read(&folder) else {
            // What a repair puts together may be from before the type was looked at more closely.
            options.readable.push((self.former)());
            return Ok(());
        };
        if block.value == self.fingerprint || self.codec == Codec::Named {
            return Ok(());
        }
        let kept = fs::read(folder.join(NAME)).unwrap_or_default();
        if fingerprint::of_bytes(&kept) == block.value {
            match Graph::decode(&kept).map(|old| self.graph.reads(&old)) {
                Some(Ok(())) => options.readable.push(block.value),
                Some(Err(difference)) => self.difference = difference.to_string(),
                None => {}
            }
        } else if (self.former)() == block.value {
            options.readable.push(block.value);
        }
        Ok(())
    }

    /// Opens a structure whose values are of an older type, with either codec.
    pub(crate) fn open_old<Old: Value>(
        options: &Options,
        kind: Kind,
        key: u64,
    ) -> Result<(Store, Option<Replay>, Codec)> {
        let mut options = options.clone();
        let mut refused = None;
        for named in [false, true] {
            let opened = Types::of::<Old>(named).and_then(|mut old| {
                old.look(&mut options)?;
                let opened = Store::open(&options, kind, key, old.fingerprint);
                opened.map(|(store, replay)| (store, replay, old.codec)).map_err(|error| old.explain(error))
            });
            match opened {
                Err(error @ (Error::WrongType { part: "value", .. } | Error::Unfit { .. })) => {
                    refused.get_or_insert(error);
                }
                opened => return opened,
            }
        }
        Err(refused.unwrap_or(Error::BadKey))
    }

    /// Says where the types differ.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match error {
            Error::WrongType { path, part: part @ "value", .. } => {
                Error::WrongType { path, part, what: self.difference.clone() }
            }
            other => other,
        }
    }

    /// Keeps the shape beside the data, and lets the superblock name it.
    pub(crate) fn keep(&self, store: &mut Store) -> Result<()> {
        self.write(store.folder())?;
        store.retype(self.fingerprint)
    }

    /// Writes the shape; it counts once the superblock names it.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(NAME);
        if self.bytes.is_empty() || fs::read(&path).is_ok_and(|kept| kept == self.bytes) {
            return Ok(());
        }
        let new = folder.join(NEW);
        fs::write(&new, &self.bytes).at(&new)?;
        fs::rename(&new, &path).at(&new)
    }
}
