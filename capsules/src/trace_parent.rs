//! The `traceparent` header of W3C Trace Context.

use std::fmt;
use std::str::FromStr;

/// Where a request comes from in a distributed trace: the `traceparent` header of
/// [W3C Trace Context](https://www.w3.org/TR/trace-context/).
///
/// Read strictly: lower-case digits, the exact lengths, no zero ids, no white space. Versions
/// after 00 are read as the recommendation asks, by their first four fields.
///
/// ```
/// use capsules::TraceParent;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parent: TraceParent = header.parse()?;
/// assert_eq!(parent.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert_eq!(parent.parent_id(), "00f067aa0ba902b7");
/// assert!(parent.is_sampled());
/// # Ok::<(), capsules::MalformedTraceParent>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace_id: u128,
    parent_id: u64,
    flags: u8,
}

/// The text is not a `traceparent` header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a W3C traceparent header ({reason}); it has the form \
     00-<32 hexadecimal digits>-<16 digits>-<2 digits>, in lower case"
)]
pub struct MalformedTraceParent {
    reason: &'static str,
}

impl TraceParent {
    /// The id of the whole trace, 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The id of the span that made the request, 16 hexadecimal digits.
    pub fn parent_id(&self) -> String {
        format!("{:016x}", self.parent_id)
    }

    /// Whether the caller may have recorded the trace.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }
}

impl fmt::Display for TraceParent {
    /// The header, in version 00.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace_id,
            parent_id,
            flags,
        } = self;
        write!(f, "00-{trace_id:032x}-{parent_id:016x}-{flags:02x}")
    }
}

impl FromStr for TraceParent {
    type Err = MalformedTraceParent;

    fn from_str(header: &str) -> Result<Self, Self::Err> {
        let malformed = |reason| MalformedTraceParent { reason };
        let fields = header.get(..LENGTH).ok_or(malformed("too short"))?;
        let (version, rest) = split(fields, 2).ok_or(malformed("its version"))?;
        let (trace_id, rest) = split(rest, 32).ok_or(malformed("its trace id"))?;
        let (parent_id, flags) = split(rest, 16).ok_or(malformed("its parent id"))?;
        let version = digits(version).ok_or(malformed("its version"))?;
        let trace_id = digits(trace_id).ok_or(malformed("its trace id"))?;
        let parent_id = digits(parent_id).ok_or(malformed("its parent id"))?;
        let flags = digits(flags).ok_or(malformed("its flags"))?;
        if version == 0xff {
            return Err(malformed("version ff"));
        }
        if trace_id == 0 || parent_id == 0 {
            return Err(malformed("an id is zero"));
        }
        // Later versions may add fields, version 00 has no more.
        match header.as_bytes().get(LENGTH) {
            None => {}
            Some(b'-') if version > 0 => {}
            Some(_) => return Err(malformed("too long")),
        }
        let narrow = |_| malformed("a number");
        Ok(Self {
            trace_id,
            parent_id: parent_id.try_into().map_err(narrow)?,
            flags: flags.try_into().map_err(narrow)?,
        })
    }
}

/// The trace id of a header, for the attribute; a malformed header has none.
pub fn trace_id(header: Option<String>) -> Option<String> {
    let header = header?;
    match header.parse::<TraceParent>() {
        Ok(parent) => Some(parent.trace_id()),
        Err(error) => {
            // Anybody may send one, so it is no error of this program.
            tracing::debug!(target: "capsules", %error, "a traceparent was ignored");
            None
        }
    }
}

/// The length of version 00.
const LENGTH: usize = 55;

/// The field of this length, and what follows the dash after it.
fn split(text: &str, length: usize) -> Option<(&str, &str)> {
    let (field, rest) = text.split_at_checked(length)?;
    Some((field, rest.strip_prefix('-')?))
}

fn digits(field: &str) -> Option<u128> {
    let all = field
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    all.then(|| u128::from_str_radix(field, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_survives_reading_and_writing() {
        let parent: TraceParent = HEADER.parse().unwrap();
        assert_eq!(parent.to_string(), HEADER);
        let unsampled: TraceParent = HEADER.replace("-01", "-02").parse().unwrap();
        assert!(!unsampled.is_sampled());
    }

    #[test]
    fn later_versions_are_read_by_their_first_fields() {
        let parent: TraceParent = HEADER.parse().unwrap();
        for later in [
            HEADER.replacen("00", "01", 1),
            format!("{}-more", HEADER.replacen("00", "fe", 1)),
        ] {
            assert_eq!(later.parse(), Ok(parent), "{later}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for malformed in [
            "",
            "00",
            &HEADER[..54],
            &format!("{HEADER} "),
            &format!(" {HEADER}"),
            &format!("{HEADER}-"),
            &format!("{HEADER}-more"),
            &format!("{}x", HEADER.replacen("00", "01", 1)),
            &HEADER.replacen("00", "ff", 1),
            &HEADER.replacen("00", "0x", 1),
            &HEADER.replacen("00", "+0", 1),
            &HEADER.to_uppercase(),
            &HEADER.replace("4bf9", "4BF9"),
            &HEADER.replace("4bf9", "4bg9"),
            &HEADER.replace("00f0", "00é"),
            &HEADER.replace('-', "_"),
            &HEADER.replace("-01", "-0x"),
            &HEADER.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &HEADER.replace("00f067aa0ba902b7", &"0".repeat(16)),
            "00-4bf92f3577b34da6a3ce929d0e0e47360-0f067aa0ba902b7-01",
        ] {
            assert!(malformed.parse::<TraceParent>().is_err(), "{malformed:?}");
        }
    }
}
