//! The recorder for tests, and what it says when the capsules are others.

use std::panic::{AssertUnwindSafe, catch_unwind};

use capsules::testing::{Expected, Recorder, agent, chat, expect, tool, workflow};
use capsules::{CapsuleType, Capsules, InCurrentCapsule, OutcomeStatus, action, audit, current};

#[audit(type = "tool")]
fn search(query: &str) -> Result<usize, String> {
    match query {
        "" => Err("nothing to search".to_owned()),
        _ => Ok(query.len()),
    }
}

#[audit(type = "agent")]
fn research(topic: &str) -> usize {
    let _ = search("");
    search(topic).unwrap_or_default()
}

/// What the assertion says of the recorder; `None` when it holds.
fn complaint<const N: usize>(recorder: &Recorder, expected: [Expected; N]) -> Option<String> {
    let assertion = catch_unwind(AssertUnwindSafe(|| recorder.assert_sequence(expected)));
    let panic = assertion.err()?;
    Some(panic.downcast_ref::<String>().unwrap().clone())
}

fn researched() -> Recorder {
    let recorder = Recorder::new();
    assert_eq!(recorder.scope_sync(|| research("chains")), 6);
    recorder
}

fn as_it_was() -> [Expected; 3] {
    [
        tool("search")
            .within("research")
            .fails_with("nothing to search"),
        tool("recorder::search").within("behaviour::recorder::research"),
        agent("behaviour::recorder::research"),
    ]
}

#[test]
fn the_exact_sequence_is_accepted() {
    let recorder = researched();
    assert_eq!(complaint(&recorder, as_it_was()), None);
    assert_eq!(recorder.capsules().len(), 3);
    Recorder::default().assert_sequence([]);
}

#[test]
fn every_difference_is_found() {
    let recorder = researched();
    let different: [fn(&mut [Expected; 3]); 11] = [
        |e| e[0] = tool("search").within("research"),
        |e| e[0] = tool("search").within("research").fails_with("nothing"),
        |e| e[0] = tool("search").within("research").is_cancelled(),
        |e| e[1] = tool("search"),
        |e| e[1] = tool("search").within(1),
        |e| e[1] = tool("search").within("search"),
        |e| e[1] = tool("arch").within("research"),
        |e| e[1] = chat("search").within("research"),
        |e| e[2] = agent("research").within("research"),
        |e| e[2] = agent("research").ends(OutcomeStatus::Blocked),
        |e| e.swap(0, 1),
    ];
    for (at, change) in different.into_iter().enumerate() {
        let mut expected = as_it_was();
        change(&mut expected);
        assert!(complaint(&recorder, expected).is_some(), "{at}");
    }
    let [first, second, third] = as_it_was();
    let missing = [first.clone(), third.clone()];
    assert!(complaint(&recorder, missing).is_some());
    let extra = [first, second, third.clone(), third];
    assert!(complaint(&recorder, extra).is_some());
}

#[test]
fn the_message_shows_the_difference_line_by_line() {
    let recorder = researched();
    recorder.scope_sync(|| action(CapsuleType::Chat).source("desk").run_sync(|| ()));
    let expected = [
        workflow("import"),
        tool("search").within(2).fails(),
        tool("search").within("research").fails_with("offline"),
        agent("research"),
    ];
    assert_eq!(
        complaint(&recorder, expected).unwrap(),
        "the capsules are not those that were expected\n\
         (- was expected and is missing, + was not expected)\n\
         -      workflow import: success\n  \
           #0   tool behaviour::recorder::search within #2 behaviour::recorder::research: \
                failure, \"nothing to search\"\n\
         -      tool search within research: failure, \"offline\"\n\
         + #1   tool behaviour::recorder::search within #2 behaviour::recorder::research: success\n  \
           #2   agent behaviour::recorder::research: success\n\
         + #3   chat desk: success\n"
    );
}

#[test]
fn a_parent_is_told_from_another_of_its_name() {
    let recorder = Recorder::new();
    let run = |topic: &'static str| {
        action(CapsuleType::Agent)
            .source("agent")
            .run_sync(move || search(topic).map(drop))
    };
    recorder.scope_sync(|| (run("a"), run("b"))).0.unwrap();
    let expected = |first, second| {
        [
            tool("search").within(first),
            agent("agent"),
            tool("search").within(second),
            agent("agent"),
        ]
    };
    assert_eq!(complaint(&recorder, expected(1, 3)), None);
    assert!(complaint(&recorder, expected(3, 1)).is_some());
}

#[test]
fn a_parent_that_still_runs_is_not_recorded() {
    let recorder = Recorder::new();
    let running = recorder.instance().action(CapsuleType::Agent).begin();
    running.scope_sync(|| recorder.scope_sync(|| search("a").unwrap()));
    let said = complaint(&recorder, [tool("search")]).unwrap();
    assert!(
        said.contains("within a capsule that is not recorded here: success"),
        "{said}"
    );
    running.succeed(&());
    assert_eq!(recorder.capsules().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorders_do_not_see_each_other() {
    async fn run(number: usize) -> Recorder {
        let recorder = Recorder::new();
        let work = async move {
            let task = async move {
                for _ in 0..number {
                    tokio::task::yield_now().await;
                    search("x").unwrap();
                }
            };
            tokio::spawn(task.in_current_capsule()).await.unwrap();
        };
        recorder.scope(work).await;
        recorder
    }
    let tasks: Vec<_> = (0..8).map(|number| tokio::spawn(run(number))).collect();
    for (number, task) in tasks.into_iter().enumerate() {
        let expected = vec![expect(CapsuleType::Tool, "search"); number];
        task.await.unwrap().assert_sequence(expected);
    }
}

#[test]
fn it_takes_the_settings_of_the_program() {
    let recorder = Recorder::with(Capsules::builder().text_limit(3));
    recorder.scope_sync(|| search("chains").unwrap());
    assert_eq!(recorder.capsules()[0].trigger.request, "ch…");
}

#[tokio::test]
async fn panics_and_cancellations_have_their_words() {
    #[audit(type = "tool")]
    async fn waits(reason: &str) {
        current().summary(reason);
        std::future::pending::<()>().await;
    }
    #[audit(type = "tool")]
    fn panics() {
        panic!("boom");
    }
    let recorder = Recorder::new();
    let cancelled = tokio::time::timeout(
        std::time::Duration::from_millis(1),
        recorder.scope(waits("for ever")),
    );
    cancelled.await.unwrap_err();
    recorder.scope_sync(|| catch_unwind(panics).unwrap_err());
    recorder.assert_sequence([
        tool("waits").is_cancelled(),
        tool("panics").fails_with("panicked: boom"),
    ]);
}
