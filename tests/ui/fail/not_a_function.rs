#[capsules::audit(type = "agent")]
struct Agent;

#[capsules::audit(type = "agent")]
impl Agent {}

trait Act {
    #[capsules::audit(type = "agent")]
    fn act(&self);
}

fn main() {
    let _ = Agent;
}
