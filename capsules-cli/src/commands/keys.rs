//! `capsules keys`: the keys that sign.

use std::io::Write;

use capsules_core::keyring::{Epoch, EpochStatus};
use capsules_core::{DataDir, Keyring};

use crate::args::Global;
use crate::output::{self, Safe};
use crate::page::Page;
use crate::style::{BAD, DIM, GOOD, TITLE, WARN};
use crate::table::{Cell, Column, Table};
use crate::{CliError, Result, Status};

/// Show, rotate and export the keys that sign capsules
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules keys info
  capsules keys export-public > auditor.pub
  capsules verify export.json --pubkey-file auditor.pub")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show the keys of every epoch, and whether the private key is kept safe
    Info,
    /// Make a new key the one that signs
    ///
    /// The private key before it is overwritten; its public key stays in the keyring, so that
    /// what it signed still verifies.
    Rotate,
    /// Print the active public key in hexadecimal
    ExportPublic,
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let dir = global.data_dir()?;
    match args.action {
        Action::Info => output::print(&info(&dir, &Keyring::read(&dir)?))?,
        Action::Rotate => {
            let before = Keyring::read(&dir)?;
            let after = Keyring::rotate(&dir)?;
            output::print(&rotated(&dir, before.active(), after.active()))?;
        }
        Action::ExportPublic => {
            let keyring = Keyring::read(&dir)?;
            let active = keyring.active().ok_or(CliError::NoKey { dir })?;
            writeln!(std::io::stdout(), "{}", active.public_key).map_err(CliError::Write)?;
        }
    }
    Ok(Status::Pass)
}

fn info(dir: &DataDir, keyring: &Keyring) -> String {
    let mut page = Page::new();
    page.line(format_args!("{TITLE}Keys{TITLE:#}"));
    page.indented(|page| {
        files(page, dir);
        if let Some(active) = keyring.active() {
            page.field("signs with", name(active));
            page.field("public key", active.public_key);
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

fn files(page: &mut Page, dir: &DataDir) {
    let path = |path: &std::path::Path| Safe(&path.to_string_lossy()).to_string();
    page.field("keyring", path(&dir.keyring()));
    let key = path(&dir.key());
    if !dir.key().exists() {
        page.field("private key", format_args!("{DIM}none in {key}{DIM:#}"));
    } else if dir.key_is_exposed() {
        page.field("private key", &key);
        page.field(
            "",
            format_args!("{BAD}other users can read it:{BAD:#} run chmod 600 {key}"),
        );
    } else {
        page.field("private key", &key);
    }
    if dir.key_pq_public().exists() {
        page.field("post-quantum", path(&dir.key_pq_public()));
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

fn rotated(dir: &DataDir, before: Option<&Epoch>, after: Option<&Epoch>) -> String {
    let mut page = Page::new();
    page.line(format_args!("{TITLE}Key rotation{TITLE:#}"));
    page.indented(|page| {
        if let Some(before) = before {
            page.field("retired", format_args!("{WARN}{}{WARN:#}", name(before)));
        }
        if let Some(after) = after {
            page.field("signs now", format_args!("{GOOD}{}{GOOD:#}", name(after)));
        }
        files(page, dir);
    });
    page.finish()
}

fn name(epoch: &Epoch) -> String {
    format!("{} (epoch {})", Safe(&epoch.fingerprint), epoch.number)
}

fn to_the_second(time: &str) -> &str {
    time.get(..19).unwrap_or(time)
}
