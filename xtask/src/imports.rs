//! The check that imports run one way: between the files of each part of the runtime, and between the rooms of the cache.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::checks::collect;
use crate::run::{Done, Failure, root};

/// The parts of the runtime. None of them sees another.
const PARTS: [&str; 3] = ["cache", "buffer", "disk"];

/// Who imports from whom, by the paths of modules; or by the names of rooms.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// No circle between files, none between rooms, and no part that sees another.
pub(crate) fn imports(_: &[String]) -> Result<Done, Failure> {
    let source = root().join("speedup-runtime/src");
    let mut faults = Vec::new();
    for part in PARTS {
        let mut files = Vec::new();
        collect(&source.join(part), &mut files);
        // What only tests use may look at everything.
        files.retain(|file| {
            !["model", "tests", "loom_tests"].iter().any(|test| names(file).contains(&(*test).to_owned()))
        });
        let texts = files.iter().map(|file| {
            let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
            Ok((module(&source, file), text))
        });
        let texts: BTreeMap<String, String> = texts.collect::<Result<_, Failure>>()?;
        let graph = graph(&texts);
        for (module, text) in &texts {
            let others = PARTS.iter().filter(|other| **other != part);
            faults.extend(
                others
                    .filter(|other| uses(text).iter().any(|path| path.starts_with(&format!("crate::{other}::"))))
                    .map(|other| format!("{module} sees {other}")),
            );
        }
        let rooms = rooms(&graph);
        let files = circles(&graph).into_iter().map(|circle| format!("a circle of files: {}", told(&circle, &graph)));
        let rooms = circles(&rooms).into_iter().map(|circle| format!("a circle of rooms: {}", told(&circle, &rooms)));
        faults.extend(files.chain(rooms));
    }
    if faults.is_empty() { Ok(Done::Passed) } else { Err(format!("\n{}", faults.join("\n"))) }
}

/// The parts of a path, without the ending of the file.
fn names(file: &Path) -> Vec<String> {
    file.with_extension("").components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
}

/// The module path of a file, from the crate on.
fn module(source: &Path, file: &Path) -> String {
    let below: PathBuf = file.strip_prefix(source).unwrap_or(file).to_path_buf();
    let mut path = names(&below);
    if path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path.join("::")
}

/// Which file imports from which: a path leads to the file of the longest module that it begins with.
fn graph(texts: &BTreeMap<String, String>) -> Graph {
    let file_of = |path: &str| {
        let mut path = path;
        loop {
            if texts.contains_key(path) {
                return Some(path.to_owned());
            }
            path = path.rsplit_once("::")?.0;
        }
    };
    let imported = |module: &String, text: &String| {
        let paths = uses(text).into_iter().filter_map(|path| absolute(module, &path));
        paths.filter_map(|path| file_of(&path)).filter(|other| other != module).collect()
    };
    texts.iter().map(|(module, text)| (module.clone(), imported(module, text))).collect()
}

/// The rooms are the folders of a part; what lies beside them is none.
fn rooms(graph: &Graph) -> Graph {
    let room = |module: &str| module.split("::").nth(1).map(ToOwned::to_owned);
    let folders: BTreeSet<String> =
        graph.keys().filter(|module| module.split("::").count() > 2).filter_map(|module| room(module)).collect();
    let mut rooms = Graph::new();
    for (module, imported) in graph {
        let Some(from) = room(module).filter(|room| folders.contains(room)) else { continue };
        let to = imported.iter().filter_map(|other| room(other)).filter(|to| *to != from && folders.contains(to));
        rooms.entry(from.clone()).or_default().extend(to.collect::<Vec<_>>());
    }
    rooms
}

/// A path from the crate on; `None` for what lies outside of it.
fn absolute(module: &str, path: &str) -> Option<String> {
    if let Some(path) = path.strip_prefix("crate::") {
        return Some(path.to_owned());
    }
    if let Some(path) = path.strip_prefix("self::") {
        return Some(format!("{module}::{path}"));
    }
    let (mut at, mut path) = (module, path.strip_prefix("super::")?);
    loop {
        at = at.rsplit_once("::").map_or("", |(above, _)| above);
        match path.strip_prefix("super::") {
            Some(rest) => path = rest,
            None => return Some(format!("{at}::{path}")),
        }
    }
}

/// The paths of all imports outside of test modules, each in full. A re-export is none: it only gives another name.
fn uses(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("#[cfg(") && line.contains("test") {
            // The module that follows, to its end.
            if lines.peek().is_some_and(|next| next.starts_with("mod ") && next.ends_with('{')) {
                lines.by_ref().find(|line| *line == "}");
            }
            continue;
        }
        let Some(rest) = line.trim_start().strip_prefix("use ") else { continue };
        let mut statement = rest.to_owned();
        while !statement.contains(';') {
            let Some(more) = lines.next() else { break };
            statement.push_str(more.trim());
        }
        let first = found.len();
        expand("", statement.split(';').next().unwrap_or_default(), &mut found);
        if line.starts_with(' ') {
            // In a module within the file, whose parent is the file.
            found[first..].iter_mut().for_each(|path| *path = path.strip_prefix("super::").unwrap_or(path).to_owned());
        }
    }
    found
}

/// The paths of a tree of imports.
fn expand(prefix: &str, tree: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((before, inner)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        // `self` at the end is the module itself.
        let path = format!("{prefix}{path}");
        found.push(path.strip_suffix("::self").unwrap_or(&path).to_owned());
        return;
    };
    let prefix = format!("{prefix}{}", before.trim());
    let (mut depth, mut start) = (0_usize, 0);
    for (at, letter) in inner.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                if !inner[start..at].trim().is_empty() {
                    expand(&prefix, &inner[start..at], found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// The groups of more than one that all lead to each other.
fn circles(graph: &Graph) -> Vec<BTreeSet<String>> {
    let reached: Graph = graph.keys().map(|from| (from.clone(), reach(graph, from))).collect();
    let mut circles = BTreeSet::new();
    for from in graph.keys().filter(|from| reached[*from].contains(*from)) {
        let back = |to: &&String| reached.get(*to).is_some_and(|further| further.contains(from));
        circles.insert(reached[from].iter().filter(back).cloned().collect());
    }
    circles.into_iter().collect()
}

/// All that imports lead to from here.
fn reach(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![from.to_owned()];
    while let Some(at) = next.pop() {
        let imported = graph.get(&at).into_iter().flatten();
        next.extend(imported.filter(|to| reached.insert((*to).clone())).cloned());
    }
    reached
}

/// The arrows of a circle.
fn told(circle: &BTreeSet<String>, graph: &Graph) -> String {
    let arrows = circle.iter().flat_map(|from| {
        graph[from].iter().filter(|to| circle.contains(*to)).map(move |to| format!("\n    {from} -> {to}"))
    });
    arrows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Graph {
        graph(&files.iter().map(|(module, text)| ((*module).to_owned(), (*text).to_owned())).collect())
    }

    #[test]
    fn imports_are_found_in_trees_and_tests_left_out() {
        let text = "use std::fmt;\nuse crate::cache::{\n    a::{self, B, c::{D, E as F}},\n    g,\n};\npub use self::h::I;\n\
                    #[cfg(test)]\nmod tests {\n    use crate::cache::j;\n}\n    use super::super::k::L;\n";
        let expected = [
            "std::fmt",
            "crate::cache::a",
            "crate::cache::a::B",
            "crate::cache::a::c::D",
            "crate::cache::a::c::E",
            "crate::cache::g",
            "super::k::L",
        ];
        assert_eq!(uses(text), expected);
    }

    #[test]
    fn a_circle_of_files_is_found() {
        let graph = of(&[
            ("cache::low", "use std::fmt;"),
            ("cache::one", "use super::low::X;\nuse crate::cache::two::Y;"),
            ("cache::two", "use crate::cache::{low, three::{self, Z}};"),
            ("cache::three", "use super::one;"),
        ]);
        let circle = BTreeSet::from(["cache::one", "cache::two", "cache::three"].map(ToOwned::to_owned));
        assert_eq!(circles(&graph), [circle]);
    }

    #[test]
    fn a_circle_of_parent_and_child_or_of_rooms_is_found() {
        let family = of(&[("cache::a", "use self::b::X;"), ("cache::a::b", "use super::Y;")]);
        assert_eq!(circles(&family).len(), 1);
        let rooms = rooms(&of(&[
            ("cache", "use self::a::one;"),
            ("cache::a::one", "use crate::cache::b::two;"),
            ("cache::b::two", ""),
            ("cache::b::three", "use crate::cache::a::four;"),
            ("cache::a::four", ""),
        ]));
        assert_eq!(circles(&rooms), [BTreeSet::from(["a".to_owned(), "b".to_owned()])]);
    }
}
