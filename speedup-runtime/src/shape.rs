//! The shape of a type: what its own `Deserialize` asks for, with every variant of every enum.
//!
//! It depends neither on the compiler nor on where a type lives or what its generics are called, only on what is read. It lies in a file
//! beside the data, so that a type that has grown can be told from another one.

#![cfg_attr(not(feature = "disk"), allow(dead_code, reason = "only a folder keeps shapes and compares them"))]

pub(crate) mod made_up;
mod trace;

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use self::trace::of;

/// What is read at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shape {
    /// It could not be found out: user code refused every value that was made up, or panicked.
    Unknown,
    /// A number, text or the like, by its name.
    Simple(String),
    Option(Box<Shape>),
    Seq(Box<Shape>),
    Map(Box<Shape>, Box<Shape>),
    Tuple(Vec<Shape>),
    /// So many parts that are alike.
    Array(u32, Box<Shape>),
    /// A type with a name, by its place in the graph.
    Named(u32),
}

/// The parts of a struct or of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Body {
    Unit,
    Newtype(Shape),
    Tuple(Vec<Shape>),
    Struct(Vec<(String, Shape)>),
}

/// A type with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Struct(Body),
    /// Its variants; what one holds is `None` as long as nobody has looked.
    Enum(Vec<(String, Option<Body>)>),
}

/// The shape of a type; the types with names that it holds are in `types`, in the order in which they were met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Graph {
    pub(crate) root: Shape,
    pub(crate) types: Vec<(String, Kind)>,
    /// Something asks to be told what comes, which a codec without names cannot do: the first such place.
    #[serde(skip)]
    pub(crate) asks: Option<String>,
}

impl Graph {
    /// The bytes that are kept beside the data.
    pub(crate) fn encode(&self) -> Vec<u8> {
        // Strings and numbers in memory cannot fail to be written.
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// What was kept, if it can be read.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// Whether something is an option of what may itself be written as nothing, so that `Some(None)` would come back as `None`.
    pub(crate) fn has_blurred_option(&self) -> bool {
        let bodies = self.types.iter().flat_map(|(_, kind)| match kind {
            Kind::Struct(body) => vec![body],
            Kind::Enum(variants) => variants.iter().filter_map(|(_, body)| body.as_ref()).collect(),
        });
        let mut rest: Vec<&Shape> = bodies.flat_map(Body::parts).chain([&self.root]).collect();
        while let Some(shape) = rest.pop() {
            match shape {
                Shape::Option(inner) if self.is_nothing(inner, 0) => return true,
                Shape::Option(inner) | Shape::Seq(inner) | Shape::Array(_, inner) => rest.push(inner),
                Shape::Map(key, value) => rest.extend([&**key, &**value]),
                Shape::Tuple(parts) => rest.extend(parts),
                Shape::Unknown | Shape::Simple(_) | Shape::Named(_) => {}
            }
        }
        false
    }

    fn is_nothing(&self, shape: &Shape, depth: usize) -> bool {
        match shape {
            Shape::Option(_) => true,
            Shape::Simple(name) => name == "unit",
            &Shape::Named(index) => match self.types.get(index as usize) {
                Some((_, Kind::Struct(Body::Unit))) => true,
                Some((_, Kind::Struct(Body::Newtype(inner)))) => depth < 64 && self.is_nothing(inner, depth + 1),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether everything that was written as `old` reads as `self`; otherwise where they differ.
    ///
    /// Beside the same shape, that is one whose enums have further variants at their ends.
    pub(crate) fn reads(&self, old: &Graph) -> Result<(), Difference> {
        let mut pairs = Pairs { old, new: self, seen: HashSet::new(), path: Vec::new() };
        pairs.shape(&old.root, &self.root)
    }
}

/// Where two shapes differ.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    path: Vec<String>,
    old: String,
    new: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.path.is_empty() { "it".to_owned() } else { format!("`{}`", self.path.join(".")) };
        write!(f, "{place} was written as {} and is now {}", self.old, self.new)
    }
}

/// Compares two graphs; types that contain themselves are compared once.
struct Pairs<'a> {
    old: &'a Graph,
    new: &'a Graph,
    seen: HashSet<(u32, u32)>,
    path: Vec<String>,
}

impl Pairs<'_> {
    fn differ(&self, old: impl Into<String>, new: impl Into<String>) -> Result<(), Difference> {
        Err(Difference { path: self.path.clone(), old: old.into(), new: new.into() })
    }

    fn inside(&mut self, name: &str, look: impl FnOnce(&mut Self) -> Result<(), Difference>) -> Result<(), Difference> {
        self.path.push(name.to_owned());
        let result = look(self);
        self.path.pop();
        result
    }

    fn shape(&mut self, old: &Shape, new: &Shape) -> Result<(), Difference> {
        match (old, new) {
            (Shape::Option(a), Shape::Option(b)) | (Shape::Seq(a), Shape::Seq(b)) => self.shape(a, b),
            (Shape::Map(a, c), Shape::Map(b, d)) => {
                self.shape(a, b)?;
                self.shape(c, d)
            }
            (Shape::Array(n, a), Shape::Array(m, b)) if n == m => self.shape(a, b),
            (Shape::Tuple(a), Shape::Tuple(b)) if a.len() == b.len() => self.all(a, b),
            (&Shape::Named(a), &Shape::Named(b)) => self.named(a, b),
            _ if old == new && !matches!(old, Shape::Named(_)) => Ok(()),
            _ => self.differ(self.old.name(old), self.new.name(new)),
        }
    }

    fn all(&mut self, old: &[Shape], new: &[Shape]) -> Result<(), Difference> {
        let mut both = old.iter().zip(new).enumerate();
        both.try_for_each(|(index, (a, b))| self.inside(&index.to_string(), |pairs| pairs.shape(a, b)))
    }

    fn named(&mut self, a: u32, b: u32) -> Result<(), Difference> {
        if !self.seen.insert((a, b)) {
            return Ok(());
        }
        let (old, new) = (self.old.types.get(a as usize), self.new.types.get(b as usize));
        let (Some((old_name, old)), Some((name, new))) = (old, new) else { return self.differ("nothing", "nothing") };
        if old_name != name {
            return self.differ(format!("`{old_name}`"), format!("`{name}`"));
        }
        match (old, new) {
            (Kind::Struct(old), Kind::Struct(new)) => self.inside(name, |pairs| pairs.body(old, new)),
            (Kind::Enum(old), Kind::Enum(new)) => self.inside(name, |pairs| pairs.variants(old, new)),
            (Kind::Struct(_), Kind::Enum(_)) => self.differ("a struct", "an enum"),
            (Kind::Enum(_), Kind::Struct(_)) => self.differ("an enum", "a struct"),
        }
    }

    fn variants(&mut self, old: &[(String, Option<Body>)], new: &[(String, Option<Body>)]) -> Result<(), Difference> {
        let names =
            |all: &[(String, Option<Body>)]| all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        if new.len() < old.len() || old.iter().zip(new).any(|(a, b)| a.0 != b.0) {
            return self.differ(format!("`{{{}}}`", names(old)), format!("`{{{}}}`", names(new)));
        }
        for ((name, a), (_, b)) in old.iter().zip(new) {
            match (a, b) {
                (Some(a), Some(b)) => self.inside(name, |pairs| pairs.body(a, b))?,
                (None, None) => {}
                _ => return self.inside(name, |pairs| pairs.differ("something", "something else")),
            }
        }
        Ok(())
    }

    fn body(&mut self, old: &Body, new: &Body) -> Result<(), Difference> {
        match (old, new) {
            (Body::Unit, Body::Unit) => Ok(()),
            (Body::Newtype(a), Body::Newtype(b)) => self.shape(a, b),
            (Body::Tuple(a), Body::Tuple(b)) if a.len() == b.len() => self.all(a, b),
            (Body::Struct(a), Body::Struct(b)) if a.iter().map(|f| &f.0).eq(b.iter().map(|f| &f.0)) => {
                a.iter().zip(b).try_for_each(|((name, a), (_, b))| self.inside(name, |pairs| pairs.shape(a, b)))
            }
            _ => self.differ(old.name(), new.name()),
        }
    }
}

impl Graph {
    fn name(&self, shape: &Shape) -> String {
        match shape {
            Shape::Unknown => "something unknown".into(),
            Shape::Simple(name) => format!("`{name}`"),
            Shape::Option(_) => "an option".into(),
            Shape::Seq(_) => "a sequence".into(),
            Shape::Map(..) => "a map".into(),
            Shape::Tuple(parts) => format!("{} parts", parts.len()),
            Shape::Array(count, _) => format!("{count} parts"),
            &Shape::Named(index) => {
                self.types.get(index as usize).map_or_else(String::new, |(name, _)| format!("`{name}`"))
            }
        }
    }
}

impl Body {
    fn parts(&self) -> Vec<&Shape> {
        match self {
            Body::Unit => Vec::new(),
            Body::Newtype(part) => vec![part],
            Body::Tuple(parts) => parts.iter().collect(),
            Body::Struct(fields) => fields.iter().map(|(_, part)| part).collect(),
        }
    }

    fn name(&self) -> String {
        match self {
            Body::Unit => "nothing".into(),
            Body::Newtype(_) => "one part".into(),
            Body::Tuple(parts) => format!("{} parts", parts.len()),
            Body::Struct(fields) => {
                let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                format!("`{{{}}}`", names.join(", "))
            }
        }
    }
}
