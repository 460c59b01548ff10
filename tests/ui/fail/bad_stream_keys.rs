#[capsules::audit(type = "agent", fold = "json")]
fn text() {}

#[capsules::audit(type = "agent", until = "never")]
fn never() {}

#[capsules::audit(type = "agent", fold = "text", fold = add)]
fn twice() {}

fn main() {}
