//! Numbers as Python prints them.

/// Writes an integer.
pub(crate) fn write_integer(value: impl itoa::Integer, out: &mut String) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// Writes a finite float as Python's `repr` does: the shortest digits that read back to the same
/// double, in fixed notation for decimal exponents from -4 to 15, always with a `.` or an `e`.
pub(super) fn write_float(value: f64, out: &mut String) {
    // Where two shortest texts are equally near, this takes the even one, as Python does. The
    // standard library takes the upper one.
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    if value == 0.0 || (1e-4..1e16).contains(&value.abs()) {
        out.push_str(text);
    } else if let Some((mantissa, exponent)) = text.split_once('e') {
        out.push_str(mantissa);
        let digits = exponent.trim_start_matches(['+', '-']);
        out.push_str(if exponent.starts_with('-') {
            "e-"
        } else {
            "e+"
        });
        out.push_str(if digits.len() == 1 { "0" } else { "" });
        out.push_str(digits);
    } else {
        // Fixed notation goes one exponent further there: 0.000012 for Python's 1.2e-05.
        out.push_str(if value < 0.0 { "-" } else { "" });
        let digits = text.trim_start_matches(['-', '0', '.']);
        let (first, rest) = digits.split_at(1);
        out.push_str(first);
        out.push_str(if rest.is_empty() { "" } else { "." });
        out.push_str(rest);
        out.push_str("e-05");
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
            (-1.2e-5, "-1.2e-05"),
            (9.9e-6, "9.9e-06"),
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
            // Both are as near to the digit above; Python takes the even one.
            (1.000_007_629_394_531_25, "1.0000076293945312"),
            (f64::powi(2.0, -25), "2.9802322387695312e-08"),
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
