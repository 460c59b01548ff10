//! Published crates whose every public function has the attribute pass their own tests, and each
//! call is on record.

use std::fs;
use std::path::PathBuf;

use capsules::verify::Level;
use capsules::{Capsules, Filter};
use serde_json::Value;

use crate::annotate::{Annotated, annotate};
use crate::package::{Package, capsules, succeeded};

/// A crate as it was published.
pub(crate) struct Published {
    pub(crate) name: &'static str,
    version: &'static str,
    pub(crate) features: &'static [&'static str],
    /// Which of its tests are run.
    pub(crate) tests: &'static [&'static str],
    /// Sections of its manifest that are left out.
    ignored: &'static [&'static str],
}

/// A client and a server, 3,400 lines: 15 of its 39 public functions are asynchronous, as is most of
/// what they call. Edition 2018.
pub(crate) const MINI_REDIS: Published = Published {
    name: "mini-redis",
    version: "=0.4.1",
    features: &[],
    // That one fails without the attribute as well, under a tokio that moves a paused clock itself.
    tests: &["--tests", "--", "--skip=key_value_timeout"],
    ignored: &[],
};

/// Archives, read and written asynchronously, 5,400 lines: 15 of its public functions are
/// asynchronous themselves. Edition 2021.
pub(crate) const TOKIO_TAR: Published = Published {
    name: "astral-tokio-tar",
    version: "=0.7.0",
    features: &[],
    tests: &["--lib", "--tests"],
    ignored: &[],
};

/// A cache of files on disk: 52 of its 128 public functions are asynchronous. The worst of the three for
/// compile times.
pub(crate) const CACACHE: Published = Published {
    name: "cacache",
    version: "=13.1.0",
    features: &["--no-default-features", "--features=tokio-runtime,mmap"],
    tests: &["--lib"],
    // Benchmarks are not run, and what they depend on takes longer to compile than all the rest.
    ignored: &["[dev-dependencies.criterion]"],
};

impl Published {
    /// Where Cargo keeps the published sources, downloaded if need be.
    fn sources(&self) -> PathBuf {
        let (name, version) = (self.name, self.version);
        let package = Package::new(
            &format!("published-{name}"),
            &format!("{name} = \"{version}\"\n"),
        );
        package.write("src/lib.rs", "");
        let output = package.run(&["metadata", "--format-version=1"]);
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = metadata["packages"].as_array().unwrap().iter();
        let manifest = found
            .filter(|package| package["name"] == name)
            .find_map(|package| package["manifest_path"].as_str())
            .unwrap();
        PathBuf::from(manifest).parent().unwrap().to_owned()
    }

    /// A copy of the crate, as it is or annotated.
    pub(crate) fn copy(&self, annotated: bool) -> (Package, Annotated) {
        let suffix = if annotated { "audited" } else { "plain" };
        let package = Package::copy(&format!("{}-{suffix}", self.name), &self.sources());
        let mut manifest = fs::read_to_string(package.path("Cargo.toml")).unwrap();
        for section in self.ignored {
            assert!(manifest.contains(section), "{section}");
            manifest = manifest.replace(section, &section.replace("dev-dependencies", "ignored"));
        }
        manifest += "\n[workspace]\n";
        if annotated {
            manifest += "[dependencies]\n";
            manifest += &capsules("default-features = true");
        }
        package.write("Cargo.toml", &manifest);
        let changes = match annotated {
            true => annotate(&package.path("src")),
            false => Annotated::default(),
        };
        (package, changes)
    }
}

/// What the crate's own tests leave when all its public functions are audited: so many of them pass
/// as there are, and more than so many capsules.
fn passes(published: &Published, [functions, asynchronous]: [usize; 2], tests: u64, calls: u64) {
    let (package, annotated) = published.copy(true);
    assert_eq!(annotated.left_out, [""; 0]);
    assert_eq!(
        [annotated.functions, annotated.asynchronous],
        [functions, asynchronous]
    );
    let data = tempfile::tempdir().unwrap();
    let mut command = package.cargo(&["test"]);
    command
        .args(published.features)
        .args(published.tests)
        .env("QUANTUMPIPES_DATA_DIR", data.path());
    let output = String::from_utf8(succeeded(&mut command).stdout).unwrap();
    let passed: u64 = output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. ")?.split(' ').next())
        .map(|passed| passed.parse::<u64>().unwrap())
        .sum();
    assert_eq!(passed, tests, "{output}");

    let capsules = Capsules::builder().data_dir(data.path()).build().unwrap();
    let count = capsules.count(Filter::new()).wait().unwrap();
    assert!(count > calls, "{count}");
    assert!(capsules.verify(Level::Signatures).wait().unwrap().valid());
}

#[test]
fn the_tests_of_a_client_and_server_pass_with_every_public_function_audited() {
    passes(&MINI_REDIS, [39, 15], 10, 50);
}

#[test]
fn the_tests_of_an_archiver_pass_with_every_public_function_audited() {
    passes(&TOKIO_TAR, [169, 15], 133, 1_000);
}

#[test]
fn the_tests_of_a_cache_pass_with_every_public_function_audited() {
    passes(&CACACHE, [128, 52], 38, 200);
}
