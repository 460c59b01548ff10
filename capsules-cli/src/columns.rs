//! What a line about a capsule can show.

use anstyle::Style;
use capsules_core::{Capsule, OutcomeStatus, SealedRecord};

use crate::human;
use crate::style::{BAD, DIM, GOOD, WARN};
use crate::table::{Cell, Column, Table};

/// The choice of columns.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ColumnArgs {
    /// What to show of each capsule, separated by commas
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<Shown>,
}

/// The columns that were chosen.
#[derive(Debug, Clone)]
pub(crate) struct Columns(Vec<Shown>);

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shown {
    Seq,
    Id,
    Time,
    Type,
    Status,
    Source,
    Request,
    Took,
    Hash,
    Summary,
    Error,
    Agent,
    Tenant,
    Domain,
    Session,
    User,
    Correlation,
    Parent,
    Model,
    SignedBy,
}

impl ColumnArgs {
    /// Those that were named, or else the usual ones; of several chains with the tenant.
    pub(crate) fn chosen(&self, several_chains: bool) -> Columns {
        if !self.columns.is_empty() {
            return Columns(self.columns.clone());
        }
        let mut columns = DEFAULT.to_vec();
        if several_chains {
            columns.insert(0, Shown::Tenant);
        }
        Columns(columns)
    }
}

impl Columns {
    /// A table of these columns, without rows.
    pub(crate) fn table(&self) -> Table {
        let columns: Vec<_> = self.0.iter().map(|column| column.title()).collect();
        Table::new(columns)
    }

    /// A capsule's row in that table.
    pub(crate) fn row(&self, record: &SealedRecord) -> Vec<Cell> {
        let capsule = record.capsule().ok();
        self.0
            .iter()
            .map(|column| column.cell(record, capsule.as_ref()))
            .collect()
    }
}

impl Shown {
    fn title(self) -> Column {
        match self {
            Self::Seq => Column::right("SEQ"),
            Self::Id => Column::left("ID"),
            Self::Time => Column::left("BEGAN (UTC)"),
            Self::Type => Column::left("TYPE"),
            Self::Status => Column::left("STATUS"),
            Self::Source => Column::elastic("SOURCE"),
            Self::Request => Column::elastic("REQUEST"),
            Self::Took => Column::right("TOOK"),
            Self::Hash => Column::left("HASH"),
            Self::Summary => Column::elastic("SUMMARY"),
            Self::Error => Column::elastic("ERROR"),
            Self::Agent => Column::elastic("AGENT"),
            Self::Tenant => Column::elastic("TENANT"),
            Self::Domain => Column::elastic("DOMAIN"),
            Self::Session => Column::elastic("SESSION"),
            Self::User => Column::elastic("USER"),
            Self::Correlation => Column::elastic("CORRELATION"),
            Self::Parent => Column::left("PARENT"),
            Self::Model => Column::elastic("MODEL"),
            Self::SignedBy => Column::left("SIGNED BY"),
        }
    }

    fn cell(self, record: &SealedRecord, capsule: Option<&Capsule>) -> Cell {
        let columns = &record.columns;
        match self {
            Self::Seq => return Cell::new(&columns.sequence.to_string()),
            Self::Id => return Cell::new(&columns.id),
            Self::Hash => return Cell::styled(human::short_hash(&record.hash), DIM),
            Self::SignedBy => return Cell::new(or_empty(record.signed_by.as_ref())),
            _ => {}
        }
        let Some(capsule) = capsule else {
            return match self {
                Self::Type => Cell::new(&columns.kind),
                Self::Status => Cell::styled("unreadable", BAD),
                _ => Cell::new(""),
            };
        };
        let (trigger, outcome) = (&capsule.trigger, &capsule.outcome);
        match self {
            Self::Time => Cell::new(&human::time(trigger.timestamp)),
            Self::Type => Cell::new(capsule.kind.as_str()),
            Self::Status => Cell::styled(outcome.status.as_str(), status_style(&outcome.status)),
            Self::Source => Cell::new(&trigger.source),
            Self::Request => Cell::new(&trigger.request),
            Self::Took => Cell::new(&human::duration(capsule.execution.duration_ms)),
            Self::Summary => Cell::new(&outcome.summary),
            Self::Error => Cell::new(or_empty(outcome.error.as_ref())),
            Self::Agent => Cell::new(&capsule.context.agent_id),
            Self::Tenant => Cell::new(capsule.tenant_id().unwrap_or_default()),
            Self::Domain => Cell::new(&capsule.domain),
            Self::Session => Cell::new(or_empty(capsule.context.session_id.as_ref())),
            Self::User => Cell::new(or_empty(trigger.user_id.as_ref())),
            Self::Correlation => Cell::new(or_empty(trigger.correlation_id.as_ref())),
            Self::Model => Cell::new(or_empty(capsule.reasoning.model.as_ref())),
            Self::Parent => Cell::new(
                &capsule
                    .parent_id
                    .map(|id| id.to_string())
                    .unwrap_or_default(),
            ),
            Self::Seq | Self::Id | Self::Hash | Self::SignedBy => Cell::new(""),
        }
    }
}

/// The colour of an outcome.
pub(crate) fn status_style(status: &OutcomeStatus) -> Style {
    match status {
        OutcomeStatus::Success => GOOD,
        OutcomeStatus::Failure => BAD,
        OutcomeStatus::Partial | OutcomeStatus::Blocked => WARN,
        OutcomeStatus::Pending | OutcomeStatus::Other(_) => DIM,
    }
}

fn or_empty(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

const DEFAULT: [Shown; 8] = [
    Shown::Seq,
    Shown::Time,
    Shown::Type,
    Shown::Status,
    Shown::Source,
    Shown::Request,
    Shown::Took,
    Shown::Hash,
];
