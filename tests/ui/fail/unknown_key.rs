#[capsules::audit(type = "agent", tenent_from = "site")]
fn run(site: &str) {}

fn main() {}
