//! Puts the members of objects in order.

use std::ops::Range;

/// An object of a text whose members are not in order.
pub(super) struct Unsorted {
    /// From its opening to past its closing brace.
    pub(super) span: Range<usize>,
    /// Its members in order, as a range of the list of members.
    pub(super) members: Range<usize>,
}

/// Copies `text` with the members of the objects in `unsorted` in order. The list must be sorted
/// by the objects' start; `members` holds where in `text` each member, from its key to the end of
/// its value, stands.
///
/// Every byte is copied once, however deep the objects nest.
pub(super) fn reorder(text: &str, unsorted: &[Unsorted], members: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(text.len());
    // What is left to copy, the next piece last.
    let mut pieces = vec![Piece {
        span: 0..text.len(),
        comma: false,
    }];
    while let Some(Piece { span, comma }) = pieces.pop() {
        if comma {
            out.push(',');
        }
        let next = unsorted.partition_point(|object| object.span.start < span.start);
        match unsorted.get(next) {
            Some(object) if object.span.start < span.end => {
                out.push_str(&text[span.start..=object.span.start]);
                // The closing brace and what follows it.
                pieces.push(Piece {
                    span: object.span.end - 1..span.end,
                    comma: false,
                });
                for index in object.members.clone().rev() {
                    let comma = index > object.members.start;
                    pieces.push(Piece {
                        span: members[index].clone(),
                        comma,
                    });
                }
            }
            _ => out.push_str(&text[span]),
        }
    }
    out
}

struct Piece {
    span: Range<usize>,
    comma: bool,
}
