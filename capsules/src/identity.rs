//! What a capsule's children inherit.

use capsules_core::Capsule;

/// The identifiers that a nested call takes from its parent where it names none itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identity {
    pub(crate) session: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) correlation: Option<String>,
    pub(crate) tenant: Option<String>,
}

impl Identity {
    pub(crate) fn of(capsule: &Capsule) -> Self {
        Self {
            session: capsule.context.session_id.clone(),
            user: capsule.trigger.user_id.clone(),
            correlation: capsule.trigger.correlation_id.clone(),
            tenant: capsule.tenant_id().map(str::to_owned),
        }
    }

    /// Fills what is missing.
    pub(crate) fn inherit(&mut self, parent: Self) {
        fn fill(own: &mut Option<String>, parents: Option<String>) {
            if own.is_none() {
                *own = parents;
            }
        }
        fill(&mut self.session, parent.session);
        fill(&mut self.user, parent.user);
        fill(&mut self.correlation, parent.correlation);
        fill(&mut self.tenant, parent.tenant);
    }

    /// Puts the identifiers into a capsule. An empty tenant is none.
    pub(crate) fn give_to(self, capsule: &mut Capsule) {
        capsule.context.session_id = self.session;
        capsule.trigger.user_id = self.user;
        capsule.trigger.correlation_id = self.correlation;
        capsule.set_tenant_id(self.tenant.as_deref().filter(|tenant| !tenant.is_empty()));
    }
}
