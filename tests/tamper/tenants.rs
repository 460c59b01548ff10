//! Records moved to another tenant.

use capsules_core::verify::{Level, Verdict};

use crate::evidence::{Evidence, from};

#[test]
fn moved_in_the_store() {
    let evidence = Evidence::new();
    evidence.set(2, "tenant_id", Some("globex"));
    let message =
        "Tenant mismatch at sequence 2: stored under \"globex\", the content says \"acme\"";
    evidence.assert_found(from(Level::Full, message));
}

#[test]
fn moved_in_store_and_content() {
    let evidence = Evidence::new();
    evidence.set(2, "tenant_id", Some("globex"));
    evidence.edit(2, "\"tenant_id\":\"acme\"", "\"tenant_id\":\"globex\"");
    evidence.assert_found(from(Level::Full, "Content hash mismatch at sequence 2"));
}

/// Files of other implementations have no such column, so an empty one is no contradiction; but
/// the tenants do not read as passed.
#[test]
fn removed_in_the_store() {
    let evidence = Evidence::new();
    evidence.set(2, "tenant_id", None);
    evidence.assert_not_found();
    assert_not_checked(&evidence);
}

#[test]
fn given_to_a_record_without_tenant() {
    let evidence = Evidence::new();
    evidence.set(2, "tenant_id", None);
    evidence.edit(2, "\"tenant_id\":\"acme\"", "");
    evidence.relink(2);
    evidence.set(2, "tenant_id", Some("globex"));
    assert!(
        evidence.verify(Level::Full).valid(),
        "nothing binds it to a tenant"
    );
    assert_not_checked(&evidence);
}

fn assert_not_checked(evidence: &Evidence) {
    let why = "1 of 6 records name a tenant only in the store or only in the content";
    assert_eq!(
        evidence.verify(Level::Full).checks.tenant,
        Verdict::NotChecked {
            why: why.to_owned()
        }
    );
}
