//! Several processes on one file.

use std::env;

use capsules_core::Storage;
use capsules_core::storage::SqliteStorage;

use super::{again, place};
use crate::fixture::{all, assert_unbroken, capsule, try_append};

const FILE: &str = "CAPSULES_TEST_FILE";
const WRITER: &str = "CAPSULES_TEST_WRITER";
const WRITERS: usize = 4;
const APPENDS: usize = 30;

#[test]
fn processes_share_one_unbroken_chain() {
    if let (Some(file), Ok(writer)) = (env::var_os(FILE), env::var(WRITER)) {
        let store = SqliteStorage::open(file).unwrap();
        for number in 0..APPENDS {
            try_append(
                &store,
                &[capsule(&format!("{writer}/{number}")), capsule("second")],
            )
            .unwrap();
        }
        return;
    }

    // They also race to create the file.
    let (_directory, path) = place();
    let mut writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            again("sqlite::processes::processes_share_one_unbroken_chain")
                .env(FILE, &path)
                .env(WRITER, writer.to_string())
                .spawn()
                .unwrap()
        })
        .collect();
    for writer in &mut writers {
        assert!(writer.wait().unwrap().success());
    }

    let store = SqliteStorage::open_read_only(&path).unwrap();
    assert_eq!(assert_unbroken(&store), WRITERS * APPENDS * 2);
    let sources: Vec<_> = all(&store)
        .iter()
        .map(|record| record.capsule().unwrap().trigger.source)
        .collect();
    for writer in 0..WRITERS {
        let of_one: Vec<_> = sources
            .iter()
            .filter(|source| source.starts_with(&format!("{writer}/")))
            .collect();
        let expected: Vec<_> = (0..APPENDS)
            .map(|number| format!("{writer}/{number}"))
            .collect();
        assert_eq!(
            of_one,
            expected.iter().collect::<Vec<_>>(),
            "each in its own order"
        );
    }
    assert!(store.head(None).unwrap().is_some());
}
