#[capsules::audit(type = "agent")]
#[capsules::audit(type = "tool")]
fn run() {}

fn main() {}
