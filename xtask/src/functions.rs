//! The functions of a file, as text shows them. The benchmarks use it, too.

/// The functions of a file: the line of each `fn`, counted from 1, and how many lines it has. rustfmt ends each at the first `}` as far in
/// as its `fn`; those of one line are left out.
pub(crate) fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let body = line.trim_start();
        let indent = line.len() - body.len();
        if !is_function(body) {
            continue;
        }
        let end = lines[start..]
            .iter()
            .position(|line| line.len() > indent && line[indent..] == *"}" && line[..indent].trim().is_empty());
        let one_line = body.ends_with('}') || body.ends_with(';');
        if let (Some(length), false) = (end, one_line) {
            found.push((start + 1, length + 1));
        }
    }
    found
}

/// Whether a line begins a function.
fn is_function(line: &str) -> bool {
    let shown = line.strip_prefix("pub").map_or(line, |rest| {
        match rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            Some((_, rest)) => rest,
            None => rest,
        }
    });
    let mut words = shown.split_whitespace();
    let qualifier = |word: &str| ["const", "unsafe", "async", "extern", "\"C\""].contains(&word);
    words.find(|word| !qualifier(word)) == Some("fn")
}
