//! Why the function that runs does what it does, and who allowed it.

use capsules_core::{AuthorityType, Capsule, Deliberated, ReasoningOption, Timestamp, ToolCall};
use serde::Serialize;
use serde_json::Map;

use crate::active::{CurrentCapsule, json, unit};

/// Reasoning, recorded while it happens. The time of each part is noted beside the time at which
/// the first tool call began, so that `capsule.deliberation()` can tell what was thought before the
/// action from what was added afterwards.
///
/// ```
/// # use capsules::{Capsules, Filter, storage::MemoryStorage};
/// #[capsules::audit(type = "tool")]
/// fn refund(order: u32) -> u32 {
///     order
/// }
///
/// #[capsules::audit(type = "agent")]
/// fn support(order: u32) -> u32 {
///     capsules::current()
///         .analysis("arrived broken, within the limit for refunds")
///         .option("refund in full")
///         .reject("escalate", "nobody has to decide this")
///         .decide("refund in full", "the policy covers it");
///     refund(order)
/// }
///
/// # let directory = tempfile::tempdir()?;
/// # let capsules = Capsules::builder().storage(MemoryStorage::new()).data_dir(directory.path()).build()?;
/// capsules.scope_sync(|| support(7));
/// let agent = capsules.list(Filter::new()).wait()?[0].capsule()?;
/// assert!(agent.deliberation().is_before_acting());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl CurrentCapsule {
    /// The first assessment of the situation.
    pub fn analysis(&self, text: impl Into<String>) -> &Self {
        self.change(|capsule| {
            capsule.reasoning.analysis = text.into();
            capsule.note_deliberated(Deliberated::Analysis);
        })
    }

    /// Adds an option that is weighed: a description, or a [`ReasoningOption`] with its pros, cons
    /// and risks. Without an id of its own it becomes `opt_0`, `opt_1` and so on.
    pub fn option(&self, option: impl Into<ReasoningOption>) -> &Self {
        self.change(|capsule| {
            add_option(capsule, option.into());
            capsule.note_deliberated(Deliberated::Options);
        })
    }

    /// Rejects an option, named by id or description, and says why. Adds it when it is not among
    /// the options.
    pub fn reject(&self, option: impl AsRef<str>, why: impl Into<String>) -> &Self {
        self.change(|capsule| {
            let option = find_option(capsule, option.as_ref());
            option.selected = false;
            option.rejection_reason = why.into();
            capsule.note_deliberated(Deliberated::Options);
        })
    }

    /// Chooses an option, named by id or description, and says why. Adds it when it is not among
    /// the options. The others should be [rejected](Self::reject): the protocol asks of each why it
    /// was not chosen.
    pub fn decide(&self, option: impl Into<String>, why: impl Into<String>) -> &Self {
        self.change(|capsule| {
            let chosen = option.into();
            for option in &mut capsule.reasoning.options {
                option.selected = false;
            }
            let option = find_option(capsule, &chosen);
            option.selected = true;
            option.rejection_reason.clear();
            capsule.reasoning.selected_option = chosen;
            capsule.reasoning.reasoning = why.into();
            capsule.note_deliberated(Deliberated::Options);
            capsule.note_deliberated(Deliberated::SelectedOption);
            capsule.note_deliberated(Deliberated::Reasoning);
        })
    }

    /// The option that was chosen, by id or description, when the options themselves are not kept.
    pub fn selected_option(&self, option: impl Into<String>) -> &Self {
        self.change(|capsule| {
            capsule.reasoning.selected_option = option.into();
            capsule.note_deliberated(Deliberated::SelectedOption);
        })
    }

    /// Why it was chosen.
    pub fn reasoning(&self, text: impl Into<String>) -> &Self {
        self.change(|capsule| {
            capsule.reasoning.reasoning = text.into();
            capsule.note_deliberated(Deliberated::Reasoning);
        })
    }

    /// Adds a tool call that has ended and was not made by an audited function.
    pub fn tool_call(&self, call: ToolCall) -> &Self {
        self.change(|capsule| {
            capsule.change_noting_deliberation(|capsule| capsule.execution.tool_calls.push(call));
        })
    }

    /// A person approves the action now.
    pub fn approved_by(&self, approver: impl Into<String>) -> &Self {
        self.approve(approver.into(), Map::new())
    }

    /// A person approves the action now, having been shown these arguments. All approvals are kept,
    /// in order, with approver, arguments and time, in `authority.chain`; `authority.approver` is
    /// the last one. Arguments without a JSON form are kept as null.
    ///
    /// ```
    /// # #[derive(serde::Serialize)]
    /// # struct Payment { to: String, cents: u64 }
    /// # fn asked(_: &Payment) -> Option<&'static str> { Some("ada@example.com") }
    /// # #[capsules::audit(type = "tool")]
    /// # fn pay(payment: Payment) {
    /// if let Some(approver) = asked(&payment) {
    ///     capsules::current().approved_with(approver, &payment);
    /// }
    /// # }
    /// ```
    pub fn approved_with(&self, approver: impl Into<String>, arguments: impl Serialize) -> &Self {
        let shown = Map::from_iter([("arguments".to_owned(), json(arguments))]);
        self.approve(approver.into(), shown)
    }

    fn approve(&self, approver: String, mut link: Map<String, serde_json::Value>) -> &Self {
        self.change(|capsule| {
            link.insert("approver".to_owned(), approver.as_str().into());
            link.insert("decision".to_owned(), "approved".into());
            link.insert("at".to_owned(), Timestamp::now().to_string().into());
            capsule.authority.kind = AuthorityType::HumanApproved;
            capsule.authority.approver = Some(approver);
            capsule.authority.chain.push(link);
        })
    }

    /// A policy allows the action.
    pub fn allowed_by_policy(&self, policy: impl Into<String>) -> &Self {
        self.change(|capsule| {
            capsule.authority.kind = AuthorityType::Policy;
            capsule.authority.policy_reference = Some(policy.into());
        })
    }

    /// The decision is passed upwards, for this reason.
    pub fn escalated(&self, reason: impl Into<String>) -> &Self {
        self.change(|capsule| {
            capsule.authority.kind = AuthorityType::Escalated;
            capsule.authority.escalation_reason = Some(reason.into());
        })
    }
}

/// Adds the option and gives its place.
fn add_option(capsule: &mut Capsule, mut option: ReasoningOption) -> usize {
    let options = &mut capsule.reasoning.options;
    if option.id.is_empty() {
        option.id = format!("opt_{}", options.len());
    }
    option.feasibility = unit(option.feasibility);
    options.push(option);
    options.len() - 1
}

/// The option with this id or description, added when there is none.
fn find_option<'a>(capsule: &'a mut Capsule, name: &str) -> &'a mut ReasoningOption {
    let found = capsule
        .reasoning
        .options
        .iter()
        .position(|option| option.id == name || option.description == name);
    let at = found.unwrap_or_else(|| add_option(capsule, name.into()));
    &mut capsule.reasoning.options[at]
}
