//! Edits in the sealed content.

use capsules_core::verify::VerifyCode::InvalidSignature;

use crate::attack::{Attack, content, links, or_link, signature};
use crate::evidence::{Evidence, LENGTH};

/// An edit of record 2.
macro_rules! edit {
    ($name:literal, $from:literal => $to:expr) => {
        Attack::new($name, content(2), |evidence| evidence.edit(2, $from, $to))
    };
}

pub(crate) const ATTACKS: &[Attack] = &[
    edit!("a value in `trigger` edited", "\"request\":\"transfer 100\"" => "\"request\":\"transfer 900\""),
    edit!("a value in `context` edited", "agent-7" => "agent-8"),
    edit!("a value in `reasoning` edited", "no reason to" => "no reason"),
    edit!("the approver in `authority` removed", "\"approver\":\"alice\"" => "\"approver\":null"),
    edit!("the result of a tool in `execution` edited", "\"booked\":true" => "\"booked\":false"),
    edit!("a failure made of a success in `outcome`", "\"status\":\"success\"" => "\"status\":\"failure\""),
    edit!("`spec_version` edited", "\"spec_version\":\"1.0\"" => "\"spec_version\":\"1.1\""),
    edit!("a key added", "{\"authority\"" => "{\"approved\":true,\"authority\""),
    edit!("a key added in a section", "\"metrics\":{}" => "\"metrics\":{\"score\":1}"),
    edit!("a key removed", "\"spec_version\":\"1.0\"," => ""),
    edit!("a key that is null removed", "\"policy_reference\":null," => ""),
    edit!("a key in other letters", "\"approver\":" => "\"Approver\":"),
    Attack::new("a section removed", content(2), |evidence| {
        let content = evidence.record(2).content;
        let start = content.find("\"authority\"").unwrap();
        let end = content.find("\"context\"").unwrap();
        evidence.edit(2, &content[start..end], "");
    }),
    Attack::new("two options exchanged", content(2), |evidence| {
        evidence.edit(2, "\"id\":\"opt_0\"", "\"id\":\"opt_9\"");
        evidence.edit(2, "\"id\":\"opt_1\"", "\"id\":\"opt_0\"");
        evidence.edit(2, "\"id\":\"opt_9\"", "\"id\":\"opt_1\"");
    }),
    edit!("a fraction respelled (25.5, 25.50)", "25.5" => "25.50")
    .missed_by_python(),
    edit!("an integer respelled (1500, 1500.0)", "1500" => "1500.0"),
    edit!("an integer respelled (1500, 15e2)", "1500" => "15e2"),
    edit!("a float-typed field respelled (1.0, 1.00)", "\"feasibility\":1.0" => "\"feasibility\":1.00")
    .missed_by_python(),
    edit!("a sign added to a zero", "\"feasibility\":0.0" => "\"feasibility\":-0.0"),
    edit!("a digit added beyond a double's precision", "25.5" => "25.50000000000000000001")
    .missed_by_python(),
    edit!("a number made a string", "25.5" => "\"25.5\""),
    edit!("a boolean made a number", "\"booked\":true" => "\"booked\":1"),
    edit!("a letter replaced by its Cyrillic twin", "alice" => "\u{430}lice"),
    edit!("a character without width added", "alice" => "al\u{200b}ice"),
    edit!("the direction of writing reversed", "transferred 100" => "transferred \u{202e}001"),
    Attack::new("an accented letter taken apart (NFC, NFD)", content(3), |evidence| {
        evidence.edit(3, "zo\u{eb}", "zoe\u{308}");
    }),
    edit!("half a surrogate pair added", "alice" => "alice\\ud800").other_in_python(),
    edit!("a NUL added", "alice" => "alice\\u0000"),
    edit!("a key doubled with another value", "\"status\":\"success\"" => "\"status\":\"failure\",\"status\":\"success\"")
        .missed_by_python(),
    edit!("a key doubled behind an escape", "\"status\":\"success\"" => "\"status\":\"success\",\"st\\u0061tus\":\"failure\""),
    Attack::new("a key doubled, and the chain hashed anew over these bytes", content(2), |evidence| {
        evidence.edit(2, "\"status\":\"success\"", "\"status\":\"failure\",\"status\":\"success\"");
        let content = evidence.record(2).content;
        let hash = capsules_core::sha3_256(content.as_bytes()).to_string();
        let next = evidence.record(3).columns.previous_hash.unwrap();
        evidence.set(2, "hash", Some(&hash));
        evidence.edit(3, &next, &hash);
        evidence.set(3, "previous_hash", Some(&hash));
        evidence.rehash(3);
        evidence.relink(4);
    }),
    Attack::new("`sequence` doubled", links(2), |evidence| {
        evidence.edit(2, "\"sequence\":2", "\"sequence\":9,\"sequence\":2");
    })
    .missed_by_python(),
    Attack::new("a content that is not JSON", links(2), |evidence| {
        evidence.set(2, "data", Some("{"));
    })
    .other_in_python(),
    Attack::new("a content that is an array", links(2), |evidence| {
        evidence.set(2, "data", Some("[]"));
    })
    .other_in_python(),
    Attack::new("a key of the seal added", content(2), |evidence| {
        evidence.edit(2, "\"id\":", "\"hash\":\"00\",\"id\":");
    }),
    Attack::new("an edited content with the hash that it has now", or_link(signature(2, InvalidSignature), 3), |evidence| {
        evidence.edit(2, "transfer 100", "transfer 900");
        evidence.rehash(2);
    }),
    Attack::new("the last content edited, with the hash that it has now", signature(LENGTH - 1, InvalidSignature), |evidence| {
        evidence.edit(LENGTH - 1, "transferred 100", "transferred 900");
        evidence.rehash(LENGTH - 1);
    }),
    Attack::new("the chain hashed and linked anew from an edit on", signature(2, InvalidSignature), |evidence| {
        evidence.edit(2, "transfer 100", "transfer 900");
        evidence.relink(2);
    }),
    Attack::new("the stored hash edited", or_link(content(2), 3), |evidence| {
        let hash = evidence.record(2).hash;
        evidence.set(2, "hash", Some(&Evidence::edited(&hash)));
    }),
    Attack::new("the stored hash of the last record in capital letters", content(LENGTH - 1), |evidence| {
        let hash = evidence.record(LENGTH - 1).hash.to_uppercase();
        evidence.set(LENGTH - 1, "hash", Some(&hash));
    }),
    Attack::new("the stored hash of the last record emptied", content(LENGTH - 1), |evidence| {
        evidence.set(LENGTH - 1, "hash", Some(""));
    }),
];
