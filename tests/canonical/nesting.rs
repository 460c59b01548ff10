//! Documents nest as deep as memory allows, in time linear in their size.

use capsules_core::canonical::{Numbers, canonicalize};

const DEPTH: usize = 200_000;

#[test]
fn arrays() {
    let document = "[".repeat(DEPTH) + &"]".repeat(DEPTH);
    let canonical = canonicalize(document.as_bytes(), Numbers::Python).unwrap();
    assert_eq!(canonical, document);
}

#[test]
fn unsorted_objects() {
    // Moving each object's members by copying its text would take hours here.
    let document = r#"{"b":"#.repeat(DEPTH) + "0" + &r#", "a":1}"#.repeat(DEPTH);
    let canonical = canonicalize(document.as_bytes(), Numbers::AsWritten).unwrap();
    assert_eq!(
        canonical,
        r#"{"a":1,"b":"#.repeat(DEPTH) + "0" + &"}".repeat(DEPTH)
    );
}

#[test]
fn an_unfinished_document() {
    let document = r#"[{"a":"#.repeat(DEPTH);
    let error = canonicalize(document.as_bytes(), Numbers::Python).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "not JSON: expected a value, found the end of the document at byte {}",
            document.len()
        )
    );
}

#[test]
fn an_object_with_many_members() {
    let members = |keys: &mut dyn Iterator<Item = usize>| {
        let members: Vec<_> = keys.map(|key| format!(r#""{key:07}":{key}"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    let document = members(&mut (0..200_000).rev());
    let canonical = canonicalize(document.as_bytes(), Numbers::Python).unwrap();
    assert_eq!(canonical, members(&mut (0..200_000)));
}
