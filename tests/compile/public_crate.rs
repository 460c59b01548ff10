//! A published crate whose every public function has the attribute passes its own tests, and each
//! call is on record.

use std::fs;
use std::path::PathBuf;

use capsules::verify::Level;
use capsules::{Capsules, Filter};
use serde_json::Value;

use crate::annotate::{Annotated, annotate};
use crate::package::{Package, capsules, succeeded};

/// A cache of files on disk, Apache 2.0: 52 of its 128 public functions are asynchronous.
const NAME: &str = "cacache";
const VERSION: &str = "=13.1.0";
pub(crate) const FEATURES: [&str; 2] = ["--no-default-features", "--features=tokio-runtime,mmap"];

/// Where Cargo keeps the published sources, downloaded if need be.
fn published() -> PathBuf {
    let package = Package::new("published", &format!("{NAME} = \"{VERSION}\"\n"));
    package.write("src/lib.rs", "");
    let output = package.run(&["metadata", "--format-version=1"]);
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = metadata["packages"].as_array().unwrap().iter();
    let manifest = found
        .filter(|package| package["name"] == NAME)
        .find_map(|package| package["manifest_path"].as_str())
        .unwrap();
    PathBuf::from(manifest).parent().unwrap().to_owned()
}

/// A copy of the crate, as it is or annotated.
pub(crate) fn copy(annotated: bool) -> (Package, Annotated) {
    let name = if annotated {
        "public-audited"
    } else {
        "public-plain"
    };
    let package = Package::copy(name, &published());
    let manifest = fs::read_to_string(package.path("Cargo.toml")).unwrap();
    // Benchmarks are not run, and what they depend on takes longer to compile than all the rest.
    let without_benches = manifest.replace("[dev-dependencies.criterion]", "[ignored.criterion]");
    assert_ne!(manifest, without_benches);
    let dependency = match annotated {
        true => format!("[dependencies]\n{}", capsules("default-features = true")),
        false => String::new(),
    };
    package.write(
        "Cargo.toml",
        &format!("{without_benches}\n[workspace]\n{dependency}"),
    );
    let changes = match annotated {
        true => annotate(&package.path("src")),
        false => Annotated::default(),
    };
    (package, changes)
}

#[test]
fn the_tests_of_a_published_crate_pass_with_every_public_function_audited() {
    let (package, annotated) = copy(true);
    assert!(
        annotated.functions > 100 && annotated.asynchronous > 40,
        "{annotated:?}"
    );
    assert_eq!(annotated.left_out, [""; 0]);
    let data = tempfile::tempdir().unwrap();
    let mut tests = package.cargo(&["test", "--lib"]);
    tests
        .args(FEATURES)
        .env("QUANTUMPIPES_DATA_DIR", data.path());
    let output = String::from_utf8(succeeded(&mut tests).stdout).unwrap();
    assert!(
        output.contains("test result: ok. 38 passed; 0 failed"),
        "{output}"
    );

    let capsules = Capsules::builder().data_dir(data.path()).build().unwrap();
    assert!(capsules.count(Filter::new()).wait().unwrap() > 200);
    assert!(capsules.verify(Level::Signatures).wait().unwrap().valid());
}
