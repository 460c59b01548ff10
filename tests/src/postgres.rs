//! A throw-away PostgreSQL server.
//!
//! It is started when a test first asks for it, from the programs of an installed PostgreSQL, and
//! ends with the test's process. Where PostgreSQL is not installed, tests that need it are skipped
//! with a message; with `CI=true` in the environment they fail instead.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running server.
pub struct Server {
    directory: PathBuf,
    port: u16,
    /// The shell that stops the server when this process ends and its standard input closes.
    _keeper: Child,
}

/// The user whom the server knows.
pub const USER: &str = "capsules";

/// Root may not run PostgreSQL.
const NOBODY: u32 = 65_534;

/// The server of this process, or `None` when it cannot be had; a test then returns at once.
///
/// # Panics
///
/// With `CI=true`, when it cannot be had.
pub fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER
        .get_or_init(|| match Server::start() {
            Ok(server) => Some(server),
            Err(reason) => {
                assert!(
                    env::var_os("CI").is_none_or(|ci| ci != "true"),
                    "the tests against PostgreSQL cannot run: {reason}"
                );
                // Not `eprintln!`, whose text the test runner hides when the test passes.
                let _ = writeln!(
                    io::stderr(),
                    "\nSKIPPED: tests against PostgreSQL: {reason}\n"
                );
                None
            }
        })
        .as_ref()
}

impl Server {
    /// Starts a server of its own, for a test that stops it or changes its settings.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn start() -> Result<Self, String> {
        let programs = programs().ok_or("PostgreSQL's initdb and postgres were not found")?;
        let directory = short_directory()?.keep();
        let data = directory.join("data");
        let said = as_nobody(&mut Command::new(programs.join("initdb")), &directory)
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .arg(format!("--username={USER}"))
            .arg("--pgdata")
            .arg(&data)
            .output()
            .map_err(|error| format!("initdb: {error}"))?;
        if !said.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&said.stderr)));
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map_err(|error| error.to_string())?
            .port();
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\n\
             unix_socket_directories = '{}'\nmax_connections = 300\nfsync = off\n",
            directory.display()
        );
        fs::write(data.join("postgresql.auto.conf"), settings)
            .map_err(|error| error.to_string())?;
        // Whoever belongs to the role needs a password.
        let access = data.join("pg_hba.conf");
        let trusting = fs::read_to_string(&access).map_err(|error| error.to_string())?;
        let guarded = format!("host all +guarded all scram-sha-256\n{trusting}");
        fs::write(&access, guarded).map_err(|error| error.to_string())?;
        // The server is stopped, and its files are removed, when this process is gone.
        let script = "\"$1/postgres\" -D \"$2/data\" >\"$2/log\" 2>&1 & \
                      echo $! >\"$2/first\"; read -r _; \
                      kill -QUIT \"$(head -n 1 \"$2/data/postmaster.pid\")\"; \
                      sleep 0.2; rm -rf \"$2\"";
        let keeper = as_nobody(Command::new("sh").args(["-c", script, "sh"]), &directory)
            .arg(&programs)
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;
        let server = Self {
            directory,
            port,
            _keeper: keeper,
        };
        server.wait()?;
        server.execute("postgres", "CREATE ROLE guarded");
        Ok(server)
    }

    /// Stops the server as a failure of the machine would, and starts it again.
    ///
    /// # Panics
    ///
    /// When it does not come back.
    pub fn restart(&self) {
        let programs = programs().expect("the programs of PostgreSQL");
        let said = as_nobody(&mut Command::new(programs.join("pg_ctl")), &self.directory)
            .args([
                "restart",
                "--mode=immediate",
                "--wait",
                "--silent",
                "--pgdata",
            ])
            .arg(self.directory.join("data"))
            .arg("--log")
            .arg(self.directory.join("log"))
            .stdin(Stdio::null())
            .output()
            .expect("pg_ctl");
        assert!(
            said.status.success(),
            "{}",
            String::from_utf8_lossy(&said.stderr)
        );
        self.wait().unwrap();
    }

    fn wait(&self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match postgres::Client::connect(&self.url("postgres"), postgres::NoTls) {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                    return Err(format!("the server does not start: {error}\n{log}"));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// The server's TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory of its Unix socket.
    pub fn socket(&self) -> &Path {
        &self.directory
    }

    /// Where a database is.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty schema, and gives the URL of a session that finds its tables there.
    ///
    /// # Panics
    ///
    /// When the server does not answer.
    pub fn schema(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("s{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE SCHEMA {name}"));
        format!("{}?options=-csearch_path%3D{name}", self.url("postgres"))
    }

    /// Runs statements in a database.
    ///
    /// # Panics
    ///
    /// When the server does not answer or refuses them.
    pub fn execute(&self, database: &str, sql: &str) {
        self.client(&self.url(database)).batch_execute(sql).unwrap();
    }

    /// A plain connection.
    ///
    /// # Panics
    ///
    /// When the server does not answer.
    pub fn client(&self, url: &str) -> postgres::Client {
        postgres::Client::connect(url, postgres::NoTls).unwrap()
    }
}

/// Where `initdb` and `postgres` are.
fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Where Debian and its kin keep the programs of a server; the newest last.
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    debian.sort_by_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.parse::<u32>().unwrap_or_default()
    });
    debian
        .into_iter()
        .rev()
        .map(|path| path.join("bin"))
        .chain(env::split_paths(&path))
        .find(|directory| {
            ["initdb", "postgres"]
                .iter()
                .all(|program| directory.join(program).is_file())
        })
}

/// The path of a socket is limited to about a hundred bytes.
fn short_directory() -> Result<TempDir, String> {
    let directory = tempfile::Builder::new()
        .prefix("capsules-pg-")
        .tempdir()
        .map_err(|error| error.to_string())?;
    #[cfg(unix)]
    if is_root(directory.path()) {
        std::os::unix::fs::chown(directory.path(), Some(NOBODY), Some(NOBODY))
            .map_err(|error| error.to_string())?;
    }
    Ok(directory)
}

#[cfg(unix)]
fn as_nobody<'c>(command: &'c mut Command, directory: &Path) -> &'c mut Command {
    use std::os::unix::process::CommandExt;

    command.current_dir(directory);
    if is_root(Path::new("/proc/self")) {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

#[cfg(not(unix))]
fn as_nobody<'c>(command: &'c mut Command, directory: &Path) -> &'c mut Command {
    command.current_dir(directory)
}

#[cfg(unix)]
fn is_root(of_this_process: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    fs::metadata(of_this_process).is_ok_and(|metadata| metadata.uid() == 0)
}
