//! `keys`.

use crate::support::{Home, data};

/// The public key of the active epoch in `tests/data/keyring.json`.
const ACTIVE: &str = "1ebab0aab7c50c4f88ca4b4eb8cbcf2c7cb1b024768bc621ad2012aecf9228ee\n";

#[test]
fn info_shows_every_epoch() {
    let home = Home::new();
    home.data_file("keyring.json", data("keyring.json"));
    let printed = home.run(["keys", "info"]).passed();
    let dir = home.path().join(".quantumpipes").display().to_string();
    assert_eq!(
        printed.replace(&dir, "DIR"),
        "\
Keys
  keyring         DIR/keyring.json
  private key     none in DIR/key
  signs with      qp_key_1eba (epoch 1)
  public key      1ebab0aab7c50c4f88ca4b4eb8cbcf2c7cb1b024768bc621ad2012aecf9228ee

EPOCH  FINGERPRINT  STATUS   BEGAN                ENDED
    0  qp_key_5d53  retired  2026-11-21T09:50:17  2026-11-21T09:50:17
    1  qp_key_1eba  active   2026-11-21T09:50:17
"
    );
}

#[test]
fn looking_at_keys_makes_none() {
    let home = Home::new();
    assert!(
        home.run(["keys", "info"])
            .passed()
            .contains("There are no keys yet.")
    );
    let error = home.run(["keys", "export-public"]).error();
    assert!(error.starts_with("error: there is no key in "), "{error}");
    assert!(
        error.ends_with("; `capsules keys rotate` makes the first\n"),
        "{error}"
    );
    assert!(!home.path().join(".quantumpipes").exists());
}

#[test]
fn rotation_retires_the_key_and_names_both() {
    let home = Home::new();
    let first = home.run(["keys", "rotate"]).passed();
    assert!(
        first.contains("(epoch 0)") && !first.contains("retired"),
        "{first}"
    );
    let before = home.run(["keys", "export-public"]).passed();

    let second = home.run(["keys", "rotate"]).passed();
    let retired = format!("  retired         qp_key_{} (epoch 0)\n", &before[..4]);
    assert!(second.contains(&retired), "{second}");
    let after = home.run(["keys", "export-public"]).passed();
    let active = format!("  signs now       qp_key_{} (epoch 1)\n", &after[..4]);
    assert!(second.contains(&active), "{second}");
}

#[test]
fn the_data_directory_can_be_chosen() {
    let home = Home::new();
    home.file("keyring.json", data("keyring.json"));
    let by_option = ["keys", "export-public", "--data-dir", "."];
    assert_eq!(home.run(by_option).passed(), ACTIVE);
    let by_option = ["keys", "--data-dir", ".", "export-public"];
    assert_eq!(home.run(by_option).passed(), ACTIVE);
    let mut by_variable = home.command();
    by_variable
        .args(["keys", "export-public"])
        .env("QUANTUMPIPES_DATA_DIR", home.path());
    assert_eq!(crate::support::Ran::of(&mut by_variable).passed(), ACTIVE);

    let error = home.run(["keys", "info", "--data-dir", "a/../b"]).error();
    assert!(
        error.starts_with("error: the data directory a/../b must not contain `..`"),
        "{error}"
    );
}

#[test]
fn a_damaged_keyring_is_an_error() {
    let home = Home::new();
    home.data_file("keyring.json", "{");
    for action in ["info", "rotate", "export-public"] {
        let error = home.run(["keys", action]).error();
        assert!(
            error.contains("keyring.json cannot be understood"),
            "{error}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_pointed_out() {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    let home = Home::new();
    home.run(["keys", "rotate"]).passed();
    let warning = "other users can read it: run chmod 600 ";
    assert!(!home.run(["keys", "info"]).passed().contains(warning));
    let key = home.path().join(".quantumpipes/key");
    std::fs::set_permissions(key, Permissions::from_mode(0o644)).unwrap();
    assert!(home.run(["keys", "info"]).passed().contains(warning));
}
