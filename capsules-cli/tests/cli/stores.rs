//! Which store a command is about, said in one way to all of them.

use crate::support::{Home, Ran, data, fill_store};

/// What reads a store, with arguments of its own.
const READERS: [&[&str]; 7] = [
    &["list"],
    &["inspect", "--seq", "0"],
    &["search", "deploy"],
    &["stats"],
    &["tail"],
    &["tree", "0199f3a0-1111"],
    &["verify"],
];

#[test]
fn the_default_store_is_in_the_data_directory() {
    let home = Home::new();
    fill_store(&home.path().join(".quantumpipes/capsules.db"));
    let default = home.run(["list"]).passed();
    assert!(default.contains("deploy-bot"), "{default}");

    std::fs::rename(home.path().join(".quantumpipes"), home.path().join("moved")).unwrap();
    let named = home.run(["list", "--data-dir", "moved"]);
    assert_eq!(named.passed(), default);
    let mut command = home.command();
    command
        .arg("list")
        .env("QUANTUMPIPES_DATA_DIR", home.path().join("moved"));
    assert_eq!(Ran::of(&mut command).passed(), default);
    home.run(["list"]).error();
}

#[test]
fn a_store_is_named_before_the_command_or_after_it() {
    let home = Home::new();
    fill_store(&home.path().join("a.db"));
    for reader in READERS {
        let after = home.run([reader, &["--db", "a.db"]].concat()).passed();
        let before = home.run([&["--db", "a.db"], reader].concat()).passed();
        assert_eq!(before, after);
        assert!(!after.is_empty());
    }
}

#[test]
fn what_cannot_be_read_is_an_error_of_every_command() {
    let home = Home::new();
    home.file("chain.json", data("chain.json"));
    for reader in READERS {
        for (store, message) in [
            (
                &["--pg", "postgres://u:secret@127.0.0.1:1/x"][..],
                "u@127.0.0.1:1/x",
            ),
            (&["--db", "none.db"], "none.db: there is no such file\n"),
            (
                &[],
                "capsules.db; name one with --db or --pg, or give an export\n",
            ),
        ] {
            for args in [[reader, store].concat(), [store, reader].concat()] {
                let error = home.run(&args).error();
                assert!(error.contains(message), "{args:?} {error}");
                assert!(!error.contains("secret"), "{error}");
            }
        }
    }
    let error = home
        .run(["--db", "a.db", "inspect", "chain.json", "--seq", "0"])
        .error();
    assert!(error.contains("cannot be used with --db"), "{error}");
}

#[test]
fn a_store_has_no_meaning_where_none_is_read() {
    let home = Home::new();
    home.file("chain.json", data("chain.json"));
    for command in [
        &["hash", "chain.json"][..],
        &["validate", "chain.json"],
        &["canonicalize", "chain.json"],
        &["uri", "capsule://a/1"],
        &["keys", "info"],
    ] {
        let error = home.run([command, &["--db", "a.db"]].concat()).error();
        assert!(error.contains("reads no store"), "{error}");
    }
}
