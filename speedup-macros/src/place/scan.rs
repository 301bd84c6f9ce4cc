//! A scanner that knows just enough of Rust to tell which `{` directly encloses a spot of a source file.

use std::cell::RefCell;

/// The block around a spot of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Around {
    /// What stands before its `{`: the text since the statement before, without comments. Empty at the top of a file.
    pub(super) head: String,
    /// The byte behind its `{`, so that two spots can be told to be in one block.
    pub(super) start: usize,
}

/// Where a spot of a source lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// In this block.
    Block(Around),
    /// In the rules of this macro, outside of any block there: the block is where the macro is called.
    Rules(String),
}

/// What is around the word `word` at `line` and `column` (both count from 1). Nothing where the spot does not hold that word.
pub(super) fn around(source: &str, line: usize, column: usize, word: &str) -> Option<Found> {
    let spot = offset(source, line, column)?;
    if !source.get(spot..)?.starts_with(word) {
        return None;
    }
    around_spot(source, spot)
}

/// The blocks around the calls of a macro in its own file.
pub(super) fn around_calls(source: &str, name: &str) -> Vec<Around> {
    let call = format!("{name}!");
    let spots = source.match_indices(&call).map(|(spot, _)| spot);
    let is_word = |spot: usize| !source[..spot].ends_with(|c: char| c == '_' || c.is_alphanumeric());
    let found = spots.filter(|spot| is_word(*spot)).filter_map(|spot| around_spot(source, spot));
    found.filter_map(|found| if let Found::Block(around) = found { Some(around) } else { None }).collect()
}

/// Whether the block that starts at this byte has a constant or a static with this name.
pub(super) fn has_constant(source: &str, start: usize, name: &str) -> bool {
    ["const", "static"].iter().any(|keyword| {
        let item = format!("{keyword} {name}");
        source.match_indices(&item).any(|(spot, _)| {
            source[spot + item.len()..].trim_start().starts_with(':')
                && matches!(around_spot(source, spot), Some(Found::Block(around)) if around.start == start)
        })
    })
}

impl Around {
    /// No block at all.
    pub(super) fn file() -> Around {
        Around { head: String::new(), start: 0 }
    }

    pub(super) fn of(open: &Open) -> Around {
        Around { head: open.head.trim().to_owned(), start: open.at }
    }
}

/// How far a source has been scanned. The functions of a file are expanded in their order, so that each goes on where the last
/// one was.
struct Scanned {
    source: String,
    position: usize,
    head: String,
    open: Vec<Open>,
}

thread_local! {
    static LAST: RefCell<Option<Scanned>> = const { RefCell::new(None) };
}

/// A scanner of the source that has not come further than a spot.
fn scanner_before(source: &str, spot: usize) -> Scanner<'_> {
    LAST.with_borrow(|last| match last {
        Some(last) if last.position <= spot && last.source == source => {
            Scanner { source, rest: &source[last.position..], head: last.head.clone(), open: last.open.clone() }
        }
        _ => {
            let rest = source.strip_prefix('\u{feff}').unwrap_or(source);
            Scanner { rest, source, head: String::new(), open: Vec::new() }
        }
    })
}

/// Keeps how far a scanner has come.
fn keep_scanned(scanner: &Scanner<'_>) {
    let (position, head, open) = (scanner.position(), scanner.head.clone(), scanner.open.clone());
    LAST.with_borrow_mut(|last| match last {
        Some(last) if last.source == scanner.source => (last.position, last.head, last.open) = (position, head, open),
        _ => *last = Some(Scanned { source: scanner.source.to_owned(), position, head, open }),
    });
}

/// A scanner that has come to a byte of the source; nothing inside of a comment or a string.
pub(super) fn scanned(source: &str, spot: usize) -> Option<Scanner<'_>> {
    let mut scanner = scanner_before(source, spot);
    while scanner.position() < spot {
        scanner.step()?;
    }
    (scanner.position() == spot).then_some(scanner)
}

/// What is around a byte of the source; nothing inside of a comment or a string.
fn around_spot(source: &str, spot: usize) -> Option<Found> {
    let mut scanner = scanned(source, spot)?;
    keep_scanned(&scanner);
    let rules = scanner.open.iter().rposition(|open| open.head.contains("macro_rules!"));
    // The brackets of the rules themselves, and of the one that is used.
    let inside = scanner.open.split_off(rules.map_or(0, |rules| (rules + 2).min(scanner.open.len())));
    // What a macro is given stands, as far as anybody can tell, where the macro is called.
    let is_code = |open: &Open| open.brace == '{' && !open.head.trim_end().ends_with('!');
    match (inside.into_iter().rfind(is_code), rules) {
        (Some(open), _) => Some(Found::Block(Around::of(&open))),
        (None, None) => Some(Found::Block(Around::file())),
        (None, Some(rules)) => {
            let (_, name) = scanner.open[rules].head.split_once("macro_rules!")?;
            Some(Found::Rules(name.trim().to_owned()))
        }
    }
}

/// The byte at `line` and `column`; columns count characters.
fn offset(source: &str, line: usize, column: usize) -> Option<usize> {
    let mark = source.len() - source.trim_start_matches('\u{feff}').len();
    let source = &source[mark..];
    let start: usize = source.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let (bytes, _) = source.get(start..)?.char_indices().nth(column.checked_sub(1)?)?;
    Some(mark + start + bytes)
}

/// A bracket that was opened, and what stood before it.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) brace: char,
    pub(super) head: String,
    /// The byte behind it.
    pub(super) at: usize,
}

pub(super) struct Scanner<'a> {
    source: &'a str,
    rest: &'a str,
    /// The text since the last `;`, `{` or `}` on the present level.
    pub(super) head: String,
    pub(super) open: Vec<Open>,
}

impl Scanner<'_> {
    fn position(&self) -> usize {
        self.source.len() - self.rest.len()
    }

    /// Moves over one token, comment or run of blanks.
    fn step(&mut self) -> Option<()> {
        let first = self.rest.chars().next()?;
        match first {
            _ if self.rest.starts_with("//") => self.skip(self.rest.find('\n').unwrap_or(self.rest.len())),
            _ if self.rest.starts_with("/*") => self.skip(block_comment(self.rest)),
            '"' => self.keep(quoted(self.rest, 1)),
            '\'' => self.keep(character_or_lifetime(self.rest)),
            '{' | '(' | '[' => {
                self.skip(1);
                let at = self.position();
                self.open.push(Open { brace: first, head: std::mem::take(&mut self.head), at });
            }
            '}' | ')' | ']' => {
                self.skip(1);
                let open = self.open.pop()?;
                self.close(open, first);
            }
            // `[u8; 4]` goes on, a statement ends.
            ';' if self.open.last().is_none_or(|open| open.brace == '{') => {
                self.skip(1);
                self.head.clear();
            }
            _ if first == '_' || first.is_alphanumeric() => self.keep(word(self.rest)),
            _ => self.keep(first.len_utf8()),
        }
        Some(())
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn keep(&mut self, bytes: usize) {
        self.head.push_str(&self.rest[..bytes]);
        self.skip(bytes);
    }

    /// A `{..}` ends the statement before, unless it is an argument (`Grid<{ N }>`); what stood in other brackets belongs
    /// to the present one.
    fn close(&mut self, open: Open, closing: char) {
        let argument = open.head.contains('<') && self.rest.trim_start().starts_with(['>', ',']);
        if open.brace == '{' && !argument {
            self.head.clear();
            return;
        }
        let inside = std::mem::replace(&mut self.head, open.head);
        self.head.push(open.brace);
        self.head.push_str(&inside);
        self.head.push(closing);
    }
}

/// The length of a word, or of the string that a word such as `r#` or `b` begins.
fn word(text: &str) -> usize {
    let end = text.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(text.len());
    let (prefix, after) = text.split_at(end);
    match prefix {
        "r" | "br" | "cr" => {
            let hashes = after.len() - after.trim_start_matches('#').len();
            if !after[hashes..].starts_with('"') {
                return end;
            }
            let closing = format!("\"{}", "#".repeat(hashes));
            let body = end + hashes + 1;
            text[body..].find(&closing).map_or(text.len(), |length| body + length + closing.len())
        }
        "b" | "c" if after.starts_with('"') => quoted(text, end + 1),
        "b" if after.starts_with('\'') => end + character_or_lifetime(after),
        _ => end,
    }
}

/// The length of a string whose body begins at `body`.
fn quoted(text: &str, body: usize) -> usize {
    let mut escaped = false;
    for (at, c) in text[body..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return body + at + 1,
            _ => {}
        }
    }
    text.len()
}

fn character_or_lifetime(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => {
            letters.next();
            letters.find(|(_, c)| *c == '\'').map_or(text.len(), |(at, _)| at + 1)
        }
        Some(_) => match letters.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

/// The length of a block comment; they nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{Around, Found, around, around_calls, has_constant};

    /// The head around the first `target` of a source.
    fn head(source: &str) -> Option<String> {
        let spot = source.find("target").expect("the source has a target");
        let line = source[..spot].matches('\n').count() + 1;
        let line_start = source[..spot].rfind('\n').map_or(0, |newline| newline + 1);
        let column = source[line_start..spot].chars().count() + 1;
        match around(source, line, column, "target")? {
            Found::Block(Around { head, .. }) => Some(head),
            Found::Rules(name) => Some(format!("rules of {name}")),
        }
    }

    #[test]
    fn the_innermost_block_counts() {
        let cases = [
            ("fn target() {}", Some("")),
            ("impl Point { fn before() { a; } #[cache] pub fn target() {} }", Some("impl Point")),
            ("mod a { impl Point { fn outer() { fn target() {} } } }", Some("fn outer()")),
            ("use x;\n// impl {\n/* { /* { */ */\nimpl /* x */ A {\n  fn target() {} }", Some("impl  A")),
            ("const S: &str = \"{ \\\" {\"; const C: char = '{'; const B: u8 = b'{'; fn target() {}", Some("")),
            ("const S: &str = r#\"{ \" {\"#; fn target() {}", Some("")),
            (
                "impl<'a> Point<'a> { const C: char = '\\''; const D: char = '\\u{1F600}'; fn target() {} }",
                Some("impl<'a> Point<'a>"),
            ),
            ("impl Point<{ 1 + 2 }> { fn target() {} }", Some("impl Point<{ 1 + 2 }>")),
            ("static ÄÖ: &str = \"é\"; impl É { /* é */ fn target() {} }", Some("impl É")),
            ("impl Buffer<[u8; 4]> where u8: Copy { fn target() {} }", Some("impl Buffer<[u8; 4]> where u8: Copy")),
        ];
        for (source, head) in cases {
            assert_eq!(super::tests::head(source).as_deref(), head, "{source}");
        }
    }

    #[test]
    fn a_block_in_the_rules_of_a_macro_counts() {
        let rules = "macro_rules! make { ($t:ident) => { impl $t { fn target() {} } } }";
        assert_eq!(head(rules).as_deref(), Some("impl $t"));
        let rules = "macro_rules! make { (a) => (fn other() {}); (b) => { fn target() {} } }";
        assert_eq!(head(rules).as_deref(), Some("rules of make"));
    }

    #[test]
    fn what_a_macro_is_given_stands_where_it_is_called() {
        assert_eq!(head("make!(fn target() {});").as_deref(), Some(""));
        assert_eq!(head("impl Point { make! { [target] } }").as_deref(), Some("impl Point"));
        assert_eq!(head("proptest! { fn test() { fn target() {} } }").as_deref(), Some("fn test()"));
    }

    #[test]
    fn the_calls_of_a_macro_are_found() {
        let source =
            "macro_rules! make { () => { fn f() {} } } // make!\nimpl A { make!(); } remake!(); impl B { make! {} }";
        let heads: Vec<String> = around_calls(source, "make").into_iter().map(|around| around.head).collect();
        assert_eq!(heads, ["impl A", "impl B"]);
    }

    #[test]
    fn constants_are_found_in_their_own_block_alone() {
        let source = "const A: u8 = 1; fn f() { const B: u8 = 2; } static AB: u8 = 3; // const C: u8";
        let names = ["A", "B", "AB", "C"];
        assert_eq!(names.map(|name| has_constant(source, 0, name)), [true, false, true, false]);
    }

    #[test]
    fn a_spot_with_another_word_is_no_place() {
        assert_eq!(around("fn other() {}", 1, 4, "target"), None);
        assert_eq!(around("", 9, 9, "target"), None);
    }
}
