//! Stores in PostgreSQL, which keep a chain for each tenant.

#[cfg(unix)]
mod following;
mod moving;
mod reading;
mod refused;
#[cfg(unix)]
mod serving;

use std::path::PathBuf;
use std::time::Duration;

use capsules::Capsules;
use capsules_tests::postgres::{Server, server};
use serde_json::Value;

use crate::support::{Home, Ran};

/// A store on the server, and a home with its keys.
struct Store {
    home: Home,
    url: String,
    server: &'static Server,
}

#[capsules::audit(
    type = "agent",
    tenant_from = "tenant",
    trigger_from = "question",
    source = "agent"
)]
fn run(tenant: Option<&str>, question: &str) -> usize {
    ask(question)
}

#[capsules::audit(type = "tool", source = "tool")]
fn ask(question: &str) -> usize {
    question.len()
}

impl Store {
    /// Two capsules of nobody, four of acme and two of globex.
    fn recorded() -> Option<Self> {
        let server = server()?;
        let store = Self {
            home: Home::new(),
            url: server.schema(),
            server,
        };
        store.record(&[
            (Some("acme"), "where is the red fox"),
            (None, "whose is the fox"),
            (Some("globex"), "a quick brown Fox"),
            (Some("acme"), "no animal"),
        ]);
        Some(store)
    }

    fn data_dir(&self) -> PathBuf {
        self.home.path().join(".quantumpipes")
    }

    fn record(&self, actions: &[(Option<&str>, &str)]) {
        let capsules = Capsules::builder()
            .path(&self.url)
            .data_dir(self.data_dir())
            .build()
            .unwrap();
        for (tenant, question) in actions {
            capsules.scope_sync(|| run(*tenant, question));
            // Sealed by themselves, and so in this order.
            capsules.flush().wait().unwrap();
        }
        capsules.close(Duration::from_secs(30)).unwrap();
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.home.run([args, &["--pg", &self.url]].concat())
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        assert_eq!(ran.stderr, "");
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn change(&self, sql: &str) {
        self.server.client(&self.url).batch_execute(sql).unwrap();
    }
}

fn ids(answer: &Value) -> Vec<String> {
    let capsules = answer["capsules"].as_array().unwrap().iter();
    capsules
        .map(|capsule| capsule["id"].as_str().unwrap().to_owned())
        .collect()
}
