//! A pgbouncer that pools connections by transaction.
//!
//! Where it is not installed, tests that need it are skipped with a message; with `CI=true` in the
//! environment they fail instead.

use std::env;
use std::io::{self, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::place::{Place, Port};
use crate::postgres::USER;

/// A running pgbouncer. It ends with the test's process.
pub struct Pool {
    port: Port,
    /// The shell that stops it when its standard input closes.
    _keeper: Child,
}

impl Pool {
    /// Its TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }
}

/// Starts a pool of so many connections to the server at this port, or gives `None` when it cannot
/// be had; a test then returns at once.
///
/// # Panics
///
/// With `CI=true`, when it cannot be had, and when it does not start.
pub fn start(server: u16, connections: usize) -> Option<Pool> {
    let Some(program) = program() else {
        assert!(
            env::var_os("CI").is_none_or(|ci| ci != "true"),
            "the tests with pgbouncer cannot run: it was not found"
        );
        // Not `eprintln!`, whose text the test runner hides when the test passes.
        let _ = writeln!(
            io::stderr(),
            "\nSKIPPED: tests with pgbouncer: it was not found\n"
        );
        return None;
    };
    let place = Place::new().unwrap();
    let port = Port::claim().unwrap();
    let settings = format!(
        "[databases]\n\
         * = host=127.0.0.1 port={server} user={USER}\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         pool_mode = transaction\n\
         default_pool_size = {connections}\n\
         server_login_retry = 1\n\
         max_client_conn = 1000\n",
        port.number()
    );
    let settings = place.file("pgbouncer.ini", &settings);
    let script = "\"$1\" --quiet \"$2\" >\"$3/log\" 2>&1 & \
                  read -r _; kill \"$!\"; wait; rm -rf \"$3\"";
    let keeper = place
        .as_nobody(Command::new("sh").args(["-c", script, "sh"]))
        .args([&program, &settings])
        .arg(place.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", port.number())).is_err() {
        assert!(Instant::now() < deadline, "pgbouncer does not start");
        thread::sleep(Duration::from_millis(20));
    }
    Some(Pool {
        port,
        _keeper: keeper,
    })
}

fn program() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|directory| directory.join("pgbouncer"))
        .find(|program| program.is_file())
}
