use std::collections::BTreeMap;
use std::fs;
use std::io;

use super::store::{self, open};
use super::{EpochStatus, Keyring, KeyringError};
use crate::datadir::DataDir;
use crate::signer::{LocalSigner, PublicKey, Signer};

/// A keyring as the Python implementation writes it, with keys that other tools added. Two
/// epochs are active, and `active_epoch` names the later one.
const PYTHON: &str = r#"{
  "version": 1,
  "active_epoch": 1,
  "epochs": [
    {
      "epoch": 0,
      "algorithm": "ed25519",
      "public_key_hex": "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c",
      "fingerprint": "qp_key_ea4a",
      "created_at": "2026-01-15T12:00:00.250000+00:00",
      "rotated_at": null,
      "status": "active"
    },
    {
      "epoch": 1,
      "algorithm": "ed25519",
      "public_key_hex": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      "fingerprint": "qp_key_d75a",
      "created_at": "2026-02-15T12:00:00+00:00",
      "rotated_at": null,
      "status": "active",
      "host": "böhm"
    }
  ],
  "owner": "ops"
}
"#;

/// The seed of epoch 0 in `PYTHON`.
const SEED: [u8; 32] = [7; 32];

struct Fixture {
    dir: DataDir,
    _temporary: tempfile::TempDir,
}

impl Fixture {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temporary.path()).unwrap();
        for (name, bytes) in files {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        Self {
            dir,
            _temporary: temporary,
        }
    }

    /// Every file with its content.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        fs::read_dir(self.dir.path())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap_or_default())
            })
            .collect()
    }

    /// Opens, and checks that the key that signs is the only active one.
    fn open(&self) -> (Keyring, PublicKey) {
        let (keyring, key) = open(&self.dir).unwrap();
        let key = key.public_key();
        let active: Vec<_> = keyring
            .epochs
            .iter()
            .filter(|epoch| epoch.status == EpochStatus::Active)
            .collect();
        assert_eq!(active.len(), 1);
        assert_eq!(active[0].public_key, key);
        assert_eq!(keyring.active_epoch, active[0].number);
        assert_eq!(Keyring::read(&self.dir).unwrap(), keyring);
        (keyring, key)
    }
}

fn key_of(seed: &[u8; 32]) -> PublicKey {
    LocalSigner::from_seed(seed).unwrap().public_key()
}

fn keys(keyring: &Keyring) -> Vec<PublicKey> {
    keyring
        .epochs
        .iter()
        .map(|epoch| epoch.public_key)
        .collect()
}

#[test]
fn an_empty_directory_gets_one_key_when_it_is_opened_and_none_when_it_is_read() {
    let fixture = Fixture::new(&[]);
    assert_eq!(Keyring::read(&fixture.dir).unwrap(), Keyring::default());
    assert!(fixture.files().is_empty());

    let (keyring, key) = fixture.open();
    assert_eq!(keys(&keyring), [key]);
    assert_eq!(keyring.epochs[0].number, 0);
    assert_eq!(keyring.epochs[0].rotated_at, None);
    assert_eq!(
        fixture.files().into_keys().collect::<Vec<_>>(),
        ["key", "keyring.json", "keyring.lock"]
    );

    // Later nothing is written, not even the lock's file.
    fs::remove_file(fixture.dir.lock()).unwrap();
    let files = fixture.files();
    assert_eq!(fixture.open().1, key);
    assert_eq!(fixture.files(), files);
}

#[cfg(unix)]
#[test]
fn the_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let fixture = Fixture::new(&[]);
    let mode = |name| {
        let path = fixture.dir.path().join(name);
        path.metadata()
            .ok()
            .map(|file| file.permissions().mode() & 0o777)
    };
    // At every step of the first creation, not only at its end.
    let mut seen = 0;
    store::rotate(&fixture.dir, &mut || {
        for name in ["key", "key.next", "keyring.json", "keyring.next"] {
            assert!(
                matches!(mode(name), None | Some(0o600)),
                "{name}: {:?}",
                mode(name)
            );
        }
        seen += 1;
        Ok(())
    })
    .unwrap();
    assert!(seen > 8);

    assert!(!fixture.dir.key_is_exposed());
    fs::set_permissions(fixture.dir.key(), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(fixture.dir.key_is_exposed());
    fixture.open();
}

#[test]
fn a_key_without_a_keyring_becomes_epoch_0() {
    let fixture = Fixture::new(&[("key", &SEED)]);
    let seen = Keyring::read(&fixture.dir).unwrap();
    assert_eq!(keys(&seen), [key_of(&SEED)]);
    assert_eq!(fixture.files().len(), 1, "reading wrote something");

    let (keyring, _) = fixture.open();
    assert_eq!(keys(&keyring), keys(&seen));
    assert_eq!(keyring.epochs[0].fingerprint, "qp_key_ea4a");
}

#[test]
fn what_others_wrote_is_written_back_letter_for_letter() {
    let keyring: Keyring = serde_json::from_str(PYTHON).unwrap();
    assert_eq!(
        serde_json::to_string_pretty(&keyring).unwrap() + "\n",
        PYTHON
    );
}

#[test]
fn of_two_active_epochs_the_one_that_is_named_counts_until_the_key_decides() {
    let fixture = Fixture::new(&[("keyring.json", PYTHON.as_bytes())]);
    let keyring = Keyring::read(&fixture.dir).unwrap();
    assert_eq!(keyring.active().unwrap().number, 1);

    fs::write(fixture.dir.key(), SEED).unwrap();
    let (keyring, key) = fixture.open();
    assert_eq!(key, key_of(&SEED));
    assert_eq!(keyring.epochs[1].status, EpochStatus::Retired);
    assert!(keyring.epochs[1].rotated_at.is_some());
}

#[test]
fn a_key_that_the_keyring_does_not_know_becomes_the_active_epoch() {
    let unknown = [9; 32];
    let fixture = Fixture::new(&[("keyring.json", PYTHON.as_bytes()), ("key", &unknown)]);
    let seen = Keyring::read(&fixture.dir).unwrap();
    assert_eq!(seen.active().unwrap().public_key, key_of(&unknown));
    assert_eq!(fixture.files()["keyring.json"], PYTHON.as_bytes());

    let (keyring, key) = fixture.open();
    assert_eq!(key, key_of(&unknown));
    assert_eq!(keyring.epochs.len(), 3);
    assert_eq!(keyring.active_epoch, 2);
}

#[test]
fn a_keyring_whose_private_key_is_gone_gets_a_new_epoch() {
    let fixture = Fixture::new(&[("keyring.json", PYTHON.as_bytes())]);
    let (keyring, key) = fixture.open();
    assert_eq!(keyring.epochs.len(), 3);
    assert_eq!(keyring.epochs[2].public_key, key);
}

#[test]
fn verification_needs_no_private_key() {
    for key in [&b"not a key"[..], b""] {
        let fixture = Fixture::new(&[("keyring.json", PYTHON.as_bytes()), ("key", key)]);
        assert_eq!(Keyring::read(&fixture.dir).unwrap().epochs.len(), 2);
        assert!(matches!(
            open(&fixture.dir),
            Err(KeyringError::KeyLength { found, expected: 32, .. }) if found == key.len() as u64
        ));
    }
}

#[test]
fn a_file_that_is_not_understood_is_named_and_left_alone() {
    let edited = |from: &str, to: &str| {
        assert!(PYTHON.contains(from));
        PYTHON.replacen(from, to, 1).into_bytes()
    };
    for (name, bytes, message) in [
        ("key", vec![7; 31], "holds 31 bytes instead of 32"),
        ("key", vec![7; 64], "holds 64 bytes instead of 32"),
        (
            "keyring.json",
            edited("\"version\": 1", "\"version\": 2"),
            "has version 2",
        ),
        (
            "keyring.json",
            edited("\"version\": 1", "\"version\": \"1\""),
            "has version \"1\"",
        ),
        (
            "keyring.json",
            edited("\"version\": 1,", ""),
            "missing field `version`",
        ),
        (
            "keyring.json",
            edited("\"active\"\n", "\"revoked\"\n"),
            "unknown variant `revoked`",
        ),
        (
            "keyring.json",
            edited("\"ed25519\"", "\"rsa\""),
            "unknown variant `rsa`",
        ),
        (
            "keyring.json",
            edited("ea4a6c63", "ea4a6c"),
            "64 hexadecimal digits",
        ),
        ("keyring.json", PYTHON.as_bytes()[..100].to_vec(), "EOF"),
        ("keyring.json", b"[]".to_vec(), "invalid type"),
        ("keyring.json", vec![], "EOF"),
    ] {
        let fixture = Fixture::new(&[(name, &bytes)]);
        let before = fixture.files();
        let path = fixture.dir.path().join(name).display().to_string();
        for error in [
            Keyring::read(&fixture.dir).unwrap_err(),
            open(&fixture.dir).unwrap_err(),
            Keyring::rotate(&fixture.dir).unwrap_err(),
        ] {
            let error = error.to_string();
            assert!(
                error.contains(message) && error.contains(&path),
                "{message}: {error}"
            );
        }
        let mut after = fixture.files();
        after.remove("keyring.lock");
        assert_eq!(after, before);
    }

    let fixture = Fixture::new(&[]);
    fs::create_dir(fixture.dir.key()).unwrap();
    assert!(open(&fixture.dir).is_err());
}

#[test]
fn every_epoch_that_a_name_can_mean_is_found() {
    let keyring: Keyring = serde_json::from_str(
        // Another implementation gives both the same fingerprint when four digits collide.
        &PYTHON.replace("qp_key_d75a", "qp_key_ea4a"),
    )
    .unwrap();
    let numbers = |name| {
        keyring
            .lookup(name)
            .iter()
            .map(|epoch| epoch.number)
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers("qp_key_ea4a"), [0, 1]);
    assert_eq!(numbers("qp_key_d75a"), [1]);
    assert_eq!(numbers("d75a980182b10ab7"), [1]);
    assert_eq!(
        numbers("ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c"),
        [0]
    );
    assert!(numbers("qp_key_0000").is_empty());
    assert!(numbers("").is_empty());
}

#[test]
fn keys_from_elsewhere_make_a_keyring_to_verify_with() {
    let (one, two) = (key_of(&[1; 32]), key_of(&[2; 32]));
    let keyring: Keyring = [one, two, one].into_iter().collect();
    assert_eq!(keys(&keyring), [one, two]);
    assert_eq!(keyring.active().unwrap().public_key, one);
}

/// Stops a rotation after each of its steps, and the recovery after each of its steps.
#[test]
fn a_crash_at_any_step_leaves_the_old_key_or_the_new_one() {
    for first in [true, false] {
        let mut outcomes = BTreeMap::new();
        for step in 0.. {
            let rotated = crash_and_recover(first, step, None);
            for second in 0.. {
                if crash_and_recover(first, step, Some(second)) == Outcome::Finished {
                    break;
                }
            }
            *outcomes.entry(rotated).or_insert(0) += 1;
            if rotated == Outcome::Finished {
                break;
            }
        }
        // Staging makes the key and the keyring (six steps); publishing finishes in four.
        assert_eq!(outcomes[&Outcome::Old], 6, "{outcomes:?}");
        assert_eq!(outcomes[&Outcome::New], 4, "{outcomes:?}");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// No crash happened: there were no more steps.
    Finished,
    Old,
    New,
}

fn crash_and_recover(first: bool, step: usize, during_recovery: Option<usize>) -> Outcome {
    let fixture = Fixture::new(&[]);
    let old = (!first).then(|| fixture.open().1);

    let rotated = store::rotate(&fixture.dir, &mut crash_after(step));
    if rotated.is_ok() && during_recovery.is_none() {
        return Outcome::Finished;
    }
    // A verifier that comes now sees every key that has signed, and changes nothing.
    let files = fixture.files();
    let seen = Keyring::read(&fixture.dir).unwrap();
    assert!(old.is_none_or(|old| keys(&seen).contains(&old)));
    assert_eq!(fixture.files(), files);

    if let Some(step) = during_recovery {
        let _lock = store::lock(&fixture.dir).unwrap();
        if store::recover(&fixture.dir, &mut crash_after(step)).is_ok() {
            return Outcome::Finished;
        }
    }
    let (keyring, key) = fixture.open();
    assert!(old.is_none_or(|old| keys(&keyring).contains(&old)));
    assert_eq!(
        keyring.epochs.len(),
        usize::from(old.is_some()) + usize::from(Some(key) != old)
    );
    assert_eq!(
        fixture.files().into_keys().collect::<Vec<_>>(),
        ["key", "keyring.json", "keyring.lock"]
    );
    if seen.active().is_some_and(|epoch| epoch.public_key == key) && Some(key) != old {
        Outcome::New
    } else {
        Outcome::Old
    }
}

/// Fails at the step after this many.
fn crash_after(steps: usize) -> impl FnMut() -> io::Result<()> {
    let mut left = steps;
    move || {
        left = left
            .checked_sub(1)
            .ok_or_else(|| io::Error::other("crashed"))?;
        Ok(())
    }
}

#[test]
fn files_that_were_cut_short_while_they_were_staged_are_discarded() {
    let fixture = Fixture::new(&[
        ("key", &SEED),
        ("key.next", b"half a key"),
        ("keyring.next", b"{"),
    ]);
    assert_eq!(fixture.open().1, key_of(&SEED));
    assert!(fixture.files().keys().all(|name| !name.contains(".next")));
}

/// Another implementation replaced the key after a crash of ours: its key has signed perhaps.
#[test]
fn an_unknown_key_survives_the_end_of_a_rotation() {
    let unknown = [9; 32];
    let fixture = Fixture::new(&[
        (
            "keyring.json",
            PYTHON
                .replace("\"active_epoch\": 1", "\"active_epoch\": 0")
                .as_bytes(),
        ),
        ("key.next", &SEED),
        ("key", &unknown),
    ]);
    let (keyring, key) = fixture.open();
    assert_eq!(key, key_of(&SEED));
    assert!(keys(&keyring).contains(&key_of(&unknown)));
}

#[test]
fn threads_that_open_and_rotate_at_once_agree() {
    let fixture = Fixture::new(&[]);
    let open = || open(&fixture.dir).unwrap().1.public_key();
    let first: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(first.iter().all(|key| *key == first[0]));

    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    Keyring::rotate(&fixture.dir).unwrap();
                }
            });
            scope.spawn(|| {
                for _ in 0..20 {
                    open();
                }
            });
        }
    });
    let (keyring, _) = fixture.open();
    assert_eq!(keyring.epochs.len(), 21);
    assert_eq!(keyring.active_epoch, 20);
}

#[test]
fn a_key_from_elsewhere_becomes_the_one_that_signs() {
    let fixture = Fixture::new(&[]);
    let (_, before) = fixture.open();
    let keyring = Keyring::adopt(&fixture.dir, &SEED).unwrap();
    let key = LocalSigner::from_seed(&SEED).unwrap().public_key();
    assert_eq!(keyring.active().unwrap().public_key, key);
    assert_eq!(keyring.epochs()[0].public_key, before);
    assert_eq!(keyring.epochs()[0].status, EpochStatus::Retired);
    assert_eq!(fixture.open(), (keyring.clone(), key));
    // Once more it is the same key, and a retired one can come back.
    let files = fixture.files();
    assert_eq!(Keyring::adopt(&fixture.dir, &SEED).unwrap(), keyring);
    assert_eq!(fixture.files(), files);
    Keyring::rotate(&fixture.dir).unwrap();
    let keyring = Keyring::adopt(&fixture.dir, &SEED).unwrap();
    assert_eq!(keyring.epochs().len(), 3);
    assert_eq!(fixture.open(), (keyring, key));
}

#[test]
fn keys_of_others_are_installed_where_there_are_none() {
    let theirs: Keyring = serde_json::from_str(PYTHON).unwrap();
    let fixture = Fixture::new(&[]);
    let first = theirs.only(0).unwrap();
    first.install(&fixture.dir).unwrap();
    assert_eq!(Keyring::read(&fixture.dir).unwrap(), first);
    theirs.install(&fixture.dir).unwrap();
    assert_eq!(Keyring::read(&fixture.dir).unwrap(), theirs);

    let files = fixture.files();
    let error = first.install(&fixture.dir).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("names qp_key_d75a, which would be lost"),
        "{error}"
    );
    assert_eq!(fixture.files(), files);

    let own = Fixture::new(&[("key", &SEED)]);
    own.open();
    let files = own.files();
    let error = theirs.install(&own.dir).unwrap_err();
    assert!(error.to_string().contains("signs here"), "{error}");
    assert_eq!(own.files(), files);
    assert_eq!(theirs.only(2), None);
}
