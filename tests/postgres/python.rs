//! The published Python implementation on the same table.

use std::ffi::OsStr;

use capsules::{Capsules, Filter, Storage};
use capsules_postgres::PostgresStorage;
use capsules_tests::postgres::server;
use capsules_tests::python;

use crate::support::verified;

const SCRIPT: &str = include_str!("../interop/python/tenants.py");

#[capsules::audit(type = "agent", tenant_from = "tenant")]
fn act(tenant: &str) -> usize {
    tenant.len()
}

/// Both append to the same tenants, in a table that one of them has made; each verifies what both
/// have written.
fn share(python_first: bool) {
    let Some(server) = server() else { return };
    if python::interpreter().is_none() {
        return;
    }
    // A database of its own: the Python driver takes no search path from a URL.
    let name = if python_first {
        "python_first"
    } else {
        "rust_first"
    };
    server.execute("postgres", &format!("CREATE DATABASE {name}"));
    let url = server.url(name);
    let data = capsules_tests::temp_dir();
    let python = |mode: &str, count: Option<&str>| {
        let mut arguments = vec![mode, &url];
        arguments.extend(count);
        arguments.extend(["acme", "globex"]);
        let directory = [("QUANTUMPIPES_DATA_DIR", OsStr::new(data.path()))];
        let output = python::run(SCRIPT, &arguments, &directory);
        String::from_utf8(output.stdout).unwrap()
    };
    let ours = || {
        let capsules = Capsules::builder()
            .path(&url)
            .data_dir(data.path())
            .build()
            .unwrap();
        capsules.scope_sync(|| {
            for number in 0..10 {
                act(["acme", "globex"][number % 2]);
            }
        });
        capsules.flush().wait().unwrap();
    };
    let theirs = || python("append", Some("3"));
    if python_first {
        theirs();
        ours();
        theirs();
    } else {
        ours();
        theirs();
        ours();
    }
    let each = if python_first { 11 } else { 13 };
    assert_eq!(python("verify", None), format!("{each}\n{each}\n"));
    assert_eq!(verified(&url, data.path()).len(), 2 * each);
    let store = PostgresStorage::open_read_only(&url).unwrap();
    let acme = store.count(&Filter::new().tenant("acme")).unwrap();
    assert_eq!(acme, each as u64);
}

#[test]
fn a_table_that_python_has_made() {
    share(true);
}

#[test]
fn a_table_that_we_have_made() {
    share(false);
}
