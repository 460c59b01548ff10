//! The journal as a whole: what was appended is found again, whatever happened in between.

mod crash;
mod damage;
mod faults;
mod faulty;
mod full_disk;
mod lifecycle;
mod measure;

use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};

use capsules_core::{Timestamp, Uuid};

use super::disk::SystemDisk;
use super::recovery::{Record, recover_on};
use super::scan::Damage;
use super::{Journal, Recovered, Recovery, recover};

/// Short enough that a handful of entries fills it.
const SHORT_SEGMENT: u64 = 400;

fn id(number: usize) -> Uuid {
    Uuid::from_u128(number as u128)
}

fn at(number: usize) -> Timestamp {
    Timestamp::from_micros(i64::try_from(number).unwrap()).unwrap()
}

/// A text that differs with the number, in length too.
fn text(number: usize) -> String {
    format!(
        r#"{{"number":{number},"text":"{}"}}"#,
        "é".repeat(number % 13)
    )
}

fn short_journal(directory: &Path) -> Journal {
    Journal::open_on(SystemDisk, directory, SHORT_SEGMENT).unwrap()
}

#[derive(Debug, Default, PartialEq)]
struct Found {
    accepted: Vec<Uuid>,
    started: Vec<Uuid>,
    damage: Vec<Damage>,
}

impl Found {
    fn extend(&mut self, batch: Vec<Recovered>) {
        for item in batch {
            self.push(item);
        }
    }

    fn append(&mut self, other: Self) {
        self.accepted.extend(other.accepted);
        self.started.extend(other.started);
        self.damage.extend(other.damage);
    }

    /// Checks that what comes back is what was written under that number.
    fn push(&mut self, item: Recovered) {
        let checked = |record: Record| {
            let number = usize::try_from(record.id.as_u128()).unwrap();
            assert_eq!((record.at, record.text), (at(number), text(number)));
            record.id
        };
        match item {
            Recovered::Accepted(record) => self.accepted.push(checked(record)),
            Recovered::Started(record) => self.started.push(checked(record)),
            Recovered::Damaged(damage) => self.damage.push(damage),
        }
    }
}

fn recover_all(directory: &Path) -> (Found, Recovery) {
    let mut found = Found::default();
    let recovery = recover(directory, |batch| {
        found.extend(batch);
        Ok::<_, Infallible>(())
    })
    .unwrap();
    (found, recovery)
}

fn ids(numbers: impl IntoIterator<Item = usize>) -> Vec<Uuid> {
    numbers.into_iter().map(id).collect()
}

/// The files in a directory, in order of name.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}
