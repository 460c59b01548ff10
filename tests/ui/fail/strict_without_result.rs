#[capsules::audit(type = "agent", swallow_errors = false)]
fn number() -> u8 {
    1
}

#[capsules::audit(type = "agent", swallow_errors = false)]
fn other_error() -> Result<u8, std::num::ParseIntError> {
    "1".parse()
}

fn main() {}
