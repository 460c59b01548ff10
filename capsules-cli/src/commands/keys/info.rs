//! `capsules keys info`.

use std::path::{Path, PathBuf};

use capsules_core::keyring::{Epoch, EpochStatus};
use capsules_core::{DataDir, Keyring, PqPublicKey, sha3_256};
use serde::Serialize;

use super::name;
use crate::args::Global;
use crate::output::{self, Safe};
use crate::page::Page;
use crate::style::{BAD, DIM, GOOD, TITLE};
use crate::table::{Cell, Column, Table};
use crate::{Result, Status};

/// What is printed for programs.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    data_dir: &'a Path,
    /// Whether there is one.
    private_key: bool,
    private_key_exposed: bool,
    active: Option<&'a Epoch>,
    epochs: &'a [Epoch],
    post_quantum: Option<PostQuantum>,
}

/// The ML-DSA-65 keys of a directory.
#[derive(Debug, Serialize)]
pub(super) struct PostQuantum {
    path: PathBuf,
    /// The hash of the public key, which is too long to compare by eye.
    sha3_256: String,
    secret_key: bool,
}

impl PostQuantum {
    pub(super) fn read(dir: &DataDir) -> Result<Option<Self>> {
        Ok(PqPublicKey::read(dir)?.map(|key| Self {
            path: dir.key_pq_public(),
            sha3_256: sha3_256(key.as_bytes()).to_string(),
            secret_key: dir.key_pq().exists(),
        }))
    }
}

pub(super) fn run(dir: &DataDir, global: &Global) -> Result<Status> {
    let keyring = Keyring::read(dir)?;
    let post_quantum = PostQuantum::read(dir)?;
    if global.json {
        output::print_json(&Answer {
            data_dir: dir.path(),
            private_key: dir.key().exists(),
            private_key_exposed: dir.key_is_exposed(),
            active: keyring.active(),
            epochs: keyring.epochs(),
            post_quantum,
        })?;
    } else {
        output::print(&render(dir, &keyring, post_quantum.as_ref()))?;
    }
    Ok(Status::Pass)
}

fn render(dir: &DataDir, keyring: &Keyring, post_quantum: Option<&PostQuantum>) -> String {
    let mut page = Page::new();
    page.line(format_args!("{TITLE}Keys{TITLE:#}"));
    page.indented(|page| {
        files(page, dir);
        if let Some(active) = keyring.active() {
            page.field("signs with", name(active));
            page.field("public key", active.public_key);
        }
        if let Some(keys) = post_quantum {
            self::post_quantum(page, keys);
        }
    });
    page.gap();
    if keyring.epochs().is_empty() {
        page.line(
            "There are no keys yet. The first capsule makes them, or `capsules keys rotate`.",
        );
        return page.finish();
    }
    let mut text = page.finish();
    text += &epochs(keyring.epochs()).render(output::terminal_width());
    text
}

/// Where the keys are, and whether the private one is kept safe.
pub(super) fn files(page: &mut Page, dir: &DataDir) {
    let path = |path: &Path| Safe(&path.to_string_lossy()).to_string();
    page.field("keyring", path(&dir.keyring()));
    let key = path(&dir.key());
    if !dir.key().exists() {
        page.field("private key", format_args!("{DIM}none in {key}{DIM:#}"));
        return;
    }
    page.field("private key", &key);
    if dir.key_is_exposed() {
        page.field(
            "",
            format_args!("{BAD}other users can read it:{BAD:#} run chmod 600 {key}"),
        );
    }
}

pub(super) fn post_quantum(page: &mut Page, keys: &PostQuantum) {
    page.field("post-quantum", Safe(&keys.path.to_string_lossy()));
    page.field("", format_args!("SHA3-256 {}", keys.sha3_256));
    if !keys.secret_key {
        page.field(
            "",
            format_args!("{DIM}it verifies; there is no secret key{DIM:#}"),
        );
    }
}

fn epochs(epochs: &[Epoch]) -> Table {
    let mut table = Table::new([
        Column::right("EPOCH"),
        Column::left("FINGERPRINT"),
        Column::left("STATUS"),
        Column::left("BEGAN"),
        Column::left("ENDED"),
    ]);
    for epoch in epochs {
        let status = match epoch.status {
            EpochStatus::Active => Cell::styled("active", GOOD),
            _ => Cell::styled("retired", DIM),
        };
        table.row([
            Cell::new(&epoch.number.to_string()),
            Cell::new(&epoch.fingerprint),
            status,
            Cell::new(to_the_second(&epoch.created_at)),
            Cell::new(epoch.rotated_at.as_deref().map_or("", to_the_second)),
        ]);
    }
    table
}

fn to_the_second(time: &str) -> &str {
    time.get(..19).unwrap_or(time)
}
