//! Numbers as Python prints them.

use std::fmt::{self, Write};

/// Writes an integer.
pub(crate) fn write_integer(value: impl fmt::Display, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

/// Writes a finite float as Python's `repr` does: the shortest digits that read back to the same
/// double, in fixed notation for decimal exponents from -4 to 15, always with a `.` or an `e`.
pub(super) fn write_float(value: f64, out: &mut String) {
    let mut buffer = Buffer::default();
    // The standard library finds the same digits, as `d.ddde-7`; only the layout differs. The
    // buffer holds the longest of them.
    let _ = write!(buffer, "{:e}", value.abs());
    let (mantissa, exponent) = buffer.as_str().split_once('e').unwrap_or(("0", "0"));
    let (first, rest) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let magnitude = exponent.unsigned_abs() as usize;

    if value.is_sign_negative() {
        out.push('-');
    }
    match exponent {
        0..=15 => {
            out.push_str(first);
            if let Some((whole, fraction)) = rest.split_at_checked(magnitude) {
                out.push_str(whole);
                out.push('.');
                out.push_str(if fraction.is_empty() { "0" } else { fraction });
            } else {
                out.push_str(rest);
                out.extend(std::iter::repeat_n('0', magnitude - rest.len()));
                out.push_str(".0");
            }
        }
        -4..0 => {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', magnitude - 1));
            out.push_str(first);
            out.push_str(rest);
        }
        _ => {
            out.push_str(first);
            if !rest.is_empty() {
                out.push('.');
                out.push_str(rest);
            }
            let sign = if exponent < 0 { '-' } else { '+' };
            let _ = write!(out, "e{sign}{magnitude:02}");
        }
    }
}

/// A short text on the stack.
#[derive(Default)]
struct Buffer {
    bytes: [u8; 32],
    length: usize,
}

impl Buffer {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let free = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        free.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(value: f64) -> String {
        let mut out = String::new();
        write_float(value, &mut out);
        out
    }

    #[test]
    #[allow(clippy::excessive_precision)]
    fn floats_change_notation_where_python_does() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.95, "0.95"),
            (-120.5, "-120.5"),
            (100.0, "100.0"),
            (0.0001, "0.0001"),
            (0.000_123_45, "0.00012345"),
            (0.000_099_999, "9.9999e-05"),
            (1e-5, "1e-05"),
            (1.5e-10, "1.5e-10"),
            (1e15, "1000000000000000.0"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e16, "1e+16"),
            (12_345_678_901_234_567_890.0, "1.2345678901234567e+19"),
            (1.5e300, "1.5e+300"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (-f64::MIN_POSITIVE, "-2.2250738585072014e-308"),
            (0.1 + 0.2, "0.30000000000000004"),
            (123_456.789, "123456.789"),
        ] {
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn floats_read_back_to_themselves() {
        // Steps through the bit patterns of all exponents.
        for step in 0..20_000_u64 {
            let value = f64::from_bits(step.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            if value.is_finite() {
                assert_eq!(
                    float(value).parse::<f64>().unwrap().to_bits(),
                    value.to_bits()
                );
            }
        }
    }
}
