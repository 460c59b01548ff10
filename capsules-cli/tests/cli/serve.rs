//! `serve`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Home, data, fill_store};

/// A server that runs.
pub(crate) struct Serving {
    child: Child,
    _output: BufReader<ChildStdout>,
    /// As `127.0.0.1:8020`.
    pub(crate) address: String,
}

impl Serving {
    pub(crate) fn begin(home: &Home, args: &[&str]) -> Self {
        let mut child = home
            .command()
            .arg("serve")
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let (_, url) = line.split_once("http://").unwrap();
        let (address, page) = url.trim().split_once('/').unwrap();
        assert_eq!(page, "api/v1/capsules/explorer");
        Self {
            child,
            _output: output,
            address: address.to_owned(),
        }
    }

    /// The head and the body of an answer.
    pub(crate) fn ask(&self, host: &str, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// Interrupts it, and gives its exit status and what it said on standard error.
    pub(crate) fn interrupt(self) -> (Option<i32>, String) {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), errors)
    }
}

fn home() -> Home {
    let home = Home::new();
    fill_store(&home.path().join("audit.db"));
    home
}

#[test]
fn a_store_is_served_until_somebody_interrupts() {
    let home = home();
    home.file("keyring.json", data("keyring.json"));
    let before = fs::read(home.path().join("audit.db")).unwrap();
    let serving = Serving::begin(&home, &["--db", "audit.db", "--keyring", "keyring.json"]);
    assert!(
        serving.address.starts_with("127.0.0.1:"),
        "{}",
        serving.address
    );
    let address = serving.address.clone();

    let (head, body) = serving.ask(&address, "/api/v1/capsules/verify");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(body.contains("\"valid\":true"), "{body}");
    let (head, body) = serving.ask("localhost", "/api/v1/capsules/?limit=1");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(body.contains("\"capsules\":["), "{body}");
    let (head, _) = serving.ask(&address, "/");
    assert!(
        head.contains("location: /api/v1/capsules/explorer"),
        "{head}"
    );
    let (head, _) = serving.ask(&address, "/api/v1/capsules/explorer");
    assert!(head.contains("content-type: text/html"), "{head}");

    // A stream that is open does not hold it up.
    let mut stream = TcpStream::connect(&address).unwrap();
    let request = format!("GET /api/v1/capsules/events HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    stream.read_exact(&mut [0; 12]).unwrap();
    assert_eq!(serving.interrupt(), (Some(0), String::new()));
    assert_eq!(fs::read(home.path().join("audit.db")).unwrap(), before);
}

/// Another site could have its own name lead to this machine.
#[test]
fn a_request_for_a_name_is_refused() {
    let home = home();
    let serving = Serving::begin(&home, &["--db", "audit.db"]);
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "",
    ] {
        let (head, body) = serving.ask(host, "/api/v1/capsules/");
        assert!(!head.starts_with("HTTP/1.1 200"), "{host}: {head}");
        assert!(!body.contains("capsules\":"), "{host}: {body}");
    }
    for host in ["LOCALHOST:1", "[::1]:80", "192.168.1.7"] {
        let (head, _) = serving.ask(host, "/api/v1/capsules/");
        assert!(head.starts_with("HTTP/1.1 200"), "{host}: {head}");
    }
    assert_eq!(serving.interrupt(), (Some(0), String::new()));
}

#[test]
fn what_cannot_be_served_is_said() {
    let home = home();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let error = home
        .run(["serve", "--db", "audit.db", "--listen", &port])
        .error();
    assert!(
        error.contains(&format!("cannot serve at 127.0.0.1:{port}")),
        "{error}"
    );
    let error = home.run(["serve", "--db", "none.db"]).error();
    assert!(error.contains("none.db"), "{error}");
    let error = home
        .run(["serve", "--db", "audit.db", "--listen", "here"])
        .error();
    assert!(error.contains("127.0.0.1:8020"), "{error}");
}
