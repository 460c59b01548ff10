//! `uri`.

use crate::support::Home;

#[test]
fn the_parts_are_printed() {
    let printed = Home::new()
        .run(["uri", "capsule://deploy-bot/42#reasoning/confidence"])
        .passed();
    assert_eq!(
        printed,
        r#"{
  "scheme": "capsule",
  "chain": "deploy-bot",
  "reference_type": "sequence",
  "hash_algorithm": null,
  "hash_value": null,
  "sequence": 42,
  "id": null,
  "fragment": "reasoning/confidence"
}
"#
    );
}

#[test]
fn what_is_not_a_uri_fails_with_the_reason() {
    let ran = Home::new().run(["uri", "capsule://sha3_abc"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert_eq!(
        ran.stderr,
        "error: the hash has 3 characters instead of 64\n"
    );
}
