//! Files and directories that may not be written, and a file that is no store, in the place of the
//! default store of a program.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use capsules::recovery;
use tempfile::TempDir;

use crate::program::{Obedient, PROGRAM};
use crate::support::recovered_chain;

/// Permissions do not bind the superuser.
const NOBODY: u32 = 65_534;

struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = capsules_tests::temp_dir();
        fs::create_dir(directory.path().join("data")).unwrap();
        // Where everybody can execute it. Not by this process: a child that another test starts
        // meanwhile would have it open for writing for a moment, and nobody can execute it then.
        let mut copy = Command::new("cp");
        copy.args([Path::new(PROGRAM), &directory.path().join("program")]);
        assert!(copy.status().unwrap().success());
        let place = Self { directory };
        if place.is_superusers() {
            place.mode("", 0o755);
            chown(place.path("data"), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        place
    }

    fn is_superusers(&self) -> bool {
        self.directory.path().metadata().unwrap().uid() == 0
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    fn start(&self) -> Obedient {
        let mut command = Command::new(self.path("program"));
        command.arg(self.path("data"));
        if self.is_superusers() {
            command.uid(NOBODY).gid(NOBODY);
        }
        Obedient::start(command, &self.path("data"))
    }

    /// Recovers, and gives the ids of the chain, which has to verify.
    fn chain(&self) -> Vec<String> {
        let capsules = recovered_chain(&self.path("data"));
        let ids = capsules.iter().map(|capsule| capsule.id.to_string());
        ids.collect()
    }
}

#[test]
fn a_store_that_was_read_only_gets_everything_in_order() {
    let place = Place::new();
    let mut program = place.start();
    program.tell("calls 3");
    let mut ids = program.end();

    place.mode("data/capsules.db", 0o400);
    let mut program = place.start();
    program.tell("calls 5");
    let stats = program.wait_until(|stats| stats.store_errors > 1);
    assert_eq!((stats.waiting, stats.failed), (5, 0), "{stats:?}");
    place.mode("data/capsules.db", 0o600);
    let stats = program.wait_until(|stats| stats.waiting == 0);
    assert_eq!((stats.committed, stats.failed), (5, 0), "{stats:?}");
    program.tell("calls 2");
    ids.extend(program.end());
    assert!(
        recovery::waiting(&place.path("data/capsules.db"))
            .unwrap()
            .is_empty()
    );
    assert_eq!(place.chain(), ids);
}

#[test]
fn a_directory_that_is_read_only_costs_the_records_and_not_the_program() {
    let place = Place::new();
    place.mode("data", 0o500);
    let mut program = place.start();
    program.tell("calls 5");
    let stats = program.wait_until(|stats| stats.failed == 5);
    assert!(
        stats.journal_errors > 0 && stats.store_errors > 0,
        "{stats:?}"
    );
    assert_eq!(program.end().len(), 5);
    assert_eq!(fs::read_dir(place.path("data")).unwrap().count(), 0);
}

#[test]
fn what_a_corrupt_file_could_not_take_is_recovered_into_the_next() {
    let place = Place::new();
    let file = place.path("data/capsules.db");
    fs::write(&file, [0x5a; 10_000]).unwrap();
    place.mode("data/capsules.db", 0o666);
    let mut program = place.start();
    program.tell("calls 5");
    let stats = program.wait_until(|stats| stats.store_errors > 0);
    assert_eq!((stats.waiting, stats.failed), (5, 0), "{stats:?}");
    let ids = program.end();
    assert_eq!(
        fs::read(&file).unwrap(),
        [0x5a; 10_000],
        "the file is evidence"
    );

    assert_eq!(recovery::waiting(&file).unwrap()[0].accepted, 5);
    fs::rename(&file, place.path("data/corrupt.db")).unwrap();
    assert_eq!(place.chain(), ids);
}
