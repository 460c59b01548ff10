//! An edit in each column of the table.

use capsules_core::verify::{Check, Level, PqPolicy, Verdict};
use rusqlite::Connection;

use crate::evidence::{Evidence, from};

/// The text with its last character changed.
fn edited(text: &str) -> String {
    let (start, last) = text.split_at(text.len() - 1);
    format!("{start}{}", if last == "0" { "1" } else { "0" })
}

/// Edits a column that repeats what the content says, and expects the contradiction.
fn assert_contradicts(column: &str, stored: &str) {
    let evidence = Evidence::new();
    evidence.set(2, column, Some(&edited(stored)));
    let message = format!(
        "Column mismatch at sequence 2: {column} is {:?}, the content says {stored:?}",
        edited(stored)
    );
    evidence.assert_found(from(Level::Full, &message));
}

#[test]
fn every_column_has_its_test() {
    let evidence = Evidence::new();
    let connection = Connection::open(evidence.path()).unwrap();
    let mut statement = connection
        .prepare("SELECT name FROM pragma_table_info('capsules')")
        .unwrap();
    let columns: Vec<String> = statement
        .query_map((), |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let tested = "id type sequence previous_hash data hash signature signature_pq signed_at \
                  signed_by session_id tenant_id domain";
    assert_eq!(columns.join(" "), tested);
}

#[test]
fn id() {
    let evidence = Evidence::new();
    let id = evidence.record(2).columns.id;
    evidence.set(2, "id", Some(&edited(&id)));
    let message = format!(
        "Column mismatch at sequence 2: id is {:?}, the content says {id:?}",
        edited(&id)
    );
    evidence.assert_found(from(Level::Full, &message));
    let report = evidence.verify(Level::Full);
    assert_eq!(report.error.unwrap().capsule_id, id, "the sealed id counts");
}

#[test]
fn kind() {
    assert_contradicts("type", "agent");
}

#[test]
fn sequence() {
    let evidence = Evidence::new();
    evidence.set(2, "sequence", Some("12"));
    evidence.assert_found(from(Level::Structural, "Sequence gap: expected 2, got 3"));
}

#[test]
fn sequence_of_the_last_record() {
    let evidence = Evidence::new();
    evidence.set(5, "sequence", Some("6"));
    let message = "Column mismatch at sequence 5: sequence is \"6\", the content says \"5\"";
    evidence.assert_found(from(Level::Full, message));
}

#[test]
fn previous_hash() {
    let evidence = Evidence::new();
    let hash = evidence.record(2).columns.previous_hash.unwrap();
    evidence.set(2, "previous_hash", Some(&edited(&hash)));
    let message = format!(
        "Column mismatch at sequence 2: previous_hash is {:?}, the content says {hash:?}",
        edited(&hash)
    );
    evidence.assert_found(from(Level::Full, &message));
}

#[test]
fn data() {
    let evidence = Evidence::new();
    evidence.edit(2, "transferred 100", "transferred 900");
    evidence.assert_found(from(Level::Full, "Content hash mismatch at sequence 2"));
}

#[test]
fn hash() {
    let evidence = Evidence::new();
    evidence.set(2, "hash", Some(&edited(&evidence.record(2).hash)));
    let content = "Content hash mismatch at sequence 2";
    evidence.assert_found([
        Some("Chain broken: previous_hash mismatch at sequence 3"),
        Some(content),
        Some(content),
    ]);
}

#[test]
fn hash_of_the_last_record() {
    let evidence = Evidence::new();
    evidence.set(5, "hash", Some(&evidence.record(5).hash.to_uppercase()));
    evidence.assert_found(from(Level::Full, "Content hash mismatch at sequence 5"));
}

#[test]
fn signature() {
    let evidence = Evidence::new();
    evidence.set(2, "signature", Some(&edited(&evidence.record(2).signature)));
    evidence.assert_found(from(
        Level::Signatures,
        "Signature verification failed at sequence 2",
    ));
}

#[test]
fn signature_in_another_spelling() {
    let evidence = Evidence::new();
    evidence.set(
        2,
        "signature",
        Some(&evidence.record(2).signature.to_uppercase()),
    );
    evidence.assert_found(from(
        Level::Signatures,
        "Signature verification failed at sequence 2",
    ));
}

#[test]
fn signature_pq() {
    let evidence = Evidence::new();
    let signature = evidence.record(2).signature_pq;
    for changed in [
        edited(&signature),
        format!("0x{signature}"),
        signature.to_uppercase(),
    ] {
        evidence.set(2, "signature_pq", Some(&changed));
        for policy in [PqPolicy::IfPresent, PqPolicy::Required] {
            let report = evidence.verify_with(Level::Signatures, evidence.trusted.clone(), policy);
            let error = report.error.unwrap();
            assert!(
                error
                    .to_string()
                    .starts_with("Post-quantum verification failed at sequence 2: "),
                "{error}"
            );
            assert_eq!(error.code().unwrap().as_str(), "pq_verification_failed");
        }
    }
    let report = evidence.verify_with(
        Level::Signatures,
        evidence.trusted.clone(),
        PqPolicy::Ignore,
    );
    assert!(report.valid());
    let not_checked = Verdict::NotChecked {
        why: "not asked for".to_owned(),
    };
    assert_eq!(report.checks.verdict(Check::PostQuantum), &not_checked);
}

#[test]
fn signed_at() {
    let evidence = Evidence::new();
    evidence.set(2, "signed_at", Some("not a time"));
    evidence.assert_not_found();
    let Verdict::Failed(finding) = evidence.verify(Level::Full).checks.time_order else {
        panic!("the order of time is not found wrong");
    };
    assert_eq!(
        finding.to_string(),
        "Time order at sequence 2: signed_at is \"not a time\""
    );
}

#[test]
fn signed_by() {
    // It only chooses a key; another name does not make another signature valid.
    let evidence = Evidence::new();
    evidence.set(2, "signed_by", Some("qp_key_0000"));
    evidence.assert_not_found();
}

#[test]
fn session_id() {
    assert_contradicts("session_id", "session-1");
}

#[test]
fn removed_session_id() {
    let evidence = Evidence::new();
    evidence.set(2, "session_id", None);
    let message =
        "Column mismatch at sequence 2: session_id is null, the content says \"session-1\"";
    evidence.assert_found(from(Level::Full, message));
}

#[test]
fn tenant_id() {
    let evidence = Evidence::new();
    evidence.set(2, "tenant_id", Some("acmf"));
    let message = "Tenant mismatch at sequence 2: stored under \"acmf\", the content says \"acme\"";
    evidence.assert_found(from(Level::Full, message));
}

#[test]
fn domain() {
    assert_contradicts("domain", "payments");
}
