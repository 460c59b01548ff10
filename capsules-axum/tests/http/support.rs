//! A store with capsules of two tenants, and a client.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use capsules::{Capsules, Filter, SealedRecord};
use capsules_axum::Api;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// Where the endpoints are mounted.
pub(crate) const PREFIX: &str = "/api/v1/capsules";

/// In everything that the tenant `globex` records.
pub(crate) const SECRET: &str = "PRIVATE-TO-GLOBEX";

#[capsules::audit(type = "tool", tenant_from = "tenant", trigger_from = "what")]
pub(crate) fn act(tenant: &str, what: &str) -> Result<String, String> {
    done(tenant, what)
}

/// Unlike a tool's, nothing of it appears in the capsule of the agent that asks for it.
#[capsules::audit(type = "agent", tenant_from = "tenant", trigger_from = "what")]
fn help(tenant: &str, what: &str) -> Result<String, String> {
    done(tenant, what)
}

fn done(_tenant: &str, what: &str) -> Result<String, String> {
    match what.contains("fail") {
        true => Err(what.to_owned()),
        false => Ok(what.to_owned()),
    }
}

#[capsules::audit(type = "agent", tenant_from = "tenant", trigger_from = "what")]
pub(crate) fn work(tenant: &str, what: &str, session: &str, parts: &[(&str, &str)]) -> usize {
    let _ = what;
    capsules::current().session_id(session);
    let run = |(of, what): &(&str, &str)| match *of == tenant {
        true => act(of, what),
        false => help(of, what),
    };
    parts.iter().filter(|part| run(part).is_ok()).count()
}

/// An instance with a SQLite store of its own.
pub(crate) struct Store {
    pub(crate) capsules: Capsules,
    pub(crate) directory: TempDir,
}

impl Store {
    pub(crate) fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let builder = Capsules::builder().data_dir(directory.path());
        Self {
            capsules: builder.build().unwrap(),
            directory,
        }
    }

    /// Four workflows of two tenants, of which two are helped by the other one: eight capsules of
    /// `acme` and five of `globex`, in one chain.
    pub(crate) fn of_two_tenants() -> Self {
        let store = Self::empty();
        let secret = format!("{SECRET} fail");
        store.capsules.scope_sync(|| {
            work(
                "acme",
                "plan a trip",
                "session-a",
                &[("acme", "book"), ("acme", "fail to pay")],
            );
            work(
                "globex",
                SECRET,
                SECRET,
                &[("globex", &secret), ("globex", SECRET)],
            );
            work(
                "acme",
                "mixed",
                "session-b",
                &[
                    ("globex", &secret),
                    ("acme", "book a room"),
                    ("acme", "look"),
                ],
            );
            work(
                "globex",
                SECRET,
                "session-c",
                &[("acme", "help out"), ("acme", "help again")],
            );
        });
        store.flush();
        store
    }

    pub(crate) fn flush(&self) {
        self.capsules.flush().wait().unwrap();
    }

    /// Newest first.
    pub(crate) fn records(&self) -> Vec<SealedRecord> {
        self.capsules.list(Filter::new()).wait().unwrap()
    }

    pub(crate) fn of_tenant(&self, tenant: &str) -> Vec<SealedRecord> {
        self.capsules
            .list(Filter::new().tenant(tenant))
            .wait()
            .unwrap()
    }

    /// Changes the file behind the store's back.
    pub(crate) fn tamper(&self, sql: &str) {
        let path = self.directory.path().join("capsules.db");
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(Api::new(&self.capsules))
    }

    /// A client whose tenant is said by the header `x-tenant`, as an authentication might.
    pub(crate) fn client_of(&self, tenant: &'static str) -> Client {
        let hook = |parts: &http::request::Parts| {
            let tenant = parts.headers.get("x-tenant")?;
            Some(tenant.to_str().ok()?.to_owned())
        };
        let client = Client::new(Api::new(&self.capsules).tenant(hook));
        client.with("x-tenant", tenant)
    }
}

/// Asks the endpoints, as they are nested in an application.
#[derive(Clone)]
pub(crate) struct Client {
    app: Router,
    headers: Vec<(&'static str, String)>,
}

impl Client {
    pub(crate) fn new(api: Api) -> Self {
        Self {
            app: Router::new().nest_service(PREFIX, api.into_router::<()>()),
            headers: Vec::new(),
        }
    }

    /// Sends a header with every request.
    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name, value.to_owned()));
        client
    }

    pub(crate) fn without_headers(&self) -> Self {
        Self {
            headers: Vec::new(),
            ..self.clone()
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.app.clone().oneshot(request).await.unwrap()
    }

    /// Asks for a path below the prefix.
    pub(crate) async fn open(&self, path: &str) -> Response<Body> {
        let mut request = Request::get(format!("{PREFIX}{path}"));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        Reply::read(self.open(path).await).await
    }

    /// The JSON of an answer that is expected to succeed.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let reply = self.get(path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text);
        reply.json()
    }
}

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

/// The next piece of a stream, unless it takes too long.
pub(crate) async fn piece(body: &mut Body, patience: Duration) -> Option<String> {
    let frame = tokio::time::timeout(patience, body.frame()).await.ok()??;
    let bytes = frame.unwrap().into_data().unwrap_or_default();
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
