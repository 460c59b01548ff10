//! Random JSON documents, as text: odd white space, odd escapes and odd numbers.

use std::collections::HashSet;
use std::fmt::Write;

use crate::random::Random;

/// A document; one in five is damaged somewhere.
pub(crate) fn document(random: &mut Random) -> String {
    let shape = random.pick(&[Shape::Record, Shape::Any]);
    let mut text = String::new();
    space(random, &mut text);
    value(random, shape, 6, &mut text);
    space(random, &mut text);
    if random.once_in(5) {
        damage(random, &text)
    } else {
        text
    }
}

/// What a value looks like. All but `Any` lead to the float-typed fields of a record.
#[derive(Clone, Copy)]
enum Shape {
    Any,
    Record,
    Reasoning,
    Options,
    Option,
    Number,
}

/// Writes a value whose containers nest at most `depth` deep.
fn value(random: &mut Random, shape: Shape, depth: u64, out: &mut String) {
    let shape = if random.once_in(8) { Shape::Any } else { shape };
    match shape {
        Shape::Record => {
            object(
                random,
                &[("reasoning", Shape::Reasoning), ("options", Shape::Options)],
                3,
                out,
            );
        }
        Shape::Reasoning => object(
            random,
            &[
                ("confidence", Shape::Number),
                ("options", Shape::Options),
                ("feasibility", Shape::Number),
                ("reasoning", Shape::Reasoning),
            ],
            3,
            out,
        ),
        Shape::Options => array(random, Shape::Option, 3, out),
        Shape::Option => {
            let fields = [
                ("feasibility", Shape::Number),
                ("confidence", Shape::Number),
            ];
            object(random, &fields, 3, out);
        }
        Shape::Number => number(random, out),
        Shape::Any => match random.below(if depth == 0 { 5 } else { 9 }) {
            0 => out.push_str(random.pick(&["null", "true", "false"])),
            1 | 2 => number(random, out),
            3 | 4 => {
                let text = random.string();
                string(random, &text, out);
            }
            5 | 6 => array(random, Shape::Any, depth - 1, out),
            _ => object(random, &[], depth - 1, out),
        },
    }
}

fn array(random: &mut Random, items: Shape, depth: u64, out: &mut String) {
    out.push('[');
    space(random, out);
    for index in 0..random.below(5) {
        if index > 0 {
            out.push(',');
            space(random, out);
        }
        value(random, items, depth, out);
        space(random, out);
    }
    out.push(']');
}

/// Writes an object of the given fields and a few others, in any order.
fn object(random: &mut Random, fields: &[(&str, Shape)], depth: u64, out: &mut String) {
    let mut members: Vec<_> = fields
        .iter()
        .map(|(key, shape)| (String::from(*key), *shape))
        .collect();
    members.extend(random.several(6, |random| (random.string(), Shape::Any)));
    let mut keys = HashSet::new();
    members.retain(|(key, _)| keys.insert(key.clone()) && !random.once_in(6));
    members.sort_by_cached_key(|_| random.bits());

    out.push('{');
    space(random, out);
    for (index, (key, shape)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
            space(random, out);
        }
        string(random, &key, out);
        space(random, out);
        out.push(':');
        space(random, out);
        value(random, shape, depth, out);
        space(random, out);
    }
    out.push('}');
}

/// Writes a string, each character in any of the spellings that JSON has for it.
fn string(random: &mut Random, text: &str, out: &mut String) {
    out.push('"');
    for char in text.chars() {
        let short = match char {
            '"' => Some(r#"\""#),
            '\\' => Some(r"\\"),
            '/' => Some(r"\/"),
            '\u{8}' => Some(r"\b"),
            '\t' => Some(r"\t"),
            '\n' => Some(r"\n"),
            '\u{c}' => Some(r"\f"),
            '\r' => Some(r"\r"),
            _ => None,
        };
        let literal = char >= ' ' && char != '"' && char != '\\';
        match (short, literal) {
            (Some(short), false) if !random.once_in(3) => out.push_str(short),
            (Some(short), true) if random.once_in(2) => out.push_str(short),
            (_, true) if !random.once_in(8) => out.push(char),
            _ => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    let upper = random.once_in(2);
                    let _ = if upper {
                        write!(out, "\\u{unit:04X}")
                    } else {
                        write!(out, "\\u{unit:04x}")
                    };
                }
            }
        }
    }
    out.push('"');
}

fn number(random: &mut Random, out: &mut String) {
    let borders = [
        "0",
        "-0",
        "1",
        "-1",
        "0.0",
        "-0.0",
        "1.0",
        "0e0",
        "-0E+5",
        "1e-5",
        "0.0001",
        "1e15",
        "1e16",
        "9007199254740993",
        "9223372036854775808",
        "18446744073709551616",
        "5e-324",
        "2e-324",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "1e309",
        "-1e400",
        "1e-400",
    ];
    match random.below(8) {
        0 => out.push_str(random.pick(&borders)),
        1 => integer(random, 20, out),
        2 => integer(random, 400, out),
        3 => {
            let _ = write!(out, "{:?}", random.float());
        }
        4 => {
            let _ = write!(out, "{:E}", random.float());
        }
        5 => {
            // Doubles next to a power of ten, where the layout changes.
            let power: f64 = format!("1e{}", random.below(50).cast_signed() - 25)
                .parse()
                .unwrap();
            let bits = power.to_bits() + random.below(5) - 2;
            let _ = write!(out, "{:e}", f64::from_bits(bits));
        }
        6 => {
            // Powers of two: the gap to the double below is half that to the double above.
            let exponent = random.below(2046) + 1;
            let _ = write!(out, "{:e}", f64::from_bits(exponent << 52));
        }
        _ => {
            integer(random, 25, out);
            if random.once_in(2) {
                out.push('.');
                digits(random, 25, out);
            }
            out.push_str(random.pick(&["e", "E", "e+", "E-", "e-0"]));
            let _ = write!(out, "{}", random.below(40));
        }
    }
}

fn integer(random: &mut Random, most: u64, out: &mut String) {
    out.push_str(random.pick(&["", "-"]));
    out.push(random.pick(&['1', '2', '3', '4', '5', '6', '7', '8', '9']));
    digits(random, most, out);
}

fn digits(random: &mut Random, most: u64, out: &mut String) {
    for _ in 0..=random.below(most) {
        out.push(random.pick(&['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']));
    }
}

fn space(random: &mut Random, out: &mut String) {
    while random.once_in(4) {
        out.push(random.pick(&[' ', '\t', '\n', '\r']));
    }
}

/// Removes, repeats or inserts something, which most often leaves no JSON.
fn damage(random: &mut Random, text: &str) -> String {
    const PARTS: &[&str] = &[
        ",",
        ":",
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        "0",
        "-",
        "e",
        ".",
        "+",
        " ",
        "\u{b}",
        "\u{a0}",
        "\u{feff}",
        "\u{0}",
        "\n",
        "null",
        "NaN",
        "Infinity",
        "-Infinity",
        "\\ud800",
        "\\udc00",
        "\\u",
        "'",
        "//",
        "tru",
        "\"\":0,",
        "\"a\":0,",
    ];
    let mut chars: Vec<char> = text.chars().collect();
    let places = u64::try_from(chars.len()).unwrap() + 1;
    let mut place = || usize::try_from(random.below(places)).unwrap();
    let (start, end) = (place(), place());
    match random.below(4) {
        0 => chars.truncate(start),
        1 if start + 1 < chars.len() => {
            chars.remove(start);
        }
        2 if start < end => {
            let part: Vec<char> = chars[start..end].to_vec();
            chars.splice(end..end, part);
        }
        _ => {
            let part = random.pick(PARTS);
            chars.splice(start..start, part.chars());
        }
    }
    chars.into_iter().collect()
}
