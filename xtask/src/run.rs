//! Running cargo and other programs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::say;

/// Why a step failed, for people.
pub(crate) type Failure = String;

/// How a step that did not fail ended.
pub(crate) enum Done {
    /// It ran.
    Passed,
    /// It cannot run on this machine; the text says what is missing.
    Skipped(String),
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo with the given arguments, in the folder of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(arguments);
    // These belong to the cargo that runs this program, not to the one it starts.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME", "RUST_RECURSION_COUNT"] {
        command.env_remove(name);
    }
    command
}

/// The cargo of the nightly toolchain: the one that runs this program would start its own compiler.
pub(crate) fn nightly() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root()).arg("+nightly");
    for name in ["RUSTC", "RUSTUP_TOOLCHAIN", "CARGO"] {
        command.env_remove(name);
    }
    command
}

/// Shows a command, runs it and waits for it.
pub(crate) fn run(command: &mut Command) -> Result<Done, Failure> {
    let shown = show(command);
    say(&format!("$ {shown}"));
    match command.status() {
        Ok(status) if status.success() => Ok(Done::Passed),
        Ok(status) => Err(format!("`{shown}` ended with {status}")),
        Err(error) => Err(format!("`{shown}` did not start: {error}")),
    }
}

/// Runs a command and keeps what it writes in a file.
pub(crate) fn save(command: &mut Command, file: &Path) -> Result<Done, Failure> {
    let folder = file.parent().unwrap_or(file);
    let told = |error: std::io::Error| format!("{}: {error}", file.display());
    std::fs::create_dir_all(folder).map_err(told)?;
    let output = std::fs::File::create(file).map_err(told)?;
    run(command.stdout(output))
}

/// The processor time of all programs that this one has run so far, where the system tells (Linux): on a shared machine it says more
/// than the clock does.
fn processor_time() -> Option<Duration> {
    // The name of the program may hold anything, and ends with the last parenthesis.
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    let ticks = |field: &str| field.parse::<u64>().ok();
    // Fields 16 and 17 of proc(5), of which two stand before the parenthesis; a tick is a hundredth of a second on every Linux.
    let mut fields = fields.split_whitespace().skip(13);
    let (user, system) = (ticks(fields.next()?)?, ticks(fields.next()?)?);
    Some(Duration::from_millis((user + system) * 10))
}

/// How long something takes: by the clock, and in processor time.
pub(crate) fn timed<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<(Duration, Duration), Failure> {
    let (start, before) = (Instant::now(), processor_time());
    work()?;
    let by_clock = start.elapsed();
    let used = processor_time().zip(before).map(|(after, before)| after - before);
    Ok((by_clock, used.unwrap_or(by_clock)))
}

/// Whether a program is there and answers.
pub(crate) fn is_there(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The command as one would type it, with the environment that was added for it.
fn show(command: &Command) -> String {
    let mut words: Vec<String> = command
        .get_envs()
        .filter_map(|(name, value)| Some(format!("{}={:?}", name.to_string_lossy(), value?.to_string_lossy())))
        .collect();
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    words.push(program.to_string_lossy().into_owned());
    words.extend(command.get_args().map(|argument| argument.to_string_lossy().into_owned()));
    words.join(" ")
}
