//! Which capsules a command is about.

use capsules_core::{CapsuleType, Filter, OutcomeStatus, Timestamp};

use crate::chain::ChainArgs;
use crate::human;

/// The choice of capsules by what they say.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct FilterArgs {
    /// Only this type: agent, tool, system, kill, workflow, chat, vault or auth
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<CapsuleType>,

    #[command(flatten)]
    pub(crate) chain: ChainArgs,

    /// Only this domain
    #[arg(long)]
    domain: Option<String>,

    /// Only this session
    #[arg(long)]
    session: Option<String>,

    /// Only this outcome: pending, success, failure, partial or blocked
    #[arg(long)]
    status: Option<OutcomeStatus>,

    /// Only actions that began at this time or later: 2h, yesterday, 2026-01-15T12:00:00+01:00
    ///
    /// Dates are 2026-01-15, today or yesterday, and begin at midnight. A number with s, m, h, d or
    /// w, or several such as 1h30m, is that long ago. A time without an offset is UTC.
    #[arg(long, value_name = "TIME", value_parser = human::parse_time)]
    since: Option<Timestamp>,

    /// Only actions that began before this time
    #[arg(long, value_name = "TIME", value_parser = human::parse_time)]
    until: Option<Timestamp>,
}

impl FilterArgs {
    /// The filter, without bounds on number and place.
    pub(crate) fn filter(&self) -> Filter {
        let mut filter = self.chain.filter();
        filter.kind = self.kind;
        filter.domain.clone_from(&self.domain);
        filter.session.clone_from(&self.session);
        filter.status.clone_from(&self.status);
        filter.since = self.since;
        filter.until = self.until;
        filter
    }
}
