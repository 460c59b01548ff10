//! `capsules validate`: is this document a capsule's content?

use capsules_core::canonical::{CanonicalError, Numbers, canonicalize};
use capsules_core::validate::{Category, Options, validate};
use serde::Serialize;

use crate::input::Input;
use crate::{CliError, Result, Status, output};

/// Check that a JSON document is the content of a capsule
///
/// Prints {"ok", "category", "field", "message"} for the first rule that the document breaks. The
/// categories are missing_field, wrong_type, invalid_value, chain_violation and
/// integrity_violation. What is not JSON at all is an error (exit status 2).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules validate content.json
  capsules validate content.json --strict --claimed-hash \"$(cat content.sha3)\"")]
pub(crate) struct Args {
    /// The document, a capsule without its seal, or - for standard input
    file: Input,

    /// Also check that the content has this SHA3-256
    #[arg(long, value_name = "HASH")]
    claimed_hash: Option<String>,

    /// Also refuse top-level keys that the protocol does not name
    #[arg(long)]
    strict: bool,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Answer {
    ok: bool,
    category: Option<Category>,
    field: Option<String>,
    message: String,
}

pub(crate) fn run(args: &Args) -> Result<Status> {
    let document = args.file.read()?;
    if let Err(reason @ CanonicalError::Syntax { .. }) = canonicalize(&document, Numbers::AsWritten)
    {
        return Err(CliError::Validate {
            input: args.file.to_string(),
            reason,
        });
    }
    let options = Options {
        claimed_hash: args.claimed_hash.as_deref(),
        strict: args.strict,
    };
    let answer = match validate(&document, options) {
        Ok(()) => Answer {
            ok: true,
            category: None,
            field: None,
            message: String::new(),
        },
        Err(violation) => Answer {
            ok: false,
            category: Some(violation.category),
            field: Some(violation.field),
            message: violation.message,
        },
    };
    output::print_json(&answer)?;
    Ok(Status::from(answer.ok))
}
