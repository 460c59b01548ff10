//! How what was recorded differs from what was expected, line by line.

use std::fmt::Write;

use capsules_core::Capsule;

use super::expected::{Expected, Recorded};

/// The difference for people to read; `None` when there is none.
pub(super) fn between(expected: &[Expected], recorded: &[Capsule]) -> Option<String> {
    let is = |at: usize, place: usize| expected[at].is(&recorded[place], recorded);
    if expected.len() == recorded.len() && (0..expected.len()).all(|at| is(at, at)) {
        return None;
    }
    let mut text = "the capsules are not those that were expected\n\
                    (- was expected and is missing, + was not expected)\n"
        .to_owned();
    let common = common(expected.len(), recorded.len(), is);
    let (mut at, mut place) = (0, 0);
    while at < expected.len() || place < recorded.len() {
        let both = at < expected.len() && place < recorded.len();
        let same = both && is(at, place);
        // Of two lines that differ the expected one stands first.
        let missing = place == recorded.len()
            || both && !same && common[at + 1][place] >= common[at][place + 1];
        if missing {
            line(&mut text, '-', None, &expected[at].to_string());
            at += 1;
            continue;
        }
        let capsule = Recorded {
            capsule: &recorded[place],
            all: recorded,
        };
        let sign = if same { ' ' } else { '+' };
        line(&mut text, sign, Some(place), &capsule.to_string());
        at += usize::from(same);
        place += 1;
    }
    Some(text)
}

/// A line, with its place among those that were recorded.
fn line(text: &mut String, sign: char, place: Option<usize>, what: &str) {
    let place = place.map(|place| format!("#{place}")).unwrap_or_default();
    // Writing to a string does not fail.
    let _ = writeln!(text, "{sign} {place:<4} {what}");
}

/// How many lines the two have in common from each pair of places on, in order.
fn common(expected: usize, recorded: usize, is: impl Fn(usize, usize) -> bool) -> Vec<Vec<usize>> {
    let mut common = vec![vec![0; recorded + 1]; expected + 1];
    for at in (0..expected).rev() {
        for place in (0..recorded).rev() {
            common[at][place] = if is(at, place) {
                1 + common[at + 1][place + 1]
            } else {
                common[at + 1][place].max(common[at][place + 1])
            };
        }
    }
    common
}
