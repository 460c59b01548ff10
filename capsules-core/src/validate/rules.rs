//! The rules, in the order of the protocol's reference.

use super::{Category, Violation, forms};
use crate::canonical::{Numbers, canonicalize};
use crate::capsule::CapsuleType;
use crate::hash::{ContentHash, sha3_256};
use crate::json::{Kind, Object, Value};

type Checked<T = ()> = Result<T, Violation>;

/// Checks a canonical document.
pub(super) fn check(canonical: &str, strict: bool) -> Checked {
    let content = Object::parse(canonical)
        .map_err(|_| wrong_type("", "the document must be a JSON object"))?;
    if strict {
        let unknown = content
            .members()
            .find(|(name, _)| !TOP_LEVEL.contains(name));
        if let Some((name, _)) = unknown {
            return Err(invalid(
                name,
                format!("`{name}` is not a key of the protocol"),
            ));
        }
    }
    let top = Section::new("", content, &TOP_LEVEL)?;
    check_top_level(&top)?;
    check_links(&top)?;
    check_trigger(&top.section("trigger", &TRIGGER)?)?;
    top.section("context", &CONTEXT)?
        .require("environment", Kind::Object)?;
    check_reasoning(&top.section("reasoning", &REASONING)?)?;
    top.section("authority", &AUTHORITY)?;
    check_execution(&top.section("execution", &EXECUTION)?)?;
    top.section("outcome", &OUTCOME)?;
    Ok(())
}

/// Checks the hash that a canonical document is said to have, whichever implementation spelled
/// its numbers.
pub(super) fn check_hash(canonical: &str, claimed: &str) -> Checked {
    let claimed: ContentHash = claimed
        .to_ascii_lowercase()
        .parse()
        .map_err(|_| invalid("hash", "the claimed hash must be 64 hexadecimal digits"))?;
    let spellings = [Numbers::AsWritten, Numbers::FloatTyped, Numbers::Python];
    let matches = spellings.into_iter().any(|numbers| {
        canonicalize(canonical.as_bytes(), numbers)
            .is_ok_and(|text| sha3_256(text.as_bytes()) == claimed)
    });
    if matches {
        Ok(())
    } else {
        let message = "the content does not have the claimed hash";
        Err(Violation::new(
            Category::IntegrityViolation,
            "hash",
            message,
        ))
    }
}

fn check_top_level(top: &Section<'_>) -> Checked {
    if !forms::is_uuid(&top.string("id", "a UUID")?) {
        return Err(top.invalid("id", "must be a UUID"));
    }
    let kind = top.string("type", "a string")?;
    if kind.parse::<CapsuleType>().is_err() {
        return Err(top.invalid("type", &format!("is `{kind}`, which is not a capsule type")));
    }
    top.string("domain", "a string")?;
    if let Some(parent) = top.nullable_string("parent_id", "a UUID or null")?
        && !forms::is_uuid(&parent)
    {
        return Err(top.invalid("parent_id", "must be a UUID or null"));
    }
    if top.integer("sequence")?.starts_with('-') {
        return Err(top.invalid("sequence", "must not be negative"));
    }
    let hash = "64 hexadecimal digits or null";
    if let Some(previous) = top.nullable_string("previous_hash", hash)?
        && previous
            .to_ascii_lowercase()
            .parse::<ContentHash>()
            .is_err()
    {
        return Err(top.invalid("previous_hash", "must be 64 hexadecimal digits or null"));
    }
    if top.string("spec_version", "a string")?.is_empty() {
        return Err(top.invalid("spec_version", "must not be empty"));
    }
    Ok(())
}

fn check_links(top: &Section<'_>) -> Checked {
    let first = top.integer("sequence")? == "0";
    let message = match (first, top.value("previous_hash")?.kind() == Kind::Null) {
        (true, false) => "must be null in the first capsule of a chain",
        (false, true) => "must not be null after the first capsule of a chain",
        _ => return Ok(()),
    };
    Err(top.violation(Category::ChainViolation, "previous_hash", message))
}

fn check_trigger(trigger: &Section<'_>) -> Checked {
    trigger.require("type", Kind::String)?;
    let form = "an ISO 8601 date and time with an offset";
    if forms::is_time_with_offset(&trigger.string("timestamp", form)?) {
        Ok(())
    } else {
        Err(trigger.invalid("timestamp", &format!("must be {form}")))
    }
}

fn check_reasoning(reasoning: &Section<'_>) -> Checked {
    let confidence = reasoning.value("confidence")?;
    if !matches!(confidence.kind(), Kind::Integer | Kind::Float) {
        return Err(reasoning.wrong_type("confidence", "a number"));
    }
    // A number too large for a double reads as infinite.
    match confidence.text().parse::<f64>() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(()),
        _ => Err(reasoning.invalid("confidence", "must lie between 0 and 1")),
    }
}

fn check_execution(execution: &Section<'_>) -> Checked {
    execution.require("tool_calls", Kind::Array)?;
    execution.integer("duration_ms")?;
    execution.require("resources_used", Kind::Object)
}

/// An object that has all its keys, and its path.
struct Section<'a> {
    path: &'static str,
    object: Object<'a>,
}

impl<'a> Section<'a> {
    fn new(path: &'static str, object: Object<'a>, keys: &[&str]) -> Checked<Self> {
        let section = Self { path, object };
        for key in keys {
            section.value(key)?;
        }
        Ok(section)
    }

    fn section(&self, name: &'static str, keys: &[&str]) -> Checked<Section<'a>> {
        match Object::parse(self.value(name)?.text()) {
            Ok(object) => Section::new(name, object, keys),
            Err(_) => Err(self.wrong_type(name, "an object")),
        }
    }

    fn value(&self, key: &str) -> Checked<Value<'a>> {
        self.object
            .get(key)
            .ok_or_else(|| self.violation(Category::MissingField, key, "is required"))
    }

    fn require(&self, key: &str, kind: Kind) -> Checked {
        if self.value(key)?.kind() == kind {
            return Ok(());
        }
        let kind = match kind {
            Kind::Object => "an object",
            Kind::Array => "an array",
            _ => "a string",
        };
        Err(self.wrong_type(key, kind))
    }

    fn string(&self, key: &str, form: &str) -> Checked<String> {
        match self.value(key)?.string() {
            Some(text) => Ok(text.into_owned()),
            None => Err(self.wrong_type(key, form)),
        }
    }

    fn nullable_string(&self, key: &str, form: &str) -> Checked<Option<String>> {
        match self.value(key)?.kind() {
            Kind::Null => Ok(None),
            _ => self.string(key, form).map(Some),
        }
    }

    /// The digits of an integer of any size. The reference takes the truth values for 1 and 0,
    /// and -0 for 0.
    fn integer(&self, key: &str) -> Checked<&'a str> {
        let value = self.value(key)?;
        match (value.kind(), value.text()) {
            (Kind::Bool, "true") => Ok("1"),
            (Kind::Bool, _) | (Kind::Integer, "-0") => Ok("0"),
            (Kind::Integer, digits) => Ok(digits),
            _ => Err(self.wrong_type(key, "an integer")),
        }
    }

    fn wrong_type(&self, key: &str, form: &str) -> Violation {
        self.violation(Category::WrongType, key, &format!("must be {form}"))
    }

    fn invalid(&self, key: &str, what: &str) -> Violation {
        self.violation(Category::InvalidValue, key, what)
    }

    fn violation(&self, category: Category, key: &str, what: &str) -> Violation {
        let field = match self.path {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        Violation::new(category, &field, format!("`{field}` {what}"))
    }
}

fn wrong_type(field: &str, message: &str) -> Violation {
    Violation::new(Category::WrongType, field, message)
}

fn invalid(field: &str, message: impl Into<String>) -> Violation {
    Violation::new(Category::InvalidValue, field, message)
}

const TOP_LEVEL: [&str; 13] = [
    "id",
    "type",
    "domain",
    "parent_id",
    "sequence",
    "previous_hash",
    "spec_version",
    "trigger",
    "context",
    "reasoning",
    "authority",
    "execution",
    "outcome",
];
const TRIGGER: [&str; 6] = [
    "type",
    "source",
    "timestamp",
    "request",
    "correlation_id",
    "user_id",
];
const CONTEXT: [&str; 3] = ["agent_id", "session_id", "environment"];
const REASONING: [&str; 8] = [
    "analysis",
    "options",
    "options_considered",
    "selected_option",
    "reasoning",
    "confidence",
    "model",
    "prompt_hash",
];
const AUTHORITY: [&str; 5] = [
    "type",
    "approver",
    "policy_reference",
    "chain",
    "escalation_reason",
];
const EXECUTION: [&str; 3] = ["tool_calls", "duration_ms", "resources_used"];
const OUTCOME: [&str; 6] = [
    "status",
    "result",
    "summary",
    "error",
    "side_effects",
    "metrics",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::{Options, validate};

    /// Category and field for a document with one text replaced.
    fn verdict(from: &str, to: &str, strict: bool) -> Option<(Category, String)> {
        let mut capsule = crate::Capsule::new(CapsuleType::Tool);
        capsule.domain = "payments".to_owned();
        let document = serde_json::to_string(&capsule).unwrap();
        assert!(document.contains(from), "{document}");
        let document = document.replacen(from, to, 1);
        let options = Options {
            strict,
            ..Options::default()
        };
        let violation = validate(document.as_bytes(), options).err()?;
        Some((violation.category, violation.field))
    }

    #[test]
    fn integers_are_those_of_the_reference() {
        let sequence =
            |text: &str| verdict("\"sequence\":0", &format!("\"sequence\":{text}"), true);
        let violation = |category, field: &str| Some((category, field.to_owned()));
        for zero in ["0", "-0", "false"] {
            assert_eq!(sequence(zero), None, "{zero}");
        }
        for later in ["true", "1", "1000000000000000000000000"] {
            let expected = violation(Category::ChainViolation, "previous_hash");
            assert_eq!(sequence(later), expected, "{later}");
        }
        assert_eq!(
            sequence("-1"),
            violation(Category::InvalidValue, "sequence")
        );
        assert_eq!(sequence("0.0"), violation(Category::WrongType, "sequence"));
        let huge = "\"confidence\":1e400";
        assert_eq!(
            verdict("\"confidence\":0.0", huge, true),
            violation(Category::InvalidValue, "reasoning.confidence")
        );
    }

    #[test]
    fn unknown_keys_are_refused_on_request_and_keys_that_appear_twice_always() {
        let violation = |field: &str| Some((Category::InvalidValue, field.to_owned()));
        let unknown = "{\"zeta\":1,\"alpha\":2,";
        assert_eq!(verdict("{", unknown, false), None);
        assert_eq!(verdict("{", unknown, true), violation("alpha"));
        let domain = "\"domain\":\"payments\"";
        let twice = format!("{domain},{domain}");
        assert_eq!(verdict(domain, &twice, false), violation("domain"));
    }

    #[test]
    fn what_is_not_a_json_object_has_the_wrong_type() {
        for document in ["", "{", "[]", "null", "\u{feff}{}", "{} {}", "NaN"] {
            let violation = validate(document.as_bytes(), Options::default()).unwrap_err();
            assert_eq!(violation.category, Category::WrongType, "{document}");
            assert_eq!(violation.field, "", "{document}");
        }
    }
}
