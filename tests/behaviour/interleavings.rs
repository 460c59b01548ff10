//! Nested, spawned, abandoned and panicking actions on many threads at once leave the tree of
//! capsules that the program implies, however they are scheduled.

mod program;
mod run;

use std::collections::HashMap;
use std::env;

use capsules::{Capsule, Uuid};

use self::program::{Author, Expected, expected};
use crate::support::{instance, recorded};

/// How many programs are run, each once.
fn programs() -> u64 {
    match env::var("CAPSULES_INTERLEAVINGS") {
        Ok(count) => count.parse().unwrap(),
        Err(_) => 1_000,
    }
}

/// What is on record, in the form of what is expected.
fn observed(capsules: &[Capsule], expected: &[Expected]) -> Vec<Expected> {
    let names: HashMap<Uuid, &str> = capsules
        .iter()
        .map(|capsule| (capsule.id, &*capsule.trigger.request))
        .collect();
    let mut all: Vec<_> = capsules
        .iter()
        .map(|capsule| {
            let name = capsule.trigger.request.clone();
            let known = expected.iter().find(|expected| expected.name == name);
            let tools = capsule.execution.tool_calls.len();
            Expected {
                parent: capsule.parent_id.map(|id| names[&id].to_owned()),
                status: capsule.outcome.status.as_str().to_owned(),
                error: capsule.outcome.error.clone(),
                tools: known.and_then(|known| known.tools).map(|_| tools),
                name,
            }
        })
        .collect();
    all.sort();
    all
}

#[test]
fn a_thousand_random_programs_leave_the_trees_that_they_imply() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    let mut sizes = 0;
    for seed in 0..programs() {
        let program = Author::new(seed).program();
        let expected = expected(&program);
        let capsules = instance();
        runtime.block_on(run::run(&capsules, &program));
        let observed = observed(&recorded(&capsules), &expected);
        assert_eq!(observed, expected, "seed {seed}");
        sizes += expected.len();
    }
    assert!(sizes as u64 > 5 * programs(), "{sizes} actions");
}
