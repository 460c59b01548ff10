#[capsules::audit(type = "agent", fold = "text")]
fn number() -> u8 {
    1
}

#[capsules::audit(type = "agent", until = "end")]
async fn future() -> std::pin::Pin<Box<dyn Future<Output = u8>>> {
    Box::pin(async { 1 })
}

fn main() {}
