#[capsules::audit]
fn bare() {}

#[capsules::audit(domain = "research")]
fn without() {}

fn main() {}
