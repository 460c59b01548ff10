//! What is not JSON is refused, with the place and what was expected there.

use capsules_core::canonical::{Numbers, canonicalize};

fn refusal(document: &[u8]) -> String {
    match canonicalize(document, Numbers::Python) {
        Ok(canonical) => panic!("{:?} gave {canonical}", String::from_utf8_lossy(document)),
        Err(error) => error.to_string(),
    }
}

#[test]
fn syntax_errors_say_where_and_what() {
    for (document, message) in [
        (
            "",
            "expected a value, found the end of the document at byte 0",
        ),
        (
            "\u{feff}1",
            "expected a value, found a byte order mark at byte 0",
        ),
        ("[1,]", "expected a value, found `]` at byte 3"),
        ("[1 2]", "expected `,` or `]`, found `2` at byte 3"),
        ("[1}", "expected `,` or `]`, found `}` at byte 2"),
        (
            "[",
            "expected a value, found the end of the document at byte 1",
        ),
        (
            "{",
            "expected a key in quotes or `}`, found the end of the document at byte 1",
        ),
        (
            "{a:1}",
            "expected a key in quotes or `}`, found `a` at byte 1",
        ),
        (r#"{"a"}"#, "expected `:`, found `}` at byte 4"),
        (r#"{"a":}"#, "expected a value, found `}` at byte 5"),
        (
            r#"{"a":1,}"#,
            "expected a key in quotes, found `}` at byte 7",
        ),
        (r#"{"a":1]"#, "expected `,` or `}`, found `]` at byte 6"),
        (
            "1 1",
            "expected the end of the document, found `1` at byte 2",
        ),
        ("]", "expected a value, found `]` at byte 0"),
        ("é", "expected a value, found `é` at byte 0"),
        ("\u{a0}1", "expected a value, found `\u{a0}` at byte 0"),
        ("// no\n1", "expected a value, found `/` at byte 0"),
        ("nul", "expected a value, found `n` at byte 0"),
        ("True", "expected a value, found `T` at byte 0"),
        (
            "truely",
            "expected the end of the document, found `l` at byte 4",
        ),
    ] {
        assert_eq!(
            refusal(document.as_bytes()),
            format!("not JSON: {message}"),
            "{document}"
        );
    }
}

#[test]
fn numbers_beyond_the_grammar() {
    for (document, message) in [
        ("NaN", "expected a value, found `N` at byte 0"),
        ("Infinity", "expected a value, found `I` at byte 0"),
        ("-Infinity", "expected a digit, found `I` at byte 1"),
        ("01", "a number with a leading zero at byte 0"),
        ("[-00]", "a number with a leading zero at byte 1"),
        ("+1", "expected a value, found `+` at byte 0"),
        (".5", "expected a value, found `.` at byte 0"),
        (
            "5.",
            "expected a digit, found the end of the document at byte 2",
        ),
        ("5.e1", "expected a digit, found `e` at byte 2"),
        (
            "1e",
            "expected a digit, found the end of the document at byte 2",
        ),
        (
            "1e+",
            "expected a digit, found the end of the document at byte 3",
        ),
        (
            "-",
            "expected a digit, found the end of the document at byte 1",
        ),
        (
            "0x10",
            "expected the end of the document, found `x` at byte 1",
        ),
        (
            "1_000",
            "expected the end of the document, found `_` at byte 1",
        ),
    ] {
        assert_eq!(
            refusal(document.as_bytes()),
            format!("not JSON: {message}"),
            "{document}"
        );
    }
}

#[test]
fn strings_beyond_the_grammar() {
    for (document, message) in [
        ("\"abc", "a string without its closing quote at byte 0"),
        (
            "[\"\\",
            "expected one of \" \\ / b f n r t u after a backslash, found the end of the document at byte 3",
        ),
        ("'a'", "expected a value, found `'` at byte 0"),
        (
            "\"a\nb\"",
            "expected an escape such as \\n inside a string, found U+000A at byte 2",
        ),
        (
            "\"\0\"",
            "expected an escape such as \\n inside a string, found U+0000 at byte 1",
        ),
        (
            r#""\x41""#,
            "expected one of \" \\ / b f n r t u after a backslash, found `x` at byte 2",
        ),
        (
            r#""\u12g4""#,
            "expected four hexadecimal digits after \\u, found `g` at byte 5",
        ),
        (
            r#""\u+123""#,
            "expected four hexadecimal digits after \\u, found `+` at byte 3",
        ),
    ] {
        assert_eq!(
            refusal(document.as_bytes()),
            format!("not JSON: {message}"),
            "{document}"
        );
    }
}

#[test]
fn lone_surrogates() {
    for document in [
        r#"["\ud800"]"#,
        r#"["\udc00"]"#,
        r#"["\ud800x"]"#,
        r#"["\ud800\u0041"]"#,
        r#"["\ud800\ud800\udc00"]"#,
        r#"["\udc00\ud800"]"#,
        r#"["\ud800\n"]"#,
    ] {
        assert_eq!(
            refusal(document.as_bytes()),
            "not JSON: a lone surrogate, which is not a character, at byte 2",
            "{document}"
        );
    }
}

#[test]
fn bytes_that_are_not_utf_8() {
    for (document, offset) in [
        (&b"\"\xff\""[..], 1),
        (b"[\"ab\xc3\"]", 4),
        // An overlong slash, and a surrogate in three bytes.
        (b"\"\xc0\xaf\"", 1),
        (b"\"\xed\xa0\x80\"", 1),
    ] {
        assert_eq!(
            refusal(document),
            format!("not JSON: invalid UTF-8 at byte {offset}")
        );
    }
}

#[test]
fn duplicate_keys() {
    for (document, key, offset) in [
        (r#"{"a":1,"a":2}"#, r#""a""#, 7),
        (r#"{"b":1,"a":2,"b":3}"#, r#""b""#, 13),
        (r#"{"a":1,"b":2,"a":3}"#, r#""a""#, 13),
        (r#"[{"x":{"é":1,"\u00e9":2}}]"#, r#""é""#, 14),
        (r#"{"\n":1,"\u000a":2}"#, r#""\n""#, 8),
    ] {
        assert_eq!(
            refusal(document.as_bytes()),
            format!(
                "the key {key} appears again at byte {offset}; an object's keys must be unique"
            ),
            "{document}"
        );
    }
}

#[test]
fn floats_beyond_every_double() {
    assert_eq!(
        refusal(b"[1, -1e999]"),
        "the number at byte 4 is too large for a double"
    );
    assert_eq!(
        canonicalize(b"1e999", Numbers::AsWritten).as_deref(),
        Ok("1e999")
    );
    let confidence = format!(r#"{{"reasoning":{{"confidence":{}}}}}"#, "9".repeat(400));
    assert_eq!(
        refusal(confidence.as_bytes()),
        "the number at byte 27 is too large for a double"
    );
}
