//! A list and a dictionary that are still there when the program runs again.
//!
//! ```text
//! cargo run --example persistent_list [FOLDER]
//! ```

#![allow(clippy::print_stdout, reason = "an example shows its results")]

use std::path::Path;

use speedup::disk::Error;
use speedup::{DiskDict, DiskList};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match std::env::args().nth(1) {
        Some(folder) => run(Path::new(&folder))?,
        None => run(tempfile::tempdir()?.path())?,
    }
    Ok(())
}

/// Adds a visit to the list and counts it in the dictionary.
pub(crate) fn run(folder: &Path) -> Result<(), Error> {
    let mut visits = DiskList::<String>::builder("visits").location(folder).open()?;
    let mut counts = DiskDict::<String, u64>::builder("counts").location(folder).open()?;
    let visit = format!("visit {}", visits.len() + 1);
    visits.push(visit)?;
    let count = counts.get(&"visits".to_owned())?.unwrap_or(0) + 1;
    counts.insert("visits".to_owned(), count)?;

    println!("{count} visits so far; the last ones:");
    for index in visits.len().saturating_sub(3)..visits.len() {
        println!("  {}", visits.get(index)?.unwrap_or_default());
    }
    visits.close()?;
    counts.close()
}
