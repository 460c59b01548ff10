use std::future::ready;
use std::rc::Rc;

#[capsules::audit(type = "agent")]
async fn run() -> u8 {
    let shared = Rc::new(1);
    ready(()).await;
    *shared
}

fn is_send(_: impl Send) {}

fn main() {
    is_send(run());
}
