//! Times, durations and numbers as people read and write them.

use capsules_core::Timestamp;

/// The time to the second, in UTC: `2026-01-15 12:00:00`.
pub(crate) fn time(time: Timestamp) -> String {
    let text = time.to_string();
    let (date, rest) = text.split_once('T').unwrap_or((&text, ""));
    format!("{date} {}", rest.get(..8).unwrap_or(rest))
}

/// `12 ms`, `3.4 s`, `2 min 5 s`, `1 h 2 min`.
pub(crate) fn duration(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds}.{} s", millis % 1000 / 100),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The number with a comma before every three digits.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The number with its noun, as in `1 capsule` and `2,000 capsules`.
pub(crate) fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(n), if n == 1 { "" } else { "s" })
}

/// The first digits of a hash, enough to find it again.
pub(crate) fn short_hash(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// Reads a date, a date and time (UTC unless it names an offset), or how long ago.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    let dated = [text, &format!("{text}Z"), &format!("{text}T00:00:00Z")];
    dated
        .iter()
        .find_map(|text| text.replacen(' ', "T", 1).parse().ok())
        .or_else(|| named(text))
        .or_else(|| ago(text))
        .ok_or_else(|| {
            "give a date, a date and time, today, yesterday, or how long ago, such as 24h"
                .to_owned()
        })
}

/// Days begin at midnight UTC.
fn named(text: &str) -> Option<Timestamp> {
    let now = Timestamp::now().as_micros();
    let today = now - now.rem_euclid(DAY * SECOND);
    Timestamp::from_micros(match text {
        "now" => now,
        "today" => today,
        "yesterday" => today - DAY * SECOND,
        _ => return None,
    })
}

/// Numbers with their units, the greatest unit first or not: `90s`, `1h30m`.
fn ago(text: &str) -> Option<Timestamp> {
    let mut seconds = 0_i64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count = i64::from(rest[..digits].parse::<u32>().ok()?);
        let unit = match rest.as_bytes()[digits] {
            b's' => 1,
            b'm' => 60,
            b'h' => 60 * 60,
            b'd' => DAY,
            b'w' => 7 * DAY,
            _ => return None,
        };
        seconds = seconds.checked_add(count.checked_mul(unit)?)?;
        rest = &rest[digits + 1..];
    }
    let micros = (!text.is_empty()).then(|| seconds.checked_mul(SECOND))??;
    Timestamp::from_micros(Timestamp::now().as_micros().checked_sub(micros)?)
}

const DAY: i64 = 24 * 60 * 60;
/// In microseconds.
const SECOND: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (59_999, "59.9 s"),
            (60_000, "1 min 0 s"),
            (3_599_999, "59 min 59 s"),
            (3_720_000, "1 h 2 min"),
        ] {
            assert_eq!(duration(millis), text);
        }
    }

    #[test]
    fn numbers() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(number(n), text);
        }
        assert_eq!(
            [counted(1, "link"), counted(0, "link")],
            ["1 link", "0 links"]
        );
    }

    #[test]
    fn times_with_and_without_an_offset() {
        for (text, time) in [
            ("2026-01-15", "2026-01-15T00:00:00+00:00"),
            ("2026-01-15T12:30:00", "2026-01-15T12:30:00+00:00"),
            ("2026-01-15 12:30:00", "2026-01-15T12:30:00+00:00"),
            ("2026-01-15T12:30:00Z", "2026-01-15T12:30:00+00:00"),
            ("2026-01-15T12:30:00+02:00", "2026-01-15T10:30:00+00:00"),
        ] {
            assert_eq!(parse_time(text).unwrap().to_string(), time);
        }
        for text in [
            "",
            "h",
            "noon",
            "-1h",
            "3 h",
            "1é",
            "h1",
            "1h2",
            "99999999999w",
        ] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_relative_to_now() {
        for (text, seconds) in [
            ("now", 0),
            ("90s", 90),
            ("2h", 7_200),
            ("1h30m", 5_400),
            ("1w", 604_800),
        ] {
            let then = parse_time(text).unwrap();
            let passed = Timestamp::now().as_micros() - then.as_micros();
            assert!(
                (seconds..seconds + 60).contains(&(passed / 1_000_000)),
                "{text}"
            );
        }
    }

    #[test]
    fn days_begin_at_midnight() {
        let micros = |text: &str| parse_time(text).unwrap().as_micros();
        let days = || ["yesterday", "today", "now"].map(micros);
        // Unless a day begins between them.
        let mut found = days();
        while found[1] != micros("today") {
            found = days();
        }
        let [yesterday, today, now] = found;
        assert_eq!(today % 86_400_000_000, 0);
        assert_eq!(today - yesterday, 86_400_000_000);
        assert!((0..86_400_000_000).contains(&(now - today)));
    }
}
