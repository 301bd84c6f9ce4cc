//! The named commands of the project: `cargo xtask NAME`; without a name it lists them.

mod charts;
mod check_time;
mod checks;
mod functions;
mod imports;
mod licences;
mod minimal;
mod run;
mod steps;
mod weight;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        say(&steps::help());
        return ExitCode::SUCCESS;
    };
    let rest: Vec<String> = arguments.collect();
    let outcome = match name.as_str() {
        "ci" => steps::ci(),
        _ => match steps::find(&name) {
            Some(step) => (step.run)(&rest).map(|_| ()),
            None => Err(format!("there is no command `{name}`\n\n{}", steps::help())),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&format!("error: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// Writes a line to the standard error, where cargo's own messages go, so that the order stays right.
#[allow(clippy::print_stderr, reason = "this is a program, not the library")]
fn say(text: &str) {
    eprintln!("{text}");
}
