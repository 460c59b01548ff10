//! The six sections of a capsule (CPS section 1).

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::timestamp::Timestamp;

/// Section 1: what started the action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trigger {
    /// What kind of event it was.
    #[serde(rename = "type")]
    pub kind: TriggerType,
    /// Where it came from, for instance a function's qualified name.
    pub source: String,
    /// When the action began.
    pub timestamp: Timestamp,
    /// What was asked.
    pub request: String,
    /// Ties together the capsules of one distributed operation.
    pub correlation_id: Option<String>,
    /// The user on whose behalf it happened.
    pub user_id: Option<String>,
}

impl Default for Trigger {
    fn default() -> Self {
        Self {
            kind: TriggerType::UserRequest,
            source: String::new(),
            timestamp: Timestamp::now(),
            request: String::new(),
            correlation_id: None,
            user_id: None,
        }
    }
}

/// Section 2: the state of the world at the time of the action.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    /// The agent that acted.
    pub agent_id: String,
    /// The conversation or run that the action belongs to.
    pub session_id: Option<String>,
    /// Anything else worth keeping.
    pub environment: Map<String, Value>,
}

/// Section 3: why the actor decided as it did, captured before it acted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reasoning {
    /// The first assessment of the situation.
    pub analysis: String,
    /// The options that were weighed.
    pub options: Vec<ReasoningOption>,
    /// The options' descriptions. When `options` is not empty the canonical form always writes
    /// their descriptions here, whatever this field holds.
    pub options_considered: Vec<String>,
    /// The option that was chosen, by id or description.
    pub selected_option: String,
    /// Why it was chosen.
    pub reasoning: String,
    /// How sure the actor was, from 0 to 1.
    pub confidence: f64,
    /// The model that reasoned.
    pub model: Option<String>,
    /// SHA3-256 of the full prompt, where the prompt itself is kept elsewhere.
    pub prompt_hash: Option<String>,
}

/// One option that was weighed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReasoningOption {
    /// Unique among the options of the capsule, for instance `opt_0`.
    pub id: String,
    /// What the option was.
    pub description: String,
    /// What spoke for it.
    pub pros: Vec<String>,
    /// What spoke against it.
    pub cons: Vec<String>,
    /// Scope, severity, reversibility and the like.
    pub estimated_impact: Map<String, Value>,
    /// How feasible it was, from 0 to 1.
    pub feasibility: f64,
    /// What could go wrong.
    pub risks: Vec<String>,
    /// Whether it was chosen.
    pub selected: bool,
    /// Why it was not chosen; required of every option that was not.
    pub rejection_reason: String,
}

/// An option that is known by its description alone.
impl From<&str> for ReasoningOption {
    fn from(description: &str) -> Self {
        Self::from(description.to_owned())
    }
}

/// An option that is known by its description alone.
impl From<String> for ReasoningOption {
    fn from(description: String) -> Self {
        Self {
            description,
            ..Self::default()
        }
    }
}

/// Section 4: who or what allowed the action.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Authority {
    /// How it was allowed.
    #[serde(rename = "type")]
    pub kind: AuthorityType,
    /// Who approved it.
    pub approver: Option<String>,
    /// The policy that allowed it.
    pub policy_reference: Option<String>,
    /// The approvals of several levels, in order.
    pub chain: Vec<Map<String, Value>>,
    /// Why the decision was passed upwards.
    pub escalation_reason: Option<String>,
}

/// Section 5: how the action was carried out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Execution {
    /// The tools that were called, in order.
    pub tool_calls: Vec<ToolCall>,
    /// How long the action took, in milliseconds.
    pub duration_ms: u64,
    /// What it used, for instance `tokens`.
    pub resources_used: Map<String, Value>,
}

/// One call of a tool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToolCall {
    /// The tool's name.
    pub tool: String,
    /// What it was called with.
    pub arguments: Map<String, Value>,
    /// What it returned.
    pub result: Value,
    /// Whether it succeeded.
    pub success: bool,
    /// How long the call took, in milliseconds.
    pub duration_ms: u64,
    /// Its error.
    pub error: Option<String>,
}

/// Section 6: what came of the action.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// How it ended.
    pub status: OutcomeStatus,
    /// What it returned.
    pub result: Value,
    /// The result in a sentence.
    pub summary: String,
    /// Why it failed.
    pub error: Option<String>,
    /// What it changed besides.
    pub side_effects: Vec<String>,
    /// Figures of the run.
    pub metrics: Map<String, Value>,
}

/// A string with well-known values. Records of other implementations may carry further ones,
/// which are kept as they are.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $text:literal, )* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )*
            /// A value that the protocol does not name.
            Other(String),
        }

        impl $name {
            /// The text in the protocol.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $text, )*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $( $text => Self::$variant, )*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Ok(Self::from(&*text))
            }
        }
    };
}

open_enum! {
    /// What kind of event started an action.
    TriggerType {
        /// A person asked.
        #[default]
        UserRequest = "user_request",
        /// A timer fired.
        Scheduled = "scheduled",
        /// The system itself.
        System = "system",
        /// Another agent, or the program's own code.
        Agent = "agent",
    }
}

open_enum! {
    /// How an action was allowed.
    AuthorityType {
        /// The actor decided alone.
        #[default]
        Autonomous = "autonomous",
        /// A person approved.
        HumanApproved = "human_approved",
        /// A policy allowed it.
        Policy = "policy",
        /// The decision was passed upwards.
        Escalated = "escalated",
    }
}

open_enum! {
    /// How an action ended.
    OutcomeStatus {
        /// Not known.
        #[default]
        Pending = "pending",
        /// It did what it was to do.
        Success = "success",
        /// It failed.
        Failure = "failure",
        /// It was ended early.
        Partial = "partial",
        /// It was not allowed.
        Blocked = "blocked",
    }
}
