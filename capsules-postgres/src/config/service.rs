//! Named services: files that say where a database is, so that a URL need not.
//!
//! Source: PostgreSQL documentation, "The Connection Service File" of libpq.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a service says, by the environment variables that say the same.
pub(super) type Service = HashMap<&'static str, String>;

/// The keys of a service that are understood, and the variables that they stand for.
const KEYS: [(&str, &str); 14] = [
    ("host", "PGHOST"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("dbname", "PGDATABASE"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("options", "PGOPTIONS"),
    ("application_name", "PGAPPNAME"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
];

/// Reads the service of this name from the user's file, or else from the system's.
///
/// # Errors
///
/// What is wrong, with no value of the file.
pub(super) fn read(
    name: &str,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Service, String> {
    let own = variable("PGSERVICEFILE")
        .map(PathBuf::from)
        .or_else(|| Some(Path::new(&variable("HOME")?).join(".pg_service.conf")));
    let of_system = variable("PGSYSCONFDIR").map(|dir| Path::new(&dir).join("pg_service.conf"));
    for path in [own, of_system].into_iter().flatten() {
        if let Ok(file) = fs::read_to_string(&path)
            && let Some(service) = find(&file, name)
                .map_err(|key| format!("`{key}` of {} is not understood", path.display()))?
        {
            return Ok(service);
        }
    }
    Err(format!(
        "no file of services has `{name}`; it is looked for in PGSERVICEFILE, or \
         ~/.pg_service.conf, and in PGSYSCONFDIR"
    ))
}

/// The service of this name in a file; the key that is none as an error.
fn find(file: &str, name: &str) -> Result<Option<Service>, String> {
    let header = format!("[{name}]");
    let mut lines = file.lines().map(str::trim);
    if !lines.any(|line| line == header) {
        return Ok(None);
    }
    let mut service = Service::new();
    for line in lines.take_while(|line| !line.starts_with('[')) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        let known = KEYS.iter().find(|(known, _)| *known == key.trim_end());
        let (_, variable) = known.ok_or(key)?;
        // As libpq: what is said first holds.
        service
            .entry(variable)
            .or_insert_with(|| value.trim_start().to_owned());
    }
    Ok(Some(service))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::Config;

    #[test]
    fn a_service_is_between_the_url_and_the_environment() {
        let directory =
            std::env::temp_dir().join(format!("capsules-service-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join("services");
        let services = "[other]\nhost=wrong\n\n[audit]\n# where it is\nhost=db\nport = 6432\n\
                        user=recorder\npassword=ge heim\ndbname=audit\n\n[broken]\nge=heim\n";
        std::fs::write(&file, services).unwrap();
        let variable = |name: &str| match name {
            "PGSERVICEFILE" => Some(file.display().to_string()),
            "PGHOST" | "PGUSER" => Some("environment".to_owned()),
            "PGAPPNAME" => Some("mine".to_owned()),
            _ => None,
        };
        let config = Config::read("postgresql://?service=audit", &variable).unwrap();
        assert_eq!(config.location, "postgresql://recorder@db:6432/audit");
        assert_eq!(config.driver.get_password(), Some(&b"ge heim"[..]));
        assert_eq!(config.driver.get_application_name(), Some("mine"));
        let url = "postgresql://me@else/x?service=audit";
        let config = Config::read(url, &variable).unwrap();
        assert_eq!(config.location, "postgresql://me@else:6432/x");

        for (name, reason) in [("none", "`none`"), ("broken", "`ge` of")] {
            let url = format!("postgresql://?service={name}");
            let error = Config::read(&url, &variable).map(|_| ()).unwrap_err();
            assert!(error.contains(reason) && !error.contains("heim"), "{error}");
        }
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
