//! What the server and the network report, in words that say what to do.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use capsules_core::StorageError;
use rustls::CertificateError;
use tokio_postgres::error::{DbError, SqlState};

/// Why a step of an operation failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server or the connection to it said so.
    Postgres(tokio_postgres::Error),
    /// No connection could be had in this time.
    Busy(Duration),
    /// No answer came in this time.
    Silent(Duration),
    /// Something else than expected was found.
    Found(String),
    /// There is no table yet.
    Absent,
    /// The store was closed.
    Closed,
    /// What the caller's own code reported.
    Caller(StorageError),
}

/// What was attempted when a step failed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Attempt {
    Open,
    Read,
    Write,
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self::Caller(error)
    }
}

impl Failure {
    pub(crate) fn found(reason: impl Into<String>) -> Self {
        Self::Found(reason.into())
    }

    /// Whether another writer was in the way, so that the same may succeed at once: a deadlock, a
    /// conflict of transactions, or a place in a chain that a writer without our lock has taken.
    pub(crate) fn is_conflict(&self) -> bool {
        self.is_taken()
            || self.state().is_some_and(|state| {
                *state == SqlState::T_R_SERIALIZATION_FAILURE
                    || *state == SqlState::T_R_DEADLOCK_DETECTED
            })
    }

    /// Whether the connection was closed under the query.
    pub(crate) fn is_cut(&self) -> bool {
        match self {
            Self::Postgres(error) => {
                error.is_closed()
                    || self.state().is_some_and(|state| {
                        *state == SqlState::ADMIN_SHUTDOWN || *state == SqlState::CRASH_SHUTDOWN
                    })
            }
            _ => false,
        }
    }

    /// Whether there is no server to talk to now, which there may be later: nobody answers, or
    /// somebody who takes no connections yet or any more.
    pub(crate) fn is_absence(&self) -> bool {
        let error = match self {
            Self::Silent(_) => return true,
            Self::Postgres(error) => error,
            _ => return false,
        };
        match error.as_db_error() {
            Some(server) => {
                let state = server.code();
                [
                    SqlState::CANNOT_CONNECT_NOW,
                    SqlState::ADMIN_SHUTDOWN,
                    SqlState::CRASH_SHUTDOWN,
                    SqlState::TOO_MANY_CONNECTIONS,
                ]
                .contains(state)
                    || match state.code() {
                        // How pgbouncer says that it finds no server, and much else.
                        "08P01" => ["server", "query_wait_timeout", "connections"]
                            .iter()
                            .any(|word| server.message().contains(word)),
                        code => code.starts_with("08"),
                    }
            }
            None => error.is_closed() || io_cause(error).is_some_and(may_pass),
        }
    }

    fn is_locked(&self) -> bool {
        self.state() == Some(&SqlState::LOCK_NOT_AVAILABLE) || self.is_conflict()
    }

    /// Whether a unique index refused a row: a place in a chain, or an id, is taken.
    pub(crate) fn is_taken(&self) -> bool {
        self.state() == Some(&SqlState::UNIQUE_VIOLATION)
    }

    /// The error of an operation on the store at `location`.
    pub(crate) fn during(self, attempt: Attempt, location: &str) -> StorageError {
        let location = location.to_owned();
        if self.is_locked() {
            return StorageError::Locked { location };
        }
        let is_absence = self.is_absence();
        let reason = match self {
            Self::Closed => return StorageError::Closed { location },
            Self::Absent => {
                let reason = "it has no table quantumpipes_capsules; record something first, or \
                              check the database's name and the search path";
                return StorageError::Absent {
                    location,
                    reason: reason.to_owned(),
                };
            }
            Self::Caller(error) => return error,
            Self::Found(reason) => reason,
            Self::Busy(time) => format!(
                "no connection was free within {time:?}; allow more connections, or look for \
                 readers that do not finish"
            ),
            Self::Silent(time) => format!(
                "the server did not answer within {time:?}; check the network and the server's \
                 load"
            ),
            Self::Postgres(error) => reason(&error),
        };
        match attempt {
            _ if is_absence => StorageError::Unreachable { location, reason },
            Attempt::Open => StorageError::Open { location, reason },
            Attempt::Read => StorageError::Read { location, reason },
            Attempt::Write => StorageError::Write { location, reason },
        }
    }

    fn server(&self) -> Option<&DbError> {
        match self {
            Self::Postgres(error) => error.as_db_error(),
            _ => None,
        }
    }

    fn state(&self) -> Option<&SqlState> {
        self.server().map(DbError::code)
    }
}

fn reason(error: &tokio_postgres::Error) -> String {
    let Some(server) = error.as_db_error() else {
        return connection_reason(error);
    };
    let state = server.code();
    let advice = if *state == SqlState::INVALID_CATALOG_NAME {
        "create the database (`createdb NAME`), or correct its name"
    } else if *state == SqlState::INVALID_PASSWORD {
        "correct the password in the URL, in PGPASSWORD or in the password file"
    } else if *state == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        "create the role, or admit it in the server's pg_hba.conf"
    } else if *state == SqlState::INSUFFICIENT_PRIVILEGE || *state == SqlState::INVALID_SCHEMA_NAME
    {
        "grant the role what it needs: SELECT to read, SELECT and INSERT to record, and CREATE on \
         the schema for whoever makes the table"
    } else if *state == SqlState::READ_ONLY_SQL_TRANSACTION {
        "this server is a read-only replica or is set to read only; connect to the primary, for \
         instance with target_session_attrs=read-write and all hosts in the URL"
    } else if *state == SqlState::DISK_FULL {
        "the server's disk is full; nothing was appended, free some space"
    } else if *state == SqlState::TOO_MANY_CONNECTIONS {
        "allow more connections on the server, or put a pooling proxy before it"
    } else if *state == SqlState::QUERY_CANCELED {
        "the server cancelled the statement; raise its statement_timeout"
    } else if *state == SqlState::STRING_DATA_RIGHT_TRUNCATION
        || *state == SqlState::NUMERIC_VALUE_OUT_OF_RANGE
    {
        "the table was made with narrower columns than the record needs; widen them (ALTER TABLE \
         quantumpipes_capsules ALTER COLUMN ... TYPE TEXT, and sequence TYPE BIGINT)"
    } else {
        return format!("{} (SQLSTATE {})", server.message(), state.code());
    };
    format!("{} (SQLSTATE {}); {advice}", server.message(), state.code())
}

/// What the operating system, the network or TLS said.
fn io_cause(error: &tokio_postgres::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref() {
            return Some(cause);
        }
        source = cause.source();
    }
    None
}

/// Whether a connection may succeed later without anybody's correcting something.
fn may_pass(error: &io::Error) -> bool {
    match error.get_ref() {
        Some(inner) if inner.is::<rustls::Error>() => false,
        // No server has the attributes that the session wants until a replica is promoted.
        Some(_) => error.kind() != io::ErrorKind::InvalidData,
        None => error.kind() != io::ErrorKind::PermissionDenied,
    }
}

/// The driver's own text names the kind only; what happened is its source.
fn connection_reason(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    let mut advice = "check that the server runs and can be reached from here";
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            advice = connection_advice(cause).unwrap_or(advice);
        } else if cause.to_string() == "server does not support TLS" {
            advice = "switch TLS on there (ssl = on), or ask for less with sslmode";
        }
        source = cause.source();
    }
    format!("{text}; {advice}")
}

fn connection_advice(error: &io::Error) -> Option<&'static str> {
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(certificate)) => Some(match certificate {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "connect by a name that the server's certificate has, or use sslmode=verify-ca"
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "name the file with the certificate of the authority that signed the server's, \
                 with sslrootcert"
            }
            _ => "the server needs another certificate",
        }),
        Some(rustls::Error::AlertReceived(_)) => {
            Some("check the client's certificate (sslcert and sslkey)")
        }
        // As the driver says that a server does not have the attributes that the session wants.
        None if inner.is_some() && error.kind() == io::ErrorKind::PermissionDenied => Some(
            "the hosts that were reached are not what target_session_attrs asks for; name the \
             primary, or promote a replica",
        ),
        _ => None,
    }
}
