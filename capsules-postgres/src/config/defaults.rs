//! What a URL leaves open: the usual port, the environment and the password file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::config::TargetSessionAttrs;

use super::{Own, host_name};

/// Gives hosts that are named without a port the usual ones: the driver would take 5432. A host
/// with a port of its own says that the others have none on purpose.
pub(super) fn with_ports(base: &str, ports: &[u16]) -> String {
    let (before, hosts, path) = authority(base);
    let is_plain = |host: &str| !host.rsplit(']').next().unwrap_or(host).contains(':');
    if ports.is_empty() || hosts.is_empty() || !hosts.split(',').all(is_plain) {
        return base.to_owned();
    }
    let hosts: Vec<String> = hosts
        .split(',')
        .enumerate()
        .map(|(number, host)| {
            let port = ports.get(number).or(ports.first());
            let port = port.copied().unwrap_or(DEFAULT_PORT);
            format!("{host}:{port}")
        })
        .collect();
    format!("{before}{}{path}", hosts.join(","))
}

/// What is before the hosts of a URL, the hosts, and what is after them.
fn authority(base: &str) -> (&str, &str, &str) {
    let start = base.find("://").map_or(0, |colon| colon + 3);
    let end = base[start..]
        .find('/')
        .map_or(base.len(), |path| start + path);
    let start = base[start..end]
        .rfind('@')
        .map_or(start, |at| start + at + 1);
    (&base[..start], &base[start..end], &base[end..])
}

/// Fills in what the URL left open.
pub(super) fn complete(
    driver: &mut tokio_postgres::Config,
    own: &mut Own,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), String> {
    if driver.get_hosts().is_empty() {
        match variable("PGHOST") {
            Some(hosts) => hosts.split(',').for_each(|host| {
                driver.host(host);
            }),
            None => {
                driver.host(default_host());
            }
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
    let target = own
        .target
        .take()
        .or_else(|| variable("PGTARGETSESSIONATTRS"));
    driver.target_session_attrs(match target.as_deref() {
        None | Some("any" | "prefer-standby") => TargetSessionAttrs::Any,
        Some("read-write" | "primary") => TargetSessionAttrs::ReadWrite,
        Some("read-only" | "standby") => TargetSessionAttrs::ReadOnly,
        Some(other) => {
            return Err(format!(
                "target_session_attrs is `{other}`; it can be any, read-write, primary, read-only, \
                 standby or prefer-standby"
            ));
        }
    });
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
        .unwrap_or(DEFAULT_PORT)
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

pub(super) const DEFAULT_PORT: u16 = 5432;
/// A connection that nobody answers is given up after this time, unless the URL says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What was sent and not acknowledged for this time breaks the connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::{Config, SslMode};
    use super::*;

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
        let url = "postgresql://me@db/other?target_session_attrs=standby";
        let config = Config::read(url, &variables).unwrap();
        assert_eq!(
            config.driver.get_target_session_attrs(),
            TargetSessionAttrs::ReadOnly
        );
        assert!(Config::read("postgresql://db/x?target_session_attrs=x", &variables).is_err());
        let config = Config::read("postgresql://me@db/other?sslmode=disable", &variables).unwrap();
        assert_eq!(config.location, "postgresql://me@db:6432/other");
        assert_eq!(config.ssl.mode, SslMode::Disable);
    }

    #[test]
    fn a_host_that_is_named_without_a_port_has_the_usual_one() {
        let location = |url: &str, usual: &'static str| {
            let variable = |name: &str| match name {
                "PGPORT" if !usual.is_empty() => Some(usual.to_owned()),
                "USER" => Some("me".to_owned()),
                _ => None,
            };
            Config::read(url, &variable).map(|config| config.location)
        };
        for (url, usual, expected) in [
            ("postgresql://db/x", "", "postgresql://me@db:5432/x"),
            ("postgresql://db/x", "6432", "postgresql://me@db:6432/x"),
            ("postgresql://db", "6432", "postgresql://me@db:6432/me"),
            (
                "postgresql://a:b@[::1]/x",
                "6432",
                "postgresql://a@[::1]:6432/x",
            ),
            ("postgresql://db:1/x", "6432", "postgresql://me@db:1/x"),
            (
                "postgresql://[::1]:1/x",
                "6432",
                "postgresql://me@[::1]:1/x",
            ),
            (
                "postgresql://a,b/x",
                "6432",
                "postgresql://me@a:6432,b:6432/x",
            ),
            ("postgresql://a,b/x", "1,2", "postgresql://me@a:1,b:2/x"),
            (
                "postgresql://a,b:1/x",
                "6432",
                "postgresql://me@a:5432,b:1/x",
            ),
            ("postgresql://db/x?port=7", "6432", "postgresql://me@db:7/x"),
            (
                "postgresql:///x?host=/run&port=7",
                "",
                "postgresql://me@/run:7/x",
            ),
            (
                "postgresql:///x?host=/run",
                "6432",
                "postgresql://me@/run:6432/x",
            ),
        ] {
            assert_eq!(
                location(url, usual).as_deref(),
                Ok(expected),
                "{url} {usual}"
            );
        }
        let error = location("postgresql://db/x", "many").unwrap_err();
        assert!(error.contains("`many`"), "{error}");
    }

    #[test]
    fn the_password_file_is_read_as_other_clients_do() {
        let file = "# comment\n\
                    other:*:*:*:no\n\
                    db:5433:*:me:wrong port\n\
                    db:*:audit:me:with\\:colon\\\\:and more\n\
                    *:*:*:*:last\n";
        let password = |url: &str| {
            let config = Config::read(url, &|_| None).unwrap();
            password_from(file, &config.driver)
        };
        assert_eq!(
            password("postgresql://me@db/audit").as_deref(),
            Some("with:colon\\:and more")
        );
        assert_eq!(password("postgresql://me@db/else").as_deref(), Some("last"));
    }
}
