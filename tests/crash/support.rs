//! A store that programs write to, and what has to be in it when they are gone.

use std::collections::{HashMap, HashSet};
use std::env;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use capsules::storage::SqliteStorage;
use capsules::verify::{Level, TrustedKeys, Verifier};
use capsules::{Capsules, DataDir, Keyring, OutcomeStatus, Storage, Uuid, recovery};
use tempfile::TempDir;

/// How long a test waits for what must come. A thread that ends waits for ten seconds at most, and
/// the drop of an instance for as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A number that the environment may set.
pub(crate) fn number(variable: &str, default: usize) -> usize {
    env::var(variable).map_or(default, |value| {
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable}={value} is not a number"))
    })
}

/// The data directory that programs write to, and their log.
pub(crate) struct Trail {
    directory: TempDir,
}

/// What the programs have written down themselves.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Actions whose body was running.
    pub(crate) running: HashSet<Uuid>,
    /// Actions whose call had returned.
    pub(crate) returned: HashSet<Uuid>,
}

impl Trail {
    pub(crate) fn new() -> Self {
        Self {
            directory: capsules_tests::temp_dir(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn data(&self) -> DataDir {
        DataDir::new(self.path()).unwrap()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.data().database()
    }

    pub(crate) fn journals(&self) -> PathBuf {
        let mut name = self.database().into_os_string();
        name.push(".journals");
        name.into()
    }

    /// Starts one of the programs on this directory and its log.
    pub(crate) fn start(&self, program: &str, arguments: &[&str]) -> Child {
        Command::new(program)
            .arg(self.path())
            .arg(self.path().join("log"))
            .args(arguments)
            .env("QUANTUMPIPES_DATA_DIR", self.path())
            .stdin(Stdio::null())
            .spawn()
            .unwrap()
    }

    pub(crate) fn log(&self) -> Log {
        let text = fs::read_to_string(self.path().join("log")).unwrap_or_default();
        // The last line may not be whole yet, or not any more.
        let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
        let mut log = Log::default();
        for line in whole.lines() {
            let (what, id) = line.trim_end().split_once(' ').unwrap();
            let id = id.parse().unwrap();
            let new = match what {
                "running" => log.running.insert(id),
                "returned" => log.returned.insert(id),
                _ => panic!("{line}"),
            };
            assert!(new, "twice in the log: {line}");
        }
        log
    }

    /// Recovers what waits, twice, and checks that the second time there is nothing left to do.
    pub(crate) fn recover(&self) {
        let recover = || Capsules::builder().data_dir(self.path()).recover().unwrap();
        assert_eq!(recover().failed, Vec::<String>::new());
        let records = self.store().count(&capsules::Filter::new()).unwrap();
        assert_eq!(recovery::waiting(&self.database()).unwrap(), []);
        assert_eq!(recover(), recovery::Recovered::default());
        let again = self.store().count(&capsules::Filter::new()).unwrap();
        assert_eq!(again, records, "recovered twice");
    }

    pub(crate) fn store(&self) -> SqliteStorage {
        SqliteStorage::open_read_only(self.database()).unwrap()
    }

    /// Reads the chain, which has to verify: every action in it, by id.
    pub(crate) fn verified(&self) -> HashMap<Uuid, (OutcomeStatus, Option<String>)> {
        let store = self.store();
        let keys = TrustedKeys::keyring(Keyring::read(&self.data()).unwrap());
        let report = Verifier::new(Level::Signatures)
            .keys(keys)
            .verify(&store, None)
            .unwrap();
        assert!(report.valid(), "{report:#?}");
        let mut actions = HashMap::new();
        store
            .scan(None, 0, &mut |record| {
                let capsule = record.capsule().unwrap();
                let outcome = (capsule.outcome.status, capsule.outcome.error);
                let other = actions.insert(capsule.id, outcome);
                assert_eq!(other, None, "twice in the chain: {}", capsule.id);
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(report.capsules_verified, actions.len() as u64);
        actions
    }

    /// Recovers, and checks that the chain holds what the log says: every action once, those
    /// whose call had returned with their outcome, and others with an unknown one at worst.
    /// Gives the number of actions in the chain, and how many of them are pending.
    pub(crate) fn assert_nothing_lost(&self) -> (usize, usize) {
        self.recover();
        let (log, actions) = (self.log(), self.verified());
        let lost = |ids: &HashSet<Uuid>| {
            let lost = ids.iter().filter(|id| !actions.contains_key(*id));
            lost.count()
        };
        assert_eq!(lost(&log.returned), 0, "lost of {}", log.returned.len());
        assert_eq!(
            lost(&log.running),
            0,
            "starts lost of {}",
            log.running.len()
        );
        let mut pending = 0;
        for (id, (status, error)) in &actions {
            if *status == OutcomeStatus::Pending {
                pending += 1;
                assert!(!log.returned.contains(id), "{id} is pending and returned");
                let error = error.as_deref().unwrap_or_default();
                assert!(error.starts_with("outcome unknown"), "{id}: {error}");
            } else {
                assert_eq!(*status, OutcomeStatus::Success, "{id}: {error:?}");
            }
        }
        (actions.len(), pending)
    }
}

/// Waits for the end of a program, which must come in time.
pub(crate) fn end_within(child: &mut Child, timeout: Duration) -> ExitStatus {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the program hangs");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Random below `limit`.
pub(crate) fn random(limit: u64) -> u64 {
    let (bits, _) = Uuid::new_v4().as_u64_pair();
    // The middle bits: the last ones of the half name the version.
    (bits >> 16) % limit
}

#[test]
fn a_line_that_is_not_whole_says_nothing() {
    let trail = Trail::new();
    let id = Uuid::nil();
    for rest in ["", "ret", &format!("running {id}")] {
        fs::write(trail.path().join("log"), format!("returned {id}\n{rest}")).unwrap();
        let log = trail.log();
        assert_eq!((log.returned.len(), log.running.len()), (1, 0), "{rest}");
    }
}
