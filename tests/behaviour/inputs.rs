//! What is taken from the arguments.

use capsules::{CapsuleType, audit};
use serde_json::json;

use crate::support::{audited, only};

struct Site {
    id: String,
    region: Option<String>,
}

#[test]
fn the_defaults_name_the_function() {
    #[audit(type = "chat")]
    fn greet(name: &str, _times: u8) -> usize {
        name.len()
    }
    let (_, capsules) = audited(|| greet("ada", 2));
    let capsule = only(capsules);
    let name = "behaviour::inputs::the_defaults_name_the_function::greet";
    assert_eq!(capsule.kind, CapsuleType::Chat);
    assert_eq!(capsule.domain, "agents");
    assert_eq!(capsule.trigger.kind.as_str(), "agent");
    assert_eq!(capsule.trigger.source, name);
    assert_eq!(capsule.trigger.request, "ada");
    assert_eq!(capsule.context.agent_id, name);
    assert_eq!(capsule.context.environment, serde_json::Map::new());
    assert_eq!(capsule.authority.kind.as_str(), "autonomous");
    assert_eq!(capsule.parent_id, None);
}

#[test]
fn names_of_methods_have_their_type() {
    struct Planner;
    trait Plan {
        fn plan(&self);
        #[audit(type = "agent")]
        fn default(&self) {}
    }
    impl Planner {
        #[audit(type = "agent")]
        async fn think(&self) {}
        #[audit(type = "agent")]
        fn make() -> Self {
            Self
        }
    }
    impl Plan for Planner {
        #[audit(type = "agent")]
        fn plan(&self) {}
    }
    let ((), capsules) = audited(|| {
        let planner = Planner::make();
        planner.plan();
        planner.default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(planner.think());
    });
    let sources: Vec<_> = capsules.iter().map(|c| c.trigger.source.as_str()).collect();
    let module = "behaviour::inputs::names_of_methods_have_their_type";
    assert_eq!(sources[0], format!("{module}::Planner::make"));
    assert_eq!(
        sources[1],
        format!("<{module}::Planner as {module}::Plan>::plan")
    );
    assert!(sources[2].ends_with("Plan::default"), "{}", sources[2]);
    assert_eq!(sources[3], format!("{module}::Planner::think"));
}

#[test]
fn sources_are_parameters_fields_and_expressions() {
    #[audit(
        type = "tool",
        trigger_from = "query",
        tenant_from = site.id,
        session_from = "session",
        user_from = user,
        correlation_from = "site.region",
        agent_id = format!("agent-{user}"),
        source = "search",
        domain = "research",
    )]
    fn search(site: &Site, query: &str, session: Option<&str>, user: u64) -> usize {
        query.len() + site.id.len() + session.map_or(0, str::len) + usize::try_from(user).unwrap()
    }
    let site = Site {
        id: "acme".to_owned(),
        region: Some("eu".to_owned()),
    };
    let (_, capsules) = audited(|| {
        (
            search(&site, "rust", Some("s-1"), 7),
            search(&site, "", None, 8),
        )
    });
    let capsule = &capsules[0];
    assert_eq!(capsule.trigger.request, "rust");
    assert_eq!(capsule.tenant_id(), Some("acme"));
    assert_eq!(
        capsule.context.environment,
        *json!({"tenant_id": "acme"}).as_object().unwrap()
    );
    assert_eq!(capsule.context.session_id.as_deref(), Some("s-1"));
    assert_eq!(capsule.trigger.user_id.as_deref(), Some("7"));
    assert_eq!(capsule.trigger.correlation_id.as_deref(), Some("eu"));
    assert_eq!(capsule.context.agent_id, "agent-7");
    assert_eq!(capsule.trigger.source, "search");
    assert_eq!(capsule.domain, "research");
    assert_eq!(capsules[1].context.session_id, None);
}

#[test]
fn a_tenant_can_be_an_expression_and_a_field_of_self() {
    struct Agent {
        tenant: &'static str,
    }
    impl Agent {
        #[audit(type = "agent", tenant_from = "self.tenant", trigger_from = 1)]
        fn by_field(&self, _first: &str, second: &str) -> usize {
            second.len() + self.tenant.len()
        }
        #[audit(type = "agent", tenant_id = "fixed", trigger_from = none)]
        fn fixed(&self, _text: &str) -> &'static str {
            self.tenant
        }
        #[audit(type = "agent", tenant_id = self.tenant.to_uppercase())]
        fn computed(&self) {}
    }
    let agent = Agent { tenant: "acme" };
    let ((), capsules) = audited(|| {
        agent.by_field("a", "b");
        agent.fixed("not kept");
        agent.computed();
    });
    let tenants: Vec<_> = capsules
        .iter()
        .map(|capsule| capsule.tenant_id().unwrap())
        .collect();
    assert_eq!(tenants, ["acme", "fixed", "ACME"]);
    let requests: Vec<_> = capsules
        .iter()
        .map(|c| c.trigger.request.as_str())
        .collect();
    assert_eq!(requests, ["b", "", ""]);
}

#[test]
fn expressions_are_evaluated_once_and_before_the_body() {
    use std::cell::Cell;
    thread_local!(static EVALUATED: Cell<u32> = const { Cell::new(0) });
    fn tenant(name: &str) -> String {
        EVALUATED.set(EVALUATED.get() + 1);
        name.to_owned()
    }
    #[audit(type = "agent", tenant_id = tenant(&name))]
    fn takes(name: String) -> u32 {
        drop(name);
        EVALUATED.get()
    }
    let (seen, capsules) = audited(|| takes("acme".to_owned()));
    assert_eq!(seen, 1);
    assert_eq!(EVALUATED.get(), 1);
    assert_eq!(only(capsules).tenant_id(), Some("acme"));
}

#[test]
fn a_panic_in_an_expression_is_not_the_functions() {
    #[audit(type = "agent", tenant_id = tenants[5].clone())]
    fn robust(tenants: &[String]) -> usize {
        tenants.len()
    }
    let (value, capsules) = audited(|| robust(&[]));
    assert_eq!(value, 0);
    assert_eq!(only(capsules).tenant_id(), None);
}
