#[capsules::audit(type = "agent")]
#[track_caller]
fn run() {}

fn main() {}
