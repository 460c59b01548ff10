#[capsules::audit(type = "agent", tenant_from = "sight")]
fn misspelt(task: &str, site: &str) {}

#[capsules::audit(type = "agent", session_from = ctx.session)]
fn one(context: &str) {}

#[capsules::audit(type = "agent", trigger_from = task)]
fn none() {}

#[capsules::audit(type = "agent", trigger_from = 2)]
fn position(first: u8, second: u8) {}

#[capsules::audit(type = "agent", trigger_from = 0)]
fn pattern((first, second): (u8, u8)) {}

fn main() {}
