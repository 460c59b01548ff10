//! `validate`.

use serde_json::{Value, json};

use crate::support::{Home, data};

/// The content of the first capsule of `tests/data/chain.json`, and its hash.
fn content() -> (Value, String) {
    let chain: Value = serde_json::from_slice(&data("chain.json")).unwrap();
    let mut content = chain[0].clone();
    let object = content.as_object_mut().unwrap();
    let hash = object.remove("hash").unwrap();
    for key in ["signature", "signature_pq", "signed_at", "signed_by"] {
        object.remove(key);
    }
    (content, hash.as_str().unwrap().to_owned())
}

#[test]
fn a_content_document_passes() {
    let home = Home::new();
    let (content, hash) = content();
    let home_file = home.file("content.json", content.to_string());
    for args in [&[][..], &["--strict"], &["--claimed-hash", &hash]] {
        let printed = home.run([&["validate", home_file], args].concat()).passed();
        assert_eq!(
            printed,
            "{\n  \"ok\": true,\n  \"category\": null,\n  \"field\": null,\n  \"message\": \"\"\n}\n"
        );
    }
}

#[test]
fn the_first_broken_rule_fails() {
    let home = Home::new();
    let (content, hash) = content();
    let with = |key: &str, value: Value| {
        let mut changed = content.clone();
        changed[key] = value;
        changed.to_string()
    };
    for (document, args, category, field) in [
        ("{}".to_owned(), &[][..], "missing_field", "id"),
        (with("sequence", json!("0")), &[], "wrong_type", "sequence"),
        (with("type", json!("robot")), &[], "invalid_value", "type"),
        (
            with("sequence", json!(1)),
            &[],
            "chain_violation",
            "previous_hash",
        ),
        (
            with("domain", json!("x")),
            &["--claimed-hash", &hash],
            "integrity_violation",
            "hash",
        ),
        (
            with("extra", json!(1)),
            &["--strict"],
            "invalid_value",
            "extra",
        ),
    ] {
        let ran = home.pipe(document, &[&["validate", "-"], args].concat());
        assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(
            [&answer["ok"], &answer["category"], &answer["field"]],
            [&json!(false), &json!(category), &json!(field)]
        );
        assert_ne!(answer["message"], "");
    }
}

#[test]
fn what_is_not_json_is_an_error() {
    let error = Home::new().pipe("{", &["validate", "-"]).error();
    assert!(
        error.starts_with("error: cannot validate standard input: not JSON: "),
        "{error}"
    );
}
