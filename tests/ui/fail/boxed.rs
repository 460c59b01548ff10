#[capsules::audit(type = "agent", boxed)]
fn number() -> u8 {
    1
}

#[capsules::audit(type = "agent", boxed = true)]
async fn future() {}

#[capsules::audit(type = "agent", boxed = "send")]
async fn local() -> u8 {
    let shared = std::rc::Rc::new(1);
    std::future::ready(()).await;
    *shared
}

fn main() {}
