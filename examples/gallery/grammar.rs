//! How many meanings a sentence has: the parse trees of an ambiguous grammar, by Cocke, Younger and Kasami.

use speedup::cache;

use super::show::{Outcome, Shown, check, ratio, show, timed};

/// A grammar in Chomsky's normal form.
struct Grammar {
    /// A kind of phrase, and the two that it is made of.
    rules: &'static [(&'static str, &'static str, &'static str)],
    /// A kind of word, and the words.
    words: &'static [(&'static str, &'static [&'static str])],
}

const ENGLISH: Grammar = Grammar {
    rules: &[
        ("S", "NP", "VP"),
        ("NP", "Det", "N"),
        ("NP", "NP", "PP"),
        ("VP", "V", "NP"),
        ("VP", "VP", "PP"),
        ("PP", "P", "NP"),
    ],
    words: &[
        ("NP", &["I"]),
        ("V", &["saw"]),
        ("P", &["in", "with", "on", "by"]),
        ("Det", &["the"]),
        ("N", &["man", "park", "telescope", "hill", "river"]),
    ],
};

/// The ways to read the words from `from` below `to` as a phrase of this kind.
#[cache(scoped)]
fn readings(grammar: &Grammar, sentence: &[&str], kind: &'static str, from: usize, to: usize) -> u64 {
    if to - from == 1 {
        let known = |(own, words): &(&str, &[&str])| *own == kind && words.contains(&sentence[from]);
        return u64::from(grammar.words.iter().any(known));
    }
    let mut count = 0;
    for (_, left, right) in grammar.rules.iter().filter(|rule| rule.0 == kind) {
        for middle in from + 1..to {
            count += readings(grammar, sentence, left, from, middle) * readings(grammar, sentence, right, middle, to);
        }
    }
    count
}

/// The same without a table.
fn plain(grammar: &Grammar, sentence: &[&str], kind: &str) -> u64 {
    if let [word] = sentence {
        return u64::from(grammar.words.iter().any(|(own, words)| *own == kind && words.contains(word)));
    }
    let rules = grammar.rules.iter().filter(|rule| rule.0 == kind);
    rules
        .flat_map(|rule| (1..sentence.len()).map(move |middle| (rule, sentence.split_at(middle))))
        .map(|((_, left, right), (head, tail))| plain(grammar, head, left) * plain(grammar, tail, right))
        .sum()
}

/// "I saw the man" and `count` more phrases, each of which may belong to anything before it.
fn sentence(count: usize) -> Vec<&'static str> {
    let mut words = vec!["I", "saw", "the", "man"];
    let phrases = [["in", "the", "park"], ["with", "the", "telescope"], ["on", "the", "hill"], ["by", "the", "river"]];
    words.extend(phrases.iter().cycle().take(count).flatten());
    words
}

pub(crate) fn run(quick: bool) -> Outcome<Shown> {
    // The number of readings is that of Catalan.
    let catalan = |n: u64| (1..=n).fold(1_u64, |product, k| product * (2 * (2 * k - 1)) / (k + 1));
    let phrases = if quick { 3 } else { 5 };
    let short = sentence(phrases);
    let (few, slow) = timed(|| plain(&ENGLISH, &short, "S"));
    let (same, fast) = timed(|| readings(&ENGLISH, &short, "S", 0, short.len()));
    check(few == catalan(phrases as u64 + 1) && same == few, "as many readings without a table")?;

    let phrases = if quick { 8 } else { 24 };
    let long = sentence(phrases);
    let (many, cached) = timed(|| readings(&ENGLISH, &long, "S", 0, long.len()));
    check(many == catalan(phrases as u64 + 1), "as many readings as Catalan's number")?;
    Ok(Shown::new(
        format!("{} words with {many} readings in {}", long.len(), show(cached)),
        format!("of {} words, {:.0} times as fast as without the line", short.len(), ratio(slow, fast)),
    ))
}
