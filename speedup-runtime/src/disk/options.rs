//! How a structure is opened: what the builders of dict and list share.

use std::path::PathBuf;

use super::error::At;
use super::{Result, folder};

/// What a builder was told.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) name: String,
    location: Option<PathBuf>,
    pub(crate) page_size: usize,
    pub(crate) max_pages: usize,
    pub(crate) write_buffer: usize,
    /// Its operations are in the journal of the folder around, which is made where there is none.
    pub(crate) joint: bool,
    /// Values are written with their names.
    pub(crate) named: bool,
    /// Fingerprints of other value types whose values can be read.
    pub(crate) readable: Vec<u64>,
}

impl Options {
    pub(crate) fn new(name: String) -> Self {
        Options {
            name,
            location: None,
            page_size: 1024,
            max_pages: 16,
            write_buffer: 12 << 20,
            joint: false,
            named: false,
            readable: Vec::new(),
        }
    }

    pub(crate) fn set_location(&mut self, location: PathBuf) {
        // The empty path is the current folder.
        self.location = Some(if location.as_os_str().is_empty() { PathBuf::from(".") } else { location });
    }

    /// How many items of leaves are cached.
    pub(crate) fn items(&self) -> usize {
        self.page_size.max(1).saturating_mul(self.max_pages.max(1))
    }

    /// The folder of the structure.
    pub(crate) fn folder(&self) -> Result<PathBuf> {
        let location = self.location.clone().map_or_else(folder::default_location, Ok)?;
        // Absolute, so that a process may change its current folder.
        let location = std::path::absolute(&location).at(&location)?;
        Ok(location.join(folder::folder_name(&self.name)?))
    }
}
