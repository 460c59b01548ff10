//! One record by itself.

use std::fmt;
use std::num::NonZero;
use std::thread;

use super::keys::TrustedKeys;
use super::signatures::Signatures;
use crate::canonical::{CanonicalError, CanonicalHeaders, Numbers, canonicalize};
use crate::hash::{ContentHash, sha3_256};
use crate::pq::PqVerifyError;
use crate::record::{RecordRef, SealedRecord};
use crate::signer::Signature;

/// The result of verifying one record, as the protocol names it (CPS section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VerifyCode {
    /// The record is what was sealed.
    Ok,
    /// It has no hash.
    MissingHash,
    /// It has no Ed25519 signature.
    MissingSignature,
    /// Hash or signature is not lower-case hexadecimal of the right length.
    MalformedHex,
    /// The content has another hash, or none because it is not JSON or has a key twice.
    HashMismatch,
    /// No trusted key made the Ed25519 signature.
    InvalidSignature,
    /// The trusted key did not make the ML-DSA-65 signature, or there is no such key.
    PqVerificationFailed,
    /// This program cannot check ML-DSA-65.
    PqLibraryUnavailable,
    /// An ML-DSA-65 signature is required and absent.
    MissingPqSignature,
    /// The signature is of an algorithm that the protocol does not know. Records have no place to
    /// name one yet, so this is never the result; other implementations define it.
    UnsupportedAlgorithm,
}

impl VerifyCode {
    /// The code of a result of [`verify_record`].
    pub fn of(result: &Result<(), VerifyFailure>) -> Self {
        result
            .as_ref()
            .err()
            .map_or(Self::Ok, |failure| failure.code)
    }

    /// The name in the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::MissingHash => "missing_hash",
            Self::MissingSignature => "missing_signature",
            Self::MalformedHex => "malformed_hex",
            Self::HashMismatch => "hash_mismatch",
            Self::InvalidSignature => "invalid_signature",
            Self::PqVerificationFailed => "pq_verification_failed",
            Self::PqLibraryUnavailable => "pq_library_unavailable",
            Self::MissingPqSignature => "missing_pq_signature",
            Self::UnsupportedAlgorithm => "unsupported_algorithm",
        }
    }
}

impl fmt::Display for VerifyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a record is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct VerifyFailure {
    /// What the protocol calls it; never [`VerifyCode::Ok`].
    pub code: VerifyCode,
    /// The reason in a sentence.
    pub message: String,
}

impl VerifyFailure {
    pub(super) fn new(code: VerifyCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// What is demanded of ML-DSA-65 signatures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PqPolicy {
    /// They are not looked at.
    #[default]
    Ignore,
    /// One that is present must be valid.
    IfPresent,
    /// One must be present and valid. What cannot be checked is not accepted.
    Required,
}

/// Verifies a record by itself: the hash of its content, its signature, and its post-quantum
/// signature as the policy demands.
///
/// The content is hashed as it was stored, in canonical form with every number as it is spelled
/// there; what other implementations wrote verifies that way. Where that is another hash, whole
/// numbers in float-typed fields are taken as floats (`"confidence":0` as `0.0`), because
/// implementations without a float type store them so. A document that has a key twice has no
/// hash at all: readers would disagree on what it says.
///
/// ```
/// use std::sync::Arc;
/// use capsules_core::verify::{PqPolicy, TrustedKeys, VerifyCode, verify_record};
/// use capsules_core::{Capsule, CapsuleType, Draft, LocalSigner, Position, Seal};
///
/// let seal = Seal::with_signer(Arc::new(LocalSigner::generate()?));
/// let draft = Draft::new(&Capsule::new(CapsuleType::Tool))?;
/// let mut record = seal.seal(&draft, &Position::after(None))?;
/// let keys = TrustedKeys::only([seal.public_key()]);
/// verify_record(&record, &keys, PqPolicy::Ignore)?;
///
/// record.content = record.content.replace("tool", "kill");
/// let failure = verify_record(&record, &keys, PqPolicy::Ignore).unwrap_err();
/// assert_eq!(failure.code, VerifyCode::HashMismatch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`VerifyFailure`] with the first thing that is wrong, in the order of [`VerifyCode`].
pub fn verify_record(
    record: &SealedRecord,
    keys: &TrustedKeys,
    policy: PqPolicy,
) -> Result<(), VerifyFailure> {
    let mut headers = CanonicalHeaders::default();
    check(
        record.as_ref(),
        keys,
        policy,
        &mut headers,
        &mut Signatures::one_by_one(),
    )
}

/// Verifies each of these records by itself, as [`verify_record`] does, on all cores and with their
/// signatures decided together; [`Verifier::strict`](super::Verifier::strict) says what that means.
///
/// # Errors
///
/// The place of the first record that is not accepted, with what `verify_record` says of it.
pub fn verify_each(
    records: &[SealedRecord],
    keys: &TrustedKeys,
    policy: PqPolicy,
) -> Result<(), (usize, VerifyFailure)> {
    let accepted = |part: &[SealedRecord]| {
        let (mut headers, mut signatures) = (CanonicalHeaders::default(), Signatures::together());
        let checked = |record: &SealedRecord| {
            check(record.as_ref(), keys, policy, &mut headers, &mut signatures)
        };
        part.iter().map(checked).all(|checked| checked.is_ok()) && signatures.accept()
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut parts = records.chunks(records.len().div_ceil(threads).max(1));
    let mine = parts.next().unwrap_or_default();
    let all = thread::scope(|scope| {
        let others: Vec<_> = parts
            .map(|part| {
                (
                    part,
                    thread::Builder::new().spawn_scoped(scope, || accepted(part)),
                )
            })
            .collect();
        // A part for which there is no thread is checked here.
        let here = accepted(mine);
        others
            .into_iter()
            .fold(here, |all, (part, started)| match started {
                Ok(thread) => matches!(thread.join(), Ok(true)) && all,
                Err(_) => all && accepted(part),
            })
    });
    if all {
        return Ok(());
    }
    for (place, record) in records.iter().enumerate() {
        verify_record(record, keys, policy).map_err(|failure| (place, failure))?;
    }
    Ok(())
}

/// As [`verify_record`], with a signature that may only be collected.
fn check(
    record: RecordRef<'_>,
    keys: &TrustedKeys,
    policy: PqPolicy,
    headers: &mut CanonicalHeaders,
    signatures: &mut Signatures,
) -> Result<(), VerifyFailure> {
    form(record)?;
    let canonical = headers.read(record.content).is_some();
    match content_has_hash(record.content, record.hash, canonical) {
        Ok(true) => {}
        Ok(false) => {
            let message = "the content has another hash than the record states";
            return Err(VerifyFailure::new(VerifyCode::HashMismatch, message));
        }
        Err(error) => {
            let message = format!("the content has no hash: {error}");
            return Err(VerifyFailure::new(VerifyCode::HashMismatch, message));
        }
    }
    signatures.check(record, keys)?;
    check_post_quantum(record, keys, policy)
}

/// Whether the canonical form of a stored content has this hash. `canonical` says that the content
/// is known to be in that form.
pub(super) fn content_has_hash(
    content: &str,
    hash: &str,
    canonical: bool,
) -> Result<bool, CanonicalError> {
    if canonical && sha3_256(content.as_bytes()).is_written(hash) {
        return Ok(true);
    }
    for numbers in [Numbers::AsWritten, Numbers::FloatTyped] {
        let canonical = canonicalize(content.as_bytes(), numbers)?;
        if sha3_256(canonical.as_bytes()).is_written(hash) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Checks the ML-DSA-65 signature as the policy demands.
pub(super) fn check_post_quantum(
    record: RecordRef<'_>,
    keys: &TrustedKeys,
    policy: PqPolicy,
) -> Result<(), VerifyFailure> {
    match (policy, record.signature_pq.is_empty()) {
        (PqPolicy::Ignore, _) | (PqPolicy::IfPresent, true) => return Ok(()),
        (PqPolicy::Required, true) => {
            let message = "an ML-DSA-65 signature is required and the record has none";
            return Err(VerifyFailure::new(VerifyCode::MissingPqSignature, message));
        }
        (PqPolicy::IfPresent | PqPolicy::Required, false) => {}
    }
    let failed = |message| VerifyFailure::new(VerifyCode::PqVerificationFailed, message);
    let signature = const_hex::decode(record.signature_pq)
        .ok()
        .filter(|_| is_lower_hex(record.signature_pq))
        .ok_or_else(|| failed("the ML-DSA-65 signature is not lower-case hexadecimal"))?;
    let key = keys
        .post_quantum_key()
        .ok_or_else(|| failed("there is no public key to check the ML-DSA-65 signature with"))?;
    key.verify(record.hash.as_bytes(), &signature)
        .map_err(|error| match error {
            PqVerifyError::Unavailable => {
                VerifyFailure::new(VerifyCode::PqLibraryUnavailable, error.to_string())
            }
            PqVerifyError::Invalid => {
                failed("the ML-DSA-65 signature is not one of the trusted key")
            }
        })
}

/// The signature of a record whose hash and signature are there and have the form of such.
pub(super) fn form(record: RecordRef<'_>) -> Result<Signature, VerifyFailure> {
    let failure = |code, message| Err(VerifyFailure::new(code, message));
    if record.hash.is_empty() {
        return failure(VerifyCode::MissingHash, "the record has no hash");
    }
    if record.signature.is_empty() {
        return failure(VerifyCode::MissingSignature, "the record has no signature");
    }
    if record.hash.parse::<ContentHash>().is_err() {
        let message = "the hash is not 64 lower-case hexadecimal digits";
        return failure(VerifyCode::MalformedHex, message);
    }
    record.signature.parse().or_else(|_| {
        let message = "the signature is not 128 lower-case hexadecimal digits";
        failure(VerifyCode::MalformedHex, message)
    })
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::capsule::{Capsule, CapsuleType};
    use crate::chain::Position;
    use crate::draft::Draft;
    use crate::pq::{PUBLIC_KEY_LEN, PqPublicKey};
    use crate::seal::Seal;
    use crate::signer::LocalSigner;

    fn sealed() -> (SealedRecord, TrustedKeys) {
        let seal = Seal::with_signer(Arc::new(LocalSigner::generate().unwrap()));
        let draft = Draft::new(&Capsule::new(CapsuleType::Tool)).unwrap();
        let record = seal.seal(&draft, &Position::after(None)).unwrap();
        (record, TrustedKeys::only([seal.public_key()]))
    }

    /// The code after an edit.
    fn code(policy: PqPolicy, edit: impl FnOnce(&mut SealedRecord)) -> VerifyCode {
        let (mut record, keys) = sealed();
        edit(&mut record);
        VerifyCode::of(&verify_record(&record, &keys, policy))
    }

    #[test]
    fn each_defect_has_its_code() {
        use PqPolicy::{IfPresent, Ignore, Required};
        let hex = |record: &mut SealedRecord| record.signature_pq = "ab".repeat(3309);
        assert_eq!(code(Ignore, |_| {}), VerifyCode::Ok);
        assert_eq!(code(IfPresent, |_| {}), VerifyCode::Ok);
        assert_eq!(code(Required, |_| {}), VerifyCode::MissingPqSignature);
        assert_eq!(code(Ignore, hex), VerifyCode::Ok);
        assert_eq!(code(IfPresent, hex), VerifyCode::PqVerificationFailed);
        assert_eq!(code(Ignore, |r| r.hash.clear()), VerifyCode::MissingHash);
        assert_eq!(
            code(Ignore, |r| r.signature.clear()),
            VerifyCode::MissingSignature
        );
        for malformed in ["0", "zz", "é"] {
            let text = || malformed.to_owned();
            assert_eq!(code(Ignore, |r| r.hash = text()), VerifyCode::MalformedHex);
            let signature = |r: &mut SealedRecord| r.signature = text();
            assert_eq!(code(Ignore, signature), VerifyCode::MalformedHex);
        }
        let upper = |r: &mut SealedRecord| r.hash.make_ascii_uppercase();
        assert_eq!(code(Ignore, upper), VerifyCode::MalformedHex);
        assert_eq!(
            code(Ignore, |r| r.content.push(']')),
            VerifyCode::HashMismatch
        );
        assert_eq!(
            code(Ignore, |r| r.hash = "ab".repeat(32)),
            VerifyCode::HashMismatch
        );
        assert_eq!(
            code(Ignore, |r| r.signature = "ab".repeat(64)),
            VerifyCode::InvalidSignature
        );
    }

    #[test]
    fn many_are_judged_as_each_is() {
        let (record, keys) = sealed();
        for length in [0, 1, 2, 37] {
            let mut records = vec![record.clone(); length];
            assert_eq!(verify_each(&records, &keys, PqPolicy::Ignore), Ok(()));
            for place in (0..length).rev() {
                if place % 2 == 0 {
                    records[place].signature = "ab".repeat(64);
                } else {
                    records[place].hash = "ab".repeat(32);
                }
                let failure = verify_record(&records[place], &keys, PqPolicy::Ignore).unwrap_err();
                let judged = verify_each(&records, &keys, PqPolicy::Ignore);
                assert_eq!(judged, Err((place, failure)));
            }
        }
    }

    #[test]
    fn nothing_is_accepted_without_a_key() {
        let (record, _) = sealed();
        let result = verify_record(&record, &TrustedKeys::none(), PqPolicy::Ignore);
        assert_eq!(VerifyCode::of(&result), VerifyCode::InvalidSignature);
    }

    #[test]
    fn a_signature_that_cannot_be_checked_is_not_accepted() {
        let (mut record, keys) = sealed();
        record.signature_pq = "ab".repeat(3309);
        let keys = keys.post_quantum(PqPublicKey::from_bytes(&[1; PUBLIC_KEY_LEN]).unwrap());
        let code = VerifyCode::of(&verify_record(&record, &keys, PqPolicy::Required));
        let expected = if cfg!(feature = "pq") {
            VerifyCode::PqVerificationFailed
        } else {
            VerifyCode::PqLibraryUnavailable
        };
        assert_eq!(code, expected);
    }

    #[test]
    fn whole_numbers_in_float_typed_fields_may_be_stored_as_integers() {
        let canonical = r#"{"n":0,"reasoning":{"confidence":0.0,"options":[{"feasibility":1.0}]}}"#;
        let hash = sha3_256(canonical.as_bytes()).to_string();
        let stored = r#"{"n": 0, "reasoning": {"options": [{"feasibility": 1}], "confidence": 0}}"#;
        assert_eq!(content_has_hash(canonical, &hash, true), Ok(true));
        assert_eq!(content_has_hash(stored, &hash, false), Ok(true));
        assert_eq!(
            content_has_hash(&stored.replace("\"n\": 0", "\"n\": 0.0"), &hash, false),
            Ok(false)
        );
        assert_eq!(
            content_has_hash(&canonical.replace("0.0", "0.00"), &hash, true),
            Ok(false)
        );
    }

    #[test]
    fn a_document_with_a_key_twice_has_no_hash() {
        let content = r#"{"a":1,"a":1}"#;
        let hash = sha3_256(content.as_bytes()).to_string();
        assert!(content_has_hash(content, &hash, false).is_err());
    }
}
