//! `hash` and `canonicalize`.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::support::{Home, Ran};

const EMPTY: &str = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a\n";

#[test]
fn hash_prints_the_digest_alone() {
    let home = Home::new();
    home.file("empty", "");
    assert_eq!(home.run(["hash", "empty"]).passed(), EMPTY);
    assert_eq!(home.pipe("", &["hash", "-"]).passed(), EMPTY);
    let million = home.pipe(vec![b'a'; 1_000_000], &["hash", "-"]).passed();
    assert_eq!(
        million,
        "5c8875ae474a3634ba4fd55ec85bffd661f32aca75c6d699d0cdcb6c115891c1\n"
    );
}

#[test]
fn hash_names_a_file_that_it_cannot_read() {
    let home = Home::new();
    let error = home.run(["hash", "no\u{1b}[31mfile"]).error();
    assert!(
        error.starts_with("error: cannot read no\\u{1b}[31mfile: "),
        "{error}"
    );
    assert!(
        home.run(["hash", "."])
            .error()
            .starts_with("error: cannot read .: ")
    );
    assert_eq!(home.run(["hash"]).status, 2);
}

#[test]
fn canonicalize_prints_the_bytes_alone() {
    let home = Home::new();
    home.file(
        "a.json",
        "{\"b\": [1.50, 1e16, 1e-7], \"a\": \"\\u007f\\u001b\"}\n",
    );
    let canonical = "{\"a\":\"\u{7f}\\u001b\",\"b\":[1.5,1e+16,1e-07]}";
    assert_eq!(home.run(["canonicalize", "a.json"]).passed(), canonical);
    assert_eq!(home.pipe("2.0 ", &["canonicalize", "-"]).passed(), "2.0");
}

#[test]
fn canonicalize_refuses_what_is_not_json() {
    let home = Home::new();
    for text in ["{", "", "NaN", "{\"a\":1} 2"] {
        let error = home.pipe(text, &["canonicalize", "-"]).error();
        assert!(
            error.starts_with("error: cannot canonicalize standard input: "),
            "{error}"
        );
    }
}

#[test]
fn one_document_per_line() {
    let home = Home::new();
    home.file("a.jsonl", "{\"b\":1,\"a\":2}\r\n\n [ 1, 2 ]\n\"last\"");
    assert_eq!(
        home.run(["canonicalize", "--jsonl", "a.jsonl"]).passed(),
        "{\"a\":2,\"b\":1}\n[1,2]\n\"last\"\n"
    );
    assert_eq!(
        home.pipe("", &["canonicalize", "--jsonl", "-"]).passed(),
        ""
    );
}

#[test]
fn a_bad_line_is_named_and_ends_the_command() {
    let home = Home::new();
    let ran = home.pipe("[ 1 ]\n\n{oops\n[2]\n", &["canonicalize", "--jsonl", "-"]);
    assert_eq!((ran.status, ran.stdout.as_str()), (2, "[1]\n"));
    assert!(
        ran.stderr
            .starts_with("error: cannot canonicalize standard input, line 3: "),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_answer_comes_before_the_next_line_is_asked_for() {
    let home = Home::new();
    let mut command = home.command();
    command
        .args(["canonicalize", "--jsonl", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut requests = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for (document, canonical) in [("[ 1 ]", "[1]"), ("{ }", "{}")] {
        writeln!(requests, "{document}").unwrap();
        assert_eq!(answers.next().unwrap().unwrap(), canonical);
    }
    drop(requests);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let home = Home::new();
    home.file("many.jsonl", "[1]\n".repeat(200_000));
    let mut command = home.command();
    command.args(["canonicalize", "--jsonl", "many.jsonl"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
}
