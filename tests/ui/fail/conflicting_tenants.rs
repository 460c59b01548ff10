#[capsules::audit(type = "agent", tenant_from = "site", tenant_id = "acme")]
fn run(site: &str) {}

fn main() {}
