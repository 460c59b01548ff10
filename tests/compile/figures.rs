//! What the attribute costs the compiler: `cargo test -p capsules-compile-tests -- --ignored
//! --nocapture`. Processor time, so that other work on the machine disturbs it less; without
//! incremental compilation, with everything that the package depends on compiled before.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::package::{Package, capsules, succeeded};
use crate::public_crate::{CACACHE, MINI_REDIS, TOKIO_TAR};

const RUNS: usize = 7;

/// Runs the compiler for Cargo, and notes its processor time.
const COMPILER: &str = "\
#!/usr/bin/env bash
TIMEFORMAT='%U %S'
exec 3>&2
{ time \"$@\" 2>&3; } 2>>\"$CAPSULES_COMPILER_LOG\"
";

/// The seconds of processor time that a Cargo command takes for the package alone, and those of them
/// that are the compiler's and the linker's.
fn seconds(package: &Package, arguments: &[&str]) -> [f64; 2] {
    let source = package.path("src/lib.rs");
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, text).unwrap();

    let directory = tempfile::tempdir().unwrap();
    let (script, log) = (
        directory.path().join("compiler"),
        directory.path().join("log"),
    );
    fs::write(&script, COMPILER).unwrap();
    fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
    let mut cargo = package.cargo(arguments);
    cargo
        .arg("--quiet")
        .env("CARGO_INCREMENTAL", "0")
        .env("RUSTC_WRAPPER", &script)
        .env("CAPSULES_COMPILER_LOG", &log);
    let output = succeeded(&mut timed(&cargo));
    let total = String::from_utf8(output.stderr).unwrap();
    [
        sum(total.lines().last().unwrap()),
        fs::read_to_string(&log).unwrap().lines().map(sum).sum(),
    ]
}

/// The command, which prints its processor time at the end.
fn timed(command: &Command) -> Command {
    let mut timed = Command::new("bash");
    timed
        .args(["-c", "TIMEFORMAT='%U %S'; time \"$@\"", "bash"])
        .arg(command.get_program())
        .args(command.get_args())
        .current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => timed.env(name, value),
            None => timed.env_remove(name),
        };
    }
    timed
}

fn sum(times: &str) -> f64 {
    times
        .split(' ')
        .map(|time| time.parse::<f64>().unwrap())
        .sum()
}

/// The medians of alternating runs, after one run each that is not counted.
fn medians(packages: &[&Package], arguments: &[&str]) -> Vec<[f64; 2]> {
    let mut all = vec![Vec::new(); packages.len()];
    for run in 0..=RUNS {
        for (package, times) in packages.iter().zip(&mut all) {
            let time = seconds(package, arguments);
            if run > 0 {
                times.push(time);
            }
        }
    }
    all.iter_mut()
        .map(|times| {
            [0, 1].map(|which| {
                times.sort_by(|a, b| a[which].total_cmp(&b[which]));
                times[RUNS / 2][which]
            })
        })
        .collect()
}

/// A crate of 1,000 functions with this attribute: synchronous and not, with and without errors.
fn thousand(name: &str, dependency: &str, attribute: &str) -> Package {
    let package = Package::new(name, dependency);
    let mut source =
        "pub async fn step(_: u32) -> Result<(), std::io::Error> { Ok(()) }\n".to_owned();
    for number in 0..250 {
        write!(
            source,
            "{attribute} pub async fn run_{number}(task: &str, n: u32) -> Result<String, std::io::Error> {{
                 let mut text = String::new();
                 for _ in 0..n {{ text.push_str(task); }}
                 step(n).await?;
                 Ok(text)
             }}
             {attribute} pub fn count_{number}(task: &str, n: usize) -> usize {{
                 let total = task.len() * n;
                 if total > 10 {{ return 10; }}
                 total + {number}
             }}
             {attribute} pub async fn first_{number}(names: Vec<String>) -> Option<usize> {{
                 let first = names.first()?;
                 Some(first.len() + {number})
             }}
             {attribute} pub fn parse_{number}(text: &str) -> Result<u64, std::num::ParseIntError> {{
                 let value: u64 = text.trim().parse()?;
                 Ok(value + {number})
             }}\n"
        )
        .unwrap();
    }
    package.write("src/lib.rs", &source);
    package
}

#[test]
#[ignore = "a measurement"]
fn a_thousand_functions() {
    let plain = thousand("thousand-plain", "", "");
    let audited = thousand(
        "thousand-audited",
        &capsules("default-features = false"),
        "#[capsules::audit(type = \"system\")]",
    );
    let instrumented = thousand(
        "thousand-instrumented",
        "tracing = { version = \"0.1\", default-features = false, features = [\"attributes\", \"std\"] }\n",
        "#[tracing::instrument]",
    );
    for command in ["check", "build"] {
        let medians = medians(&[&plain, &audited, &instrumented], &[command, "--lib"]);
        println!(
            "{command}, plain / audited / instrumented, each with the compiler's part: {medians:.2?} s"
        );
    }
}

#[test]
#[ignore = "a measurement"]
fn published_crates() {
    for published in [MINI_REDIS, TOKIO_TAR, CACACHE] {
        let (plain, _) = published.copy(false);
        let (audited, annotated) = published.copy(true);
        println!(
            "{}, {} functions, median of {} lines",
            published.name,
            annotated.functions,
            annotated.median_lines()
        );
        let mut own_tests = vec!["test", "--no-run"];
        own_tests.extend(
            published
                .tests
                .iter()
                .take_while(|argument| **argument != "--"),
        );
        for mut arguments in [vec!["check", "--lib"], vec!["build", "--lib"], own_tests] {
            let command = arguments.join(" ");
            arguments.extend(published.features);
            let medians = medians(&[&plain, &audited], &arguments);
            let [plain, audited] = medians[..] else {
                unreachable!("two packages");
            };
            let [growth, compiler] = [0, 1].map(|part| 100.0 * (audited[part] / plain[part] - 1.0));
            println!(
                "{command}, plain / audited, each with the compiler's part: {medians:.2?} s, \
                 {growth:+.0} %, the compiler alone {compiler:+.0} %"
            );
        }
    }
}

/// How many functions that await each other compile and are provably `Send` at the default recursion
/// limit.
#[test]
#[ignore = "a measurement"]
fn the_deepest_chain_that_is_send() {
    for (name, attribute) in [
        ("chain-audited", "#[capsules::audit(type = \"agent\")]"),
        ("chain-plain", ""),
    ] {
        for order in [Order::InnermostFirst, Order::OutermostFirst] {
            let package = Package::new(name, &capsules("default-features = false"));
            let (mut proved, mut refused) = (1, 128);
            while refused - proved > 1 {
                let levels = usize::midpoint(proved, refused);
                package.write("src/lib.rs", &chain(levels, attribute, order));
                let output = package.cargo(&["build", "--quiet"]).output().unwrap();
                match output.status.success() {
                    true => proved = levels,
                    false => refused = levels,
                }
            }
            println!("{name}, {order:?}: {proved} levels");
        }
    }
}

/// In which order the functions are declared, which is the one that the compiler looks at them in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    InnermostFirst,
    OutermostFirst,
}

fn chain(levels: usize, attribute: &str, order: Order) -> String {
    let mut functions = vec![format!(
        "{attribute} async fn level_1(task: &str) -> usize {{ std::future::ready(()).await; task.len() }}\n"
    )];
    functions.extend((2..=levels).map(|level| {
        let below = level - 1;
        format!("{attribute} async fn level_{level}(task: &str) -> usize {{ level_{below}(task).await + 1 }}\n")
    }));
    if order == Order::OutermostFirst {
        functions.reverse();
    }
    let check = format!(
        "fn is_send<T: Send>(value: T) -> T {{ value }}\n\
         pub fn check() -> usize {{ size_of_val(&is_send(level_{levels}(\"\"))) }}\n"
    );
    functions.concat() + &check
}
