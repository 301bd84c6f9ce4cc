//! A scanner that knows just enough of Rust to tell which `{` directly encloses a spot of a source file.

/// What stands before the innermost `{` around the word `name` at `line` and `column` (both count from 1): the text since
/// the statement before, without comments. Empty at the top of a file.
///
/// Nothing where the spot does not hold that word, or lies in the rules of a macro.
pub(super) fn head_of_block_around(source: &str, line: usize, column: usize, name: &str) -> Option<String> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let spot = offset(source, line, column)?;
    if !source.get(spot..)?.starts_with(name) {
        return None;
    }
    let mut scanner = Scanner { rest: source, source, head: String::new(), open: Vec::new() };
    while scanner.position() < spot {
        scanner.step()?;
    }
    if scanner.position() > spot {
        return None;
    }
    if scanner.open.iter().any(|open| open.head.contains("macro_rules!")) {
        return None;
    }
    // What a macro is given stands, as far as anybody can tell, where the macro is called.
    let is_code = |open: &Open| open.brace == '{' && !open.head.trim_end().ends_with('!');
    let around = scanner.open.into_iter().rfind(is_code);
    Some(around.map_or_else(String::new, |open| open.head.trim().to_owned()))
}

/// The byte at `line` and `column`; columns count characters.
fn offset(source: &str, line: usize, column: usize) -> Option<usize> {
    let start: usize = source.split_inclusive('\n').take(line.checked_sub(1)?).map(str::len).sum();
    let (bytes, _) = source.get(start..)?.char_indices().nth(column.checked_sub(1)?)?;
    Some(start + bytes)
}

/// A bracket that was opened, and what stood before it.
struct Open {
    brace: char,
    head: String,
}

struct Scanner<'a> {
    source: &'a str,
    rest: &'a str,
    /// The text since the last `;`, `{` or `}` on the present level.
    head: String,
    open: Vec<Open>,
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
                self.open.push(Open { brace: first, head: std::mem::take(&mut self.head) });
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
    use super::head_of_block_around;

    /// The head around the first `target` of a source.
    fn around(source: &str) -> Option<String> {
        let spot = source.find("target").expect("the source has a target");
        let line = source[..spot].matches('\n').count() + 1;
        let line_start = source[..spot].rfind('\n').map_or(0, |newline| newline + 1);
        let column = source[line_start..spot].chars().count() + 1;
        head_of_block_around(source, line, column, "target")
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
            assert_eq!(around(source).as_deref(), head, "{source}");
        }
    }

    #[test]
    fn the_rules_of_a_macro_are_no_place() {
        assert_eq!(around("macro_rules! make { () => { fn target() {} } }"), None);
    }

    #[test]
    fn what_a_macro_is_given_stands_where_it_is_called() {
        assert_eq!(around("make!(fn target() {});").as_deref(), Some(""));
        assert_eq!(around("impl Point { make! { [target] } }").as_deref(), Some("impl Point"));
        assert_eq!(around("proptest! { fn test() { fn target() {} } }").as_deref(), Some("fn test()"));
    }

    #[test]
    fn a_spot_with_another_word_is_no_place() {
        assert_eq!(head_of_block_around("fn other() {}", 1, 4, "target"), None);
        assert_eq!(head_of_block_around("", 9, 9, "target"), None);
    }
}
