//! The record of one action.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::time_ordered_id;
use crate::sections::{Authority, Context, Execution, Outcome, Reasoning, Trigger};
use crate::timestamp::Timestamp;

/// The version of the Capsule Protocol that new records state.
pub const SPEC_VERSION: &str = "1.0";

/// The record of one action, in six sections: the content that a seal covers (CPS section 1).
///
/// A fresh capsule has no place in a chain yet: `sequence` and `previous_hash` are set when it is
/// appended. Serde reads and writes the protocol's JSON; what is hashed is the canonical form of
/// [`canonical`](crate::canonical).
///
/// ```
/// use capsules_core::{Capsule, CapsuleType, OutcomeStatus};
///
/// let mut capsule = Capsule::new(CapsuleType::Tool);
/// capsule.trigger.source = "search".to_owned();
/// capsule.outcome.status = OutcomeStatus::Success;
/// assert_eq!(capsule.domain, "agents");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capsule {
    /// Identifies the capsule; version 4 in form (RFC 9562).
    pub id: Uuid,
    /// What kind of actor or event the capsule records.
    #[serde(rename = "type")]
    pub kind: CapsuleType,
    /// The area of the application, `"agents"` by default.
    #[serde(default = "default_domain")]
    pub domain: String,
    /// The capsule of the action that caused this one.
    #[serde(default)]
    pub parent_id: Option<Uuid>,
    /// The place in the chain, from 0.
    #[serde(default)]
    pub sequence: u64,
    /// The hash of the record before this one, as 64 lower-case hexadecimal digits; `None` for
    /// the first.
    #[serde(default)]
    pub previous_hash: Option<String>,
    /// The protocol's version.
    #[serde(default = "default_spec_version")]
    pub spec_version: String,
    /// What started the action.
    #[serde(default)]
    pub trigger: Trigger,
    /// The state of the world at that time.
    #[serde(default)]
    pub context: Context,
    /// Why the actor decided as it did.
    #[serde(default)]
    pub reasoning: Reasoning,
    /// Who or what allowed it.
    #[serde(default)]
    pub authority: Authority,
    /// How it was carried out.
    #[serde(default)]
    pub execution: Execution,
    /// What came of it.
    #[serde(default)]
    pub outcome: Outcome,
}

impl Capsule {
    /// A capsule of this type with a fresh `id`, triggered now, and every other field at the
    /// protocol's default.
    pub fn new(kind: CapsuleType) -> Self {
        let now = Timestamp::now();
        Self {
            id: time_ordered_id(now),
            kind,
            domain: default_domain(),
            parent_id: None,
            sequence: 0,
            previous_hash: None,
            spec_version: default_spec_version(),
            trigger: Trigger {
                timestamp: now,
                ..Trigger::default()
            },
            context: Context::default(),
            reasoning: Reasoning::default(),
            authority: Authority::default(),
            execution: Execution::default(),
            outcome: Outcome::default(),
        }
    }

    /// The tenant that the sealed content names, in `context.environment.tenant_id`.
    pub fn tenant_id(&self) -> Option<&str> {
        self.context.environment.get(TENANT_KEY)?.as_str()
    }

    /// Names the tenant in the sealed content, or removes it with `None`.
    pub fn set_tenant_id(&mut self, tenant: Option<&str>) {
        match tenant {
            Some(tenant) => {
                self.context
                    .environment
                    .insert(TENANT_KEY.to_owned(), tenant.into());
            }
            None => {
                self.context.environment.remove(TENANT_KEY);
            }
        }
    }
}

/// The key of `context.environment` that holds the tenant.
pub(crate) const TENANT_KEY: &str = "tenant_id";

fn default_domain() -> String {
    "agents".to_owned()
}

fn default_spec_version() -> String {
    SPEC_VERSION.to_owned()
}

/// The eight kinds of capsule (CPS section 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CapsuleType {
    /// An agent's action.
    Agent,
    /// A call of a tool.
    Tool,
    /// An event of the system itself.
    System,
    /// A kill switch.
    Kill,
    /// A workflow of several actions.
    Workflow,
    /// A conversation.
    Chat,
    /// Access to a secret.
    Vault,
    /// Authentication or authorisation.
    Auth,
}

impl CapsuleType {
    /// Every type, in the order of the specification.
    pub const ALL: [Self; 8] = [
        Self::Agent,
        Self::Tool,
        Self::System,
        Self::Kill,
        Self::Workflow,
        Self::Chat,
        Self::Vault,
        Self::Auth,
    ];

    /// The name in the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Tool => "tool",
            Self::System => "system",
            Self::Kill => "kill",
            Self::Workflow => "workflow",
            Self::Chat => "chat",
            Self::Vault => "vault",
            Self::Auth => "auth",
        }
    }
}

impl fmt::Display for CapsuleType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name is not one of the eight types.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is not a capsule type; the types are agent, tool, system, kill, workflow, chat, \
     vault and auth"
)]
pub struct UnknownCapsuleType {
    /// The name that was read.
    pub name: String,
}

impl FromStr for CapsuleType {
    type Err = UnknownCapsuleType;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| UnknownCapsuleType {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_4_and_ordered_by_time() {
        let early = time_ordered_id(Timestamp::from_micros(1_000_000).unwrap());
        let late = time_ordered_id(Timestamp::from_micros(2_000_000).unwrap());
        for id in [early, late] {
            assert_eq!(id.get_version_num(), 4);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        }
        assert!(early < late);
    }

    #[test]
    fn a_record_without_later_fields_is_read_with_their_defaults() {
        let capsule: Capsule = serde_json::from_str(
            r#"{"id":"a1b2c3d4-e5f6-7890-abcd-ef1234567890","type":"kill","trigger":{"timestamp":"2026-01-15T12:00:00+00:00"}}"#,
        )
        .unwrap();
        assert_eq!(capsule.spec_version, "1.0");
        assert_eq!(capsule.domain, "agents");
        assert_eq!(capsule.kind, CapsuleType::Kill);
    }
}
