//! The list of commands, and the run of all short ones.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::charts::{self, charts};
use crate::check_time::check_time;
use crate::checks;
use crate::imports;
use crate::licences::licences;
use crate::minimal::minimal;
use crate::run::{Done, Failure, cargo, is_there, nightly, root, run, save};
use crate::say;
use crate::weight::weight;

/// A named command.
pub(crate) struct Step {
    name: &'static str,
    about: &'static str,
    /// Whether the short form is part of `ci`.
    in_ci: bool,
    pub(crate) run: fn(&[String]) -> Result<Done, Failure>,
}

/// All commands. `ci` runs those marked in this order; the tests come last, so that their lines end the output.
const STEPS: [Step; 22] = [
    Step { name: "msrv", about: "the compiler in use is the oldest one promised", in_ci: true, run: checks::msrv },
    Step { name: "fmt", about: "the formatting; `fmt --fix` repairs it", in_ci: true, run: fmt },
    Step { name: "sizes", about: "no file and no function grew too long", in_ci: true, run: checks::sizes },
    Step { name: "imports", about: "imports run one way, in the runtime", in_ci: true, run: imports::imports },
    Step { name: "clippy", about: "every lint, over every target", in_ci: true, run: clippy },
    Step { name: "features", about: "each combination of features compiles", in_ci: true, run: features },
    Step {
        name: "weight",
        about: "how many crates `#[cache]` alone needs; `weight --build` builds them",
        in_ci: true,
        run: weight,
    },
    Step { name: "docs", about: "the documentation, without a warning", in_ci: true, run: docs },
    Step { name: "deny", about: "licences, bans and advisories of the dependencies", in_ci: true, run: deny },
    Step {
        name: "minimal",
        about: "the released crates build with the oldest versions that they allow",
        in_ci: false,
        run: minimal,
    },
    Step { name: "package", about: "what a release holds; `package --verify` builds it", in_ci: true, run: package },
    Step { name: "loom", about: "models of the protocols; `loom --deep` looks further", in_ci: true, run: loom },
    Step {
        name: "bench",
        about: "the tables; `bench cache|check|buffer|classics|disk|stores|cooperation|cold|policies|profiles|puzzles|scaling|shapes [SECTION..] [--save]`",
        in_ci: false,
        run: bench,
    },
    Step {
        name: "bench-check",
        about: "the benchmarks still compile, and simulations of more threads hold",
        in_ci: true,
        run: bench_check,
    },
    Step {
        name: "charts",
        about: "the benchmarks' pictures show their tables; `charts --fix` draws them",
        in_ci: true,
        run: charts,
    },
    Step { name: "asan", about: "the tests of the cache under the address sanitizer", in_ci: false, run: asan },
    Step {
        name: "miri",
        about: "the tables of the cache, and the locks of structures on disk, under Miri",
        in_ci: false,
        run: miri,
    },
    Step {
        name: "stress",
        about: "the long form of the cache's stress tests; `stress [TEST..]`",
        in_ci: false,
        run: stress,
    },
    Step { name: "crash", about: "the long form of the crash and byte-flip tests", in_ci: false, run: crash },
    Step { name: "fuzz", about: "the long form of random code and random bytes", in_ci: false, run: fuzz },
    Step { name: "examples", about: "the README's tour", in_ci: true, run: examples },
    Step { name: "test", about: "all tests: the README's command", in_ci: true, run: test },
];

/// The step of a name.
pub(crate) fn find(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

/// The list of commands for people.
pub(crate) fn help() -> String {
    let mut text = "cargo xtask NAME\n\n".to_owned();
    for step in &STEPS {
        let _ = writeln!(text, "  {:<12} {}{}", step.name, step.about, if step.in_ci { "" } else { " (not in ci)" });
    }
    text + "  ci           all of the above that are in it, in this order"
}

/// Runs every short step with a heading; the times are told before the last one, whose own lines end the output.
pub(crate) fn ci() -> Result<(), Failure> {
    let steps: Vec<&Step> = STEPS.iter().filter(|step| step.in_ci).collect();
    let mut times: Vec<(&str, Duration, String)> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        if number + 1 == steps.len() {
            say("\n== times so far");
            for (name, time, note) in &times {
                say(&format!("{name:<12} {:>7.1} s{note}", time.as_secs_f64()));
            }
        }
        say(&format!("\n== {} ({} of {}): {}", step.name, number + 1, steps.len(), step.about));
        let start = Instant::now();
        let note = match (step.run)(&[]).map_err(|failure| format!("{}: {failure}", step.name))? {
            Done::Passed => String::new(),
            Done::Skipped(why) => {
                say(&format!("skipped: {why}"));
                format!("  (skipped: {why})")
            }
        };
        times.push((step.name, start.elapsed(), note));
    }
    Ok(())
}

fn fmt(arguments: &[String]) -> Result<Done, Failure> {
    let check: &[&str] = if arguments.iter().any(|argument| argument == "--fix") { &[] } else { &["--check"] };
    run(cargo(&["fmt", "--all", "--"]).args(check))?;
    run(cargo(&["fmt", "--all", "--manifest-path", "benches/Cargo.toml", "--"]).args(check))
}

fn clippy(_: &[String]) -> Result<Done, Failure> {
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn features(_: &[String]) -> Result<Done, Failure> {
    let combinations = [
        "",
        "macros",
        "buffer",
        "macros,async",
        "macros,buffer",
        "macros,stores",
        "macros,stacker",
        "disk",
        "complex",
        "macros,disk",
        "serde",
        "macros,tracing,metrics",
        "redis",
        "redis-tls",
        "memcached",
        "macros,redis,memcached",
    ];
    for features in combinations {
        let mut command = cargo(&["clippy", "--package", "speedup", "--lib", "--no-default-features"]);
        command.args(["--features", features, "--", "-D", "warnings"]);
        run(&mut command)?;
    }
    // What others are told can be tested only where they are there.
    let test = ["test", "--package", "speedup-runtime", "--features", "tracing,metrics", "--test", "telemetry"];
    run(&mut cargo(&test))?;
    // Without `stacker` no other pieces of stack are known than its own.
    let test = ["test", "--package", "speedup-runtime", "--no-default-features", "--test", "cache_depth"];
    run(&mut cargo(&test))
}

fn docs(_: &[String]) -> Result<Done, Failure> {
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn deny(_: &[String]) -> Result<Done, Failure> {
    licences()?;
    if !is_there(&mut cargo(&["deny", "--version"])) {
        return Ok(Done::Skipped("cargo-deny is not installed: advisories are not checked".to_owned()));
    }
    run(&mut cargo(&["deny", "check"]))
}

fn package(arguments: &[String]) -> Result<Done, Failure> {
    let mut command = cargo(&["package", "--allow-dirty", "--offline", "--quiet"]);
    command.args(["--package", "speedup-macros", "--package", "speedup-runtime", "--package", "speedup"]);
    if !arguments.iter().any(|argument| argument == "--verify") {
        command.arg("--no-verify");
    }
    run(&mut command)
}

fn loom(arguments: &[String]) -> Result<Done, Failure> {
    let deep = arguments.iter().any(|argument| argument == "--deep");
    let models = |of: &[&str]| {
        let mut command =
            cargo(&["test", "--package", "speedup-runtime", "--no-default-features", "--release", "--lib"]);
        // A folder of its own: other flags would make cargo build everything anew at each change between them.
        command.args(["--target-dir", "target/loom"]).args(of).env("RUSTFLAGS", "--cfg loom -D warnings");
        command.env("LOOM_MAX_PREEMPTIONS", if deep { "3" } else { "2" });
        run(&mut command)
    };
    models(&["loom_"])?;
    models(&["--features", "buffer", "buffer::"])
}

/// What Miri runs of the tests of the library: what walks pointers step by step. Of what is on disk, the locks of a structure: Miri has
/// no system calls for the rest.
const WALKS: [&str; 12] = [
    "cache::memory",
    "cache::table::hashed::front",
    "cache::table::hashed::zeroed",
    "cache::bound::marks",
    "cache::call::claim_guard",
    "cache::thread::frame",
    "cache::thread::opened",
    "cache::fork::named::tests::what",
    "cache::fork::shown",
    "cache::api::fallible",
    "cache::api::foretold",
    "striped",
];

fn miri(arguments: &[String]) -> Result<Done, Failure> {
    if !is_there(nightly().args(["miri", "--version"])) {
        return Ok(Done::Skipped("`rustup component add miri --toolchain nightly` is missing".to_owned()));
    }
    run(miri_test(&["--test", "cache_miri", "--test", "cache_miri_forms", "--"]).args(arguments))?;
    if arguments.is_empty() {
        run(miri_test(&["--lib", "--"]).args(WALKS))?;
        run(&mut miri_test(&["--features", "buffer", "--lib", "--", "buffer::sink"]))?;
    }
    Ok(Done::Passed)
}

fn miri_test(targets: &[&str]) -> Command {
    let mut command = nightly();
    command.args(["miri", "test", "--package", "speedup-runtime", "--no-default-features"]);
    command.args(["--target-dir", "target/miri"]).args(targets);
    // What the engine knows of threads is never freed, and rayon's threads are never joined. Rayon's own deque is sound under
    // tree borrows alone.
    command.env(
        "MIRIFLAGS",
        "-Zmiri-disable-isolation -Zmiri-ignore-leaks -Zmiri-permissive-provenance -Zmiri-tree-borrows",
    );
    // Telling where a panic comes from takes minutes there.
    command.env("RUST_BACKTRACE", "0").env("RAYON_NUM_THREADS", "2");
    command
}

fn asan(_: &[String]) -> Result<Done, Failure> {
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) || !is_there(nightly().arg("--version")) {
        return Ok(Done::Skipped(format!("it needs a nightly toolchain on {TARGET}")));
    }
    let mut command = nightly();
    // In release, since the sanitizer makes the frames of a debug build larger than what a body is promised of the stack.
    command.args(["test", "--release", "--target", TARGET, "--target-dir", "target/asan", "--no-fail-fast"]);
    command.args(["--package", "speedup-runtime", "--no-default-features"]);
    command.args(["--lib", "--test", "cache_basic", "--test", "cache_stress", "--test", "cache_depth"]);
    command.args(["--test", "cache_miri", "--test", "cache_miri_forms"]);
    // The sanitizer takes pieces of stack that are not its own for overflows when a panic passes through them.
    command.args(["--", "--skip", "too_wide", "--skip", "bottom_of_a_deep", "--skip", "without_a_base_case"]);
    // Nor does a thread under the sanitizer sleep where the system's own would.
    command.args(["--skip", "who_waits_for_a_pool"]);
    command.env("RUSTFLAGS", "-Zsanitizer=address -Cdebug-assertions");
    // What the engine knows of threads, and what lies in statics, is never freed. And how much stack is left is told by the
    // addresses of locals, which the search for uses after a return would move elsewhere.
    run(command.env("ASAN_OPTIONS", "detect_leaks=0:detect_stack_use_after_return=0"))
}

fn bench(arguments: &[String]) -> Result<Done, Failure> {
    let (options, words): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|word| word.starts_with("--"));
    let mut command = cargo(&["bench", "--manifest-path", "benches/Cargo.toml"]);
    let Some((which, sections)) = words.split_first() else { return run(&mut command) };
    if let (true, [section, ..]) = (["check", "scaling", "profiles"].contains(&which.as_str()), sections) {
        return Err(format!("`bench {which}` is one table: leave `{section}` out"));
    }
    match which.as_str() {
        "check" => return check_time(),
        "cold" | "puzzles" => {
            command = Command::new(&build_cold(&["fat1"])?[0]);
            command.arg(if *which == "cold" { "table" } else { "puzzles" }).args(sections);
        }
        "shapes" => {
            command = Command::new(build_alone("shapes")?);
            command.arg("table").args(sections);
        }
        "cooperation" => {
            command = cargo(&["run", "--release", "--package", "speedup-between-machines", "--bin", "together", "--"]);
            command.args(sections);
        }
        "scaling" => {
            let simulated = build_simulated()?;
            command = Command::new(build_alone("scaling")?);
            command.arg("table").arg(simulated);
        }
        "policies" | "stores" => {
            command = Command::new(build_alone(which)?);
            command.args(sections);
        }
        "profiles" => {
            let programs = build_cold(&["release", "off16", "off1", "thin16", "thin1", "fat16", "fat1"])?;
            command = Command::new(&programs[0]);
            command.arg("profiles").args(&programs);
        }
        _ => {
            command.args(["--bench", which, "--"]).args(sections);
        }
    }
    if options.iter().any(|option| *option == "--save") {
        let page = root().join("docs/benchmarks").join(format!("{which}.md"));
        save(&mut command, &page)?;
        charts::draw(&page)?;
        return Ok(Done::Passed);
    }
    run(&mut command)
}

/// Builds a program that has a feature of its own, so that the peers of the others are not built.
fn build_alone(name: &str) -> Result<PathBuf, Failure> {
    let mut command = cargo(&["build", "--release", "--manifest-path", "benches/Cargo.toml", "--bin", name]);
    run(command.args(["--no-default-features", "--features", name]))?;
    Ok(built("release", name))
}

/// Builds the program of scaling as one that simulates. In a folder of its own: other flags would make cargo build everything anew at
/// each change between them.
fn build_simulated() -> Result<PathBuf, Failure> {
    let folder = root().join("benches/target/simulated");
    let mut command = cargo(&["build", "--release", "--manifest-path", "benches/Cargo.toml", "--bin", "scaling"]);
    command.args(["--no-default-features", "--features", "scaling", "--target-dir"]).arg(&folder);
    run(command.env("RUSTFLAGS", "--cfg speedup_simulated -D warnings"))?;
    Ok(folder.join("release/scaling"))
}

/// Where a program of the benchmarks is.
fn built(profile: &str, name: &str) -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("benches/target"), PathBuf::from);
    folder.join(profile).join(name)
}

/// Builds the program of fresh processes in each of the profiles, which the manifest of the benchmarks has.
fn build_cold(profiles: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let build = |profile: &&str| {
        let mut command = cargo(&["build", "--manifest-path", "benches/Cargo.toml", "--no-default-features"]);
        run(command.args(["--features", "cold", "--bin", "cold", "--profile", profile]))?;
        Ok(built(profile, "cold"))
    };
    profiles.iter().map(build).collect()
}

fn bench_check(_: &[String]) -> Result<Done, Failure> {
    let arguments = [
        "clippy",
        "--manifest-path",
        "benches/Cargo.toml",
        "--all-targets",
        "--features",
        "cold,shapes,policies,scaling,stores",
    ];
    run(cargo(&arguments).args(["--", "-D", "warnings"]))?;
    run(Command::new(build_simulated()?).arg("check"))
}

fn stress(arguments: &[String]) -> Result<Done, Failure> {
    let runtime = ["cache_stress", "cache_depth", "cache_memory", "cache_footprint"];
    let mut command = cargo(&["test", "--release", "--package", "speedup-runtime", "--package", "speedup"]);
    command.args(runtime.map(|name| ["--test", name]).concat()).args(["--test", "cached_shapes", "--"]);
    // Words after the name choose tests, or tell the test runner something.
    run(command.args(arguments).env("SPEEDUP_LONG", "1"))
}

fn crash(_: &[String]) -> Result<Done, Failure> {
    let wide = [
        "disk_crash",
        "disk_together",
        "disk_damage",
        "disk_repair",
        "disk_full",
        "disk_process",
        "disk_joint",
        "disk_folder",
    ];
    // Once more with little room everywhere, so that checkpoints come in the middle of things, and while a journal is played.
    let tight = [
        "disk_crash",
        "disk_together",
        "disk_model",
        "disk_repair",
        "disk_steps",
        "disk_batch",
        "disk_copies",
        "disk_folder",
    ];
    let start = Instant::now();
    for (room, names) in [("", wide.as_slice()), (", with little room", tight.as_slice())] {
        let tests = |names: &[&str]| {
            let mut command = cargo(&["test", "--release", "--package", "speedup-runtime"]);
            command.args(names.iter().flat_map(|name| ["--test", name])).env("SPEEDUP_LONG", "1");
            if !room.is_empty() {
                command.args(["--target-dir", "target/tight"]).env("RUSTFLAGS", "--cfg speedup_tight");
            }
            command
        };
        run(tests(names).arg("--no-run"))?;
        for (number, name) in names.iter().enumerate() {
            let (number, of, after) = (number + 1, names.len(), start.elapsed().as_secs());
            say(&format!("\n== {name}{room} ({number} of {of}), after {after} s"));
            run(&mut tests(&[*name]))?;
        }
    }
    say(&format!("\nall of it took {} s", start.elapsed().as_secs()));
    Ok(Done::Passed)
}

fn fuzz(_: &[String]) -> Result<Done, Failure> {
    let mut command = cargo(&["test", "--package", "speedup-macros", "--package", "speedup-runtime", "--lib", "fuzz"]);
    run(command.env("SPEEDUP_LONG", "1"))
}

fn examples(_: &[String]) -> Result<Done, Failure> {
    run(&mut cargo(&["run", "--release", "--example", "tour"]))
}

fn test(_: &[String]) -> Result<Done, Failure> {
    run(&mut cargo(&["test", "--workspace"]))
}
