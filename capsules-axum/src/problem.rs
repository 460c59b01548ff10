//! Errors as `application/problem+json` (RFC 9457).

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use capsules_core::StorageError;
use capsules_core::index::IndexError;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::openapi::{self, ContentBuilder, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

/// Why a request was not answered (RFC 9457).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong, and what to do.
    detail: String,
    #[serde(skip)]
    #[schema(ignore)]
    retry_after: Option<u32>,
}

impl Problem {
    pub(crate) const MEDIA_TYPE: &'static str = "application/problem+json";

    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: detail.into(),
            retry_after: None,
        }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// In the words of the protocol's other implementations.
    pub(crate) fn no_capsule() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Capsule not found")
    }

    /// There is no such capsule in the list.
    pub(crate) fn no_cursor() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "`beyond` names no capsule to go on from",
        )
    }

    /// There is no such route.
    pub(crate) fn no_page() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "There is nothing at this path; openapi.json names every route",
        )
    }

    /// The request may be sent again after so many seconds.
    pub(crate) fn busy(detail: impl Into<String>, seconds: u32) -> Self {
        Self {
            retry_after: Some(seconds),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }

    /// A mistake of ours or of the machine, of which the client learns nothing more: an error's
    /// text may name paths, and other tenants' capsules.
    pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(target: "capsules", error, "an HTTP request could not be answered");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The server could not answer; its log says why",
        )
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Locked { .. } => Self::busy("The store is locked by a writer", 1),
            error @ StorageError::Unreachable { .. } => {
                tracing::warn!(target: "capsules", %error, "a request waits for the store's server");
                Self::busy("The store's server cannot be reached", 1)
            }
            StorageError::NoCursor { .. } => Self::no_cursor(),
            StorageError::Closed { .. } => Self::busy("The store is closed", 60),
            error => Self::internal(&error),
        }
    }
}

impl From<IndexError> for Problem {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Store(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}

/// What every route may answer instead.
impl IntoResponses for Problem {
    fn responses() -> BTreeMap<String, RefOr<openapi::Response>> {
        let schema = openapi::Ref::from_schema_name(Self::name());
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let answer = ResponseBuilder::new()
            .content(Self::MEDIA_TYPE, content)
            .build();
        [
            StatusCode::BAD_REQUEST,
            StatusCode::FORBIDDEN,
            StatusCode::SERVICE_UNAVAILABLE,
        ]
        .map(|status| (status.as_str().to_owned(), answer.clone().into()))
        .into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Texts and numbers cannot fail to be written.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let media_type = [(header::CONTENT_TYPE, Self::MEDIA_TYPE)];
        let mut response = (status, media_type, body).into_response();
        if let Some(seconds) = self.retry_after {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
