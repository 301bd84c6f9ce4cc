//! The forms of functions, each as a text.

use super::written;
use crate::place::Place;

/// A form of function, and how it is written.
pub(super) struct Form {
    pub(super) name: &'static str,
    /// Where it stands, up to the function.
    pub(super) around: &'static str,
    /// Options without which it would be another form.
    pub(super) options: &'static [&'static str],
    /// From the first word to the arguments.
    pub(super) head: &'static str,
    /// Its call of itself.
    pub(super) call: &'static str,
    /// The result, where it is not a number.
    pub(super) result: Option<&'static str>,
}

const fn form(
    name: &'static str,
    around: &'static str,
    options: &'static [&'static str],
    head: &'static str,
    call: &'static str,
) -> Form {
    Form { name, around, options, head, call, result: None }
}

pub(super) const FORMS: &[Form] = &[
    form("plain", "", &[], "fn f(n: u64)", "f(n - 1)"),
    form("steady", "", &[], "fn f(db: &Db, n: u64)", "f(db, n - 1)"),
    form("parts", "", &[], "fn f(text: &str, n: u64)", "f(&text[1..], n - 1)"),
    form(
        "generic",
        "",
        &[],
        "fn f<T: Clone + Eq + Hash + Send + Sync + Serialize + DeserializeOwned + 'static>(db: T, n: u64)",
        "f(db.clone(), n - 1)",
    ),
    form("in an impl", "impl Owner", &[], "fn f(n: u64)", "Self::f(n - 1)"),
    form(
        "in a generic impl",
        "impl<T: Clone + Eq + Hash + Send + Sync + Serialize + DeserializeOwned + 'static> Of<T>",
        &[],
        "fn f(n: u64)",
        "Self::f(n - 1)",
    ),
    form("method", "impl Owner", &["skip(self)"], "fn f(&self, n: u64)", "self.f(n - 1)"),
    form("field", "impl Owner", &["field = memo"], "fn f(&self, n: u64)", "self.f(n - 1)"),
    form("in a trait's impl", "impl Asked for Owner", &["skip(self)"], "fn f(&self, n: u64)", "self.f(n - 1)"),
    form("context", "", &["skip(db)"], "fn f(db: &Db, n: u64)", "f(db, n - 1)"),
    form("key", "", &["key = |n| -> u64 { n }"], "fn f(db: &Db, n: u64)", "f(db, n - 1)"),
    form("scoped", "", &["scoped"], "fn f(db: &Db, n: u64)", "f(db, n - 1)"),
    form("scoped method", "impl Owner", &["scoped"], "fn f(&self, n: u64)", "self.f(n - 1)"),
    Form {
        result: Some("&'a str"),
        ..form("borrowed", "", &["scoped"], "fn f<'a>(text: &'a str, n: u64)", "f(text, n - 1)")
    },
    form("async", "", &[], "async fn f(n: u64)", "f(n - 1).await"),
    form("async context", "", &["skip(db)"], "async fn f(db: &Arc<Db>, n: u64)", "f(db, n - 1).await"),
    form(
        "async method",
        "impl Owner",
        &["skip(self)"],
        "async fn f(self: Arc<Self>, n: u64)",
        "self.clone().f(n - 1).await",
    ),
    form(
        "async field",
        "impl Owner",
        &["field = later"],
        "async fn f(self: Arc<Self>, n: u64)",
        "self.clone().f(n - 1).await",
    ),
    form(
        "async generic",
        "",
        &[],
        "async fn f<T: Clone + Eq + Hash + Send + Sync + Serialize + DeserializeOwned + 'static>(db: T, n: u64)",
        "f(db.clone(), n - 1).await",
    ),
];

impl Form {
    pub(super) fn place(&self) -> Place {
        match self.around {
            "" => Place::Free,
            around if around.contains(" for ") => Place::TraitImpl,
            around => Place::Inherent { ty: None, generic: around.contains('<'), lasting: None, open: Vec::new() },
        }
    }

    /// Whether an option of this name makes the form what it is.
    pub(super) fn has(&self, name: &str) -> bool {
        self.options.iter().any(|own| own.split(['(', ' ']).next() == Some(name))
    }

    /// The options and the function, with these beside the form's own.
    pub(super) fn with(&self, names: &[&'static str]) -> (String, String) {
        let has = |name: &str| names.contains(&name);
        let more = names.iter().filter(|name| !self.has(name)).map(|name| written(name).text);
        let options: Vec<&str> = self.options.iter().copied().chain(more).collect();
        let fails = ["cache_err", "move_err", "stale_on_err", "on_store_error"].iter().any(|name| has(name));
        let plain = self.result.unwrap_or("u64");
        let (result, again) = (plain, self.call);
        let lends = has("returns");
        // What `with` names is called.
        let calls = if has("with") { "{ let _ = half(n); " } else { "{ " };
        let text = |body: &str| format!("{} -> {}", self.head, body.replacen("{ ", calls, 1));
        let last = if self.result.is_some() { "text" } else { "1" };
        let next = |value: &str| if self.result.is_some() { value.to_owned() } else { format!("{value} + 1") };
        let function = if fails {
            let again = if lends { format!("*{again}.as_ref().unwrap_or(&0)") } else { format!("{again}?") };
            text(&format!("Result<{result}, Fault> {{ if n == 0 {{ Ok({last}) }} else {{ Ok({}) }} }}", next(&again)))
        } else if has("cache_none") {
            let again = if lends { format!("*{again}.as_ref().unwrap_or(&0)") } else { format!("{again}?") };
            text(&format!("Option<{result}> {{ if n == 0 {{ Some({last}) }} else {{ Some({}) }} }}", next(&again)))
        } else {
            let again = if lends { format!("*{again}") } else { again.to_owned() };
            text(&format!("{result} {{ if n == 0 {{ {last} }} else {{ {} }} }}", next(&again)))
        };
        (options.join(", "), function)
    }
}
