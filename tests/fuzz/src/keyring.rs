//! `keyring.json`: read without harm, and written back with everything that was in it.

use capsules_core::Keyring;
use capsules_core::verify::TrustedKeys;

use crate::is_read_exactly;

/// A `keyring.json`.
pub fn keyring(text: &[u8]) {
    let Ok(keyring) = serde_json::from_slice::<Keyring>(text) else {
        return;
    };
    let written = serde_json::to_string(&keyring).expect("a keyring can be written");
    let read: Keyring = serde_json::from_str(&written).expect("and read again");
    if is_read_exactly(&written) {
        assert_eq!(read, keyring);
    }
    if let Some(active) = keyring.active() {
        assert!(keyring.epochs().contains(active));
    }
    for epoch in keyring.epochs() {
        let key = epoch.public_key.to_string();
        for name in [&epoch.fingerprint, &key, &key[..16]] {
            assert!(keyring.lookup(name).contains(&epoch), "{name}");
        }
    }
    let known: Vec<_> = keyring.epochs().iter().map(|e| e.public_key).collect();
    let trusted = TrustedKeys::keyring(keyring);
    for name in [None, Some("qp_key_d75a"), Some("")] {
        assert!(
            trusted
                .candidates(name)
                .iter()
                .all(|key| known.contains(key))
        );
    }
}
