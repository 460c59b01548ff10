//! A file system that is full, for real.

use std::io;
use std::process::Command;

use super::*;
use crate::journal::error::AppendError;

/// A file system of 256 KiB in memory; unmounted when dropped.
struct SmallDisk {
    mounted_on: tempfile::TempDir,
}

impl SmallDisk {
    /// `None` where this process may not mount.
    fn mount() -> Option<Self> {
        let mounted_on = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(mounted_on.path())
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(Self { mounted_on })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg(self.mounted_on.path()).status();
    }
}

#[test]
fn a_full_file_system_is_reported_and_over_when_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        // The tests of faults limit the size of files, which can be done everywhere.
        eprintln!("skipped: a file system cannot be mounted here");
        return;
    };
    let ballast = disk.mounted_on.path().join("ballast");
    fs::write(&ballast, vec![0; 64 << 10]).unwrap();
    let directory = disk.mounted_on.path().join("audit.db.journals");
    let journal = Journal::open(&directory).unwrap();

    let mut accepted = Vec::new();
    let mut n = 0;
    let mut fill = |accepted: &mut Vec<Uuid>| loop {
        n += 1;
        match journal.accept(id(n), at(n), &text(n)) {
            Ok(_) => accepted.push(id(n)),
            Err(AppendError::Write { source, .. }) => {
                assert_eq!(source.kind(), io::ErrorKind::StorageFull);
                return;
            }
            Err(error) => panic!("{error}"),
        }
    };
    fill(&mut accepted);
    let before = accepted.len();
    assert!(before > 1000);
    fill(&mut accepted);
    fs::remove_file(&ballast).unwrap();
    fill(&mut accepted);
    assert!(accepted.len() > before + 100);
    drop(journal);
    assert_eq!(
        recover_all(&directory).0,
        Found {
            accepted,
            ..Found::default()
        }
    );
}
