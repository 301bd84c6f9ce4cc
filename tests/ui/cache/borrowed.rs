//! Keys and results of scoped functions that borrow without a name, from what lives shorter, or where there is no room.

use speedup::cache;

#[cache(scoped)]
fn unnamed(words: &[String], last: Option<&str>, pair: (&u8, u64), at: usize) -> usize {
    let _ = (last, pair);
    if at == 0 { words.len() } else { unnamed(words, None, (&0, 1), at - 1) }
}

#[cache(scoped)]
fn shorter<'a>(words: &'a [String], last: &'a str, at: usize) -> &'a str {
    let own = format!("{last}{at}");
    if at == 0 { last } else { shorter(words, &own, at - 1) }
}

trait Longest {
    fn longest(&self, at: usize) -> &str;
}

impl Longest for Vec<String> {
    #[cache(scoped)]
    fn longest(&self, at: usize) -> &str {
        if at == 0 { &self[0] } else { self.longest(at - 1) }
    }
}

#[cache]
fn outlived<'a>(words: &'a [String], at: usize) -> &'a str {
    if at == 0 { &words[0] } else { outlived(words, at - 1) }
}

fn main() {}
