//! Recording switched off for the whole process.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::default::note_in_default;

static ENABLED: AtomicBool = AtomicBool::new(true);

/// Switches recording off, or on again, for the whole process.
///
/// While it is off, audited functions and [`action`](crate::action) run
/// unrecorded at the price of one atomic load, without any allocation, [`current`](crate::current)
/// is a detached handle, and no store is opened. What was recorded before stays, calls that have
/// begun are recorded when they end, and instances can be read, verified and closed.
///
/// The calls in between are not counted. That there was a gap, and from when to when, is put on
/// record: switching sends a `tracing` event of the target `capsules`, and the process's default
/// instance, where there is one already, gets a `system` capsule at each switch. Instances that
/// are only bound with [`Capsules::scope`](crate::Capsules::scope) or `capsules = …` do not.
///
/// Nothing from outside switches recording off, such as an environment variable; a program that
/// wants one reads it:
///
/// ```
/// capsules::set_enabled(std::env::var_os("MY_AGENT_UNAUDITED").is_none());
/// # assert!(capsules::is_enabled());
/// ```
pub fn set_enabled(enabled: bool) {
    if ENABLED.swap(enabled, Ordering::Relaxed) == enabled {
        return;
    }
    let what = match enabled {
        true => "recording was switched on",
        false => "recording was switched off",
    };
    tracing::warn!(target: "capsules", "{what}");
    note_in_default(what);
}

/// Whether calls are recorded: unless [`set_enabled`] has switched it off.
#[inline]
pub fn is_enabled() -> bool {
    ENABLED.load(Ordering::Relaxed)
}
