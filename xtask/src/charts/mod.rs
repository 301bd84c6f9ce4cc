//! Pictures of the benchmarks' tables: each page has one, a panel a table.
//!
//! ```text
//! mod     the pages, and their pictures
//! tables  the tables of a page
//! dots    times as dots on a logarithmic axis
//! lines   times faster by workers
//! svg     what pictures are made of
//! ```
//!
//! They are drawn from the pages, so a table and its picture cannot say different things.

mod dots;
mod lines;
mod svg;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use self::svg::Panel;
use self::tables::Table;
use crate::run::{Done, Failure, root};

/// Panels stand in so many columns.
const COLUMNS: usize = 2;

/// Each page has the picture of its tables; `--fix` draws them.
pub(crate) fn charts(arguments: &[String]) -> Result<Done, Failure> {
    let fix = arguments.iter().any(|argument| argument == "--fix");
    let mut stale = Vec::new();
    for page in pages()? {
        if fix {
            draw(&page)?;
        } else if !is_drawn(&page)? {
            stale.push(page.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    if stale.is_empty() {
        return Ok(Done::Passed);
    }
    Err(format!("the pictures of {} are not those of their tables: `cargo xtask charts --fix`", stale.join(", ")))
}

fn pages() -> Result<Vec<PathBuf>, Failure> {
    let folder = root().join("docs/benchmarks");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let files = entries.flatten().map(|entry| entry.path());
    let mut pages: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    pages.sort();
    Ok(pages)
}

fn read(page: &Path) -> Result<String, Failure> {
    fs::read_to_string(page).map_err(|error| format!("{}: {error}", page.display()))
}

fn is_drawn(page: &Path) -> Result<bool, Failure> {
    let text = read(page)?;
    let Some(picture) = picture(&text) else { return Ok(!text.contains(&link(page))) };
    let there = fs::read_to_string(page.with_extension("svg")).unwrap_or_default();
    Ok(text.contains(&link(page)) && there == picture)
}

/// Draws the picture of a page, and has the page show it.
pub(crate) fn draw(page: &Path) -> Result<(), Failure> {
    let text = read(page)?;
    let Some(picture) = picture(&text) else { return Ok(()) };
    let write = |path: &Path, text: &str| fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()));
    write(&page.with_extension("svg"), &picture)?;
    let link = link(page);
    if text.contains(&link) {
        return Ok(());
    }
    // Before the first heading below what the page begins with.
    let at = text.match_indices("\n##").next().map_or(text.len(), |(at, _)| at + 1);
    write(page, &format!("{}{link}\n\n{}", &text[..at], &text[at..]))
}

/// How a page shows its picture.
fn link(page: &Path) -> String {
    format!("![The tables below as a picture]({}.svg)", page.file_stem().unwrap_or_default().to_string_lossy())
}

/// The picture of a page; `None` if there is nothing to be drawn.
fn picture(page: &str) -> Option<String> {
    let panels: Vec<Panel> = tables::of(page).iter().filter_map(panel).collect();
    (!panels.is_empty()).then(|| svg::page(&panels, COLUMNS))
}

fn panel(table: &Table) -> Option<Panel> {
    lines::panel(table).or_else(|| dots::panel(table))
}

#[cfg(test)]
mod tests {
    use super::picture;

    #[test]
    fn a_table_of_times_and_one_of_workers_are_a_panel_each() {
        let page = "## Page\n\n### Hits <now>\n\n| contender | median | least to most | ratio to a |\n|---|---:|---:|---:|\n\
                    | a | 1.00 ns | 0.90 ns to 2.00 ns | 1.000 |\n| b | 2.5 us | 2.0 us to 3.0 us | 2500 |\n\n\
                    ### Scaling\n\n| recursion | calls | 1 | 2 | 4 |\n|---|---|---|---|---|\n| grid | 100 | 1.00 | 1.90 | 3.50 |\n\n\
                    ### Words\n\n| a | b |\n|---|---|\n| yes | no |\n";
        let picture = picture(page).expect("there is something to draw");
        assert_eq!(picture.matches("<circle").count(), 2);
        assert_eq!(picture.matches("<polyline").count(), 2, "a line, and what would be best");
        assert!(picture.contains("Hits &lt;now&gt;") && !picture.contains("Words"));
        assert_eq!(picture.matches('<').count(), picture.matches('>').count());
    }

    #[test]
    fn a_page_of_words_has_none() {
        assert_eq!(picture("## Page\n\n| a | b |\n|---|---|\n| yes | no |\n"), None);
    }
}
