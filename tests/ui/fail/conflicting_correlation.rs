#[capsules::audit(type = "agent", traceparent = "header", correlation_from = "id")]
fn run(header: &str, id: &str) {}

fn main() {}
