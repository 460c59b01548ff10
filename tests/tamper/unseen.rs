//! What the verification of a chain by itself cannot find, and what it accepts on purpose.

use capsules_core::storage::SqliteStorage;
use capsules_core::verify::{Level, TrustedKeys, Verdict};

use crate::evidence::{Evidence, LENGTH, append, capsule};

#[test]
fn records_cut_off_the_end() {
    let evidence = Evidence::new();
    evidence.sql("DELETE FROM capsules WHERE sequence >= 4", ());
    evidence.assert_not_found();
    let report = evidence.verify(Level::Signatures);
    assert_eq!(report.checks.links, Verdict::Passed { checked: 4 });
}

#[test]
fn every_record_removed() {
    let evidence = Evidence::new();
    evidence.sql("DELETE FROM capsules", ());
    evidence.assert_not_found();
    assert_eq!(evidence.verify(Level::Signatures).capsules_verified, 0);
}

#[test]
fn chain_replaced_by_the_holder_of_the_key() {
    let evidence = Evidence::new();
    evidence.sql("DELETE FROM capsules", ());
    let store = SqliteStorage::open(evidence.path()).unwrap();
    for number in 0..LENGTH {
        let mut other = capsule(number);
        other.outcome.summary = "nothing happened".to_owned();
        append(&store, &evidence.seal, &other);
    }
    drop(store);
    evidence.assert_not_found();
}

/// The time of the seal is outside of the hash. A change is noticed only where it contradicts
/// another time, and then as a reason to ask.
#[test]
fn time_of_the_seal() {
    let evidence = Evidence::new();
    evidence.set(LENGTH - 1, "signed_at", Some("2999-01-01T00:00:00+00:00"));
    evidence.assert_not_found();
    let passed = Verdict::Passed { checked: LENGTH };
    assert_eq!(evidence.verify(Level::Full).checks.time_order, passed);

    let earlier = evidence.record(1).signed_at.unwrap();
    let backwards = "2001-01-01T00:00:00+00:00";
    evidence.set(2, "signed_at", Some(backwards));
    evidence.assert_not_found();
    let Verdict::Failed(finding) = evidence.verify(Level::Full).checks.time_order else {
        panic!("the order of time is not found wrong");
    };
    assert_eq!(
        finding.to_string(),
        format!("Time order at sequence 2: sealed {backwards}, the record before it {earlier}")
    );
    assert_eq!((finding.sequence, finding.field()), (2, "signed_at"));

    let evidence = Evidence::new();
    evidence.set(0, "signed_at", Some(backwards));
    let Verdict::Failed(finding) = evidence.verify(Level::Full).checks.time_order else {
        panic!("the order of time is not found wrong");
    };
    let message = format!("Time order at sequence 0: sealed {backwards}, but it began ");
    assert!(finding.to_string().starts_with(&message), "{finding}");

    for sequence in 0..LENGTH {
        evidence.set(sequence, "signed_at", None);
    }
    let why = "no record says when it was sealed".to_owned();
    assert_eq!(
        evidence.verify(Level::Full).checks.time_order,
        Verdict::NotChecked { why }
    );
}

#[test]
fn domain_removed_from_the_store() {
    let evidence = Evidence::new();
    evidence.set(2, "domain", None);
    evidence.assert_not_found();
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
    let report = capsules_core::verify::Verifier::new(Level::Signatures)
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
