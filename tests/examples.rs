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
#[path = "../examples/tour.rs"]
mod tour;
#[allow(dead_code)]
#[path = "../examples/warm.rs"]
mod warm;

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
fn every_program_of_the_gallery_checks_its_result() {
    for (name, program) in gallery::PROGRAMS {
        if let Err(error) = program(true) {
            panic!("{name}: {error}");
        }
    }
}
