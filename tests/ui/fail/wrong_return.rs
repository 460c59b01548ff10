#[capsules::audit(type = "agent")]
fn number() -> u8 {
    "one"
}

#[capsules::audit(type = "agent")]
async fn text() -> String {
    1
}

fn main() {}
