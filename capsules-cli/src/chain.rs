//! Which chain of a store a command is about.

use capsules_core::{Filter, Storage};

use crate::source::keeps_chains;
use crate::{CliError, Result};

/// The choice of one tenant's capsules.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ChainArgs {
    /// Only this tenant
    #[arg(long)]
    pub(crate) tenant: Option<String>,

    /// Only what has no tenant
    #[arg(long, conflicts_with = "tenant")]
    pub(crate) no_tenant: bool,
}

impl ChainArgs {
    /// A filter that selects these.
    pub(crate) fn filter(&self) -> Filter {
        let mut filter = Filter::new();
        filter.tenant.clone_from(&self.tenant);
        filter.without_tenant = self.no_tenant;
        filter
    }

    pub(crate) fn is_given(&self) -> bool {
        self.tenant.is_some() || self.no_tenant
    }

    /// The chains that are meant: all of them where none was chosen. A store in which all tenants
    /// share a chain has none to choose.
    pub(crate) fn chains(&self, storage: &dyn Storage) -> Result<Vec<Option<String>>> {
        if self.is_given() && !keeps_chains(storage) {
            return Err(CliError::OneChain {
                location: storage.location(),
            });
        }
        let mut chains = self.filter().chains(storage)?;
        if chains.is_empty() {
            chains.push(None);
        }
        Ok(chains)
    }

    /// The one chain that is meant.
    pub(crate) fn one(&self, storage: &dyn Storage) -> Result<Option<String>> {
        let mut chains = self.chains(storage)?;
        match (chains.pop(), chains.len()) {
            (Some(one), 0) => Ok(one),
            _ => Err(CliError::SeveralChains {
                location: storage.location(),
            }),
        }
    }
}

/// The filter for one chain of a store.
pub(crate) fn within(filter: &Filter, storage: &dyn Storage, chain: Option<&str>) -> Filter {
    let mut filter = filter.clone();
    if keeps_chains(storage) {
        filter.tenant = chain.map(str::to_owned);
        filter.without_tenant = chain.is_none();
    }
    filter
}
