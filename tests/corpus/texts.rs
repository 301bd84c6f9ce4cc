//! Strings, slices and parsing.

macro_rules! texts {
    ($(#[$attribute:meta])?) => {
        use super::*;

        $(#[$attribute])?
        pub(super) fn edit_distance(a: &str, b: &str) -> usize {
            crate::work();
            let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) else { return a.len() + b.len() };
            let (rest_a, rest_b) = (&a[x.len_utf8()..], &b[y.len_utf8()..]);
            if x == y {
                return edit_distance(rest_a, rest_b);
            }
            1 + edit_distance(rest_a, b).min(edit_distance(a, rest_b)).min(edit_distance(rest_a, rest_b))
        }

        $(#[$attribute])?
        pub(super) fn edit_distance_by_index(a: String, b: String, i: usize, j: usize) -> usize {
            crate::work();
            if i == a.len() || j == b.len() {
                return a.len() - i + b.len() - j;
            }
            let same = a.as_bytes()[i] == b.as_bytes()[j];
            let replaced = edit_distance_by_index(a.clone(), b.clone(), i + 1, j + 1) + usize::from(!same);
            let removed = edit_distance_by_index(a.clone(), b.clone(), i + 1, j) + 1;
            let added = edit_distance_by_index(a, b, i, j + 1) + 1;
            [replaced, removed, added].into_iter().min().unwrap()
        }

        $(#[$attribute])?
        pub(super) fn common_subsequence(a: &[u8], b: &[u8]) -> usize {
            crate::work();
            match (a, b) {
                ([], _) | (_, []) => 0,
                ([x, a @ ..], [y, b @ ..]) if x == y => 1 + common_subsequence(a, b),
                ([_, rest_a @ ..], [_, rest_b @ ..]) => common_subsequence(rest_a, b).max(common_subsequence(a, rest_b)),
            }
        }

        $(#[$attribute])?
        pub(super) fn longest_palindrome(text: &str) -> usize {
            crate::work();
            let bytes = text.as_bytes();
            match bytes.len() {
                0 => 0,
                1 => 1,
                n if bytes[0] == bytes[n - 1] => 2 + longest_palindrome(&text[1..n - 1]),
                n => {
                    let without_first = longest_palindrome(&text[1..]);
                    let without_last = longest_palindrome(&text[..n - 1]);
                    without_first.max(without_last)
                }
            }
        }

        $(#[$attribute])?
        pub(super) fn word_break(text: &str) -> bool {
            crate::work();
            if text.is_empty() {
                return true;
            }
            WORDS.iter().any(|word| text.strip_prefix(word).is_some_and(word_break))
        }

        $(#[$attribute])?
        pub(super) fn word_breaks(text: &str) -> u64 {
            crate::work();
            if text.is_empty() {
                return 1;
            }
            WORDS.iter().filter_map(|word| text.strip_prefix(word)).map(word_breaks).sum()
        }

        $(#[$attribute])?
        pub(super) fn sentences(text: &str) -> Vec<String> {
            crate::work();
            let mut found = Vec::new();
            for word in WORDS {
                if text == word {
                    found.push(word.to_string());
                } else if let Some(rest) = text.strip_prefix(word) {
                    for tail in sentences(rest) {
                        found.push(format!("{word} {tail}"));
                    }
                }
            }
            found
        }

        $(#[$attribute])?
        pub(super) fn decodings(digits: &str) -> u64 {
            crate::work();
            if digits.is_empty() {
                return 1;
            }
            let mut ways = 0;
            for taken in 1..=2 {
                let Some(head) = digits.get(..taken) else { break };
                if head.starts_with('0') {
                    continue;
                }
                let number: u32 = head.parse().unwrap();
                if (1..=26).contains(&number) {
                    ways += decodings(&digits[taken..]);
                }
            }
            ways
        }

        $(#[$attribute])?
        pub(super) fn pattern_matches(text: &str, pattern: &str) -> bool {
            crate::work();
            if pattern.is_empty() {
                return text.is_empty();
            }
            let first = text.chars().next().is_some_and(|letter| pattern.starts_with(letter) || pattern.starts_with('.'));
            if pattern[1..].starts_with('*') {
                pattern_matches(text, &pattern[2..]) || (first && pattern_matches(&text[1..], pattern))
            } else {
                first && pattern_matches(&text[1..], &pattern[1..])
            }
        }

        $(#[$attribute])?
        pub(super) fn interleaved(a: &str, b: &str, whole: &str) -> bool {
            crate::work();
            let Some(next) = whole.chars().next() else { return a.is_empty() && b.is_empty() };
            let from_a = a.starts_with(next) && interleaved(&a[1..], b, &whole[1..]);
            let from_b = b.starts_with(next) && interleaved(a, &b[1..], &whole[1..]);
            from_a || from_b
        }

        $(#[$attribute])?
        pub(super) fn distinct_subsequences(text: Vec<char>, wanted: Vec<char>) -> u64 {
            crate::work();
            if wanted.is_empty() {
                return 1;
            }
            let Some((&head, tail)) = text.split_first() else { return 0 };
            let mut ways = distinct_subsequences(tail.to_vec(), wanted.clone());
            if head == wanted[0] {
                ways += distinct_subsequences(tail.to_vec(), wanted[1..].to_vec());
            }
            ways
        }

        $(#[$attribute])?
        pub(super) fn parenthesized(expression: &str) -> Vec<i64> {
            crate::work();
            let mut results = vec![];
            for (at, operator) in expression.char_indices() {
                if !"+-*".contains(operator) {
                    continue;
                }
                for &a in &parenthesized(&expression[..at]) {
                    for &b in &parenthesized(&expression[at + 1..]) {
                        results.push(match operator {
                            '+' => a + b,
                            '-' => a - b,
                            _ => a * b,
                        });
                    }
                }
            }
            if results.is_empty() {
                results.push(expression.parse().unwrap());
            }
            results
        }

        $(#[$attribute])?
        pub(super) fn depth_of_brackets(text: &str) -> Result<usize, String> {
            crate::work();
            let Some(open) = text.find('(') else { return Ok(0) };
            let close = matching(text, open).ok_or_else(|| format!("no end in {text:?}"))?;
            let inside = depth_of_brackets(&text[open + 1..close])?;
            let behind = depth_of_brackets(&text[close + 1..])?;
            Ok(behind.max(inside + 1))
        }

        $(#[$attribute])?
        pub(super) fn springs(pattern: &str, groups: &[usize]) -> u64 {
            crate::work();
            let Some((&first, rest)) = groups.split_first() else { return u64::from(!pattern.contains('#')) };
            let mut ways = 0;
            for start in 0..pattern.len() {
                let end = start + first;
                if end > pattern.len() || pattern[..start].contains('#') {
                    break;
                }
                if pattern[start..end].contains('.') || pattern[end..].starts_with('#') {
                    continue;
                }
                ways += springs(pattern.get(end + 1..).unwrap_or(""), rest);
            }
            ways
        }
    };
}

const WORDS: [&str; 6] = ["cat", "cats", "and", "sand", "dog", "s"];

/// The bracket that ends what the one at `open` begins.
fn matching(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0;
    for (at, letter) in text.char_indices().skip(open) {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

family!(texts);

agree! {
    edit_distance("kitten", "sittings") or ("intention of a kitten", "execution by sitting");
    edit_distance_by_index("abcde".to_owned(), "badec".to_owned(), 0, 0) or ("intention of kittens".to_owned(), "execution by sitting".to_owned(), 0, 0);
    common_subsequence(b"agcatgc", b"gacgtac") or (b"agcatgcgatcgatcgatta", b"gacgtacggcatcagatcgg");
    longest_palindrome("character") or ("charactersandnosrednasretcarah");
    word_break("catsanddogs") or ("catsanddogscatsanddogscatsanddogscatsanddog");
    word_breaks("catsanddogs") or (&"catsanddogs".repeat(12));
    sentences("catsanddogs") or (&"catsanddogs".repeat(6));
    decodings("1121063") or (&"1212129".repeat(17));
    pattern_matches("aabbbc", "a*.b*c") or ("aabbbcaabbbcaabbbcaabbbc", "a*.b*.*a*b*c*.*b*c");
    interleaved("aab", "abc", "aaabbc") or ("aabaabaabaab", "aababcaababc", "aaaabbaaaabcbaaaabbaabcb");
    distinct_subsequences("rabbbit".chars().collect(), "rabbit".chars().collect()) or ("rabbbitrabbbitrabbbit".chars().collect(), "rabbitrabbit".chars().collect());
    parenthesized("2*3-4*5") or ("2*3-4*5+6-7*8-9+1");
    depth_of_brackets("(a(b)c)((d))") or ("((a)(b(c)(d(e)(f))))((g(h))(i)((j)(k(l))))(((m)n)((o)p)(q(r(s))(t)))((u(v))((w)(x(y(z)))))");
    springs("?###????????", &[3, 2, 1]) or ("????????????????????????????????", &[2, 1, 3, 1, 2, 1, 1]);
}
