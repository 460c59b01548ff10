#[capsules::audit(type = "agent", domain = "a", domain = "b")]
fn run() {}

fn main() {}
