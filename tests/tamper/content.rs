//! Edits in the sealed content.

use capsules_core::verify::{Level, PqPolicy, VerifyCode, verify_record};

use crate::evidence::{Evidence, from};

/// Edits the content of a record, and again with a hash that fits.
fn assert_edit_is_found(before: &str, after: &str) {
    let evidence = Evidence::new();
    evidence.edit(2, before, after);
    evidence.assert_found(from(Level::Full, "Content hash mismatch at sequence 2"));

    evidence.relink(2);
    evidence.assert_found(from(
        Level::Signatures,
        "Signature verification failed at sequence 2",
    ));
}

#[test]
fn every_byte_counts() {
    let evidence = Evidence::new();
    let record = evidence.record(2);
    verify_record(&record, &evidence.trusted, PqPolicy::Required).unwrap();
    for at in 0..record.content.len() {
        let mut bytes = record.content.clone().into_bytes();
        bytes[at] ^= 1;
        let mut edited = record.clone();
        edited.content = String::from_utf8(bytes).unwrap();
        let failure = verify_record(&edited, &evidence.trusted, PqPolicy::Ignore).unwrap_err();
        assert_eq!(failure.code, VerifyCode::HashMismatch, "{}", edited.content);
    }
}

#[test]
fn in_the_trigger() {
    assert_edit_is_found(
        "\"request\":\"transfer 100\"",
        "\"request\":\"transfer 900\"",
    );
}

#[test]
fn in_the_context() {
    assert_edit_is_found("agent-7", "agent-8");
}

#[test]
fn in_the_reasoning() {
    assert_edit_is_found("no reason to", "no reason");
}

#[test]
fn in_the_authority() {
    assert_edit_is_found("\"approver\":\"alice\"", "\"approver\":null");
}

#[test]
fn in_the_execution() {
    assert_edit_is_found("\"booked\":true", "\"booked\":false");
}

#[test]
fn in_the_outcome() {
    assert_edit_is_found("\"status\":\"success\"", "\"status\":\"failure\"");
}

#[test]
fn in_the_identity() {
    assert_edit_is_found("\"spec_version\":\"1.0\"", "\"spec_version\":\"1.1\"");
}

#[test]
fn injected_key() {
    assert_edit_is_found("{\"authority\"", "{\"approved\":true,\"authority\"");
}

#[test]
fn injected_key_in_a_section() {
    assert_edit_is_found("\"metrics\":{}", "\"metrics\":{\"score\":1}");
}

#[test]
fn injected_key_of_the_seal() {
    assert_edit_is_found("\"id\":", "\"hash\":\"00\",\"id\":");
}

#[test]
fn removed_key() {
    assert_edit_is_found("\"spec_version\":\"1.0\",", "");
}

#[test]
fn removed_section() {
    let evidence = Evidence::new();
    let content = evidence.record(2).content;
    let start = content.find("\"authority\"").unwrap();
    let end = content.find("\"context\"").unwrap();
    assert_edit_is_found(&content[start..end], "");
}

#[test]
fn number_in_another_spelling() {
    assert_edit_is_found("25.5", "25.50");
    assert_edit_is_found("1500", "1500.0");
    assert_edit_is_found("\"feasibility\":1.0", "\"feasibility\":1.00");
}

/// A reader that takes the first of two equal keys sees another record than one that takes the
/// last. Such a document has no hash, even where its bytes have.
#[test]
fn duplicate_key() {
    let evidence = Evidence::new();
    let status = "\"status\":\"success\"";
    evidence.edit(2, status, "\"status\":\"failure\",\"status\":\"success\"");
    evidence.assert_found(from(Level::Full, "Content hash mismatch at sequence 2"));

    let content = evidence.record(2).content;
    let hash = capsules_core::sha3_256(content.as_bytes()).to_string();
    let next = evidence.record(3).columns.previous_hash.unwrap();
    evidence.set(2, "hash", Some(&hash));
    evidence.edit(3, &next, &hash);
    evidence.set(3, "previous_hash", Some(&hash));
    evidence.rehash(3);
    evidence.relink(4);
    evidence.assert_found(from(Level::Full, "Content hash mismatch at sequence 2"));
}

#[test]
fn duplicate_key_that_places_the_record() {
    let evidence = Evidence::new();
    evidence.edit(2, "\"sequence\":2", "\"sequence\":9,\"sequence\":2");
    for report in crate::evidence::LEVELS.map(|level| evidence.verify(level)) {
        let message = report.error.unwrap().to_string();
        assert!(
            message.starts_with("Content not readable at sequence 2: "),
            "{message}"
        );
        assert!(message.contains("`sequence` appears twice"), "{message}");
    }
}

#[test]
fn content_that_is_not_json() {
    let evidence = Evidence::new();
    evidence.set(2, "data", Some("{"));
    for report in crate::evidence::LEVELS.map(|level| evidence.verify(level)) {
        let error = report.error.unwrap();
        let message = error.to_string();
        assert!(
            message.starts_with("Content not readable at sequence 2: "),
            "{message}"
        );
        assert_eq!(error.capsule_id, evidence.record(2).columns.id);
    }
}
