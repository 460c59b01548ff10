//! Qualifiers are kept.

#[capsules::audit(type = "tool")]
unsafe extern "C" fn foreign(value: u8) -> u8 {
    value + 1
}

#[capsules::audit(type = "tool")]
async unsafe fn both(value: *const u8) -> u8 {
    unsafe { *value }
}

fn main() {
    let _: unsafe extern "C" fn(u8) -> u8 = foreign;
    let _ = both;
}
