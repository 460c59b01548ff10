//! One level of a JSON document at a time, every value left as the text it was read from.
//!
//! Values are passed over by a loop and not by recursion, so that no document is nested too
//! deeply to be read.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of a JSON object, in the order of the text. No two have the same name.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    members: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Object<'a> {
    /// Reads a text that holds one object and nothing else.
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub(crate) fn get(&self, name: &str) -> Option<Value<'a>> {
        self.members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| *value)
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, Value<'a>)> {
        self.members.iter().map(|(name, value)| (&**name, *value))
    }
}

/// A JSON value as the text it was read from, without white space around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value<'a>(&'a str);

/// What kind of JSON value a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    /// A number without fraction and exponent.
    Integer,
    Float,
    String,
    Array,
    Object,
}

impl<'a> Value<'a> {
    pub(crate) fn text(self) -> &'a str {
        self.0
    }

    pub(crate) fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') | None => Kind::Null,
            Some(_) if self.0.contains(['.', 'e', 'E']) => Kind::Float,
            Some(_) => Kind::Integer,
        }
    }

    /// The string, unless the value is of another kind or holds a lone surrogate.
    pub(crate) fn string(self) -> Option<Cow<'a, str>> {
        serde_json::from_str(self.0).ok().map(|Text(text)| text)
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(MEMBERS_OF_A_CAPSULE);
        while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
            members.push((name, Value(value.get())));
        }
        let object = Object { members };
        match repeated_name(&object) {
            Some(name) => Err(A::Error::custom(format_args!(
                "the key `{name}` appears twice"
            ))),
            None => Ok(object),
        }
    }
}

fn repeated_name<'o>(object: &'o Object<'_>) -> Option<&'o str> {
    let mut names: Vec<&str> = object.members().map(|(name, _)| name).collect();
    names.sort_unstable();
    names
        .windows(2)
        .find(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
}

/// The keys of the content.
const MEMBERS_OF_A_CAPSULE: usize = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_text() {
        let object =
            Object::parse(r#" {"a": 1.50, "\u0062":[1, {"x":2}] ,"c":"\u00e9"} "#).unwrap();
        assert_eq!(object.get("a").unwrap().text(), "1.50");
        assert_eq!(object.get("b").unwrap().text(), r#"[1, {"x":2}]"#);
        assert_eq!(object.get("c").unwrap().string().unwrap(), "é");
        assert_eq!(object.get("d"), None);
    }

    #[test]
    fn kinds() {
        for (text, kind) in [
            ("null", Kind::Null),
            ("true", Kind::Bool),
            ("-0", Kind::Integer),
            ("100000000000000000000000000000000", Kind::Integer),
            ("1e5", Kind::Float),
            ("-0.0", Kind::Float),
            ("\"1.0\"", Kind::String),
            ("[]", Kind::Array),
            ("{}", Kind::Object),
        ] {
            assert_eq!(Value(text).kind(), kind, "{text}");
        }
    }

    #[test]
    fn a_name_may_appear_once() {
        let error = Object::parse(r#"{"a":1,"b":2,"\u0061":3}"#).unwrap_err();
        assert!(error.to_string().contains("`a` appears twice"), "{error}");
        assert!(
            Object::parse(r#"{"a":{"b":1,"b":2}}"#).is_ok(),
            "only this level is looked at"
        );
    }

    #[test]
    fn nothing_is_nested_too_deeply() {
        let depth = 1_000_000;
        let text = format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert_eq!(
            Object::parse(&text).unwrap().get("a").unwrap().text().len(),
            2 * depth
        );
    }

    #[test]
    fn only_one_object_is_read() {
        for text in [
            "",
            "[]",
            "1",
            "{} {}",
            "{",
            r#"{"a":}"#,
            r#"{"a":01}"#,
            r#"{"a":"\ud800"}"#,
        ] {
            let read = Object::parse(text).map(|object| object.get("a").map(Value::string));
            assert!(
                !matches!(read, Ok(None | Some(Some(_)))),
                "{text}: {read:?}"
            );
        }
    }
}
