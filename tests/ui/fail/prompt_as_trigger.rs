#[capsules::audit(type = "agent", prompt = "text", trigger_from = "text")]
fn twice(text: &str) {}

#[capsules::audit(type = "agent", prompt = text)]
fn without_display(text: &[u8]) {}

fn main() {}
