//! A small agent at work: it reads this workspace's `Cargo.lock`, finds the crates that are
//! compiled in several versions, weighs what to do about them, and leaves a chain of capsules.
//!
//! ```sh
//! cargo run --example quickstart
//! ```
//!
//! The chain lies in `target/quickstart`, with a key of its own. Every run appends to it.
#![allow(clippy::print_stdout, reason = "an example's output")]

use std::collections::BTreeSet;

use capsules::verify::Level;
use capsules::{Capsules, Filter, ReasoningOption, Uuid, audit, current};
use capsules_examples::lock::{self, Duplicate, Package, Policy};
use capsules_examples::{Error, join, ratio, show, workspace};

#[tokio::main]
async fn main() -> Result<(), Error> {
    // Without these lines the capsules would go to ~/.quantumpipes, where your own belong.
    let data_dir = workspace().join("target").join("quickstart");
    let capsules = Capsules::builder().data_dir(&data_dir).build()?;
    let _installed = capsules.install();

    let run = Uuid::new_v4().to_string();
    let question = "Which crates are compiled in several versions?";
    let decision = review(question, &run).await?;

    // Audited functions do not wait for their records; whoever reads them does.
    let records = capsules.list(Filter::new().session(&run)).await?;
    let report = capsules.verify(Level::Signatures).await?;

    println!("{question}\n  {decision}\n");
    print!("{}", show::page(&records, &report, &data_dir)?);
    Ok(())
}

/// The whole task. What it is asked becomes `trigger.request`; `run` becomes the session, which
/// everything that is called from here inherits.
#[audit(type = "workflow", session_from = "run")]
async fn review(question: &str, run: &str) -> Result<String, Error> {
    let text = read_file("Cargo.lock").await?;
    let packages = parse_lock(&text)?;
    current().metric("packages", packages.len());
    advise(question, &packages).await
}

/// Weighs what can be done, and says why. An agent with a language model looks the same: it
/// records the options that the model gave.
#[audit(type = "agent", agent_id = "dependency-advisor")]
async fn advise(question: &str, packages: &[Package]) -> Result<String, Error> {
    // The tool fails where there is no such file. Its capsule says so, and the agent goes on.
    let policy = match read_file("deny.toml").await {
        Ok(text) => Policy::parse(&text)?,
        Err(_) => Policy::default(),
    };
    let duplicates = find_duplicates(packages, &policy.accepted);
    if duplicates.is_empty() {
        return Ok("nothing to do".to_owned());
    }

    let mut options = weigh(&duplicates);
    // Leaving them is always possible, so there always is such an option.
    let feasible = |option: &&mut ReasoningOption| option.feasibility >= WORTHWHILE;
    let chosen = options.iter_mut().find(feasible).ok_or("no way out")?;
    chosen.selected = true;
    chosen.rejection_reason.clear();
    let (id, decision) = (chosen.id.clone(), chosen.description.clone());

    let best = options[0].feasibility.max(options[1].feasibility);
    let capsule = current();
    capsule
        .analysis(format!(
            "in several versions: {}",
            join(duplicates.iter().map(|d| &d.name))
        ))
        .selected_option(id)
        .reasoning(format!(
            "the better fix has feasibility {best:.2}, and {WORTHWHILE} would be worth the work"
        ))
        // The further from the threshold, the clearer the case.
        .confidence(0.5 + (best - WORTHWHILE).abs())
        .summary(format!("{} duplicates: {decision}", duplicates.len()));
    for option in options {
        capsule.option(option);
    }
    Ok(decision)
}

/// From this feasibility on a fix is chosen.
const WORTHWHILE: f64 = 0.5;

/// The two fixes, and leaving things as they are. An option that is not chosen says why.
fn weigh(duplicates: &[Duplicate]) -> [ReasoningOption; 3] {
    let copies: usize = duplicates.iter().map(|d| d.versions.len() - 1).sum();
    let ours: BTreeSet<_> = duplicates.iter().flat_map(|d| &d.ours).collect();
    let foreign: BTreeSet<_> = duplicates.iter().flat_map(|d| &d.foreign).collect();
    let (dependents, forks) = (ours.len() + foreign.len(), foreign.len());

    let update = ReasoningOption {
        id: "update".to_owned(),
        description: "make the dependents ask for the newest version".to_owned(),
        pros: vec![format!("{copies} packages fewer to compile, for good")],
        cons: vec![format!("maintained by others: {}", join(&foreign))],
        feasibility: ratio(ours.len(), dependents),
        rejection_reason: format!("{forks} of {dependents} dependents cannot be changed here"),
        ..ReasoningOption::default()
    };
    let patch = ReasoningOption {
        id: "patch".to_owned(),
        description: "replace the dependents by forks of our own".to_owned(),
        pros: vec![format!("{copies} packages fewer to compile, today")],
        cons: vec![format!("forks to maintain: {}", join(&foreign))],
        feasibility: ratio(1, forks + 1),
        rejection_reason: format!("{forks} forks to save {copies} packages"),
        ..ReasoningOption::default()
    };
    let leave = ReasoningOption {
        id: "leave".to_owned(),
        description: "leave them until their dependents have moved on".to_owned(),
        pros: vec!["no work, and no version that its users have not tested".to_owned()],
        cons: vec![format!("{copies} packages more to compile and to review")],
        feasibility: 1.0,
        rejection_reason: "a fix is within reach".to_owned(),
        ..ReasoningOption::default()
    };
    [update, patch, leave]
}

/// Reads a file of the workspace. The text itself stays out of the record: its size will do.
#[audit(type = "tool", result = "none")]
async fn read_file(name: &str) -> Result<String, Error> {
    let text = tokio::fs::read_to_string(workspace().join(name)).await;
    let text = text.map_err(|error| format!("{name}: {error}"))?;
    current().summary(format!("{} bytes", text.len()));
    Ok(text)
}

#[audit(type = "tool", trigger_from = none, result = "none")]
fn parse_lock(text: &str) -> Result<Vec<Package>, Error> {
    let packages = lock::parse(text)?;
    current().summary(format!("{} packages", packages.len()));
    Ok(packages)
}

/// Not every tool can fail. What this one returns becomes `outcome.result`, as JSON.
#[audit(type = "tool", trigger_from = none)]
fn find_duplicates(packages: &[Package], accepted: &[String]) -> Vec<Duplicate> {
    lock::duplicates(packages, accepted)
}
