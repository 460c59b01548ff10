//! An application that shows its capsules, and records one when it is asked to.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::routing::post;
use capsules::{Capsule, Capsules, DataDir};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::world;

/// Where the capsules are.
pub(crate) const PREFIX: &str = "/api/v1/capsules";

/// Appends a capsule as a program of its own would.
type Append = Arc<dyn Fn(&Capsule) + Send + Sync>;

/// The application, which needs no server to answer.
pub(crate) fn application(directory: &Path) -> Router {
    let capsules = Capsules::builder()
        .data_dir(directory)
        .build()
        .expect("an instance");
    let data = DataDir::new(directory).expect("a data directory");
    let append = move |capsule: &Capsule| world::append(&data, std::slice::from_ref(capsule));
    with(&capsules, Arc::new(append))
}

/// The application of a store that keeps a chain for each tenant.
pub(crate) fn of_chains(capsules: &Capsules) -> Router {
    let own = capsules.clone();
    let append = move |capsule: &Capsule| {
        world::append_to(&**own.storage(), own.seal(), std::slice::from_ref(capsule));
    };
    with(capsules, Arc::new(append))
}

fn with(capsules: &Capsules, append: Append) -> Router {
    Router::new()
        .route("/append", post(appended))
        .with_state(append)
        .nest(PREFIX, capsules_axum::router(capsules))
}

/// The application on a port of its own. It ends when it is dropped.
pub(crate) struct Host {
    address: String,
    serving: JoinHandle<()>,
}

impl Host {
    /// Shows the store of a data directory.
    pub(crate) async fn start(directory: &Path) -> Self {
        Self::serve(application(directory)).await
    }

    /// Answers with the application.
    pub(crate) async fn serve(application: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move {
            axum::serve(listener, application).await.expect("a server");
        });
        Self {
            address: format!("http://{address}"),
            serving,
        }
    }

    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    pub(crate) fn explorer(&self) -> String {
        format!("{}{PREFIX}/explorer", self.address)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Appends a sign of life of a tenant, or of nobody.
async fn appended(State(append): State<Append>, Query(query): Query<Vec<(String, String)>>) {
    let value = |name: &str| {
        let pair = query.iter().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str())
    };
    let request = value("request").expect("a request");
    let capsule = world::heartbeat(request, value("tenant"));
    let appended = tokio::task::spawn_blocking(move || append(&capsule));
    appended.await.expect("an append");
}
