//! TLS, as `sslmode` asks for it, with a server that has a certificate.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use capsules_postgres::PostgresStorage;
use capsules_tests::postgres::{Server, server};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::errors::assert_says;
use crate::support::as_user;

/// A server with a certificate for the name `localhost`; its clients' files lie beside its socket.
struct Secured {
    server: Server,
}

/// Whoever signs certificates.
struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for a host and a user, and its key.
    fn sign(&self, host: &str, user: &str) -> [String; 2] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, user);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        [certificate.pem(), key.serialize_pem()]
    }
}

fn secured() -> Option<&'static Secured> {
    static SECURED: OnceLock<Secured> = OnceLock::new();
    server()?;
    Some(SECURED.get_or_init(|| {
        let server = Server::start().unwrap();
        let [authority, stranger] = ["authority", "stranger"].map(Authority::new);
        let [certificate, key] = authority.sign("localhost", "server");
        for (setting, name, content) in [
            ("ssl_cert_file", "server.crt", &certificate),
            ("ssl_key_file", "server.key", &key),
            ("ssl_ca_file", "ca.crt", &authority.certificate),
        ] {
            let path = server.file(name, content);
            let set = format!("ALTER SYSTEM SET {setting} = '{}'", path.display());
            server.execute("postgres", &set);
        }
        server.execute("postgres", "ALTER SYSTEM SET ssl = on");
        server.execute(
            "postgres",
            "CREATE ROLE certified_c LOGIN IN ROLE certified",
        );
        server.execute("postgres", "CREATE SCHEMA AUTHORIZATION certified_c");
        server.reload();
        let [ours, our_key] = authority.sign("nowhere", "certified_c");
        let [strange, strange_key] = stranger.sign("nowhere", "certified_c");
        for (name, content) in [
            ("ca", &authority.certificate),
            ("other-ca", &stranger.certificate),
            ("client", &ours),
            ("client-key", &our_key),
            ("stranger", &strange),
            ("stranger-key", &strange_key),
        ] {
            server.file(name, content);
        }
        let secured = Secured { server };
        let deadline = Instant::now() + Duration::from_secs(30);
        while PostgresStorage::open(&secured.url("127.0.0.1", "sslmode=require")).is_err() {
            assert!(Instant::now() < deadline, "the server has no TLS");
        }
        secured
    }))
}

impl Secured {
    /// The URL, in which `{name}` stands for a file.
    fn url(&self, host: &str, query: &str) -> String {
        let mut query = query.to_owned();
        for name in [
            "ca",
            "other-ca",
            "client",
            "client-key",
            "stranger",
            "stranger-key",
        ] {
            let path = self.server.socket().join(name).display().to_string();
            query = query.replace(&format!("{{{name}}}"), &path);
        }
        let url = self.server.url("postgres").replace("127.0.0.1", host);
        format!("{url}?{query}")
    }

    /// Whether a connection that is opened like this is protected.
    fn protects(&self, url: &str) -> bool {
        // The session before this one may be about to end.
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("n{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let _store = PostgresStorage::open(&format!("{url}&application_name={name}"))
            .unwrap_or_else(|error| panic!("{url}: {error}"));
        let ssl = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                   WHERE application_name = $1";
        let mut client = self.server.client(&self.server.url("postgres"));
        client.query_one(ssl, &[&name]).unwrap().get(0)
    }
}

#[test]
fn a_connection_is_as_protected_as_the_url_asks() {
    let Some(secured) = secured() else { return };
    for (host, query, protected) in [
        ("127.0.0.1", "sslmode=disable", false),
        ("127.0.0.1", "", true),
        ("127.0.0.1", "sslmode=allow", true),
        ("127.0.0.1", "sslmode=prefer", true),
        ("127.0.0.1", "sslmode=require", true),
        ("127.0.0.1", "sslmode=require&sslrootcert={ca}", true),
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert={ca}", true),
        ("localhost", "sslmode=verify-ca&sslrootcert={ca}", true),
        ("localhost", "sslmode=verify-full&sslrootcert={ca}", true),
    ] {
        let url = secured.url(host, query);
        assert_eq!(secured.protects(&url), protected, "{url}");
    }
    let address = format!(
        "postgresql://capsules@/postgres?hostaddr=127.0.0.1&port={}",
        secured.server.port()
    );
    assert!(secured.protects(&address));
    // Sockets know no TLS.
    let (directory, port) = (secured.server.socket(), secured.server.port());
    let socket = format!(
        "postgresql:///postgres?host={}&port={port}&user=capsules&sslmode=verify-full",
        directory.display()
    );
    assert!(!secured.protects(&socket));
}

#[test]
fn a_server_that_is_not_the_one_that_the_url_means() {
    let Some(secured) = secured() else { return };
    for (host, query, parts) in [
        (
            "127.0.0.1",
            "sslmode=verify-full&sslrootcert={ca}",
            [
                "not valid for name",
                "a name that the server's certificate has",
            ],
        ),
        (
            "localhost",
            "sslmode=verify-full&sslrootcert={other-ca}",
            ["UnknownIssuer", "sslrootcert"],
        ),
        (
            "localhost",
            "sslmode=verify-ca&sslrootcert={other-ca}",
            ["UnknownIssuer", "sslrootcert"],
        ),
        (
            "localhost",
            "sslmode=require&sslrootcert={other-ca}",
            ["UnknownIssuer", "sslrootcert"],
        ),
        // The operating system trusts nobody who signed this.
        (
            "localhost",
            "sslmode=verify-full",
            ["cannot open", "sslrootcert"],
        ),
    ] {
        let url = secured.url(host, query);
        let place = format!("capsules@{host}:{}/postgres", secured.server.port());
        let [first, second] = parts;
        assert_says(PostgresStorage::open(&url), &[&place, first, second]);
    }
}

#[test]
fn a_server_without_tls_is_refused_where_it_is_required() {
    let Some(server) = server() else { return };
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = format!(
            "{}?sslmode={mode}&sslrootcert=system",
            server.url("postgres")
        );
        assert_says(
            PostgresStorage::open(&url),
            &["does not support TLS", "sslmode"],
        );
    }
}

#[test]
fn a_client_with_a_certificate() {
    let Some(secured) = secured() else { return };
    let url = |query: &str| as_user(&secured.url("localhost", query), "certified_c");
    assert!(secured.protects(&url("sslcert={client}&sslkey={client-key}")));
    let stranger = url("sslcert={stranger}&sslkey={stranger-key}");
    for (url, part) in [
        (url("sslmode=require"), "certificate"),
        (stranger, "sslcert"),
    ] {
        assert_says(
            PostgresStorage::open(&url),
            &["certified_c@localhost", part],
        );
    }
}

#[test]
fn a_password_is_proven_over_tls() {
    let Some(secured) = secured() else { return };
    let password = "s3cr3t-Geheim";
    secured.server.execute(
        "postgres",
        &format!(
            "CREATE ROLE guarded_t LOGIN PASSWORD '{password}' IN ROLE guarded; \
             CREATE SCHEMA AUTHORIZATION guarded_t"
        ),
    );
    let url = secured.url("localhost", "sslmode=verify-full&sslrootcert={ca}");
    assert!(secured.protects(&as_user(&url, &format!("guarded_t:{password}"))));
}
