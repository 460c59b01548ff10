use futures_core::Stream;

struct Opaque;

#[capsules::audit(type = "agent", fold = "text")]
fn opaque(stream: std::pin::Pin<Box<dyn Stream<Item = Opaque>>>) -> impl Stream<Item = Opaque> {
    stream
}

fn add(sum: &mut u32, number: &u32) {
    *sum += number;
}

#[capsules::audit(type = "agent", trigger_from = none, fold = add)]
fn other(stream: std::pin::Pin<Box<dyn Stream<Item = u8>>>) -> impl Stream<Item = u8> {
    stream
}

fn main() {}
