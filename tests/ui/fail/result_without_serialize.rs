struct Opaque;

#[capsules::audit(type = "agent", result = "json")]
fn run() -> Opaque {
    Opaque
}

fn main() {}
