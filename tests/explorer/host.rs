//! An application that shows its capsules, and records one when it is asked to.

use std::path::Path;

use axum::Router;
use axum::extract::{Query, State};
use axum::routing::post;
use capsules::{Capsules, DataDir};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::world;

/// Where the capsules are.
pub(crate) const PREFIX: &str = "/api/v1/capsules";

/// The application, which needs no server to answer.
pub(crate) fn application(directory: &Path) -> Router {
    let capsules = Capsules::builder()
        .data_dir(directory)
        .build()
        .expect("an instance");
    let data = DataDir::new(directory).expect("a data directory");
    Router::new()
        .route("/append", post(append))
        .with_state(data)
        .nest(PREFIX, capsules_axum::router(&capsules))
}

/// The application on a port of its own. It ends when it is dropped.
pub(crate) struct Host {
    address: String,
    serving: JoinHandle<()>,
}

impl Host {
    /// Shows the store of a data directory.
    pub(crate) async fn start(directory: &Path) -> Self {
        let application = application(directory);
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

/// Appends to the store as a program of its own would.
async fn append(State(data): State<DataDir>, Query(query): Query<Vec<(String, String)>>) {
    for (_, request) in query {
        let data = data.clone();
        let appended = tokio::task::spawn_blocking(move || {
            world::append(&data, &[world::heartbeat(&request)]);
        });
        appended.await.expect("an append");
    }
}
