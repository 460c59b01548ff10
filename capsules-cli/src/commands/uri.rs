//! `capsules uri`: the parts of a reference.

use capsules_core::uri::CapsuleUri;

use crate::{Result, Status, output};

/// Print the parts of a capsule:// URI as JSON
///
/// The parts are scheme, chain, reference_type, hash_algorithm, hash_value, sequence, id and
/// fragment; absent ones are null. The exit status is 1 when the text is not a capsule URI.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules uri capsule://deploy-bot/42
  capsules uri 'capsule://deploy-bot/42#reasoning/confidence'")]
pub(crate) struct Args {
    /// The URI
    uri: String,
}

pub(crate) fn run(args: &Args) -> Result<Status> {
    match args.uri.parse::<CapsuleUri>() {
        Ok(uri) => {
            output::print_json(&uri)?;
            Ok(Status::Pass)
        }
        Err(reason) => {
            output::report(&reason);
            Ok(Status::Fail)
        }
    }
}
