//! How much is kept of what a call takes and gives.

use std::cell::Cell;
use std::fmt;

use capsules::audit;
use capsules::storage::MemoryStorage;
use capsules::{Capsule, Capsules};
use capsules_core::LocalSigner;
use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::{Value, json};

use crate::support::{audited, only, recorded};

thread_local!(static READ: Cell<u64> = const { Cell::new(0) });

/// A list that would not end for long; counts how many of its items were asked for.
struct Endless;

impl Serialize for Endless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = serializer.serialize_seq(None)?;
        for number in 0..u64::MAX {
            READ.set(number);
            items.serialize_element("0123456789")?;
        }
        items.end()
    }
}

/// The same as text.
impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for number in 0..u64::MAX {
            READ.set(number);
            write!(f, "{number} ")?;
        }
        Ok(())
    }
}

/// A value so deep that reading all of it would exhaust the stack.
struct Deep;

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq([Deep])
    }
}

fn cut(capsule: &Capsule) -> &Value {
    &capsule.context.environment["capsules.cut"]
}

#[test]
fn a_list_without_end_is_read_as_far_as_it_is_kept() {
    #[audit(type = "tool", trigger_from = none, result = "json")]
    fn list() -> Endless {
        Endless
    }
    let (_, capsules) = audited(list);
    let capsule = only(capsules);
    let kept = capsule.outcome.result.as_array().unwrap();
    assert_eq!(kept.last(), Some(&json!("…")));
    assert!(capsule.outcome.result.to_string().len() < 64 << 10);
    assert_eq!(READ.get(), kept.len() as u64 - 1);
    assert_eq!(cut(&capsule), &json!(["outcome.result"]));
}

#[test]
fn a_text_without_end_is_read_as_far_as_it_is_kept() {
    #[audit(type = "tool")]
    fn show(text: Endless) -> Result<(), Endless> {
        Err(text)
    }
    let (_, capsules) = audited(|| show(Endless));
    let capsule = only(capsules);
    assert_eq!(capsule.trigger.request.chars().count(), 500);
    assert!(capsule.trigger.request.ends_with('…'));
    assert_eq!(
        capsule.outcome.error.as_ref(),
        Some(&capsule.trigger.request)
    );
    assert!(READ.get() < 200);
    assert_eq!(cut(&capsule), &json!(["trigger.request", "outcome.error"]));
}

#[test]
fn a_value_without_bottom_is_read_to_the_limit() {
    #[audit(type = "tool")]
    fn dig() -> Deep {
        Deep
    }
    let (_, capsules) = audited(dig);
    let capsule = only(capsules);
    assert_eq!(
        capsule.outcome.result.to_string(),
        format!("{}\"…\"{}", "[".repeat(20), "]".repeat(20))
    );
    assert_eq!(cut(&capsule), &json!(["outcome.result"]));
}

#[test]
fn limits_are_the_builders() {
    #[audit(type = "tool")]
    fn echo(value: Value) -> Value {
        value
    }
    let capsules = Capsules::builder()
        .storage(MemoryStorage::new())
        .signer(LocalSigner::generate().unwrap())
        .text_limit(4)
        .depth_limit(2)
        .size_limit(76)
        .build()
        .unwrap();
    let value =
        json!({"a": "12345", "b": {"c": {"d": 1}, "e": 2}, "f": [1, 2, 3, 4, 5, 6, 7, 8, 9]});
    capsules.scope_sync(|| echo(value));
    let capsule = only(recorded(&capsules));
    assert_eq!(capsule.trigger.request.chars().count(), 4);
    assert_eq!(
        capsule.outcome.result,
        json!({"a": "123…", "b": {"c": "…", "e": 2}, "f": [1, 2, 3, 4, 5, "…"]})
    );
}

/// What is kept of a value is what `serde_json` makes of it.
#[test]
fn what_fits_is_kept_as_it_is() {
    #[derive(serde::Serialize, Clone)]
    enum Shape {
        Unit,
        Newtype(u8),
        Tuple(u8, char),
        Struct { side: f32, none: Option<u8> },
    }
    #[derive(serde::Serialize, Clone)]
    struct All {
        shapes: Vec<Shape>,
        keys: std::collections::BTreeMap<u64, (bool, ())>,
        units: std::collections::BTreeMap<char, f64>,
        big: (i64, u64, i128),
        raw: Box<serde_json::value::RawValue>,
        #[serde(with = "serde_bytes_like")]
        bytes: Vec<u8>,
        address: std::net::IpAddr,
        #[serde(flatten)]
        flat: Value,
    }
    mod serde_bytes_like {
        pub(super) fn serialize<S: serde::Serializer>(
            bytes: &[u8],
            s: S,
        ) -> Result<S::Ok, S::Error> {
            s.serialize_bytes(bytes)
        }
    }
    #[audit(type = "tool", trigger_from = none)]
    fn echo(all: All) -> All {
        all
    }
    let all = All {
        shapes: vec![
            Shape::Unit,
            Shape::Newtype(1),
            Shape::Tuple(2, 'ü'),
            Shape::Struct {
                side: 0.1,
                none: None,
            },
        ],
        keys: [(7, (true, ()))].into(),
        units: [('k', f64::NAN), ('l', 1e300)].into(),
        big: (i64::MIN, u64::MAX, -5),
        raw: serde_json::value::to_raw_value(&json!({"x": [1.5, "y"]})).unwrap(),
        bytes: vec![1, 255],
        address: [127, 0, 0, 1].into(),
        flat: json!({"more": {"": null}}),
    };
    let expected = serde_json::to_value(&all).unwrap();
    let (_, capsules) = audited(|| echo(all));
    let capsule = only(capsules);
    assert_eq!(capsule.outcome.result, expected);
    assert_eq!(capsule.context.environment.get("capsules.cut"), None);
}

#[test]
fn a_value_that_cannot_be_read_says_so() {
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("x".repeat(600)))
        }
    }
    impl fmt::Display for Broken {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    #[audit(type = "tool")]
    fn broken(text: Broken) -> Broken {
        text
    }
    let (_, capsules) = audited(|| broken(Broken));
    let capsule = only(capsules);
    assert_eq!(capsule.trigger.request, "<not readable>");
    let result = capsule.outcome.result.as_str().unwrap();
    assert!(result.starts_with("<not serializable: xxx"), "{result}");
    assert_eq!(result.chars().count(), 500);
}
