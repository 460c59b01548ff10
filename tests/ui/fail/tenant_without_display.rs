struct Site;

#[capsules::audit(type = "agent", tenant_from = "site")]
fn run(site: &Site) {}

fn main() {}
