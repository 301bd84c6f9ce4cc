//! Finding the shape of a type: a deserializer that answers every question with a made-up value and notes what was asked.
//!
//! One pass sees one variant of each enum, so there are as many passes as it takes. User code may run on made-up values (`#[serde(from)]`,
//! `try_from`): where it refuses one, others are tried; a panic is caught, and what lies behind it stays unknown.

mod answers;

use std::any::type_name;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::{DeserializeOwned, Visitor};

use super::{Body, Graph, Kind, Shape};
use crate::shape::made_up::Stop;

/// How often a type is gone through.
const PASSES: usize = 2000;
/// How many questions are answered in all.
const STEPS: usize = 200_000;
/// From this depth on everything is as short as can be; types without a name may contain themselves.
const DEEP: usize = 48;
/// How many other answers are tried where user code refuses one.
const RETRIES: usize = 48;

/// The shape of a type.
pub(crate) fn of<V: DeserializeOwned>() -> Graph {
    let mut tracer = Tracer::default();
    for _ in 0..PASSES {
        let before = (tracer.root.clone(), tracer.types.clone());
        tracer.pass::<V>();
        let same = before == (tracer.root.clone(), tracer.types.clone());
        if tracer.steps > STEPS || (same && tracer.ways.is_empty()) {
            break;
        }
        if same {
            // These ways lead to nothing new.
            tracer.stuck.extend(tracer.ways.drain(..));
        }
    }
    Graph { root: tracer.root.unwrap_or(Shape::Unknown), types: tracer.types, asks: tracer.asks }
}

/// What tells one named type from another while this process runs: its visitor, its name and its size.
type Id = (&'static str, &'static str, usize);

/// What the parts of a struct or variant are.
#[derive(Clone, Copy, Debug)]
enum Form {
    Unit,
    Newtype,
    Tuple(usize),
    Struct(&'static [&'static str]),
}

/// What is being visited.
#[derive(Clone, Copy, Debug)]
enum What {
    Option,
    Seq,
    Map,
    Tuple(usize),
    Named(u32, Form),
    Variant(u32, usize, Form),
}

#[derive(Debug)]
struct Frame {
    what: What,
    parts: Vec<Shape>,
}

#[derive(Debug, Default)]
struct Tracer {
    root: Option<Shape>,
    types: Vec<(String, Kind)>,
    ids: HashMap<Id, u32>,
    /// A variant of each enum that comes to an end.
    finite: HashMap<u32, usize>,
    /// Variants taken because something below them is not known yet; `stuck` holds those that led to nothing.
    ways: Vec<(u32, usize)>,
    stuck: HashSet<(u32, usize)>,
    asks: Option<String>,
    steps: usize,

    // Of the pass that is going on:
    frames: Vec<Frame>,
    /// The named types that are being visited.
    stack: Vec<u32>,
    met: HashSet<u32>,
    /// Above zero, nothing is noted and values are as short as can be.
    terse: usize,
    depth: usize,
    /// It cannot go on, whatever is answered.
    ended: bool,
    /// Which answer each question got, of how many; and which variants were taken.
    choices: Vec<usize>,
    limits: Vec<usize>,
    picks: Vec<usize>,
    picked: usize,
}

impl Tracer {
    fn pass<V: DeserializeOwned>(&mut self) {
        (self.choices, self.picks, self.ended) = (Vec::new(), Vec::new(), false);
        self.ways.clear();
        for _ in 0..RETRIES {
            (self.frames, self.stack, self.met) = Default::default();
            (self.terse, self.depth, self.picked) = (0, 0, 0);
            self.limits.clear();
            let result = catch_unwind(AssertUnwindSafe(|| V::deserialize(&mut *self).map(drop)));
            self.terse = 0;
            while !self.frames.is_empty() {
                self.close();
            }
            match result {
                Ok(Err(Stop)) if !self.ended && self.choose_others() => {}
                _ => return,
            }
        }
    }

    /// Turns to the next answers; the last ones change first.
    fn choose_others(&mut self) -> bool {
        self.choices.resize(self.limits.len(), 0);
        while let Some(choice) = self.choices.pop() {
            if choice + 1 < self.limits[self.choices.len()] {
                self.choices.push(choice + 1);
                return true;
            }
            if self.limits.len() - self.choices.len() > 4 {
                return false;
            }
        }
        false
    }

    /// Which of `count` answers the next question gets.
    fn choice(&mut self, count: usize) -> usize {
        let choice = self.choices.get(self.limits.len()).copied().unwrap_or(0);
        self.limits.push(count);
        choice.min(count - 1)
    }

    fn give(&mut self, shape: Shape) {
        if self.terse > 0 {
            return;
        }
        match self.frames.last_mut() {
            Some(frame) => frame.parts.push(shape),
            None => match &mut self.root {
                Some(root) => learn(root, shape),
                None => self.root = Some(shape),
            },
        }
    }

    fn step(&mut self) -> Result<(), Stop> {
        self.steps += 1;
        if self.steps > STEPS || self.depth > 4 * DEEP {
            self.ended = true;
            return Err(Stop);
        }
        Ok(())
    }

    fn is_short(&self) -> bool {
        self.terse > 0 || self.depth > DEEP
    }

    /// Visits what lies inside; an error leaves the frame, which is closed at the end of the pass.
    fn inside<T>(&mut self, what: What, visit: impl FnOnce(&mut Self) -> Result<T, Stop>) -> Result<T, Stop> {
        self.step()?;
        self.depth += 1;
        let noted = self.terse == 0;
        if noted {
            self.frames.push(Frame { what, parts: Vec::new() });
        }
        let value = visit(self)?;
        if noted {
            self.close();
        }
        self.depth -= 1;
        Ok(value)
    }

    fn named<'de, V: Visitor<'de>, T>(
        &mut self,
        name: &'static str,
        form: Form,
        visit: impl FnOnce(&mut Self) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let index = self.number::<V>(name, || Kind::Struct(body(form, Vec::new())));
        self.visit(index, What::Named(index, form), visit)
    }

    /// Visits a named type: noting what it holds if that is new, or else as short as can be.
    fn visit<T>(
        &mut self,
        index: u32,
        what: What,
        visit: impl FnOnce(&mut Self) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let new = self.is_new(index);
        self.stack.push(index);
        self.met.insert(index);
        let value = if new {
            self.inside(what, visit)?
        } else {
            self.give(Shape::Named(index));
            self.terse += 1;
            let value = self.inside(what, visit)?;
            self.terse -= 1;
            value
        };
        self.stack.pop();
        Ok(value)
    }

    fn is_new(&self, index: u32) -> bool {
        self.terse == 0 && !self.met.contains(&index)
    }

    fn number<'de, V: Visitor<'de>>(&mut self, name: &'static str, kind: impl FnOnce() -> Kind) -> u32 {
        let id = (type_name::<V>(), name, size_of::<V::Value>());
        let next = self.types.len() as u32;
        let index = *self.ids.entry(id).or_insert(next);
        if index == next {
            self.types.push((name.to_owned(), kind()));
        }
        index
    }

    /// The variant to look at: one that nobody has seen, or one below which something is unseen, or one that comes to an end.
    fn pick(&mut self, index: u32) -> usize {
        let ordinal = self.picked;
        self.picked += 1;
        if let Some(&pick) = self.picks.get(ordinal) {
            return pick;
        }
        let Kind::Enum(variants) = &self.types[index as usize].1 else { return 0 };
        let nested = self.stack.iter().filter(|&&other| other == index).count();
        let finite = self.finite.get(&index).copied().unwrap_or(nested % variants.len());
        let mut pick = finite;
        if self.is_new(index) {
            let unseen = variants.iter().position(|(_, body)| body.is_none());
            let way = || {
                let open = |&variant: &usize| !self.stuck.contains(&(index, variant)) && self.leads_on(index, variant);
                (0..variants.len()).find(open)
            };
            if let Some(variant) = unseen {
                pick = variant;
            } else if let Some(variant) = way() {
                pick = variant;
                self.ways.push((index, variant));
            }
        }
        self.picks.push(pick);
        pick
    }

    /// Whether something below a variant is not known yet.
    fn leads_on(&self, index: u32, variant: usize) -> bool {
        let Kind::Enum(variants) = &self.types[index as usize].1 else { return false };
        let (mut seen, mut rest) = (HashSet::from([index]), Vec::new());
        rest.extend(variants[variant].1.iter().flat_map(Body::parts));
        while let Some(shape) = rest.pop() {
            match shape {
                Shape::Unknown => return true,
                Shape::Option(inner) | Shape::Seq(inner) | Shape::Array(_, inner) => rest.push(inner),
                Shape::Map(key, value) => rest.extend([&**key, &**value]),
                Shape::Tuple(parts) => rest.extend(parts),
                &Shape::Named(other) if seen.insert(other) => match &self.types[other as usize].1 {
                    Kind::Struct(body) => rest.extend(body.parts()),
                    Kind::Enum(variants) if variants.iter().any(|(_, body)| body.is_none()) => return true,
                    Kind::Enum(variants) => {
                        rest.extend(variants.iter().filter_map(|(_, body)| body.as_ref()).flat_map(Body::parts));
                    }
                },
                Shape::Simple(_) | Shape::Named(_) => {}
            }
        }
        false
    }

    /// Makes a shape of the innermost frame and gives it to the next one.
    fn close(&mut self) {
        let Some(Frame { what, parts }) = self.frames.pop() else { return };
        let mut parts = parts.into_iter();
        let mut next = || Box::new(parts.next().unwrap_or(Shape::Unknown));
        let shape = match what {
            What::Option => Shape::Option(next()),
            What::Seq => Shape::Seq(next()),
            What::Map => Shape::Map(next(), next()),
            What::Tuple(len) => tuple(padded(parts.collect(), len)),
            What::Named(index, form) => {
                if let Kind::Struct(known) = &mut self.types[index as usize].1 {
                    learn_body(known, body(form, parts.collect()));
                }
                Shape::Named(index)
            }
            What::Variant(index, variant, form) => {
                if let Kind::Enum(variants) = &mut self.types[index as usize].1 {
                    let new = body(form, parts.collect());
                    match &mut variants[variant].1 {
                        Some(known) => learn_body(known, new),
                        unseen => *unseen = Some(new),
                    }
                }
                Shape::Named(index)
            }
        };
        self.give(shape);
    }
}

fn padded(mut parts: Vec<Shape>, len: usize) -> Vec<Shape> {
    parts.resize(len, Shape::Unknown);
    parts
}

fn tuple(mut parts: Vec<Shape>) -> Shape {
    match parts.pop() {
        Some(last) if !parts.is_empty() && parts.iter().all(|part| *part == last) => {
            Shape::Array(parts.len() as u32 + 1, Box::new(last))
        }
        last => {
            parts.extend(last);
            Shape::Tuple(parts)
        }
    }
}

fn body(form: Form, parts: Vec<Shape>) -> Body {
    match form {
        Form::Unit => Body::Unit,
        Form::Newtype => Body::Newtype(parts.into_iter().next().unwrap_or(Shape::Unknown)),
        Form::Tuple(len) => Body::Tuple(padded(parts, len)),
        Form::Struct(fields) => {
            let names = fields.iter().map(|&field| field.to_owned());
            Body::Struct(names.zip(padded(parts, fields.len())).collect())
        }
    }
}

/// Adds what `new` knows to `known`.
fn learn(known: &mut Shape, new: Shape) {
    match (known, new) {
        (known @ Shape::Unknown, new) => *known = new,
        (Shape::Option(a), Shape::Option(b)) | (Shape::Seq(a), Shape::Seq(b)) => learn(a, *b),
        (Shape::Map(a, c), Shape::Map(b, d)) => {
            learn(a, *b);
            learn(c, *d);
        }
        (Shape::Tuple(a), Shape::Tuple(b)) => a.iter_mut().zip(b).for_each(|(a, b)| learn(a, b)),
        (Shape::Array(n, a), Shape::Array(m, b)) if *n == m => learn(a, *b),
        // Alike before, told apart by what is known now.
        (known @ Shape::Array(..), new @ Shape::Tuple(_)) => *known = new,
        _ => {}
    }
}

fn learn_body(known: &mut Body, new: Body) {
    match (known, new) {
        (Body::Newtype(a), Body::Newtype(b)) => learn(a, b),
        (Body::Tuple(a), Body::Tuple(b)) => a.iter_mut().zip(b).for_each(|(a, b)| learn(a, b)),
        (Body::Struct(a), Body::Struct(b)) => a.iter_mut().zip(b).for_each(|(a, b)| learn(&mut a.1, b.1)),
        _ => {}
    }
}
