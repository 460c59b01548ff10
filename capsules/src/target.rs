//! Where a call is recorded, and to what it belongs.

use std::fmt;
use std::sync::Arc;

use crate::active::Active;
use crate::capsules::Capsules;
use crate::default::default_recorder;
use crate::inputs::Inputs;
use crate::reading::is_reading;
use crate::recorder::{Recorder, on_recorders_thread};
use crate::scope::Scope;
use crate::switch::is_enabled;

/// The instance that records a call, and the capsule that is its parent.
pub(crate) struct Target {
    pub(crate) recorder: Arc<Recorder>,
    /// The instance that the task has bound, which the attribute's `capsules` does not change.
    pub(crate) bound: Option<Arc<Recorder>>,
    pub(crate) parent: Option<Arc<Active>>,
}

impl Target {
    /// The instance, else the one that the task has bound, else the process's default. `None`
    /// where nothing is recorded.
    pub(crate) fn find(capsules: Option<&Capsules>) -> Option<Self> {
        // What the recording itself calls, a store for instance, would record without end.
        if !is_enabled() || is_reading() || on_recorders_thread() {
            return None;
        }
        let scope = Scope::current();
        let recorder = match (capsules, &scope.recorder) {
            (Some(capsules), _) => Arc::clone(capsules.recorder()),
            (None, Some(bound)) => Arc::clone(bound),
            (None, None) => default_recorder()?,
        };
        Some(Self {
            recorder,
            bound: scope.recorder,
            parent: scope.active,
        })
    }

    /// Inputs, still empty, of which as much is kept as the instance allows.
    pub(crate) fn inputs(&self) -> Inputs {
        Inputs {
            limits: self.recorder.settings().policy.capture_limits(),
            ..Inputs::default()
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("parent", &self.parent)
            .finish_non_exhaustive()
    }
}
