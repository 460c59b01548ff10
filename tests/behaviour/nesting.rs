//! Calls inside of calls.

use capsules::{CapsuleType, audit};
use serde_json::json;

use crate::support::{audited, audited_async};

#[audit(type = "tool")]
fn search(query: &str) -> Result<usize, String> {
    if query.is_empty() {
        Err("nothing to search".to_owned())
    } else {
        Ok(query.len())
    }
}

#[audit(type = "agent", session_from = "session", tenant_id = "acme")]
fn agent(session: &str) -> usize {
    capsules::current().user_id("ada").correlation_id("run-1");
    let _ = search("");
    search("rust").unwrap_or(0) + session.len()
}

#[audit(type = "workflow")]
fn workflow() -> usize {
    agent("s-1")
}

#[test]
fn children_name_their_parent_and_inherit() {
    let (_, capsules) = audited(workflow);
    let [failed, found, agent, workflow] = <[_; 4]>::try_from(capsules).unwrap();
    assert_eq!(workflow.kind, CapsuleType::Workflow);
    assert_eq!(workflow.parent_id, None);
    assert_eq!(agent.parent_id, Some(workflow.id));
    for tool in [&failed, &found] {
        assert_eq!(tool.parent_id, Some(agent.id));
        assert_eq!(tool.context.session_id.as_deref(), Some("s-1"));
        assert_eq!(tool.trigger.user_id.as_deref(), Some("ada"));
        assert_eq!(tool.trigger.correlation_id.as_deref(), Some("run-1"));
        assert_eq!(tool.tenant_id(), Some("acme"));
    }
    assert_eq!(workflow.tenant_id(), None);
}

#[test]
fn tools_appear_in_their_parents_calls() {
    let (_, capsules) = audited(workflow);
    let calls = &capsules[2].execution.tool_calls;
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].tool, "search");
    assert!(!calls[0].success);
    assert_eq!(calls[0].error.as_deref(), Some("nothing to search"));
    assert!(calls[1].success);
    assert_eq!(calls[1].result, json!(4));
    assert!(capsules[3].execution.tool_calls.is_empty());
}

#[tokio::test]
async fn children_that_run_at_once_have_one_parent() {
    #[audit(type = "agent")]
    async fn child(name: &str) -> Option<capsules::Uuid> {
        tokio::task::yield_now().await;
        capsules::current().summary(name);
        capsules::current().id()
    }
    #[audit(type = "workflow")]
    async fn parent() -> Option<capsules::Uuid> {
        let children = tokio::join!(child("left"), child("right"));
        assert_ne!(children.0, children.1);
        capsules::current().id()
    }
    let (id, capsules) = audited_async(parent()).await;
    assert_eq!(capsules[0].parent_id, id);
    assert_eq!(capsules[1].parent_id, id);
}

#[test]
fn a_sibling_is_no_parent() {
    let (_, capsules) = audited(|| (search("a"), search("b")));
    assert!(capsules.iter().all(|capsule| capsule.parent_id.is_none()));
}

#[test]
fn a_tool_with_a_raw_name_has_the_same_one_everywhere() {
    #[audit(type = "tool")]
    fn r#match(text: &str) -> usize {
        text.len()
    }
    #[audit(type = "agent")]
    fn agent() -> usize {
        r#match("a")
    }
    let (_, capsules) = audited(agent);
    assert!(capsules[0].trigger.source.ends_with("::match"));
    assert_eq!(capsules[1].execution.tool_calls[0].tool, "match");
}
