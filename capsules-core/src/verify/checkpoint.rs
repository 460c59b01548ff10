//! Where a verification ended, kept to continue from.

use serde::{Deserialize, Serialize};

use super::parallel::Neighbours;
use super::report::{Level, Report};
use super::verifier::Verifier;
use crate::chain::Head;
use crate::hash::ContentHash;
use crate::signer::{PublicKey, Signature};
use crate::timestamp::Timestamp;

/// The last record of a chain that passed a verification: its place, its hash, and the signature
/// that was accepted.
///
/// Kept where the store's writers cannot reach it, it shows later that the chain still has this
/// record, signed with this key, so that the chain was neither cut before it nor replaced, not
/// even by someone who holds the key or has changed the keyring. The signature makes it evidence
/// by itself: with the public key alone anybody can check that its holder sealed this head.
///
/// ```
/// use std::sync::Arc;
/// use capsules_core::verify::{Checkpoint, Level, TrustedKeys, Verifier};
/// use capsules_core::{Capsule, CapsuleType, Draft, LocalSigner, Position, Seal, SealedRecord};
///
/// let seal = Seal::with_signer(Arc::new(LocalSigner::generate()?));
/// let draft = Draft::new(&Capsule::new(CapsuleType::Tool))?;
/// let record = seal.seal(&draft, &Position::after(None))?;
/// let verifier = Verifier::new(Level::Signatures).keys(TrustedKeys::only([seal.public_key()]));
///
/// let (report, around) = verifier.verify_scan(&mut |_| {}, |visit| {
///     let _ = visit(record.as_ref());
///     Ok::<_, std::convert::Infallible>(())
/// })?;
/// let kept = Checkpoint::of(&verifier, &report, &around)?.to_json();
///
/// // Later the record is gone.
/// let verifier = verifier.after(&kept.parse::<Checkpoint>()?)?;
/// let report = verifier.verify_records([]);
/// assert!(report.error.unwrap().to_string().starts_with("Trusted head not found"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The last record that was verified.
    pub head: Head,
    /// How thoroughly the chain was verified up to there.
    pub level: Level,
    /// The key that signed the record, and its signature; at the level signatures.
    pub signed: Option<(PublicKey, Signature)>,
    /// When the verification ended, by the clock of the machine.
    pub verified_at: Timestamp,
}

/// Why a verification gives no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoCheckpoint {
    /// The chain did not pass.
    #[error("the chain did not pass")]
    Invalid,
    /// There is no record.
    #[error("the chain is empty")]
    Empty,
    /// No trusted key made the last signature, decided by itself; see [`Verifier::strict`].
    #[error("the last signature is not accepted by itself; verify one by one")]
    Signature,
}

/// Why a checkpoint cannot be continued from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The text is not a checkpoint.
    #[error("not a checkpoint: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// The chain was verified less thoroughly up to there than it is to be from there on, so that
    /// the answer would say more than was checked.
    #[error(
        "up to there the chain was verified at the level {found} only; verify it from the \
         beginning at the level {wanted}"
    )]
    Level {
        /// The level of the checkpoint.
        found: Level,
        /// The level that was asked for.
        wanted: Level,
    },
}

/// The members of the file, in their order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u64,
    sequence: u64,
    hash: String,
    level: Level,
    public_key: Option<String>,
    signature: Option<String>,
    verified_at: Timestamp,
}

const VERSION: u64 = 1;

impl Checkpoint {
    /// What is kept of a verification that passed. `around` is what [`Verifier::verify_scan`]
    /// returned with the report.
    ///
    /// # Errors
    ///
    /// [`NoCheckpoint`] when the chain did not pass, is empty, or ends with a signature that is
    /// not accepted by itself.
    pub fn of(
        verifier: &Verifier,
        report: &Report,
        around: &Neighbours,
    ) -> Result<Self, NoCheckpoint> {
        if !report.valid() {
            return Err(NoCheckpoint::Invalid);
        }
        let head = report.head.clone().ok_or(NoCheckpoint::Empty)?;
        let last = around.before.as_ref();
        let last = last.filter(|last| last.hash == head.hash);
        let last = last.ok_or(NoCheckpoint::Empty)?;
        let signed = if report.level < Level::Signatures {
            None
        } else {
            let signature: Signature = last
                .signature
                .parse()
                .map_err(|_| NoCheckpoint::Signature)?;
            let keys = verifier
                .trusted_keys()
                .candidates(last.signed_by.as_deref());
            let key = keys
                .into_iter()
                .find(|key| key.verify(head.hash.as_bytes(), &signature))
                .ok_or(NoCheckpoint::Signature)?;
            Some((key, signature))
        };
        Ok(Self {
            head,
            level: report.level,
            signed,
            verified_at: Timestamp::now(),
        })
    }

    /// The text of a checkpoint file, JSON with a line feed at its end.
    pub fn to_json(&self) -> String {
        let file = File {
            version: VERSION,
            sequence: self.head.sequence,
            hash: self.head.hash.clone(),
            level: self.level,
            public_key: self.signed.as_ref().map(|(key, _)| key.to_string()),
            signature: self.signed.as_ref().map(|(_, made)| made.to_string()),
            verified_at: self.verified_at,
        };
        let mut json = serde_json::to_string_pretty(&file).unwrap_or_default();
        json.push('\n');
        json
    }
}

impl std::str::FromStr for Checkpoint {
    type Err = CheckpointError;

    /// Reads the text of a checkpoint file. Its signature is checked against its own key, so that
    /// a hash or a key that was edited does not go unnoticed.
    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let malformed = |reason: &dyn std::fmt::Display| CheckpointError::Malformed {
            reason: reason.to_string(),
        };
        let file: File = serde_json::from_str(text).map_err(|error| malformed(&error))?;
        if file.version != VERSION {
            return Err(malformed(&format_args!(
                "its version is {}, this program knows {VERSION}",
                file.version
            )));
        }
        let hash: ContentHash = file.hash.parse().map_err(|error| malformed(&error))?;
        let signed = match (file.public_key, file.signature) {
            (None, None) if file.level < Level::Signatures => None,
            (Some(key), Some(signature)) => {
                let key: PublicKey = key.parse().map_err(|error| malformed(&error))?;
                let signature: Signature = signature.parse().map_err(|error| malformed(&error))?;
                if !key.verify(file.hash.as_bytes(), &signature) {
                    return Err(malformed(
                        &"its signature is not one of its key over its hash",
                    ));
                }
                Some((key, signature))
            }
            _ => return Err(malformed(&"it lacks `public_key` or `signature`")),
        };
        Ok(Self {
            head: Head {
                sequence: file.sequence,
                hash: hash.to_string(),
            },
            level: file.level,
            signed,
            verified_at: file.verified_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use super::super::{Check, TrustedKeys};
    use super::*;
    use crate::{
        Capsule, CapsuleType, Draft, LocalSigner, Position, Seal, SealedRecord, Signer, Unsigned,
    };

    fn chain(seal: &Seal, length: usize) -> Vec<SealedRecord> {
        let mut head = None;
        (0..length)
            .map(|_| {
                let draft = Draft::new(&Capsule::new(CapsuleType::Tool)).unwrap();
                let linked = Unsigned::new(&draft, &Position::after(head.as_ref()));
                head = Some(linked.head());
                seal.sign(linked).unwrap()
            })
            .collect()
    }

    fn seal() -> Seal {
        Seal::with_signer(Arc::new(LocalSigner::generate().unwrap()))
    }

    fn verifier(level: Level, seal: &Seal) -> Verifier {
        Verifier::new(level).keys(TrustedKeys::only([seal.public_key()]))
    }

    fn mark(verifier: &Verifier, records: &[SealedRecord]) -> Result<Checkpoint, NoCheckpoint> {
        let Ok((report, around)) = verifier.verify_scan(&mut |_| {}, |visit| {
            for record in records {
                let _ = visit(record.as_ref());
            }
            Ok::<_, Infallible>(())
        });
        Checkpoint::of(verifier, &report, &around)
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let seal = seal();
        let records = chain(&seal, 3);
        for level in [Level::Structural, Level::Full, Level::Signatures] {
            let checkpoint = mark(&verifier(level, &seal), &records).unwrap();
            assert_eq!(checkpoint.to_json().parse(), Ok(checkpoint.clone()));
            assert_eq!(checkpoint.head.hash, records[2].hash);
            assert_eq!(checkpoint.signed.is_some(), level == Level::Signatures);
        }
    }

    #[test]
    fn only_a_chain_that_passed_has_one() {
        let seal = seal();
        let mut records = chain(&seal, 3);
        let verifier = verifier(Level::Signatures, &seal);
        assert_eq!(mark(&verifier, &[]), Err(NoCheckpoint::Empty));
        records[1].signature.replace_range(..2, "zz");
        assert_eq!(mark(&verifier, &records), Err(NoCheckpoint::Invalid));
    }

    #[test]
    fn a_verification_continues_from_it() {
        let seal = seal();
        let records = chain(&seal, 5);
        let from_start = verifier(Level::Signatures, &seal);
        let checkpoint = mark(&from_start, &records[..3]).unwrap();
        let verifier = from_start.clone().after(&checkpoint).unwrap();
        let report = verifier.verify_records(records[2..].to_vec());
        assert!(report.valid());
        assert_eq!(report.total_capsules, 2);

        // And again, with nothing new and with something new.
        for end in [3, 5] {
            let next = mark(&verifier, &records[2..end]).unwrap();
            assert_eq!(next.head.hash, records[end - 1].hash);
        }
    }

    /// The hashes stay when a chain is signed anew; the key that was kept tells.
    #[test]
    fn a_chain_that_another_key_signed_is_found() {
        let seal = seal();
        let mut records = chain(&seal, 3);
        let checkpoint = mark(&verifier(Level::Signatures, &seal), &records).unwrap();
        let attacker = LocalSigner::generate().unwrap();
        for record in &mut records {
            let signature = attacker.sign(record.hash.as_bytes()).unwrap();
            record.signature = signature.to_string();
        }
        let keys = TrustedKeys::only([attacker.public_key()]);
        let fooled = Verifier::new(Level::Signatures).keys(keys);
        assert!(fooled.verify_records(records.clone()).valid());
        let error = fooled
            .after(&checkpoint)
            .unwrap()
            .verify_records(records[2..].to_vec())
            .error
            .unwrap();
        assert_eq!((error.check(), error.sequence), (Check::Signatures, 2));
    }

    #[test]
    fn it_does_not_lift_the_level_of_what_came_before() {
        let seal = seal();
        let checkpoint = mark(&verifier(Level::Full, &seal), &chain(&seal, 1)).unwrap();
        let error = verifier(Level::Signatures, &seal)
            .after(&checkpoint)
            .unwrap_err();
        let (found, wanted) = (Level::Full, Level::Signatures);
        assert_eq!(error, CheckpointError::Level { found, wanted });
        assert!(
            verifier(Level::Structural, &seal)
                .after(&checkpoint)
                .is_ok()
        );
    }

    #[test]
    fn what_was_edited_is_refused() {
        let seal = seal();
        let json = mark(&verifier(Level::Signatures, &seal), &chain(&seal, 1))
            .unwrap()
            .to_json();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let other = serde_json::json!(LocalSigner::generate().unwrap().public_key().to_string());
        for (member, to) in [
            ("version", serde_json::json!(2)),
            ("hash", serde_json::json!("ab".repeat(32))),
            ("hash", serde_json::json!("AB".repeat(32))),
            ("public_key", other),
            ("public_key", serde_json::Value::Null),
            ("signature", serde_json::json!("00")),
            ("level", serde_json::json!("all")),
            ("sequence", serde_json::json!(-1)),
            ("more", serde_json::json!(1)),
        ] {
            let mut edited = value.clone();
            edited[member] = to;
            let error = edited.to_string().parse::<Checkpoint>().unwrap_err();
            assert!(
                matches!(error, CheckpointError::Malformed { .. }),
                "{member}"
            );
        }
        assert!("".parse::<Checkpoint>().is_err());
    }
}
