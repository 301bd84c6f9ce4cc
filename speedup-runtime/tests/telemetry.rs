//! What `tracing` and `metrics` are told, in a process of its own: only with these features.

use std::{
    collections::HashMap,
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, atomic::AtomicU64, atomic::Ordering},
};

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use speedup_runtime::{
    Cache,
    cache::{Function, State},
    seeing,
};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::with_default,
};

/// Notes what it is told: spans by their names and fields as they begin, events.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>, Arc<AtomicU64>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {field}={value:?}").expect("a text grows");
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "speedup"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        self.0.lock().expect("nobody panics").push(text.0);
        Id::from_u64(self.1.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.0.lock().expect("nobody panics").push(text.0);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {
        self.0.lock().expect("nobody panics").push("end".to_owned());
    }
}

#[test]
fn computations_are_spans_and_hits_are_not() {
    static STATE: State<(u64,), u64> = State::new();
    let body = |&(n,): &(u64,)| n * 2;
    let cache = Cache::of(&STATE, Function::new("twice", body).show(std::fmt::Debug::fmt));
    let notes = Notes::default();
    with_default(notes.clone(), || (cache.get((1,)), cache.get((2,)), cache.get((1,))));
    let notes = notes.0.lock().expect("nobody panics").clone();
    assert_eq!(notes, ["compute call=twice(1)", "end", "compute call=twice(2)", "end"]);
}

#[test]
fn a_panic_is_an_event() {
    let cache = Cache::from_fn(|n: u64| -> u64 { panic!("call {n}") });
    let notes = Notes::default();
    let end = with_default(notes.clone(), || catch_unwind(AssertUnwindSafe(|| cache.get((1,)))));
    assert!(end.is_err());
    let notes = notes.0.lock().expect("nobody panics").clone();
    assert_eq!(notes, ["compute call=closure(..)", "end", "WARN message=a call panicked call=closure(..)"]);
}

/// Keeps the last value of each counter and gauge, by name and the label `name`.
#[derive(Clone, Default)]
struct Values {
    values: Arc<Mutex<HashMap<String, f64>>>,
    described: Arc<Mutex<Vec<String>>>,
}

struct Value(Values, String);

impl Value {
    fn set_to(&self, value: f64) {
        self.0.values.lock().expect("nobody panics").insert(self.1.clone(), value);
    }
}

impl CounterFn for Value {
    fn increment(&self, _: u64) {}
    fn absolute(&self, value: u64) {
        self.set_to(value as f64);
    }
}

impl GaugeFn for Value {
    fn increment(&self, _: f64) {}
    fn decrement(&self, _: f64) {}
    fn set(&self, value: f64) {
        self.set_to(value);
    }
}

impl Values {
    fn of(&self, key: &Key) -> Arc<Value> {
        let labels: Vec<&str> = key.labels().map(|label| label.value()).collect();
        Arc::new(Value(self.clone(), format!("{} {}", key.name(), labels.join(" "))))
    }

    fn describe(&self, key: &KeyName) {
        self.described.lock().expect("nobody panics").push(key.as_str().to_owned());
    }
}

impl Recorder for Values {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&key);
    }
    fn describe_gauge(&self, key: KeyName, _: Option<Unit>, _: SharedString) {
        self.describe(&key);
    }
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.of(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.of(key))
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[test]
fn what_was_counted_is_published_when_asked_for() {
    static STATE: State<(u64,), u64> = State::new();
    let cache = Cache::of(&STATE, Function::new("thrice", |&(n,): &(u64,)| n * 3));
    (0..5).for_each(|n| _ = cache.get((n % 3,)));
    let values = Values::default();
    metrics::with_local_recorder(&values, || {
        seeing::metrics::describe();
        seeing::metrics::publish();
    });
    let found = values.values.lock().expect("nobody panics").clone();
    assert_eq!(found["speedup_hits_total thrice cache"], 2.0);
    assert_eq!(found["speedup_misses_total thrice cache"], 3.0);
    assert_eq!(found["speedup_entries thrice cache"], 3.0);
    assert!(found["speedup_bytes thrice cache"] > 0.0);
    let described = values.described.lock().expect("nobody panics").clone();
    for name in found.keys().filter_map(|key| key.split(' ').next()) {
        assert!(described.iter().any(|described| described == name), "{name} is described");
    }
}
