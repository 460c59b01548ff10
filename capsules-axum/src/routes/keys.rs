//! `GET /keys`: the public keys.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use capsules_core::keyring::Epoch;
use capsules_core::verify::TrustedKeys;
use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer;
use crate::api::{Caller, Shared};
use crate::params::Params;
use crate::problem::Problem;

/// The public keys that verify signatures here
///
/// Whoever verifies elsewhere should have them from elsewhere, too.
#[utoipa::path(
    get,
    path = "/keys",
    responses(
        Problem,
        (status = 200, body = Keys, headers(("ETag" = String))),
        (status = 304, description = "As the client has it"),
    ),
)]
pub(super) async fn keys(
    State(shared): State<Arc<Shared>>,
    _: Caller,
    request: HeaderMap,
    Params(()): Params<()>,
) -> Result<Response, Problem> {
    let read = Arc::clone(&shared);
    let trusted = shared.reads.run(move || read.keys()).await?;
    answer::value(&request, &Keys::of(&trusted))
}

/// Public keys.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Keys {
    /// The keys, the oldest first.
    keys: Vec<Key>,
}

/// A public key.
#[derive(Debug, Serialize, ToSchema)]
struct Key {
    /// The name that capsules carry in `signed_by`; of an ML-DSA-65 key nothing.
    fingerprint: Option<String>,
    /// What the key is for.
    #[schema(pattern = "^(ed25519|ml-dsa-65)$")]
    algorithm: &'static str,
    /// The key, in hexadecimal.
    public_key_hex: String,
    /// The number of its epoch.
    epoch: Option<u64>,
    /// When its epoch began, where that is known.
    created_at: Option<String>,
    /// When its epoch ended.
    rotated_at: Option<String>,
    /// Whether it still signs.
    #[schema(pattern = "^(active|retired)$")]
    status: &'static str,
}

impl Keys {
    fn of(trusted: &TrustedKeys) -> Self {
        let keyring = trusted.to_keyring();
        let mut keys: Vec<Key> = keyring.epochs().iter().map(Key::of).collect();
        keys.extend(trusted.post_quantum_key().map(|key| Key {
            fingerprint: None,
            algorithm: "ml-dsa-65",
            public_key_hex: key.to_hex(),
            epoch: None,
            created_at: None,
            rotated_at: None,
            status: "active",
        }));
        Self { keys }
    }
}

impl Key {
    fn of(epoch: &Epoch) -> Self {
        Self {
            fingerprint: Some(epoch.fingerprint.clone()),
            algorithm: epoch.algorithm.as_str(),
            public_key_hex: epoch.public_key.to_string(),
            epoch: Some(epoch.number),
            created_at: Some(epoch.created_at.clone()).filter(|at| !at.is_empty()),
            rotated_at: epoch.rotated_at.clone(),
            status: epoch.status.as_str(),
        }
    }
}
