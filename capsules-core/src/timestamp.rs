//! Points in time as the protocol writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time with microsecond resolution, in UTC.
///
/// Written as `YYYY-MM-DDTHH:MM:SS[.ffffff]+00:00` (CPS section 2): the fraction is absent when
/// the microseconds are zero and has six digits otherwise. Read from any ISO 8601 date and time
/// that names an offset.
///
/// ```
/// use capsules_core::Timestamp;
///
/// let time: Timestamp = "2026-01-15T13:30:00.5+01:00".parse()?;
/// assert_eq!(time.to_string(), "2026-01-15T12:30:00.500000+00:00");
/// # Ok::<(), capsules_core::MalformedTimestamp>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Microseconds since the Unix epoch.
    micros: i64,
}

/// The text is not an ISO 8601 date and time with an offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not an ISO 8601 date and time with an offset, such as 2026-01-15T12:00:00+00:00"
)]
pub struct MalformedTimestamp {
    /// The text that was read.
    pub text: String,
}

impl Timestamp {
    /// The time of the system's clock, cut to microseconds.
    pub fn now() -> Self {
        Self::from(jiff::Timestamp::now())
    }

    /// The time that lies `micros` microseconds after the Unix epoch, or `None` outside the
    /// years -9999 to 9999.
    pub fn from_micros(micros: i64) -> Option<Self> {
        jiff::Timestamp::from_microsecond(micros)
            .ok()
            .map(Self::from)
    }

    /// Microseconds since the Unix epoch.
    pub fn as_micros(self) -> i64 {
        self.micros
    }

    /// Appends the text. Part of every canonical form, so written without the formatting
    /// machinery, which takes ten times as long.
    pub(crate) fn write(self, out: &mut String) {
        // Every constructor checks the range, so the fallback is never taken.
        let time = jiff::Timestamp::from_microsecond(self.micros).unwrap_or_default();
        let civil = jiff::tz::Offset::UTC.to_datetime(time);
        if civil.year() < 0 {
            out.push('-');
        }
        let year = u32::from(civil.year().unsigned_abs());
        for (before, value, width) in [
            ("", year, 4),
            ("-", civil.month().unsigned_abs().into(), 2),
            ("-", civil.day().unsigned_abs().into(), 2),
            ("T", civil.hour().unsigned_abs().into(), 2),
            (":", civil.minute().unsigned_abs().into(), 2),
            (":", civil.second().unsigned_abs().into(), 2),
        ] {
            out.push_str(before);
            write_digits(value, width, out);
        }
        let nanoseconds = civil.subsec_nanosecond().unsigned_abs();
        if nanoseconds != 0 {
            out.push('.');
            write_digits(nanoseconds / 1_000, 6, out);
        }
        out.push_str("+00:00");
    }
}

/// The length of a text with a fraction.
const TEXT_SIZE: usize = "2026-01-15T12:00:00.000000+00:00".len();

fn write_digits(value: u32, width: u32, out: &mut String) {
    for place in (0..width).rev() {
        let digit = value / 10_u32.pow(place) % 10;
        out.extend(char::from_digit(digit, 10));
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        Self {
            micros: time.as_microsecond(),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(TEXT_SIZE);
        self.write(&mut text);
        f.write_str(&text)
    }
}

impl FromStr for Timestamp {
    type Err = MalformedTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .map(Self::from)
            .map_err(|_| MalformedTimestamp {
                text: text.to_owned(),
            })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fraction_is_absent_or_six_digits() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00+00:00"),
            (1, "1970-01-01T00:00:00.000001+00:00"),
            (-1, "1969-12-31T23:59:59.999999+00:00"),
            (1_768_478_400_000_000, "2026-01-15T12:00:00+00:00"),
            (1_768_478_400_120_000, "2026-01-15T12:00:00.120000+00:00"),
        ] {
            let time = Timestamp::from_micros(micros).unwrap();
            assert_eq!(time.to_string(), text);
            assert_eq!(text.parse(), Ok(time));
        }
    }

    #[test]
    fn offset_is_required() {
        for text in ["2026-01-15T12:00:00", "2026-01-15", "noon", ""] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
        assert_eq!(
            "2026-01-15T12:00:00Z".parse::<Timestamp>(),
            "2026-01-15T12:00:00+00:00".parse::<Timestamp>()
        );
    }
}
