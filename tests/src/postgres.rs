//! A throw-away PostgreSQL server.
//!
//! It is started when a test first asks for it, from the programs of an installed PostgreSQL, and
//! ends with the test's process. Where PostgreSQL is not installed, tests that need it are skipped
//! with a message; with `CI=true` in the environment they fail instead.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::place::{Place, Port};

/// A running server.
pub struct Server {
    place: Place,
    port: Port,
    /// The shell that stops the server when this process ends and its standard input closes.
    _keeper: Child,
}

/// The user whom the server knows.
pub const USER: &str = "capsules";

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
        Self::with_settings("")
    }

    /// As [`start`](Self::start), with lines of the server's configuration.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn with_settings(settings: &str) -> Result<Self, String> {
        Self::create(&[], settings, "unlimited")
    }

    /// A server whose files cannot grow beyond so many half KiB, until it is restarted: to it, the
    /// disk is full then.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn with_files_up_to(half_kib: u32) -> Result<Self, String> {
        Self::create(&["--wal-segsize=1"], "", &half_kib.to_string())
    }

    fn create(arguments: &[&str], settings: &str, largest: &str) -> Result<Self, String> {
        let place = Place::new().map_err(|error| error.to_string())?;
        let data = place.path().join("data");
        let mut initdb = program("initdb", &place)?;
        initdb
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(arguments)
            .arg(format!("--username={USER}"))
            .arg("--pgdata")
            .arg(&data);
        run(&mut initdb)?;
        // Whoever belongs to one of the roles needs a password, or a certificate.
        let access = data.join("pg_hba.conf");
        let trusting = fs::read_to_string(&access).map_err(|error| error.to_string())?;
        let guarded = format!(
            "host all +guarded all scram-sha-256\nhostssl all +certified all cert\n{trusting}"
        );
        fs::write(&access, guarded).map_err(|error| error.to_string())?;
        let settings = format!("max_connections = 300\nfsync = off\n{settings}\n");
        let server = Self::launch(place, &settings, largest)?;
        server.execute("postgres", "CREATE ROLE guarded; CREATE ROLE certified");
        Ok(server)
    }

    /// Starts a replica of this server, which follows it and can be read.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn standby(&self) -> Result<Self, String> {
        let place = Place::new().map_err(|error| error.to_string())?;
        let mut backup = program("pg_basebackup", &place)?;
        backup
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync"])
            .args(["--host=127.0.0.1", &format!("--port={}", self.port())])
            .arg(format!("--username={USER}"))
            .arg("--pgdata")
            .arg(place.path().join("data"));
        run(&mut backup)?;
        Self::launch(place, "", "unlimited")
    }

    /// Starts the server whose data lies in the directory. It is stopped, and its files are
    /// removed, when this process is gone.
    fn launch(place: Place, settings: &str, largest: &str) -> Result<Self, String> {
        let port = Port::claim().map_err(|error| error.to_string())?;
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {}\n\
             unix_socket_directories = '{}'\n{settings}",
            port.number(),
            place.path().display()
        );
        OpenOptions::new()
            .append(true)
            .open(place.path().join("data/postgresql.auto.conf"))
            .and_then(|mut file| file.write_all(settings.as_bytes()))
            .map_err(|error| error.to_string())?;
        let script = "ulimit -S -f \"$3\"; \"$1/postgres\" -D \"$2/data\" >\"$2/log\" 2>&1 & \
                      read -r _; \
                      kill -QUIT \"$(head -n 1 \"$2/data/postmaster.pid\")\"; \
                      sleep 0.2; rm -rf \"$2\"";
        let keeper = place
            .as_nobody(Command::new("sh").args(["-c", script, "sh"]))
            .arg(programs().ok_or(NOT_FOUND)?)
            .arg(place.path())
            .arg(largest)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("sh: {error}"))?;
        let server = Self {
            place,
            port,
            _keeper: keeper,
        };
        server.wait()?;
        Ok(server)
    }

    /// Stops the server as a failure of the machine would, and starts it again.
    ///
    /// # Panics
    ///
    /// When it does not come back.
    pub fn restart(&self) {
        self.control(&["restart", "--mode=immediate"]);
        self.wait().unwrap();
    }

    /// Stops the server as a failure of the machine would.
    ///
    /// # Panics
    ///
    /// When it does not stop.
    pub fn stop(&self) {
        self.control(&["stop", "--mode=immediate"]);
    }

    /// Makes a replica the server that takes writes.
    ///
    /// # Panics
    ///
    /// When it is none.
    pub fn promote(&self) {
        self.control(&["promote"]);
    }

    /// Makes the server read its configuration again.
    ///
    /// # Panics
    ///
    /// When it does not run.
    pub fn reload(&self) {
        self.control(&["reload"]);
    }

    fn control(&self, arguments: &[&str]) {
        let mut control = program("pg_ctl", &self.place).unwrap();
        control.args(arguments).args(["--silent", "--pgdata"]);
        control.arg(self.place.path().join("data"));
        if arguments[0] != "reload" {
            control.arg("--wait");
        }
        if arguments[0] == "restart" {
            control.arg("--log").arg(self.place.path().join("log"));
        }
        run(&mut control).unwrap();
    }

    /// Writes a file that the server, and nobody else, may read.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        self.place.file(name, content)
    }

    fn wait(&self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match postgres::Client::connect(&self.url("postgres"), postgres::NoTls) {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    let log = fs::read_to_string(self.place.path().join("log")).unwrap_or_default();
                    return Err(format!("the server does not start: {error}\n{log}"));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// The server's TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The directory of its Unix socket.
    pub fn socket(&self) -> &Path {
        self.place.path()
    }

    /// Where a database is.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://{USER}@127.0.0.1:{}/{database}", self.port())
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

/// A program of PostgreSQL.
fn program(name: &str, place: &Place) -> Result<Command, String> {
    let mut command = Command::new(programs().ok_or(NOT_FOUND)?.join(name));
    place.as_nobody(&mut command).stdin(Stdio::null());
    Ok(command)
}

const NOT_FOUND: &str = "PostgreSQL's initdb and postgres were not found";

/// Runs a program to its end.
fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let said = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if said.status.success() {
        Ok(())
    } else {
        Err(format!("{name}: {}", String::from_utf8_lossy(&said.stderr)))
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
