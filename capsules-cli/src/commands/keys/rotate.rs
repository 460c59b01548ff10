//! `capsules keys rotate`.

use capsules_core::keyring::Epoch;
use capsules_core::{DataDir, Keyring};
use serde::Serialize;

use super::info::{self, PostQuantum};
use super::name;
use crate::args::Global;
use crate::output;
use crate::page::Page;
use crate::style::{GOOD, TITLE, WARN};
use crate::{CliError, Result, Status};

/// Make a new key the one that signs
///
/// The private key before it is overwritten; its public key stays in the keyring, so that what it
/// signed still verifies. Programs that are running go on with the key that they have.
///
/// JSON: {"retired", "active", "post_quantum"}
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Make the ML-DSA-65 keys of a directory that has none, and leave the Ed25519 key. They are
    /// never replaced: no keyring would keep the public key, and what it signed could not be
    /// verified any more
    #[arg(long)]
    pq: bool,
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    retired: Option<&'a Epoch>,
    active: Option<&'a Epoch>,
    post_quantum: Option<PostQuantum>,
}

pub(super) fn run(args: &Args, dir: &DataDir, global: &Global) -> Result<Status> {
    let before = Keyring::read(dir)?;
    let after = if args.pq {
        make_post_quantum(dir)?;
        before.clone()
    } else {
        Keyring::rotate(dir)?
    };
    tell(&before, &after, dir, global)
}

/// Says which key signed before and which one signs now.
pub(super) fn tell(
    before: &Keyring,
    after: &Keyring,
    dir: &DataDir,
    global: &Global,
) -> Result<Status> {
    let active = after.active();
    let retired = before
        .active()
        .filter(|before| active.is_none_or(|active| active.public_key != before.public_key));
    let post_quantum = PostQuantum::read(dir)?;
    if global.json {
        output::print_json(&Answer {
            retired,
            active,
            post_quantum,
        })?;
        return Ok(Status::Pass);
    }
    let mut page = Page::new();
    page.line(format_args!("{TITLE}Keys{TITLE:#}"));
    page.indented(|page| {
        if let Some(retired) = retired {
            page.field("retired", format_args!("{WARN}{}{WARN:#}", name(retired)));
        }
        if let Some(active) = active {
            page.field("signs now", format_args!("{GOOD}{}{GOOD:#}", name(active)));
        }
        info::files(page, dir);
        if let Some(keys) = &post_quantum {
            info::post_quantum(page, keys);
        }
    });
    output::print(&page.finish())?;
    Ok(Status::Pass)
}

#[cfg(feature = "pq")]
fn make_post_quantum(dir: &DataDir) -> Result<()> {
    // One file without the other is completed, or refused with what to do.
    if dir.key_pq().exists() && dir.key_pq_public().exists() {
        return Err(CliError::HasPqKeys { dir: dir.clone() });
    }
    capsules_core::PqKeyPair::open(dir)?;
    Ok(())
}

#[cfg(not(feature = "pq"))]
fn make_post_quantum(_dir: &DataDir) -> Result<()> {
    Err(CliError::NoPq)
}
