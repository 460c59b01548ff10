//! What is accepted on purpose, and what is not accepted by default.

use capsules_core::verify::{
    Check, Level, PqPolicy, TrustedKeys, Verdict, Verifier, VerifyCode, verify_record,
};
use rusqlite::Connection;

use crate::evidence::{Evidence, LENGTH};

#[test]
fn every_byte_counts() {
    let evidence = Evidence::new();
    let record = evidence.record(2);
    let keys = evidence.trusted();
    verify_record(&record, &keys, PqPolicy::Required).unwrap();
    for at in 0..record.content.len() {
        let mut bytes = record.content.clone().into_bytes();
        bytes[at] ^= 1;
        let mut edited = record.clone();
        edited.content = String::from_utf8(bytes).unwrap();
        let failure = verify_record(&edited, &keys, PqPolicy::Ignore).unwrap_err();
        assert_eq!(failure.code, VerifyCode::HashMismatch, "{}", edited.content);
    }
}

#[test]
fn every_column_is_attacked() {
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
    let attacked = "id type sequence previous_hash data hash signature signature_pq signed_at \
                    signed_by session_id tenant_id domain";
    assert_eq!(columns.join(" "), attacked);
}

#[test]
fn without_a_key_nothing_is_accepted() {
    let evidence = Evidence::new();
    let report = evidence.verify_with(&Verifier::new(Level::Signatures));
    let error = report.error.unwrap();
    assert_eq!(error.check(), Check::Signatures);
    assert_eq!(report.capsules_verified, 0);
}

#[test]
fn post_quantum_signatures_may_be_absent_where_none_is_required() {
    let evidence = Evidence::new();
    evidence.set(2, "signature_pq", Some(""));
    let verifier = || Verifier::new(Level::Signatures).keys(evidence.trusted());
    let report = evidence.verify_with(&verifier().pq(PqPolicy::IfPresent));
    assert!(report.valid());
    let others = Verdict::Passed {
        checked: LENGTH - 1,
    };
    assert_eq!(report.checks.post_quantum, others);

    let report = evidence.verify_with(&verifier().pq(PqPolicy::Ignore));
    assert!(report.valid());
    let not_checked = Verdict::NotChecked {
        why: "not asked for".to_owned(),
    };
    assert_eq!(report.checks.post_quantum, not_checked);
}

#[test]
fn post_quantum_signatures_without_a_key_for_them_fail() {
    let evidence = Evidence::new();
    let keys = TrustedKeys::only([evidence.seal.public_key()]);
    for policy in [PqPolicy::IfPresent, PqPolicy::Required] {
        let verifier = Verifier::new(Level::Signatures).keys(keys.clone());
        let error = evidence.verify_with(&verifier.pq(policy)).error.unwrap();
        assert_eq!(error.code(), Some(VerifyCode::PqVerificationFailed));
        assert_eq!(error.sequence, 0);
    }
}

/// White space, the order of keys and escapes are not part of what is sealed.
#[test]
fn content_in_another_formatting() {
    let evidence = Evidence::new();
    let content = evidence.record(2).content;
    let reordered = content
        .replacen("\"domain\":\"payments\",", "", 1)
        .replacen('{', "{\n  \"dom\\u0061in\" : \"payments\",", 1);
    evidence.set(2, "data", Some(&reordered));
    evidence.assert_not_found();
}

/// Implementations without a float type store the whole values of float-typed fields as integers.
#[test]
fn whole_number_in_a_float_typed_field() {
    let evidence = Evidence::new();
    evidence.edit(2, "\"feasibility\":1.0", "\"feasibility\":1");
    evidence.assert_not_found();
}

/// A document nested more deeply than a recursive reader can go is not called tampered.
#[test]
fn deep_nesting() {
    let evidence = Evidence::new();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    evidence.edit(5, "25.5", &deep);
    evidence.rehash(5);
    assert!(evidence.verify(Level::Full).valid());
}

#[test]
fn an_export_has_no_columns_to_check() {
    let evidence = Evidence::new();
    let json = evidence
        .records()
        .iter()
        .map(|record| record.to_json().unwrap())
        .collect::<Vec<_>>();
    let export = format!("[{}]", json.join(","));
    let records = capsules_core::export::Records::new(export.as_bytes()).map(Result::unwrap);
    let report = Verifier::new(Level::Signatures)
        .keys(TrustedKeys::only([evidence.seal.public_key()]))
        .without_columns()
        .verify_records(records);
    assert!(report.valid(), "{report:#?}");
    assert_eq!(
        report.checks.signatures,
        Verdict::Passed { checked: LENGTH }
    );
    for verdict in [&report.checks.columns, &report.checks.tenant] {
        assert!(matches!(verdict, Verdict::NotChecked { .. }), "{verdict:?}");
    }
}
