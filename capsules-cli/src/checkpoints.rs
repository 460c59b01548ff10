//! Where verifications ended, kept in a file to continue from: one checkpoint, or, of a store that
//! keeps a chain for each tenant, one for each chain.

use std::collections::BTreeMap;
use std::path::Path;

use capsules_core::verify::{Checkpoint, CheckpointError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::input::Input;
use crate::{CliError, Result};

/// The checkpoints of a file.
#[derive(Debug, Clone)]
pub(crate) enum Checkpoints {
    One(Box<Checkpoint>),
    Chains(BTreeMap<Option<String>, Checkpoint>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u64,
    chains: Vec<Chain>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chain {
    tenant: Option<String>,
    checkpoint: Box<RawValue>,
}

const VERSION: u64 = 1;

impl Checkpoints {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let failed = |reason| CliError::Checkpoint {
            path: path.to_owned(),
            reason,
        };
        let text = Input::File(path.to_owned()).read_up_to(MOST)?;
        parse(&String::from_utf8_lossy(&text)).map_err(failed)
    }

    /// The text of a file.
    pub(crate) fn to_json(&self) -> String {
        let chains = match self {
            Self::One(checkpoint) => return checkpoint.to_json(),
            Self::Chains(chains) => chains,
        };
        let chain = |(tenant, checkpoint): (&Option<String>, &Checkpoint)| {
            let text = checkpoint.to_json().trim_end().to_owned();
            let checkpoint = RawValue::from_string(text).ok()?;
            Some(Chain {
                tenant: tenant.clone(),
                checkpoint,
            })
        };
        let file = File {
            version: VERSION,
            chains: chains.iter().filter_map(chain).collect(),
        };
        serde_json::to_string_pretty(&file).unwrap_or_default() + "\n"
    }
}

fn parse(text: &str) -> Result<Checkpoints, CheckpointError> {
    let malformed = |reason: String| CheckpointError::Malformed { reason };
    let Ok(file) = serde_json::from_str::<File>(text) else {
        let one = text.parse()?;
        return Ok(Checkpoints::One(Box::new(one)));
    };
    if file.version != VERSION {
        return Err(malformed(format!(
            "its version is {}, this program knows {VERSION}",
            file.version
        )));
    }
    let mut chains = BTreeMap::new();
    for Chain { tenant, checkpoint } in file.chains {
        if chains.insert(tenant, checkpoint.get().parse()?).is_some() {
            return Err(malformed("it has a chain twice".to_owned()));
        }
    }
    Ok(Checkpoints::Chains(chains))
}

/// More than some hundred thousand chains take.
const MOST: u64 = 256 << 20;
