//! Parameters under `#[cfg]`: the attribute sees them before they are taken away.

#[capsules::audit(type = "tool", arguments)]
fn first(#[cfg(any())] gone: Missing, here: u8) -> u8 {
    here
}

#[capsules::audit(type = "tool")]
async fn later(
    #[cfg(all())] mut here: String,
    #[cfg(any())] mut gone: Missing,
    last: String,
) -> String {
    here.push('!');
    here + &last
}

fn main() {
    let _ = (first(1), later(String::new(), String::new()));
}
