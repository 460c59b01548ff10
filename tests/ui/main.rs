//! Right and wrong uses of the attribute, as the compiler sees them.

/// One test for both, so that what they have in common is built once. The messages are those of
/// one compiler; `TRYBUILD=overwrite` writes them anew.
#[test]
fn right_uses_compile_and_wrong_ones_are_explained() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    cases.compile_fail("fail/*.rs");
}
