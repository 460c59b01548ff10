//! The Python implementation that the other modules run.

use std::ffi::OsStr;

use capsules_tests::{python, temp_dir};

#[test]
fn is_the_pinned_version() {
    let Some(_) = python::interpreter() else {
        return;
    };
    let script = "import importlib.metadata as m; print(m.version('qp-capsule'))";
    let output = python::run::<&OsStr>(script, &[], &[]);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "1.5.4");
}

#[test]
fn command_runs() {
    let Some(_) = python::interpreter() else {
        return;
    };
    let dir = temp_dir();
    let output = python::capsule(dir.path(), &["keys", "info"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        python::transcript(&output)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains(&*dir.path().to_string_lossy()));
}
