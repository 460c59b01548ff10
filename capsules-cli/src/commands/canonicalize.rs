//! `capsules canonicalize`: the bytes that are hashed.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};

use capsules_core::canonical::{Numbers, canonicalize};

use crate::input::Input;
use crate::{CliError, Result, Status};

/// Print the canonical form of a JSON document: the bytes that are hashed
///
/// Keys are sorted by code point, white space is dropped, and every number is printed as Python
/// prints it, so that `1.50` becomes `1.5` and `1e3` becomes `1000.0`. Nothing else is printed,
/// not even a final newline.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules canonicalize capsule.json | capsules hash -
  capsules canonicalize --jsonl documents.jsonl > canonical.jsonl")]
pub(crate) struct Args {
    /// The document, or - for standard input
    file: Input,

    /// One document per line in, one canonical line per document out
    ///
    /// Blank lines are passed over. The first line that has no canonical form ends the command,
    /// after everything before it was printed.
    #[arg(long)]
    jsonl: bool,
}

pub(crate) fn run(args: &Args) -> Result<Status> {
    let output = std::io::stdout().lock();
    if args.jsonl {
        let input = BufReader::with_capacity(CHUNK, args.file.open()?);
        lines(input, BufWriter::with_capacity(CHUNK, output), &args.file)?;
    } else {
        document(&args.file.read()?, output, &args.file)?;
    }
    Ok(Status::Pass)
}

fn document(text: &[u8], mut output: impl Write, name: &Input) -> Result<()> {
    let canonical = canonicalize(text, Numbers::Python).map_err(|reason| CliError::Canonical {
        input: name.to_string(),
        reason,
    })?;
    output
        .write_all(canonical.as_bytes())
        .and_then(|()| output.flush())
        .map_err(CliError::Write)
}

/// Holds one document at a time.
fn lines(mut input: BufReader<impl Read>, mut output: impl Write, name: &Input) -> Result<()> {
    let mut line = Vec::new();
    let mut result = Ok(());
    for number in 1_u64.. {
        // A partner that waits for each answer before it sends the next line must not wait for us.
        if input.buffer().is_empty() {
            output.flush().map_err(CliError::Write)?;
        }
        line.clear();
        if input
            .read_until(b'\n', &mut line)
            .map_err(|error| name.unreadable(error))?
            == 0
        {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match canonicalize(&line, Numbers::Python) {
            Ok(mut canonical) => {
                canonical.push('\n');
                output
                    .write_all(canonical.as_bytes())
                    .map_err(CliError::Write)?;
            }
            Err(reason) => {
                let input = format!("{name}, line {number}");
                result = Err(CliError::Canonical { input, reason });
                break;
            }
        }
    }
    output.flush().map_err(CliError::Write)?;
    result
}

const CHUNK: usize = 64 * 1024;
