//! A trace as JSON of Chrome's trace format: complete events (`"ph": "X"`) in microseconds.

use std::fmt::Write as _;

use super::{Trace, What};

/// The JSON.
pub(super) fn write(trace: &Trace) -> String {
    let mut events: Vec<String> = Vec::with_capacity(trace.spans.len() + trace.threads.len());
    for (thread, name) in &trace.threads {
        let name = quoted(name);
        events.push(format!(r#"{{"name":"thread_name","ph":"M","pid":1,"tid":{thread},"args":{{"name":{name}}}}}"#));
    }
    for span in &trace.spans {
        let (what, name) = match span.what {
            What::Wait => ("wait", quoted(&format!("waits for {}", span.call))),
            What::Help => ("help", quoted(&format!("helps {}", span.call))),
            _ => ("call", quoted(&span.call)),
        };
        let micros = |time: std::time::Duration| time.as_nanos() as f64 / 1e3;
        events.push(format!(
            r#"{{"name":{name},"cat":"{what}","ph":"X","pid":1,"tid":{},"ts":{:.3},"dur":{:.3}}}"#,
            span.thread,
            micros(span.began),
            micros(span.took)
        ));
    }
    format!("{{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{}\n]}}\n", events.join(",\n"))
}

/// A text as JSON has it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for part in text.chars() {
        match part {
            '"' => quoted += "\\\"",
            '\\' => quoted += "\\\\",
            part if part < ' ' => _ = write!(quoted, "\\u{:04x}", part as u32),
            part => quoted.push(part),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::{super::example, *};

    #[test]
    fn every_span_is_an_event() {
        let trace = example(&[(What::Call, "f(1)", 0, 1, 2), (What::Wait, "g(1)", 3, 10, 20)]);
        let json = write(&trace);
        let events: Vec<&str> = json.lines().filter(|line| line.starts_with("{\"name\"")).collect();
        assert_eq!(events.len(), 2 + 2, "two threads and two spans");
        assert_eq!(
            events[2].trim_end_matches(','),
            r#"{"name":"f(1)","cat":"call","ph":"X","pid":1,"tid":0,"ts":1.000,"dur":2.000}"#
        );
        assert!(events[3].contains(r#""name":"waits for g(1)","cat":"wait""#) && events[3].contains(r#""tid":3"#));
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(quoted("f(\"a\\b\n\")"), r#""f(\"a\\b\u000a\")""#);
    }
}
