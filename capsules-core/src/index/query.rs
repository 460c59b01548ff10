//! What is searched for.

use std::fmt;
use std::str::FromStr;

/// A full-text query.
///
/// ```
/// use capsules_core::index::Query;
///
/// let query = Query::words(r#"connection "reset by peer" time*"#).unwrap();
/// assert_eq!(query.to_string(), r#""connection" AND "reset by peer" AND "time"*"#);
/// assert!(Query::words("-- !").is_none(), "there is no word in it");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// As FTS5 reads it.
    expression: String,
}

/// A field whose words are indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// `trigger.request`
    Request,
    /// `outcome.summary`
    Summary,
    /// `outcome.error`
    Error,
}

impl Query {
    /// Capsules that have all of these words, in whatever order and field. Words in double quotes
    /// have to follow each other, and a word with `*` at its end is the beginning of one. Nothing
    /// else has a meaning, so that every text is a query; `None` when there is no word in it.
    pub fn words(text: &str) -> Option<Self> {
        let terms = terms(text);
        let terms: Vec<String> = terms.filter(Term::has_word).map(Term::quoted).collect();
        (!terms.is_empty()).then(|| Self {
            expression: terms.join(" AND "),
        })
    }

    /// A query in the syntax of FTS5 (<https://sqlite.org/fts5.html>, section 3), with the columns
    /// `request`, `summary` and `error`.
    pub fn raw(expression: impl Into<String>) -> Self {
        Self {
            expression: expression.into(),
        }
    }

    /// The same in these fields only.
    pub fn within(self, fields: &[Field]) -> Self {
        if fields.is_empty() {
            return self;
        }
        let names: Vec<_> = fields.iter().map(|field| field.as_str()).collect();
        Self {
            expression: format!("{{{}}} : ({})", names.join(" "), self.expression),
        }
    }
}

/// As FTS5 reads it.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expression)
    }
}

impl Field {
    /// Every field, in the order of the index's columns.
    pub const ALL: [Self; 3] = [Self::Request, Self::Summary, Self::Error];

    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Summary => "summary",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name is not one of a field whose words are indexed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not searched; the fields are request, summary and error")]
pub struct UnknownField {
    /// The name that was read.
    pub name: String,
}

impl FromStr for Field {
    type Err = UnknownField;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|field| field.as_str() == name)
            .ok_or_else(|| UnknownField {
                name: name.to_owned(),
            })
    }
}

/// A word or a phrase, and whether it is only the beginning of one.
struct Term<'t> {
    text: &'t str,
    prefix: bool,
}

impl Term<'_> {
    /// Whatever else the tokenizer passes over.
    fn has_word(&self) -> bool {
        self.text.contains(char::is_alphanumeric)
    }

    /// As a string of FTS5, in which nothing but the quote has a meaning.
    fn quoted(self) -> String {
        let star = if self.prefix { "*" } else { "" };
        format!("\"{}\"{star}", self.text.replace(['"', '\0'], " "))
    }
}

fn terms(text: &str) -> impl Iterator<Item = Term<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let (term, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => {
                let end = rest.find(|c: char| c.is_whitespace() || c == '"');
                let end = end.unwrap_or(rest.len());
                rest.split_at_checked(end)
                    .filter(|(term, _)| !term.is_empty())?
            }
        };
        let in_quotes = after.strip_prefix('*');
        rest = in_quotes.unwrap_or(after);
        let bare = term.trim_end_matches('*');
        Some(Term {
            text: bare,
            prefix: in_quotes.is_some() || bare.len() < term.len(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_query() {
        for (text, expression) in [
            ("one", Some(r#""one""#)),
            ("  one\ttwo ", Some(r#""one" AND "two""#)),
            ("NOT a OR (b", Some(r#""NOT" AND "a" AND "OR" AND "(b""#)),
            ("error:no-answer", Some(r#""error:no-answer""#)),
            (r#""a b" c"#, Some(r#""a b" AND "c""#)),
            (r#"x"a b"#, Some(r#""x" AND "a b""#)),
            (r#""a b"* c* d**"#, Some(r#""a b"* AND "c"* AND "d"*"#)),
            ("東京", Some(r#""東京""#)),
            ("", None),
            ("\"", None),
            ("\"\"", None),
            ("* - : ^", None),
        ] {
            let query = Query::words(text).map(|query| query.to_string());
            assert_eq!(query.as_deref(), expression, "{text}");
        }
    }

    #[test]
    fn fields() {
        let query = Query::words("a b").unwrap();
        assert_eq!(query.clone().within(&[]), query);
        let within = query.within(&[Field::Request, Field::Error]).to_string();
        assert_eq!(within, r#"{request error} : ("a" AND "b")"#);
        for field in Field::ALL {
            assert_eq!(field.as_str().parse(), Ok(field));
        }
        let error = "result".parse::<Field>().unwrap_err().to_string();
        assert!(error.contains("request, summary and error"), "{error}");
    }
}
