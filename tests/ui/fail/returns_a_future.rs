use std::future::Future;
use std::pin::Pin;

#[capsules::audit(type = "agent")]
fn opaque() -> impl Future<Output = u8> {
    async { 1 }
}

#[capsules::audit(type = "agent")]
fn boxed() -> Pin<Box<dyn Future<Output = u8> + Send>> {
    Box::pin(async { 1 })
}

fn main() {}
