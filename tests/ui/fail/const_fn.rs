#[capsules::audit(type = "agent")]
const fn run() -> u8 {
    1
}

const USED: u8 = run();

fn main() {}
