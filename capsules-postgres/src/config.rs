//! Where the server is and how to get in: the URL, the environment and the password file, as
//! other PostgreSQL clients read them.
//!
//! Sources: PostgreSQL documentation, "Connection Strings", "Environment Variables" and "The
//! Password File" of libpq.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use capsules_core::{StorageError, sha3_256};
use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Host, SslMode as DriverSslMode, TargetSessionAttrs};

/// A connection that nobody answers is given up after this time, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What was sent and not acknowledged for this time breaks the connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Everything that a connection needs.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) driver: tokio_postgres::Config,
    pub(crate) ssl: Ssl,
    /// For messages; without the password.
    pub(crate) location: String,
}

/// How the connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ssl {
    pub(crate) mode: SslMode,
    /// A file of certificates in PEM; those of the operating system when `None`.
    pub(crate) root: Option<PathBuf>,
    /// The client's certificate and its key, both in PEM.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// What `sslmode` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SslMode {
    Disable,
    /// TLS where the server offers it, whoever it is. `allow` is read as this.
    Prefer,
    /// TLS, whoever the server is.
    Require,
    /// TLS with a server whose certificate is trusted.
    VerifyCa,
    /// As that, and the certificate is the host's.
    VerifyFull,
}

impl Config {
    /// Reads a URL, and from `variable` (the process's environment) what the URL does not say.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL, without the password.
    pub(crate) fn read(
        url: &str,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let url = plain_scheme(url);
        let (base, query) = url.split_once('?').unwrap_or((&url, ""));
        let mut own = Own::default();
        let mut kept = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode_str(value)
                .decode_utf8()
                .map_err(|_| format!("the value of `{key}` is not UTF-8"))?;
            if !own.take(key, &value) {
                kept.push(pair);
            }
        }
        let url = match kept.as_slice() {
            [] => base.to_owned(),
            kept => format!("{base}?{}", kept.join("&")),
        };
        // The driver's messages name keys, and never values.
        let mut driver: tokio_postgres::Config =
            url.parse().map_err(|error: tokio_postgres::Error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                format!("the URL cannot be read: {}", cause.unwrap_or_default())
            })?;
        complete(&mut driver, &mut own, variable)?;
        let ssl = own.ssl(variable)?;
        driver.ssl_mode(match ssl.mode {
            SslMode::Disable => DriverSslMode::Disable,
            SslMode::Prefer => DriverSslMode::Prefer,
            _ => DriverSslMode::Require,
        });
        let location = location(&driver);
        Ok(Self {
            driver,
            ssl,
            location,
        })
    }
}

/// A name for the place that a URL leads to: 16 hexadecimal digits over user, hosts, database and
/// options, and nothing of the password.
///
/// # Errors
///
/// [`StorageError::Open`] when the URL cannot be read.
pub fn fingerprint(url: &str) -> Result<String, StorageError> {
    let config = Config::read(url, &environment).map_err(unreadable)?;
    let options = config.driver.get_options().unwrap_or_default();
    let place = format!("{}?{options}", config.location);
    Ok(sha3_256(place.as_bytes()).to_string()[..16].to_owned())
}

/// The error of a URL that cannot be read.
pub(crate) fn unreadable(reason: String) -> StorageError {
    StorageError::Open {
        location: "postgresql://…".to_owned(),
        reason,
    }
}

/// `postgresql+asyncpg://` and the like, which name a driver of another language.
fn plain_scheme(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let scheme = scheme.split_once('+').map_or(scheme, |(scheme, _)| scheme);
            format!("{scheme}://{rest}")
        }
        None => url.to_owned(),
    }
}

/// The parameters that the driver does not know.
#[derive(Default)]
struct Own {
    mode: Option<String>,
    root: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    password_file: Option<String>,
}

impl Own {
    fn take(&mut self, key: &str, value: &str) -> bool {
        let field = match key {
            "sslmode" | "ssl" => &mut self.mode,
            "sslrootcert" => &mut self.root,
            "sslcert" => &mut self.certificate,
            "sslkey" => &mut self.key,
            "passfile" => &mut self.password_file,
            _ => return false,
        };
        *field = Some(value.to_owned());
        true
    }

    fn ssl(self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Ssl, String> {
        let or = |value: Option<String>, name| value.or_else(|| variable(name));
        let root = or(self.root, "PGSSLROOTCERT").filter(|root| root != "system");
        let mode = match or(self.mode, "PGSSLMODE").as_deref() {
            Some("disable") => SslMode::Disable,
            None | Some("allow" | "prefer") => SslMode::Prefer,
            // As libpq: a root certificate is there to be checked against.
            Some("require") if root.is_some() => SslMode::VerifyCa,
            Some("require") => SslMode::Require,
            Some("verify-ca") => SslMode::VerifyCa,
            Some("verify-full") => SslMode::VerifyFull,
            Some(other) => {
                return Err(format!(
                    "sslmode is `{other}`; it can be disable, allow, prefer, require, verify-ca \
                     or verify-full"
                ));
            }
        };
        let identity = match (or(self.certificate, "PGSSLCERT"), or(self.key, "PGSSLKEY")) {
            (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
            (None, None) => None,
            _ => return Err("sslcert and sslkey must be given together".to_owned()),
        };
        Ok(Ssl {
            mode,
            root: root.map(PathBuf::from),
            identity,
        })
    }
}

/// Fills in what the URL left open.
fn complete(
    driver: &mut tokio_postgres::Config,
    own: &mut Own,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), String> {
    if driver.get_hosts().is_empty() && driver.get_hostaddrs().is_empty() {
        match variable("PGHOST") {
            Some(hosts) => hosts.split(',').for_each(|host| {
                driver.host(host);
            }),
            None => {
                driver.host(default_host());
            }
        }
    }
    if driver.get_ports().is_empty()
        && let Some(ports) = variable("PGPORT")
    {
        for port in ports.split(',') {
            driver.port(port.parse().map_err(|_| {
                format!("the environment variable PGPORT is `{port}`, which is no port")
            })?);
        }
    }
    if driver.get_user().is_none() {
        let user = variable("PGUSER").or_else(|| variable("USER"));
        driver.user(user.ok_or("it names no user, and PGUSER is not set")?);
    }
    if driver.get_dbname().is_none()
        && let Some(name) = variable("PGDATABASE").or_else(|| driver.get_user().map(str::to_owned))
    {
        driver.dbname(name);
    }
    if driver.get_options().is_none()
        && let Some(options) = variable("PGOPTIONS")
    {
        driver.options(options);
    }
    if driver.get_application_name().is_none() {
        driver.application_name(variable("PGAPPNAME").unwrap_or_else(|| "capsules".to_owned()));
    }
    if driver.get_connect_timeout().is_none() {
        let seconds = variable("PGCONNECT_TIMEOUT").and_then(|text| text.parse().ok());
        driver.connect_timeout(seconds.map_or(CONNECT_TIMEOUT, Duration::from_secs));
    }
    if driver.get_tcp_user_timeout().is_none() {
        driver.tcp_user_timeout(UNACKNOWLEDGED);
    }
    driver.keepalives_idle(UNACKNOWLEDGED);
    if driver.get_target_session_attrs() == TargetSessionAttrs::Any
        && variable("PGTARGETSESSIONATTRS").as_deref() == Some("read-write")
    {
        driver.target_session_attrs(TargetSessionAttrs::ReadWrite);
    }
    if driver.get_password().is_none()
        && let Some(password) = variable("PGPASSWORD").or_else(|| {
            let file = own.password_file.take().or_else(|| variable("PGPASSFILE"));
            let file = file
                .map(PathBuf::from)
                .or_else(|| Some(Path::new(&variable("HOME")?).join(".pgpass")))?;
            password_from(&fs::read_to_string(&file).ok()?, driver)
        })
    {
        driver.password(password);
    }
    Ok(())
}

#[cfg(unix)]
fn default_host() -> &'static str {
    let debian = "/var/run/postgresql";
    if Path::new(debian).is_dir() {
        debian
    } else {
        "/tmp"
    }
}

#[cfg(not(unix))]
fn default_host() -> &'static str {
    "localhost"
}

/// The password of the first line `host:port:database:user:password` that matches. A backslash
/// escapes, `*` stands for anything.
fn password_from(file: &str, driver: &tokio_postgres::Config) -> Option<String> {
    let host = driver.get_hosts().first().map_or(String::new(), host_name);
    // The password file knows Unix sockets in their default directory as localhost.
    let host = if host == default_host() {
        "localhost".to_owned()
    } else {
        host
    };
    let port = driver
        .get_ports()
        .first()
        .copied()
        .unwrap_or(5432)
        .to_string();
    let wanted = [
        host.as_str(),
        &port,
        driver.get_dbname().unwrap_or_default(),
        driver.get_user().unwrap_or_default(),
    ];
    file.lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let fields = split_escaped(line);
            let [pattern @ .., password] = fields.as_slice() else {
                return None;
            };
            let matches = pattern.len() == wanted.len()
                && pattern
                    .iter()
                    .zip(wanted)
                    .all(|(pattern, wanted)| pattern == "*" || pattern == wanted);
            matches.then(|| password.clone())
        })
}

fn split_escaped(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            ':' if fields.len() < 5 => fields.push(String::new()),
            character => {
                let character = match character {
                    '\\' => characters.next().unwrap_or('\\'),
                    plain => plain,
                };
                if let Some(field) = fields.last_mut() {
                    field.push(character);
                }
            }
        }
    }
    fields
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    }
}

/// `postgresql://user@host:port/database`, and nothing secret.
fn location(driver: &tokio_postgres::Config) -> String {
    let mut text = "postgresql://".to_owned();
    if let Some(user) = driver.get_user() {
        let _ = write!(text, "{user}@");
    }
    let names: Vec<String> = if driver.get_hosts().is_empty() {
        let addresses = driver.get_hostaddrs().iter();
        addresses.map(ToString::to_string).collect()
    } else {
        driver.get_hosts().iter().map(host_name).collect()
    };
    let ports = driver.get_ports();
    for (number, name) in names.iter().enumerate() {
        let port = ports.get(number).or(ports.first()).copied().unwrap_or(5432);
        let separator = if number == 0 { "" } else { "," };
        let (open, close) = if name.contains(':') {
            ("[", "]")
        } else {
            ("", "")
        };
        let _ = write!(text, "{separator}{open}{name}{close}:{port}");
    }
    if let Some(database) = driver.get_dbname() {
        let _ = write!(text, "/{database}");
    }
    text
}

/// The process's environment; empty variables count as absent.
pub(crate) fn environment(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Config, String> {
        Config::read(url, &|name| (name == "USER").then(|| "me".to_owned()))
    }

    #[test]
    fn the_password_is_in_no_text() {
        for url in [
            "postgresql://me:geheim@db.example.com/audit",
            "postgres://db.example.com/audit?user=me&password=geheim",
            "postgresql+asyncpg://me:geheim@[::1]:5433/audit?sslmode=require",
        ] {
            let config = read(url).unwrap();
            assert_eq!(config.driver.get_password(), Some(&b"geheim"[..]));
            assert!(!config.location.contains("geheim"), "{}", config.location);
            assert!(!format!("{:?}", config.driver).contains("geheim"));
        }
        for url in [
            "postgresql://me:geheim@db:port/audit",
            "postgresql://me:geheim@db/audit?sslmode=geheim2",
            "postgresql://me:geheim@db/audit?nothing=geheim",
            "postgresql://me:geheim@db/audit?connect_timeout=geheim",
        ] {
            let error = read(url).map(|_| ()).unwrap_err();
            assert!(
                !error.contains("geheim@") && !error.contains(":geheim"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_location_names_user_host_and_database() {
        for (url, location) in [
            (
                "postgresql://me:x@db/audit",
                "postgresql://me@db:5432/audit",
            ),
            (
                "postgres://me@a:1,b:2/audit",
                "postgresql://me@a:1,b:2/audit",
            ),
            (
                "postgresql://me@[::1]:7/audit",
                "postgresql://me@[::1]:7/audit",
            ),
            (
                "postgresql:///audit?host=/run/pg",
                "postgresql://me@/run/pg:5432/audit",
            ),
        ] {
            assert_eq!(read(url).unwrap().location, location);
        }
    }

    #[test]
    fn the_environment_fills_in_what_the_url_leaves_open() {
        let variables = |name: &str| {
            let value = match name {
                "PGHOST" => "db1,db2",
                "PGPORT" => "6432",
                "PGUSER" => "recorder",
                "PGDATABASE" => "audit",
                "PGPASSWORD" => "geheim",
                "PGSSLMODE" => "verify-full",
                "PGTARGETSESSIONATTRS" => "read-write",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let config = Config::read("postgresql://", &variables).unwrap();
        assert_eq!(
            config.location,
            "postgresql://recorder@db1:6432,db2:6432/audit"
        );
        assert_eq!(config.driver.get_password(), Some(&b"geheim"[..]));
        assert_eq!(config.ssl.mode, SslMode::VerifyFull);
        assert_eq!(
            config.driver.get_target_session_attrs(),
            TargetSessionAttrs::ReadWrite
        );
        let config = Config::read("postgresql://me@db/other?sslmode=disable", &variables).unwrap();
        // A host that is named without a port has the usual one.
        assert_eq!(config.location, "postgresql://me@db:5432/other");
        assert_eq!(config.ssl.mode, SslMode::Disable);
    }

    #[test]
    fn a_root_certificate_is_checked_against() {
        let mode = |query: &str| {
            read(&format!("postgresql://db/x?{query}"))
                .unwrap()
                .ssl
                .mode
        };
        assert_eq!(mode("sslmode=require"), SslMode::Require);
        assert_eq!(
            mode("sslmode=require&sslrootcert=/ca.pem"),
            SslMode::VerifyCa
        );
        assert_eq!(
            mode("sslmode=verify-ca&sslrootcert=system"),
            SslMode::VerifyCa
        );
        assert_eq!(mode(""), SslMode::Prefer);
        assert!(read("postgresql://db/x?sslmode=maybe").is_err());
        assert!(read("postgresql://db/x?sslcert=a.pem").is_err());
    }

    #[test]
    fn the_password_file_is_read_as_other_clients_do() {
        let file = "# comment\n\
                    other:*:*:*:no\n\
                    db:5433:*:me:wrong port\n\
                    db:*:audit:me:with\\:colon\\\\:and more\n\
                    *:*:*:*:last\n";
        let password = |url: &str| password_from(file, &read(url).unwrap().driver);
        assert_eq!(
            password("postgresql://me@db/audit").as_deref(),
            Some("with:colon\\:and more")
        );
        assert_eq!(password("postgresql://me@db/else").as_deref(), Some("last"));
    }
}
