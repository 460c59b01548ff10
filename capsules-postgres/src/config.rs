//! Where the server is and how to get in: the URL, the service that it names, the environment and the
//! password file, as other PostgreSQL clients read them.
//!
//! Sources: PostgreSQL documentation, "Connection Strings", "Environment Variables" and "The
//! Password File" of libpq.

mod defaults;
mod service;

use std::env;
use std::fmt::Write as _;
use std::path::PathBuf;

use capsules_core::{StorageError, sha3_256};
use percent_encoding::percent_decode_str;
use tokio_postgres::config::{Host, SslMode as DriverSslMode};

use defaults::{DEFAULT_PORT, complete, with_ports};

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
        let service = match own.service.take().or_else(|| variable("PGSERVICE")) {
            Some(name) => service::read(&name, variable)?,
            None => service::Service::new(),
        };
        let variable: &dyn Fn(&str) -> Option<String> =
            &|name| service.get(name).cloned().or_else(|| variable(name));
        let ports = own.ports(variable)?;
        let base = with_ports(base, &ports);
        let url = match kept.as_slice() {
            [] => base,
            kept => format!("{base}?{}", kept.join("&")),
        };
        // The driver's messages name keys, and never values.
        let mut driver: tokio_postgres::Config =
            url.parse().map_err(|error: tokio_postgres::Error| {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                format!("the URL cannot be read: {}", cause.unwrap_or_default())
            })?;
        if driver.get_ports().is_empty() {
            for port in ports {
                driver.port(port);
            }
        }
        // The driver wants a name for TLS; an address is one that a certificate may have.
        if driver.get_hosts().is_empty() {
            for address in driver.get_hostaddrs().to_vec() {
                driver.host(address.to_string());
            }
        }
        complete(&mut driver, &mut own, variable)?;
        let mut ssl = own.ssl(variable)?;
        // As libpq: a socket of this machine needs no protection, and knows none.
        if is_local(&driver) {
            ssl.mode = SslMode::Disable;
        }
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

/// The parameters that the driver does not know, or takes for something else.
#[derive(Default)]
struct Own {
    ports: Option<String>,
    mode: Option<String>,
    root: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
    password_file: Option<String>,
    target: Option<String>,
    service: Option<String>,
}

impl Own {
    fn take(&mut self, key: &str, value: &str) -> bool {
        let field = match key {
            "port" => &mut self.ports,
            "sslmode" | "ssl" => &mut self.mode,
            "sslrootcert" => &mut self.root,
            "sslcert" => &mut self.certificate,
            "sslkey" => &mut self.key,
            "passfile" => &mut self.password_file,
            "target_session_attrs" => &mut self.target,
            "service" => &mut self.service,
            _ => return false,
        };
        *field = Some(value.to_owned());
        true
    }

    /// The ports of hosts that are named without one.
    fn ports(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Vec<u16>, String> {
        let Some(ports) = self.ports.clone().or_else(|| variable("PGPORT")) else {
            return Ok(Vec::new());
        };
        let port = |port: &str| match port {
            "" => Ok(DEFAULT_PORT),
            port => port
                .parse()
                .map_err(|_| format!("`{port}`, of the URL or of PGPORT, is no port")),
        };
        ports.split(',').map(port).collect()
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

#[cfg(unix)]
fn is_local(driver: &tokio_postgres::Config) -> bool {
    let hosts = driver.get_hosts();
    !hosts.is_empty() && hosts.iter().all(|host| matches!(host, Host::Unix(_)))
}

#[cfg(not(unix))]
fn is_local(_: &tokio_postgres::Config) -> bool {
    false
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
    let names: Vec<String> = driver.get_hosts().iter().map(host_name).collect();
    let ports = driver.get_ports();
    for (number, name) in names.iter().enumerate() {
        let port = ports
            .get(number)
            .or(ports.first())
            .copied()
            .unwrap_or(DEFAULT_PORT);
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
        let socket = read("postgresql:///x?host=/run/pg&sslmode=verify-full").unwrap();
        assert_eq!(socket.ssl.mode, SslMode::Disable);
        assert!(read("postgresql://db/x?sslcert=a.pem").is_err());
    }
}
