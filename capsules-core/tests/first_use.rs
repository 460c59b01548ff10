//! Processes that use a new data directory at the same moment end with one key.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use capsules_core::{DataDir, Keyring, Seal};

const DIRECTORY: &str = "FIRST_USE_DIRECTORY";

#[test]
fn processes_that_make_the_first_key_at_once_agree() {
    for _ in 0..5 {
        let temporary = tempfile::tempdir().unwrap();
        let children: Vec<_> = (0..6)
            .map(|_| {
                Command::new(std::env::current_exe().unwrap())
                    .args([
                        "--exact",
                        "opens_the_directory_and_prints_its_key",
                        "--ignored",
                    ])
                    .arg("--nocapture")
                    .env(DIRECTORY, temporary.path())
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let keys: BTreeSet<_> = children
            .into_iter()
            .map(|child| {
                let output = child.wait_with_output().unwrap();
                assert!(output.status.success());
                let text = String::from_utf8(output.stdout).unwrap();
                text.lines()
                    .find_map(|line| line.strip_prefix("key ").map(str::to_owned))
                    .unwrap()
            })
            .collect();

        let keyring = Keyring::read(&DataDir::new(temporary.path()).unwrap()).unwrap();
        assert_eq!(keyring.epochs().len(), 1);
        let key = keyring.active().unwrap().public_key.to_string();
        assert_eq!(keys, BTreeSet::from([key]));
    }
}

#[test]
#[ignore = "a child process of the other test"]
fn opens_the_directory_and_prints_its_key() {
    let dir = DataDir::new(std::env::var_os(DIRECTORY).unwrap()).unwrap();
    println!("\nkey {}", Seal::open(&dir).unwrap().public_key());
}
