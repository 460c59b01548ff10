//! Hexadecimal text of a fixed length.

/// Reads exactly `2 * N` lower-case digits. The protocol's text forms have one spelling each, so
/// that a changed letter in a stored hash or signature is never mistaken for the original.
pub(crate) fn decode_lower<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes = decode(text)?;
    // No early end, so that many letters are tested at once.
    let is_upper = |found, byte: u8| found | byte.is_ascii_uppercase();
    (!text.bytes().fold(false, is_upper)).then_some(bytes)
}

/// Reads exactly `2 * N` digits of either case.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    // The decoder takes a prefix `0x`, but not in place of digits.
    if text.len() == 2 * N {
        const_hex::decode_to_array(text).ok()
    } else {
        None
    }
}
