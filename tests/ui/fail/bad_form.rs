#[capsules::audit(type = "agent", result = "yaml")]
fn result() {}

#[capsules::audit(type = "agent", error = 5)]
fn error() {}

fn main() {}
