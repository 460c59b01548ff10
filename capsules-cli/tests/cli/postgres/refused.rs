//! What cannot be answered, and why.

use capsules_tests::postgres::server;

use super::Store;
use crate::support::Home;

#[test]
fn a_place_needs_its_chain() {
    let Some(store) = Store::recorded() else {
        return;
    };
    for args in [
        &["inspect", "--seq", "0"][..],
        &["inspect", "capsule://any/0"],
    ] {
        let error = store.run(args).error();
        assert!(
            error.contains("choose it with --tenant or --no-tenant"),
            "{error}"
        );
    }
    let of = |uri: &str| {
        let record = store.json(&["inspect", uri]);
        record["context"]["environment"]["tenant_id"].clone()
    };
    assert_eq!(of("capsule://globex/0"), "globex");
    let error = store
        .run(&["inspect", "--tenant", "acme", "--seq", "9"])
        .error();
    assert!(error.contains("no capsule with sequence 9"), "{error}");
}

#[test]
fn what_cannot_be_reached_is_told_without_the_password() {
    const PASSWORD: &str = "s3cr3t-Geheim";
    let Some(server) = server() else { return };
    let home = Home::new();
    server.execute(
        "postgres",
        "CREATE ROLE guarded_cli LOGIN PASSWORD 'another'; GRANT guarded TO guarded_cli",
    );
    let port = server.port();
    for (url, parts) in [
        (
            format!("postgresql://guarded_cli:{PASSWORD}@127.0.0.1:{port}/postgres"),
            ["guarded_cli@127.0.0.1", "/postgres", "PGPASSWORD"],
        ),
        (
            format!("postgresql://capsules:{PASSWORD}@127.0.0.1:{port}/nowhere"),
            ["capsules@127.0.0.1", "/nowhere", "createdb"],
        ),
        (
            format!("postgresql://me:{PASSWORD}@127.0.0.1:1/audit"),
            ["me@127.0.0.1:1", "/audit", "check that the server runs"],
        ),
        (
            format!("postgresql://me@127.0.0.1:1/audit?password={PASSWORD}"),
            ["me@127.0.0.1:1", "/audit", "check that the server runs"],
        ),
    ] {
        for command in [
            &["list"][..],
            &["verify", "--json"],
            &["search", "x", "--json"],
            &["tail", "-f"],
            &["recover"],
            &["export", "--json", "-o", "x"],
        ] {
            let error = home.run([command, &["--pg", &url]].concat()).error();
            for part in parts {
                assert!(
                    error.contains(part),
                    "`{part}` is not in {command:?}: {error}"
                );
            }
            assert!(!error.contains(PASSWORD), "{command:?}: {error}");
        }
        let doctor = home.run(["doctor", "--json", "--pg", &url]);
        assert_eq!(doctor.status, 1);
        assert!(doctor.stdout.contains(parts[2]), "{}", doctor.stdout);
        assert!(!doctor.stdout.contains(PASSWORD), "{}", doctor.stdout);
    }
    let empty = server.schema();
    let error = home.run(["list", "--pg", &empty]).error();
    assert!(error.contains("no table quantumpipes_capsules"), "{error}");
    let doctor = home.run(["doctor", "--pg", &empty]);
    assert!(
        doctor.stdout.contains("the first one makes the table"),
        "{}",
        doctor.stdout
    );
}

#[test]
fn a_role_that_only_reads_is_enough_to_look() {
    let Some(store) = Store::recorded() else {
        return;
    };
    store.change(
        "CREATE ROLE auditor_cli LOGIN; GRANT SELECT ON quantumpipes_capsules TO auditor_cli; \
         DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO auditor_cli', current_schema()); \
         END $$",
    );
    let url = store.url.replace("capsules@", "auditor_cli@");
    for args in [
        &["verify", "--signatures"][..],
        &["search", "fox"],
        &["list"],
    ] {
        let ran = store.home.run([args, &["--pg", &url]].concat());
        assert_eq!(ran.status, 0, "{ran:?}");
    }
    let doctor = store.home.run(["doctor", "--pg", &url]);
    assert_eq!(doctor.status, 1);
    assert!(
        doctor.stdout.contains("may not insert"),
        "{}",
        doctor.stdout
    );
}
