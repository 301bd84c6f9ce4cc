//! Licences, banned crates, second versions and sources by cargo alone, from the lists in `deny.toml`: they are checked where cargo-deny is not installed, too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::run::{Done, Failure, cargo, root};
use crate::say;

/// What `deny.toml` says.
#[derive(Default)]
struct Rules {
    allowed: Vec<String>,
    /// A crate, and what it may have beyond that.
    exceptions: Vec<(String, String)>,
    banned: Vec<String>,
    /// Crates that may be there in a second version, as `name@version`.
    skipped: Vec<String>,
}

impl Rules {
    /// Reads the lists that this needs; cargo-deny reads the whole file.
    fn parse(text: &str) -> Self {
        let mut rules = Self::default();
        let (mut table, mut list) = ("", "");
        for line in text.lines().map(str::trim) {
            if line.starts_with('#') {
                continue;
            }
            if let Some(name) =
                line.strip_prefix('[').and_then(|line| line.strip_suffix(']')).filter(|name| !name.is_empty())
            {
                table = name;
            }
            if let Some((name, _)) = line.split_once(" = [").filter(|_| !line.starts_with('{')) {
                list = name;
            }
            let words: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
            match (table, list, words.as_slice()) {
                ("licenses", "allow", words) => rules.allowed.extend(words.iter().map(|word| (*word).to_owned())),
                ("licenses", "exceptions", [licence, name]) => {
                    rules.exceptions.push(((*name).to_owned(), (*licence).to_owned()))
                }
                ("bans", "deny", [name, ..]) => rules.banned.push((*name).to_owned()),
                ("bans", "skip", [name, ..]) => rules.skipped.push((*name).to_owned()),
                _ => {}
            }
            if line.ends_with(']') {
                list = "";
            }
        }
        rules
    }

    /// Whether a crate may be used under this expression: of each part that is needed, one of the choices is allowed.
    fn allows(&self, name: &str, expression: &str) -> bool {
        let allowed = |licence: &str| {
            let licence = licence.trim_matches(['(', ')', ' ']);
            self.allowed.iter().any(|allowed| allowed == licence)
                || self.exceptions.iter().any(|(crate_name, allowed)| crate_name == name && allowed == licence)
        };
        let expression = expression.replace('/', " OR ");
        expression.split(" AND ").all(|part| part.split(" OR ").any(allowed))
    }
}

/// What is wrong with the versions of `packages`: one of each crate, beside those skipped, each of which is needed.
fn versions(packages: &BTreeSet<(&str, &str)>, skipped: &[String]) -> Vec<String> {
    let is = |rule: &str, (name, version): (&str, &str)| {
        let (of, first) = rule.split_once('@').unwrap_or((rule, ""));
        of == name && version.strip_prefix(first).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let mut counts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for &(name, version) in packages {
        if !skipped.iter().any(|rule| is(rule, (name, version))) {
            counts.entry(name).or_default().push(version);
        }
    }
    let twice = counts.iter().filter(|(_, versions)| versions.len() > 1).map(|(name, versions)| {
        format!("{name} is there in versions {}: use one, or skip one in deny.toml", versions.join(" and "))
    });
    let needless = skipped
        .iter()
        .filter(|rule| !packages.iter().any(|package| is(rule, *package)))
        .map(|rule| format!("deny.toml skips {rule}, which nothing brings any more"));
    twice.chain(needless).collect()
}

/// The lines of `cargo tree` for the whole workspace.
fn tree(edges: &str) -> Result<String, Failure> {
    let mut tree = cargo(&["tree", "--workspace", "--all-features", "--target", "all", "--prefix", "none"]);
    let output = tree.args(["--edges", edges, "--format", "{p}|{l}|"]).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where crates may come from, beside this folder.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The packages of a `Cargo.lock` that come from elsewhere.
fn from_elsewhere(lock: &str) -> Vec<String> {
    let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.trim_matches([' ', '=', '"']).to_owned());
    let mut name = String::new();
    let mut found = Vec::new();
    for line in lock.lines() {
        if let Some(of) = value(line, "name") {
            name = of;
        } else if let Some(source) = value(line, "source").filter(|source| source != REGISTRY) {
            found.push(format!("{name} comes from {source}, and not from crates.io"));
        }
    }
    found
}

/// The licences of all dependencies are allowed, no banned crate is among them nor one in two versions, and all come from
/// crates.io.
pub(crate) fn licences() -> Result<Done, Failure> {
    let file = root().join("deny.toml");
    let rules = Rules::parse(&fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?);
    let output = tree("all")?;
    // Versions of one crate may have different licences.
    let packages: BTreeSet<(&str, &str)> =
        output.lines().filter_map(|line| Some((line.split_whitespace().next()?, line.split('|').nth(1)?))).collect();
    let lock = root().join("Cargo.lock");
    let lock = fs::read_to_string(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    let mut faults = from_elsewhere(&lock);
    // What tests alone bring is nobody's weight.
    let used = tree("normal,build")?;
    let pairs = used.lines().filter_map(|line| {
        let mut words = line.split([' ', '|']);
        Some((words.next()?, words.next()?.strip_prefix('v')?))
    });
    faults.extend(versions(&pairs.collect(), &rules.skipped));
    for (name, licence) in &packages {
        if rules.banned.iter().any(|banned| banned == name) {
            faults.push(format!("{name} is banned by deny.toml"));
        }
        if !rules.allows(name, licence) {
            faults.push(format!("{name} has the licence `{licence}`, which deny.toml does not allow"));
        }
    }
    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    say(&format!(
        "the licences of {} packages are allowed, none of them is banned or there twice, and all come from crates.io",
        packages.len()
    ));
    Ok(Done::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
[licenses]
allow = [
    \"MIT\",
    \"Unicode-3.0\",
]
exceptions = [
    { allow = [\"MPL-2.0\"], crate = \"option-ext\" },
]

[bans]
deny = [
    { crate = \"openssl-sys\", reason = \"a C library\" },
]
";

    #[test]
    fn one_choice_of_each_part_is_enough() {
        let rules = Rules::parse(TEXT);
        assert!(rules.allows("any", "MIT OR Apache-2.0"));
        assert!(rules.allows("any", "Apache-2.0/MIT"));
        assert!(rules.allows("any", "(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!rules.allows("any", "MIT AND GPL-3.0"));
        assert!(!rules.allows("any", ""));
    }

    #[test]
    fn packages_from_elsewhere_are_named() {
        let lock = "[[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"good\"\nversion = \"1.0.0\"\n\
                    source = \"registry+https://github.com/rust-lang/crates.io-index\"\n\n[[package]]\nname = \"odd\"\nversion = \"1.0.0\"\n\
                    source = \"git+https://example.org/odd#1\"\n";
        assert_eq!(from_elsewhere(lock), ["odd comes from git+https://example.org/odd#1, and not from crates.io"]);
    }

    #[test]
    fn a_second_version_is_named_and_so_is_a_rule_without_one() {
        let packages = BTreeSet::from([("old", "0.14.5"), ("old", "0.17.1"), ("one", "1.0.0")]);
        assert_eq!(
            versions(&packages, &[]),
            ["old is there in versions 0.14.5 and 0.17.1: use one, or skip one in deny.toml"]
        );
        assert!(versions(&packages, &["old@0.14".to_owned()]).is_empty());
        assert_eq!(
            versions(&packages, &["old@0.14".to_owned(), "one@1.0.1".to_owned()]),
            ["deny.toml skips one@1.0.1, which nothing brings any more"]
        );
        let alike = BTreeSet::from([("old", "0.1.0"), ("old", "0.14.5")]);
        assert_eq!(versions(&alike, &["old@0.1".to_owned()]), [""; 0]);
    }

    #[test]
    fn exceptions_are_for_one_crate() {
        let rules = Rules::parse(TEXT);
        assert!(rules.allows("option-ext", "MPL-2.0"));
        assert!(!rules.allows("other", "MPL-2.0"));
        assert_eq!(rules.banned, ["openssl-sys"]);
    }
}
