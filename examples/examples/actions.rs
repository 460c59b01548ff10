//! Auditing what is no function of yours: trait objects, futures that are given to you, and work
//! that begins in one place and ends in another.
//!
//! ```sh
//! cargo run --example actions
//! ```
#![allow(clippy::print_stdout, reason = "an example's output")]

use std::collections::BTreeMap;
use std::future::Future;

use capsules::{CapsuleType, Capsules, Filter, action, current};
use capsules_examples::Error;

/// What a program finds when it is configured: it is not known when it is compiled.
trait Tool {
    fn call(&self, text: &str) -> Result<usize, String>;
}

struct WordCount;
struct LetterCount;

impl Tool for WordCount {
    fn call(&self, text: &str) -> Result<usize, String> {
        Ok(text.split_whitespace().count())
    }
}

impl Tool for LetterCount {
    fn call(&self, text: &str) -> Result<usize, String> {
        let letters = text.chars().filter(|c| c.is_alphabetic()).count();
        (letters > 0)
            .then_some(letters)
            .ok_or_else(|| "no letters".to_owned())
    }
}

/// The one place where tools are called is the one that audits them.
fn call(tools: &BTreeMap<&str, Box<dyn Tool>>, name: &str, text: &str) -> Result<usize, String> {
    let tool = tools.get(name).ok_or_else(|| format!("no tool {name}"))?;
    action(CapsuleType::Tool)
        .source(name)
        .argument("text", text)
        .run_sync(|| tool.call(text))
}

/// A framework that runs any future, on record. Its value need not be serialisable.
async fn run<T>(work: impl Future<Output = T>) -> T {
    let action = action(CapsuleType::Agent);
    action.run_with(work, |_, keep| keep.nothing()).await
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let directory = tempfile::tempdir()?;
    let capsules = Capsules::builder().data_dir(directory.path()).build()?;

    let mut tools: BTreeMap<&str, Box<dyn Tool>> = BTreeMap::new();
    tools.insert("word_count", Box::new(WordCount));
    tools.insert("letter_count", Box::new(LetterCount));

    let work = async {
        let words = call(&tools, "word_count", "to be or not to be");
        let letters = call(&tools, "letter_count", "");
        current().metric("words", words.unwrap_or_default());

        // A guard lives as long as the action does. This one is never told how it went.
        let import = action(CapsuleType::Workflow).source("import").begin();
        import.capsule().summary("10 of 20 lines");
        drop(import);
        letters
    };
    let refused = capsules.scope(run(work)).await;
    println!("{refused:?}");

    for record in capsules.list(Filter::new().oldest_first()).await? {
        let capsule = record.capsule()?;
        let arguments = capsule.context.environment.get("capsules.arguments");
        let arguments = arguments.map(ToString::to_string).unwrap_or_default();
        let line = format!(
            "{} {:<15} {} {arguments}",
            capsule.kind, capsule.trigger.source, capsule.outcome.status
        );
        println!("{}", line.trim_end());
    }
    Ok(())
}
