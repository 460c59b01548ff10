#[capsules::audit(type = "agnet")]
fn misspelt() {}

#[capsules::audit(type = agent)]
fn unquoted() {}

fn main() {}
