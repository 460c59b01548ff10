//! `capsules serve`: the HTTP endpoints and the explorer, for a look at any store.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use capsules_axum::Api;
use capsules_core::index::Index;
use capsules_core::verify::TrustedKeys;
use http::{StatusCode, header};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::args::Global;
use crate::output;
use crate::source::Place;
use crate::style::TITLE;
use crate::trust::KeyArgs;
use crate::{CliError, Result, Status};

/// Show a store in the browser, and serve it to programs over HTTP
///
/// Serves the explorer and the read-only HTTP endpoints for the store, which is never changed and
/// may have been written by another implementation, until it is interrupted. Nobody is asked who
/// he is: whoever reaches the address sees everything, so that without --listen only this machine
/// does. Signatures are verified with the keyring of the data directory, or with the key that you
/// give. Trees, sessions and searches use the index that `capsules search` keeps.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  capsules serve --open
  capsules serve --db audit.db --listen 8020
  capsules serve --db theirs.db --pubkey-file signer.pub --open")]
pub(crate) struct Args {
    /// The address, as ADDRESS:PORT or as the PORT of 127.0.0.1; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: Listen,

    /// Open the explorer in the browser
    #[arg(long)]
    open: bool,

    #[command(flatten)]
    keys: KeyArgs,
}

/// Where to listen.
#[derive(Debug, Clone, Copy)]
struct Listen(SocketAddr);

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let port = text.parse().map(loopback);
        port.or_else(|_| text.parse()).map(Self).map_err(|_| {
            "a port, or an IP address and a port such as 127.0.0.1:8020, is expected".to_owned()
        })
    }
}

pub(crate) fn run(args: &Args, global: &Global) -> Result<Status> {
    let place = Place::existing(global)?;
    let storage = place.open()?;
    let keys = match args.keys.trusted_keys(global) {
        // What needs no key can be verified without one.
        Err(CliError::NothingToVerifyWith { .. }) => TrustedKeys::none(),
        keys => keys?,
    };
    let index = Index::beside(&place.local(global)?);
    let api = Api::of_store(storage.into(), keys).index(index);
    let failed = |reason| CliError::Serve {
        address: args.listen.0,
        reason,
    };
    let runtime = tokio::runtime::Runtime::new().map_err(failed)?;
    let served = runtime.block_on(serve(args, api, &place.to_string()));
    // What is still read for a client that has gone is not waited for.
    runtime.shutdown_background();
    served.map_err(failed)?;
    Ok(Status::Pass)
}

/// Serves until the process is interrupted.
async fn serve(args: &Args, api: Api, place: &str) -> io::Result<()> {
    let listener = TcpListener::bind(args.listen.0).await?;
    let address = listener.local_addr()?;
    let page = format!("http://{address}{PREFIX}/explorer");
    let interrupt = interrupt();
    let text = format!("Serving {place} at {TITLE}{page}{TITLE:#}\nPress Ctrl-C to end.\n");
    output::print(&text).map_err(io::Error::other)?;
    if !address.ip().is_loopback() {
        output::note(&"everybody who reaches this address can read the whole store");
    }
    if args.open
        && let Err(error) = open::that_detached(&page)
    {
        output::note(&format!("cannot open a browser: {error}"));
    }
    let (end, ended) = watch::channel(());
    let wait = |mut ended: watch::Receiver<()>| async move {
        // An error is the end, too.
        let _ = ended.changed().await;
    };
    let service = axum::serve(listener, app(api)).with_graceful_shutdown(wait(ended));
    let interrupted = async {
        interrupt.await;
        let _ = end.send(());
        // Streams of events would never end.
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = service => served,
        () = interrupted => Ok(()),
    }
}

/// As the published integrations mount the endpoints.
const PREFIX: &str = "/api/v1/capsules";

/// For answers that are on their way when the process is interrupted.
const GRACE: Duration = Duration::from_secs(1);

fn app(api: Api) -> Router {
    let explorer = Redirect::temporary(&format!("{PREFIX}/explorer"));
    Router::new()
        .route("/", get(explorer))
        .nest_service(PREFIX, api.into_router::<()>())
        .layer(middleware::from_fn(only_by_address))
}

/// Refuses requests for a name. A page of another site could have its name lead here, and the
/// browser would let it read everything.
async fn only_by_address(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST);
    let authority = match host {
        Some(host) => host.to_str().ok().and_then(|host| host.parse().ok()),
        None => request.uri().authority().cloned(),
    };
    let is_ours = authority.is_some_and(|authority: http::uri::Authority| {
        let host = authority.host();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
    });
    match is_ours {
        true => next.run(request).await,
        false => {
            let text = "Ask for localhost or for the address of this server.\n";
            (StatusCode::MISDIRECTED_REQUEST, text).into_response()
        }
    }
}

/// Waits for an interrupt, also for one that comes before anybody waits.
#[cfg(unix)]
fn interrupt() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};

    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    async {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
async fn interrupt() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
