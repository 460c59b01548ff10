//! The way of a new user: an empty home, a new crate with the README's example, `cargo run`, and
//! the commands of both sides on what that left behind.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use capsules_tests::{python, target_dir, temp_dir, workspace_root};
use serde_json::Value;

use crate::support::assert_verified;

const PROGRAM: &str = r#"
type Error = Box<dyn std::error::Error + Send + Sync>;

async fn llm(task: &str) -> Result<String, Error> {
    Ok(format!("{task}: an old silent pond"))
}

#[capsules::audit(type = "agent", tenant_from = "site_id")]
async fn run_agent(task: &str, site_id: &str) -> Result<String, Error> {
    let capsule = capsules::current();
    capsule.model("gpt-4o").confidence(0.95).session_id("session-abc");
    let text = llm(task).await?;
    capsule.summary(format!("Generated {} chars", text.len())).resource("tokens", 1500);
    Ok(text)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    println!("{}", run_agent("write a haiku", "site-1").await?);
    Ok(())
}
"#;

#[test]
fn gets_a_capsule_that_both_sides_verify() {
    let temporary = temp_dir();
    let home = temporary.path().join("home");
    let package = temporary.path().join("agent");
    fs::create_dir(&home).unwrap();
    write_package(&package);

    let output = output(cargo(&home).arg("run").current_dir(&package));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "write a haiku: an old silent pond\n"
    );

    let data = home.join(".quantumpipes");
    let found = names(&data);
    for file in ["capsules.db", "key", "keyring.json"] {
        assert!(
            found.iter().any(|name| name == file),
            "{file} is missing in {found:?}"
        );
    }
    assert_private(&data);

    let verified = capsules(&home, &["verify", "--signatures", "--json"]);
    assert_verified(&verified, 1);
    let inspected = capsules(&home, &["inspect", "--seq", "0"]);
    let inspected = String::from_utf8_lossy(&inspected.stdout);
    for shown in [
        "write a haiku",
        "site-1",
        "gpt-4o",
        "0.95",
        "Generated 33 chars",
        "1500",
    ] {
        assert!(
            inspected.contains(shown),
            "{shown} is missing in\n{inspected}"
        );
    }
    let listed = capsules(&home, &["list"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("write a haiku"));

    if python::interpreter().is_some() {
        let database = data.join("capsules.db");
        let arguments = [
            "verify",
            "--signatures",
            "--json",
            "--db",
            &*database.to_string_lossy(),
        ];
        assert_verified(&python::capsule(&data, &arguments), 1);
    }
}

/// A crate outside of the workspace that depends on `capsules` and `tokio`. With the workspace's
/// lock file and profile it shares what is built already, and needs no network.
fn write_package(package: &Path) {
    let profile = {
        let manifest = fs::read_to_string(workspace_root().join("Cargo.toml")).unwrap();
        let begin = manifest.find("[profile.dev").unwrap();
        manifest[begin..].to_owned()
    };
    let capsules = workspace_root().join("capsules");
    let manifest = format!(
        r#"
[package]
name = "agent"
version = "0.1.0"
edition = "2024"

[dependencies]
capsules = {{ path = {capsules} }}
tokio = {{ version = "1", features = ["macros", "rt-multi-thread"] }}

[workspace]

{profile}"#,
        capsules = Value::from(&*capsules.to_string_lossy())
    );
    fs::create_dir_all(package.join("src")).unwrap();
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::write(package.join("src/main.rs"), PROGRAM).unwrap();
    fs::copy(
        workspace_root().join("Cargo.lock"),
        package.join("Cargo.lock"),
    )
    .unwrap();
}

/// Our command on the default data directory of this home.
fn capsules(home: &Path, arguments: &[&str]) -> Output {
    let mut command = cargo(home);
    command
        .args(["run", "--package", "capsules-cli", "--"])
        .args(arguments);
    output(command.current_dir(workspace_root()))
}

/// Cargo for a user with this home, whose toolchain and registry are those of the real one.
fn cargo(home: &Path) -> Command {
    let real_home = env::home_dir().expect("a home directory");
    let directory = |variable: &str, name: &str| {
        env::var_os(variable).map_or_else(|| real_home.join(name), PathBuf::from)
    };
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(["--offline", "--quiet"])
        .env("CARGO_HOME", directory("CARGO_HOME", ".cargo"))
        .env("RUSTUP_HOME", directory("RUSTUP_HOME", ".rustup"))
        .env("CARGO_TARGET_DIR", target_dir())
        .env("HOME", home)
        .env("USERPROFILE", home)
        .env("NO_COLOR", "1")
        .env_remove("QUANTUMPIPES_DATA_DIR");
    command
}

#[track_caller]
fn output(command: &mut Command) -> Output {
    let output = command.output().expect("cargo runs");
    assert!(
        output.status.success(),
        "{command:?}{}",
        python::transcript(&output)
    );
    output
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Checks that the directory and all that is in it are for their owner only.
#[cfg(unix)]
fn assert_private(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;

    let files = names(directory)
        .into_iter()
        .map(|name| directory.join(name));
    for path in files.chain([directory.to_owned()]) {
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", path.display());
    }
}

#[cfg(not(unix))]
fn assert_private(_directory: &Path) {}
