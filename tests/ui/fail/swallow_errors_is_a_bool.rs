#[capsules::audit(type = "agent", swallow_errors = "no")]
fn run() -> Result<(), capsules::Error> {
    Ok(())
}

fn main() {}
