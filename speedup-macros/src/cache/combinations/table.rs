//! The table of options that exclude each other: the guide shows it, and each row is a compile error in `tests/ui`.
//! `UPDATE_EXPECT=1 cargo test -p speedup-macros` writes both anew.

use std::fmt::Write as _;
use std::fs;

use super::forms::{FORMS, Form};
use super::{faults, name_of, said, written};
use crate::cache::attribute_at;
use crate::cache::conflicts::{CONFLICTS, NEEDS};
use crate::cache::model::{Opt, TABLE};
use crate::expansion::testing;
use crate::options::Conflict;
use crate::place::Place;

/// A method that every option can be written on.
const METHOD: Form = Form {
    name: "method",
    around: "impl Owner",
    options: &[],
    head: "fn f(&self, db: &Db, n: u64)",
    call: "self.f(db, n - 1)",
    result: None,
};

const FUNCTION: Form = Form {
    name: "function",
    around: "",
    options: &[],
    head: "fn f(db: &Db, n: u64)",
    call: "f(db, n - 1)",
    result: None,
};

fn message(row: &Conflict<Opt>, these: Opt, those: Opt) -> String {
    let Conflict { why, cure, .. } = row;
    format!("`{}` and `{}` exclude each other: {why}: {cure}", name_of(these), name_of(those))
}

#[test]
fn each_pair_of_each_row_is_told_once_and_as_the_row_says() {
    for row in CONFLICTS {
        for these in row.these {
            for those in row.those {
                let said = said(&METHOD, &[name_of(*these), name_of(*those)]);
                // Which of several options with the same fault is named is nobody's business.
                let named =
                    said.iter().filter(|said| row.these.iter().any(|these| **said == message(row, *these, *those)));
                let of_row = said.iter().filter(|said| said.ends_with(&format!("{}: {}", row.why, row.cure)));
                assert_eq!(
                    (said.len(), of_row.count()),
                    (1, 1),
                    "{} and {}: {said:#?}",
                    name_of(*these),
                    name_of(*those)
                );
                assert!(named.count() == 1 || row.those.len() > 1, "{said:#?}");
            }
        }
    }
}

#[test]
fn what_an_option_needs_is_told_once() {
    for need in NEEDS {
        let options = written(name_of(need.option)).text;
        let (_, function) = FUNCTION.with(&[name_of(need.option)]);
        let expansion = attribute_at(testing::tokens(options), testing::tokens(&function), |_| Place::Free);
        assert_eq!(faults(expansion), [format!("`{}` {}", name_of(need.option), need.cure)]);
    }
}

/// `` `a`, `b` ``
fn list(options: &[Opt]) -> String {
    let names: Vec<String> = options.iter().map(|option| format!("`{}`", name_of(*option))).collect();
    names.join(", ")
}

/// A row of a table in Markdown cannot have a bar in a cell.
fn row(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | ").replace("= |", "= \\|"))
}

/// Both tables as the guide has them.
fn tables() -> String {
    let mut text = String::from("| option | and | why not | write |\n|---|---|---|---|\n");
    for Conflict { these, those, why, cure } in CONFLICTS {
        text += &row(&[&list(these), &list(those), why, cure]);
    }
    text += "\n| option | needs one of | since it |\n|---|---|---|\n";
    for need in NEEDS {
        text += &row(&[&list(&[need.option]), &list(need.one_of), need.cure]);
    }
    text
}

/// A program in which each row is a function.
fn program() -> String {
    let mut text = String::from(
        "//! Options that exclude each other: a function for each row of `speedup-macros/src/cache/conflicts.rs`, whose test writes this file. None of\n\
         //! them has a second error, neither where the function recurses nor where its handle is used.\n\n\
         use serde::{Deserialize, Serialize};\nuse speedup::{Memo, cache};\n\n\
         #[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]\nstruct Db;\n\n\
         #[derive(Clone, Serialize, Deserialize)]\nstruct Fault;\n\n\
         impl From<speedup::store::Error> for Fault {\n    fn from(_: speedup::store::Error) -> Self {\n        Fault\n    }\n}\n\n",
    );
    let mut used = String::new();
    for (number, Conflict { these, those, .. }) in CONFLICTS.iter().enumerate() {
        let names = [name_of(these[0]), name_of(those[0])];
        let form = if names.contains(&"field") { &METHOD } else { &FUNCTION };
        let (options, function) = form.with(&super::completed(&names));
        let options = options.replace("MemoryStore", "speedup::store::MemoryStore");
        let own =
            |argument: &str, text: &str| text.replace(&format!("f({argument}"), &format!("row_{number}({argument}"));
        let function = own("&self", &own("db", &function));
        let (head, body) = function.split_once(" { ").expect("a body");
        let body = body.trim_end_matches(" }");
        let result = head.split_once("-> ").expect("a result").1;
        if names.contains(&"field") {
            let _ = write!(
                text,
                "struct Owner{number} {{\n    memo: Memo<(u64,), {result}>,\n}}\n\nimpl Owner{number} {{\n    #[cache({options})]\n    {head} {{\n        \
                 {body} }}\n    }}\n}}\n\n"
            );
        } else {
            let _ = write!(text, "#[cache({options})]\n{head} {{\n    {body} }}\n}}\n\n");
            if !names.contains(&"scoped") {
                let handle = if names.contains(&"name") { "TABLE".to_owned() } else { format!("ROW_{number}") };
                let _ = writeln!(used, "    let _ = {handle}.len();");
            }
        }
    }
    let _ = write!(text, "fn main() {{\n{used}}}\n");
    text
}

/// The file at a path from the root of the workspace; none in a release of this crate.
fn file(path: &str) -> Option<(String, String)> {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).ok().map(|text| (path, text))
}

fn is_updating() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some()
}

#[test]
fn each_row_is_a_compile_error_in_the_tests_and_the_only_one() {
    const PATH: &str = "tests/ui/cache/conflicts.rs";
    let Some((path, found)) = file(PATH) else { return };
    let program = program();
    if is_updating() {
        fs::write(path, program).expect("the test can be written");
        return;
    }
    assert_eq!(
        found, program,
        "{PATH} is to have a function for each row: `UPDATE_EXPECT=1 cargo test -p speedup-macros` writes it"
    );
    let (_, said) = file("tests/ui/cache/conflicts.stderr").expect("what the compiler says");
    let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(errors.len(), CONFLICTS.len(), "one for each row: {errors:#?}");
    for row in CONFLICTS {
        let message = format!("error: {}", message(row, row.these[0], row.those[0]));
        assert!(errors.contains(&&*message), "{message}");
    }
}

/// Options that make a form what it is.
const OF_FORMS: &[&str] = &["scoped", "skip", "key", "field"];

/// The forms in the guide, by what they are called there and here.
const COLUMNS: &[(&str, &str)] = &[
    ("function", "steady"),
    ("generic", "generic"),
    ("`skip`, `key`", "key"),
    ("method, `skip(self)`", "method"),
    ("in a trait's `impl`", "in a trait's impl"),
    ("`field`", "field"),
    ("`scoped`", "scoped"),
    ("`async`", "async"),
    ("`async`, `skip`", "async context"),
    ("`async`, `field`", "async field"),
    ("`async`, generic", "async generic"),
];

/// Which option goes with which form.
fn cells() -> String {
    let titles: Vec<&str> = COLUMNS.iter().map(|(title, _)| *title).collect();
    let mut text = row(&[&["option"], &*titles].concat());
    let _ = writeln!(text, "|---|{}", "---|".repeat(titles.len()));
    for known in TABLE.iter().filter(|known| !OF_FORMS.contains(&known.name)) {
        let cell = |form: &str| {
            let form = FORMS.iter().find(|known| known.name == form).expect("a form");
            if said(form, &[known.name]).is_empty() { "yes" } else { "-" }
        };
        let cells: Vec<&str> = COLUMNS.iter().map(|(_, form)| cell(form)).collect();
        text += &row(&[&[&*format!("`{}`", known.name)], &*cells].concat());
    }
    text
}

/// Asserts that a chapter has this behind a line, up to an empty one and the start of the next section.
fn assert_in_guide(head: &str, wanted: &str) {
    const PATH: &str = "src/guide/cache.md";
    let Some((path, guide)) = file(PATH) else { return };
    let (before, rest) = guide.split_once(head).expect("a section in the chapter");
    let after = rest.split_once("\n\n#").expect("a section behind it").1;
    let wanted_guide = format!("{before}{head}{wanted}\n#{after}");
    if is_updating() {
        fs::write(path, wanted_guide).expect("the guide can be written");
    } else {
        assert!(
            guide == wanted_guide,
            "in {PATH} is to stand what `UPDATE_EXPECT=1 cargo test -p speedup-macros` writes:\n{wanted}"
        );
    }
}

#[test]
fn the_guide_has_these_tables() {
    assert_in_guide("which says what to write:\n\n", &tables());
    assert_in_guide("the attribute says what to write instead:\n\n", &cells());
}

/// In the code of the guide's chapters, which is run.
#[test]
fn every_option_is_in_an_example_of_the_guide() {
    let chapters = ["cache", "policies", "between_runs"].map(|name| file(&format!("src/guide/{name}.md")));
    let text: Vec<String> = chapters.into_iter().flatten().map(|(_, text)| text).collect();
    if text.is_empty() {
        return;
    }
    let attributes: Vec<&str> =
        text.iter().flat_map(|text| text.lines()).filter(|line| line.trim_start().starts_with("#[cache(")).collect();
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    for known in TABLE {
        let shown = attributes.iter().any(|line| line.split(|letter| !is_word(letter)).any(|word| word == known.name));
        assert!(shown, "`{}` stands in no example of the guide", known.name);
    }
}
