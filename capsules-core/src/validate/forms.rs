//! The forms of UUIDs and times that the protocol's reference reads, which are those of Python
//! 3.11: more than the protocol writes.

use jiff::civil::{Date, ISOWeekDate, Weekday};

/// Whether the text is a UUID: 32 hexadecimal digits of either case, with hyphens anywhere, and
/// optionally `urn:`, `uuid:` and braces around.
pub(super) fn is_uuid(text: &str) -> bool {
    let text = text.replace("urn:", "").replace("uuid:", "");
    let digits = text.trim_matches(['{', '}']).replace('-', "");
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether the text is an ISO 8601 date and time with an offset from UTC.
///
/// The date is a calendar or a week date, and any character may stand before the time; both have
/// the extended form (`2026-01-15T12:00:00.5+01:00`) or the basic one (`20260115T120000,5+0100`).
pub(super) fn is_time_with_offset(text: &str) -> bool {
    let text = text.replace('Z', "+00:00");
    let Some((date, time)) = split_date(&text) else {
        return false;
    };
    let Some((time, offset)) = time
        .find(['+', '-'])
        .map(|at| (&time[..at], &time[at + 1..]))
    else {
        return false;
    };
    let time = clock(time).is_some_and(|time| {
        let [hour, minute, second] = time.units;
        hour < 24 && minute < 60 && second < 60
    });
    let offset = clock(offset).is_some_and(|offset| {
        let [hour, minute, second] = offset.units;
        !offset.rest && hour * 3600 + minute * 60 + second < 24 * 3600
    });
    is_date(date) && time && offset
}

/// Cuts the text at the character between date and time.
fn split_date(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let length = match (bytes.get(4)?, bytes.get(5)?) {
        // YYYY-Www-D, unless two digits follow: then they are the hour after YYYY-Www.
        (b'-', b'W') if bytes.get(8) == Some(&b'-') && !digit(10) => 10,
        (b'-', b'W') => 8,
        (b'-', _) => 10,
        // YYYYWww or YYYYWwwD: an even number of digits belongs to a time without a separator.
        (b'W', _) => match 7 + bytes
            .get(7..)?
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
        {
            end if end < 9 => end,
            end if end % 2 == 0 => 7,
            _ => 8,
        },
        _ => 8,
    };
    let date = text.get(..length)?;
    let mut time = text.get(length..)?.chars();
    time.next()?;
    Some((date, time.as_str()))
}

fn is_date(text: &str) -> bool {
    parse_date(text).is_some_and(|date| date.year() >= 1)
}

fn parse_date(text: &str) -> Option<Date> {
    let (year, rest) = text.split_at_checked(4)?;
    let year = digits(year)?;
    let (rest, extended) = match rest.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let (first, second) = match (extended, rest.strip_prefix('W').unwrap_or(rest)) {
        (true, rest) => match rest.split_once('-') {
            Some((first, second)) => (first, Some(second)),
            None => (rest, None),
        },
        (false, rest) => match rest.split_at_checked(2)? {
            (first, "") => (first, None),
            (first, second) => (first, Some(second)),
        },
    };
    if rest.starts_with('W') {
        let day = match second {
            Some(day) if day.len() == 1 => digits(day)?,
            Some(_) => return None,
            None => 1,
        };
        let weekday = Weekday::from_monday_one_offset(day.try_into().ok()?).ok()?;
        let week = two_digits(first)?.try_into().ok()?;
        return ISOWeekDate::new(year, week, weekday)
            .ok()
            .map(ISOWeekDate::date);
    }
    let month = two_digits(first)?.try_into().ok()?;
    let day = two_digits(second?)?.try_into().ok()?;
    Date::new(year, month, day).ok()
}

/// A time of day or an offset as far as it was read.
struct Clock {
    /// Hour, minute and second; 0 where absent.
    units: [u32; 3],
    /// Whether one character was left over, which the reference forgives before an offset.
    rest: bool,
}

/// Reads `HH[:MM[:SS]]` or `HH[MM[SS]]` and a fraction, as the reference does: what follows the
/// last unit is the fraction, whatever unit that is and with or without a mark before it.
fn clock(text: &str) -> Option<Clock> {
    let mut units = [0; 3];
    let mut text = text;
    let mut colons = false;
    for (index, unit) in units.iter_mut().enumerate() {
        let (pair, behind) = text.split_at_checked(2)?;
        *unit = u32::from(two_digits(pair)?.unsigned_abs());
        let mut rest = behind.chars();
        let mark = rest.next();
        if index == 0 {
            colons = mark == Some(':');
        }
        if mark.is_none() || rest.as_str().is_empty() {
            let rest = mark.is_some();
            return Some(Clock { units, rest });
        }
        match mark {
            Some(':') if colons => text = rest.as_str(),
            Some('.' | ',') => {
                text = rest.as_str();
                break;
            }
            _ if colons => return None,
            _ => text = behind,
        }
    }
    let fraction = text.bytes().all(|byte| byte.is_ascii_digit());
    fraction.then_some(Clock { units, rest: false })
}

fn two_digits(text: &str) -> Option<i16> {
    if text.len() == 2 { digits(text) } else { None }
}

fn digits(text: &str) -> Option<i16> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids() {
        for text in [
            "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
            "A1B2C3D4E5F67890ABCDEF1234567890",
            "urn:uuid:{a1b2c3d4-e5f6-7890-abcd-ef1234567890}",
        ] {
            assert!(is_uuid(text), "{text}");
        }
        for text in [
            "",
            "a1b2c3d4",
            "g1b2c3d4-e5f6-7890-abcd-ef1234567890",
            "ééééééééééééééééé",
        ] {
            assert!(!is_uuid(text), "{text}");
        }
    }

    #[test]
    fn times_have_an_offset() {
        for text in [
            "2026-01-15T12:00:00+00:00",
            "2026-01-15 12:00:00.123456789Z",
            "20260115T120000,5-0130",
            "2026-W03-4T12Z",
            "2026W034é12:30+23:59:59",
            "2024-02-29T00:00:00Z",
        ] {
            assert!(is_time_with_offset(text), "{text}");
        }
        for text in [
            "",
            "2026-01-15",
            "2026-01-15T12:00:00",
            "2026-01-15Z",
            "2026-02-29T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2026-01-15T24:00:00Z",
            "2026-01-15T12:60Z",
            "2026-01-15T12:00:00+24:00",
            "2026-01-15T12:00:00.5é+00:00",
            "2026-W54-1T12Z",
            "éééé-01-15T12:00:00Z",
        ] {
            assert!(!is_time_with_offset(text), "{text}");
        }
    }
}
