#[capsules::audit(type = "agent", tenant_from = site.id())]
fn call(site: &str) {}

#[capsules::audit(type = "agent", trigger_from = 1.5)]
fn number(site: &str) {}

fn main() {}
