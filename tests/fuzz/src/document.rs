//! Stored contents: hostile text in the column of a store.

use capsules_core::canonical::{Numbers, canonicalize};
use capsules_core::storage::{Filter, check_links};
use capsules_core::validate::{Options, validate};
use capsules_core::verify::{Level, PqPolicy, TrustedKeys, Verifier, verify_record};
use capsules_core::{Columns, Draft, Head, Position, SealedRecord, sha3_256};

/// The content of a stored record.
pub fn document(text: &[u8]) {
    for strict in [false, true] {
        let options = Options {
            strict,
            ..Options::default()
        };
        let _ = validate(text, options);
    }
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let mut record = SealedRecord {
        content: text.to_owned(),
        hash: "ab".repeat(32),
        signature: "cd".repeat(64),
        signature_pq: String::new(),
        signed_at: Some(text.to_owned()),
        signed_by: Some("qp_key_0123".to_owned()),
        columns: Columns::default(),
    };
    let claimed = verify(&record);
    assert!(!claimed, "no content has that hash");
    if let Ok(canonical) = canonicalize(text.as_bytes(), Numbers::AsWritten) {
        record.hash = sha3_256(canonical.as_bytes()).to_string();
        verify(&record);
    }
    let filter = Filter::new()
        .tenant("acme")
        .domain("agents")
        .session("session-abc");
    let _ = filter.selects(&record);
    let _ = check_links("here", None, std::slice::from_ref(&record));
    let _ = record.capsule();
    if let Ok(json) = record.to_json()
        && let Ok(again) = SealedRecord::from_json(json.as_bytes())
    {
        assert_eq!(again.hash, record.hash);
    }
    draft(text);
}

/// Whether the record verifies without signatures; alone it does with no key at all.
fn verify(record: &SealedRecord) -> bool {
    assert!(verify_record(record, &TrustedKeys::none(), PqPolicy::IfPresent).is_err());
    Verifier::new(Level::Full)
        .without_columns()
        .verify_records([record.clone()])
        .valid()
}

/// A journal's text that is accepted as a draft takes a place in a chain, and is canonical there.
fn draft(text: &str) {
    let Ok(draft) = Draft::from_text(text.to_owned()) else {
        return;
    };
    let head = Head {
        sequence: 41,
        hash: "ab".repeat(32),
    };
    let linked = draft.link(&Position::after(Some(&head)));
    let canonical = canonicalize(linked.as_bytes(), Numbers::AsWritten);
    assert_eq!(canonical.as_deref(), Ok(&*linked));
}
