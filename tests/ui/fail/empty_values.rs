#[capsules::audit(type = "agent", source = "")]
fn source() {}

#[capsules::audit(type = "agent", domain = "")]
fn domain() {}

#[capsules::audit(type = "agent", tenant_from = "")]
fn tenant() {}

#[capsules::audit(type = "agent", domain)]
fn no_value() {}

fn main() {}
