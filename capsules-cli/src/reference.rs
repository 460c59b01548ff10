//! Capsules as people name them: by id, by hash, by place, or by a URI.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use capsules_core::uri::{self, CapsuleUri};
use capsules_core::{SealedRecord, Storage};

use crate::chain::ChainArgs;
use crate::input::Input;
use crate::source::keeps_chains;
use crate::{CliError, Result};

/// A capsule as somebody named it, with the part of it that was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    name: Name,
    /// What a URI calls the chain.
    chain: Option<String>,
    /// A path into the content, such as `reasoning/confidence`.
    pub(crate) fragment: Option<String>,
}

/// What a capsule is named by. A whole id or hash is the longest prefix of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Sequence(u64),
    Id(String),
    Hash(String),
}

/// What a command that reads an export or a store was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Export(Input),
    Capsule(Reference),
}

impl Reference {
    pub(crate) fn sequence(sequence: u64) -> Self {
        Self {
            name: Name::Sequence(sequence),
            chain: None,
            fragment: None,
        }
    }

    /// The one capsule of the store that is meant, if there is one. A place is one in the chosen
    /// chain, or in the one that a URI calls by its tenant.
    pub(crate) fn find(
        &self,
        storage: &dyn Storage,
        chosen: &ChainArgs,
    ) -> Result<Option<SealedRecord>> {
        let filter = match &self.name {
            Name::Sequence(sequence) => {
                let chain = self.chain_in(storage, chosen)?;
                return Ok(storage.record_at(chain.as_deref(), *sequence)?);
            }
            Name::Id(prefix) => chosen.filter().id_prefix(prefix),
            // Another record may state the same hash. The first is the one that has it.
            Name::Hash(hash) if hash.len() == HASH_DIGITS && !chosen.is_given() => {
                return Ok(storage.get_by_hash(hash)?);
            }
            Name::Hash(prefix) => chosen.filter().hash_prefix(prefix).oldest_first(),
        };
        let mut found = storage.list(&filter.limit(SHOWN + 1))?;
        found.retain(|record| self.names(record));
        self.only(found, &storage.location())
    }

    /// A store that holds one chain is meant whatever the URI calls it.
    fn chain_in(&self, storage: &dyn Storage, chosen: &ChainArgs) -> Result<Option<String>> {
        if !keeps_chains(storage) {
            return Ok(None);
        }
        match &self.chain {
            Some(tenant) if !chosen.is_given() && storage.head(Some(tenant))?.is_some() => {
                Ok(Some(tenant.clone()))
            }
            _ => chosen.one(storage),
        }
    }

    /// The one capsule of an export that is meant, if there is one.
    pub(crate) fn find_in(
        &self,
        records: impl Iterator<Item = Result<SealedRecord>>,
        location: &str,
    ) -> Result<Option<SealedRecord>> {
        let mut found = Vec::new();
        for record in records {
            let record = record?;
            if self.names(&record) {
                found.push(record);
                if self.is_whole() || found.len() as u64 > SHOWN {
                    break;
                }
            }
        }
        self.only(found, location)
    }

    fn names(&self, record: &SealedRecord) -> bool {
        let columns = &record.columns;
        match &self.name {
            Name::Sequence(sequence) => u64::try_from(columns.sequence) == Ok(*sequence),
            Name::Id(prefix) => columns.id.starts_with(prefix),
            Name::Hash(prefix) => record.hash.starts_with(prefix),
        }
    }

    /// Whether it is no prefix, so that the first that it names is the one.
    fn is_whole(&self) -> bool {
        match &self.name {
            Name::Sequence(_) => true,
            Name::Id(id) => id.len() == ID_LENGTH,
            Name::Hash(hash) => hash.len() == HASH_DIGITS,
        }
    }

    fn only(&self, mut found: Vec<SealedRecord>, location: &str) -> Result<Option<SealedRecord>> {
        if found.len() < 2 || self.is_whole() {
            found.truncate(1);
            return Ok(found.pop());
        }
        let shown = usize::try_from(SHOWN).unwrap_or(usize::MAX);
        let more = if found.len() > shown { ", …" } else { "" };
        found.truncate(shown);
        let name = |record: &SealedRecord| match &self.name {
            Name::Hash(_) => format!("sha3_{}", record.hash),
            _ => record.columns.id.clone(),
        };
        let names: Vec<_> = found.iter().map(name).collect();
        Err(CliError::Ambiguous {
            what: self.to_string(),
            location: location.to_owned(),
            candidates: names.join(", ") + more,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Name::Sequence(sequence) => write!(f, "with sequence {sequence}"),
            Name::Id(id) if self.is_whole() => write!(f, "with id {id}"),
            Name::Id(prefix) => write!(f, "whose id begins with {prefix}"),
            Name::Hash(hash) if self.is_whole() => write!(f, "with hash {hash}"),
            Name::Hash(prefix) => write!(f, "whose hash begins with {prefix}"),
        }
    }
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("capsule:") {
            let uri: CapsuleUri = text.parse().map_err(|error| format!("{error}"))?;
            return Ok(uri.into());
        }
        let digits = |text: &str, extra: &[u8]| {
            text.len() >= SHORTEST
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || extra.contains(&byte))
        };
        let name = match text.strip_prefix("sha3_") {
            Some(hash) if digits(hash, b"") && hash.len() <= HASH_DIGITS => {
                Name::Hash(hash.to_ascii_lowercase())
            }
            None if digits(text, b"-") && text.len() <= ID_LENGTH => {
                Name::Id(text.to_ascii_lowercase())
            }
            _ => {
                return Err(format!(
                    "a capsule is named by its id, by sha3_ and its hash, by {SHORTEST} or more of \
                     their first digits, or by a capsule:// URI"
                ));
            }
        };
        Ok(Self {
            name,
            chain: None,
            fragment: None,
        })
    }
}

impl From<CapsuleUri> for Reference {
    fn from(uri: CapsuleUri) -> Self {
        Self {
            name: match uri.reference() {
                uri::Reference::Hash(hash) => Name::Hash(hash.clone()),
                uri::Reference::Sequence(sequence) => Name::Sequence(*sequence),
                uri::Reference::Id(id) => Name::Id(id.to_string()),
            },
            chain: uri.chain().map(str::to_owned),
            fragment: uri.fragment().map(str::to_owned),
        }
    }
}

impl Target {
    /// A file that exists is meant even where its name could be the beginning of an id.
    pub(crate) fn parse(text: OsString) -> Result<Self, String> {
        let Some(name) = text.to_str() else {
            return Ok(Self::Export(text.into()));
        };
        if name.starts_with("capsule:") {
            return name.parse().map(Self::Capsule);
        }
        if name == "-" || Path::new(name).exists() {
            return Ok(Self::Export(text.into()));
        }
        match name.parse() {
            Ok(reference) => Ok(Self::Capsule(reference)),
            // What can only be a file is missed when it is read.
            Err(_) if name.contains(['.', '/', '\\']) => Ok(Self::Export(text.into())),
            Err(_) if name.parse::<u64>().is_ok() => Err(format!(
                "there is no such file; the capsule with sequence {name} is `--seq {name}`"
            )),
            Err(names) => Err(format!("there is no such file, and {names}")),
        }
    }
}

/// As many candidates are named when a prefix is ambiguous.
const SHOWN: u64 = 5;
/// Shorter prefixes are words rather.
const SHORTEST: usize = 4;
const ID_LENGTH: usize = 36;
const HASH_DIGITS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_a_file_nor_a_capsule_is_said_at_once() {
        let parse = |text: &str| Target::parse(text.into());
        for file in ["-", "missing.json", "missing/0199", "src"] {
            assert_eq!(
                parse(file),
                Ok(Target::Export(OsString::from(file).into())),
                "{file}"
            );
        }
        assert!(matches!(parse("0199"), Ok(Target::Capsule(_))));
        let error = parse("zzz").unwrap_err();
        assert!(
            error.starts_with("there is no such file, and a capsule is"),
            "{error}"
        );
        let error = parse("3").unwrap_err();
        assert!(error.ends_with("sequence 3 is `--seq 3`"), "{error}");
    }

    #[test]
    fn names_of_capsules() {
        let id = "0199f3a0-1111-4a11-8a11-000000000001";
        for (text, name) in [
            ("0199", Name::Id("0199".to_owned())),
            ("0199F3A0-1", Name::Id("0199f3a0-1".to_owned())),
            (id, Name::Id(id.to_owned())),
            ("sha3_00ff", Name::Hash("00ff".to_owned())),
            ("capsule://any/7", Name::Sequence(7)),
            (&format!("capsule://{id}"), Name::Id(id.to_owned())),
        ] {
            assert_eq!(
                text.parse::<Reference>().map(|r| r.name),
                Ok(name),
                "{text}"
            );
        }
        let field: Reference = "capsule://any/7#outcome/error".parse().unwrap();
        assert_eq!(field.fragment.as_deref(), Some("outcome/error"));
    }

    #[test]
    fn other_texts_name_none() {
        let long = "0".repeat(65);
        for text in ["", "7", "019", "0199%", "wxyz", "sha3_", "sha3_0-00", &long] {
            let error = text.parse::<Reference>().unwrap_err();
            assert!(error.contains("or by a capsule:// URI"), "{text}: {error}");
        }
        let error = "capsule://7".parse::<Reference>().unwrap_err();
        assert!(error.contains("names no capsule"), "{error}");
    }
}
