//! Every example runs, and its own checks pass.

#[allow(dead_code)]
#[path = "../examples/edit_distance.rs"]
mod edit_distance;
#[allow(dead_code)]
#[path = "../examples/fibonacci.rs"]
mod fibonacci;
#[allow(dead_code)]
#[path = "../examples/gallery/main.rs"]
mod gallery;
/// The gallery's number theory against known answers.
#[path = "examples/number_theory.rs"]
mod number_theory;
#[allow(dead_code)]
#[path = "../examples/persistent_list.rs"]
mod persistent_list;
#[allow(dead_code)]
#[path = "../examples/sieve.rs"]
mod sieve;
#[allow(dead_code)]
#[path = "../examples/timeline.rs"]
mod timeline;
#[allow(dead_code)]
#[path = "../examples/tour.rs"]
mod tour;
#[allow(dead_code)]
#[path = "../examples/warm.rs"]
mod warm;
#[allow(dead_code)]
#[path = "../examples/web_cache.rs"]
mod web_cache;

#[test]
fn every_example_is_listed_in_their_package() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("the package of the examples");
    for entry in std::fs::read_dir(folder).expect("the folder of the examples") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        if name.ends_with(".rs") {
            assert!(
                manifest.contains(&format!("path = \"{name}\"")),
                "{name} wants an `[[example]]` in examples/Cargo.toml"
            );
        }
    }
}

#[test]
fn the_tour_checks_all_its_results() {
    tour::run(vec!["--quick".to_owned()]).expect("every check of the tour holds");
}

#[test]
fn fibonacci_runs() {
    fibonacci::main();
}

#[test]
fn sieve_runs() {
    sieve::main();
}

#[test]
fn the_timeline_is_drawn() {
    let folder = tempfile::tempdir().expect("a folder");
    timeline::run(folder.path()).expect("the example runs");
    let read = |name| std::fs::read_to_string(folder.path().join(name)).expect("it is there");
    let (svg, json) = (read("timeline.svg"), read("trace.json"));
    assert!(svg.starts_with("<svg") && svg.contains("<title>block(5, 5): "), "{svg}");
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    let events = json["traceEvents"].as_array().expect("a list of events");
    let is_block = |name: &serde_json::Value| name.as_str().is_some_and(|name| name.starts_with("block("));
    let calls = events.iter().filter(|event| event["cat"] == "call" && is_block(&event["name"]));
    assert_eq!(calls.count(), 36);
}

#[test]
fn edit_distance_runs() {
    edit_distance::main();
}

#[test]
fn persistent_list_remembers() {
    let folder = tempfile::tempdir().expect("a folder");
    for _ in 0..3 {
        persistent_list::run(folder.path()).expect("the example runs");
    }
    let visits = speedup::DiskList::<String>::builder("visits").location(folder.path()).open().expect("it opens");
    assert_eq!(visits.len(), 3);
}

#[test]
fn warm_computes_each_tile_once() {
    let folder = tempfile::tempdir().expect("a folder");
    // A corner of the square, in which nothing belongs to the set: quick in every build.
    let outcome = warm::run(folder.path().to_owned(), 2).expect("it runs");
    assert_eq!((outcome.computed, outcome.found, outcome.area), (1 + 4 + 16, 0, 0.0));
    let again = warm::run(folder.path().to_owned(), 2).expect("it runs");
    assert_eq!(again.computed, outcome.computed);
}

#[test]
fn a_web_server_makes_each_page_once_renews_it_and_outlives_its_source() {
    let served = web_cache::load(4, 25).expect("the server answers");
    assert_eq!((served.requests, served.made), (4 * 4 * 25 + 4, 4));
    let [first, renewed, stale] = served.looks;
    assert!(first.0 == 200 && first.1.starts_with("<h1>/news</h1>"), "{first:?}");
    assert_eq!(renewed, (200, "<h1>/news</h1><p>made as number 5</p>".to_owned()));
    assert_eq!(stale, renewed);
    assert_eq!(served.unknown, (502, "the source of the pages does not answer".to_owned()));
    assert_eq!(served.stats.len, 4);
}

#[test]
fn every_program_of_the_gallery_checks_its_result() {
    for (name, program) in gallery::PROGRAMS {
        if let Err(error) = program(true) {
            panic!("{name}: {error}");
        }
    }
}
