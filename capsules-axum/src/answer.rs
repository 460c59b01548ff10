//! Answers in JSON.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use capsules_core::SealedRecord;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::problem::Problem;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Answers with this JSON text, or with 304 when the client has it already.
pub(crate) fn json(request: &HeaderMap, body: impl Into<Vec<u8>>) -> Response {
    with_etag(request, JSON, body.into().into())
}

/// Answers with a value as JSON, as [`json`] does.
pub(crate) fn value(request: &HeaderMap, value: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| Problem::internal(&error))?;
    Ok(json(request, body))
}

/// Answers with this body, or with 304 when the client has it already.
pub(crate) fn with_etag(
    request: &HeaderMap,
    media_type: HeaderValue,
    body: axum::body::Bytes,
) -> Response {
    let etag = etag(&body);
    if let Some(known) = request.get(header::IF_NONE_MATCH)
        && names(known.as_bytes(), etag.as_bytes())
    {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
    }
    let headers = [(header::CONTENT_TYPE, media_type), (header::ETAG, etag)];
    (headers, body).into_response()
}

/// Names a body. A weak one, since the body may be compressed; with a key that the process has
/// chosen, so that nobody makes another body of the same name.
fn etag(body: &[u8]) -> HeaderValue {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let mut hasher = KEY.build_hasher();
    hasher.write(body);
    let text = format!("W/\"{:016x}\"", hasher.finish());
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("W/\"\""))
}

/// Whether an `If-None-Match` (RFC 9110, section 13.1.2) names this tag. They are compared weakly.
fn names(header: &[u8], etag: &[u8]) -> bool {
    let opaque = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
    header
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .any(|tag| tag == b"*" || opaque(tag) == opaque(etag))
}

/// A record as one object: its content as it is stored, followed by the seal.
///
/// A content that is no JSON object, which is so only when the store was damaged, is shown as the
/// text that it is, in `unreadable`, with what the store keeps beside it.
pub(crate) fn record(record: &SealedRecord) -> String {
    record.to_json().unwrap_or_else(|error| {
        let columns = &record.columns;
        serde_json::json!({
            "id": columns.id,
            "type": columns.kind,
            "sequence": columns.sequence,
            "previous_hash": columns.previous_hash,
            "unreadable": {"reason": error.to_string(), "content": record.content},
            "hash": record.hash,
            "signature": record.signature,
            "signature_pq": record.signature_pq,
            "signed_at": record.signed_at,
            "signed_by": record.signed_by,
        })
        .to_string()
    })
}
