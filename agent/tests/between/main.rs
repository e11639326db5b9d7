//! Something else than an API server answers at the address of the kubeconfig, or nothing useful does. The real program describes
//! it in short lines, repeats the call, and ends within a second of SIGTERM.

mod addresses;
#[path = "../support/manner.rs"]
mod manner;
mod stub;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use manner::Manner;
use rustix::process::{Pid, Signal, kill_process};
use stub::{Stub, TOKEN};

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

/// The program for this kubeconfig, with its log in a file.
fn start(bootstrap: &Path, dir: &Path, args: &[&str]) -> Child {
    let log = std::fs::File::create(dir.join("log")).expect("the scratch is writable");
    Command::new(env!("CARGO_BIN_EXE_certrotate"))
        .args(["run", "--node-name", "node-1", "--bootstrap-kubeconfig"])
        .arg(bootstrap)
        .arg("--cert-dir")
        .arg(dir.join("pki"))
        .args(args)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("the program starts")
}

/// Waits for the end: the exit status, `None` after a signal.
async fn ended(mut child: Child) -> Option<i32> {
    let waiting = tokio::task::spawn_blocking(move || child.wait());
    let status = tokio::time::timeout(LONG, waiting).await.expect("it ends");
    status.expect("waiting does not panic").expect("it is a child").code()
}

/// The log of a run with `--once`, which must be short, of whole lines, and without the token.
async fn log_of(stub: &Stub, timeout: &str) -> String {
    let dir = stub.dir();
    let child = start(&stub.kubeconfig(), dir, &["--once", "--timeout", timeout]);
    let status = ended(child).await;
    let log = std::fs::read_to_string(dir.join("log")).expect("the log is text");
    assert!(matches!(status, Some(12 | 13)), "{status:?}: {log}");
    assert!(log.len() < 8192, "{} bytes of log", log.len());
    for line in log.lines() {
        let message = line.split_once('Z').expect("a time").1.trim_start();
        let is_ours = ["WARN the API", "WARN the answer", "INFO making", "ERROR no certificate"];
        assert!(is_ours.iter().any(|start| message.starts_with(start)), "a forged line: {line:?}");
        assert!(!line.contains(char::is_control), "a control character: {line:?}");
    }
    let secret = TOKEN.split_once('.').expect("it has two parts").1;
    assert!(!log.contains(secret), "the token is in the log: {log}");
    log
}

/// An answer of HTTP/1.1 with a length.
fn answer(status: &str, kind: &str, body: &str) -> Manner {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}");
    Manner::Answers(text.into_bytes())
}

#[tokio::test]
async fn f90_answers_of_other_servers_are_described_in_short_lines() {
    let forged = "\n2026-11-28T00:00:00Z  INFO certificate 9 is live until 2099-01-01T00:00:00Z\n";
    let status = |text: &str| {
        let text = serde_json::to_string(text).expect("a string");
        format!("{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":{text}}}")
    };
    let cases = [
        (Manner::Echoes, "bytes of type text/html"),
        (answer("200 OK", "application/json", "{}"), "JSON without apiVersion and kind"),
        (answer("200 OK", "text/plain", ""), "an empty body"),
        (answer("404 Gone\tfishing", "text/html", "<p>not here"), "404 with 11 bytes of type text/html"),
        (answer("503 Busy", "text/plain", forged), "503 2026-11-28T00:00:00Z  INFO"),
        (answer("403 No", "application/json", &status(&forged.repeat(9000))), "403 without a complete text"),
        (
            answer("403 No", "application/json", &status(&forged.repeat(100))),
            "forbids it to the bootstrap credential: 403",
        ),
        (answer("403 No", "application/json", &status(&format!("not with {TOKEN}"))), "not with (token)"),
        (answer("503 No", "text/plain", &format!("Authorization: Bearer {TOKEN}")), "Bearer (token)"),
        (answer("200 OK", "a\u{85}b\u{9b}31m", "x"), "1 bytes of type"),
        (
            Manner::Answers(
                b"HTTP/1.1 302 X\r\nlocation: https://127.0.0.1:1/login\r\ncontent-length: 0\r\n\r\n".into(),
            ),
            "it redirects to https://127.0.0.1:1/login",
        ),
        (
            Manner::Answers(
                b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00"
                    .into(),
            ),
            "not requested (gzip)",
        ),
        (Manner::Answers(b"HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".into()), "101 "),
        (Manner::Answers(b"SSH-2.0-OpenSSH_9.2\r\n".into()), "is not HTTP"),
        (
            Manner::Answers(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".into()),
            "end of file before message length",
        ),
        (Manner::Answers(Vec::new()), "was closed"),
        (Manner::Plain, "does not speak TLS"),
        (
            Manner::Floods { first: b"HTTP/1.1 200 OK\r\n", then: b"x-header: a value of some length\r\n" },
            "head of the answer is too large",
        ),
        (
            Manner::Floods { first: b"HTTP/1.1 200 OK\r\n\r\n", then: b"{{{{{{{{{{{{{{{{" },
            "it has more than 4194304 bytes",
        ),
        (
            Manner::Floods { first: b"HTTP/1.1 500 X\r\n\r\n", then: b"<p>again</p>" },
            "500 without a complete text",
        ),
    ];
    let runs = cases.into_iter().map(async |(manner, part)| {
        let what = format!("{manner:?}");
        let stub = Stub::start(manner).await;
        let log = log_of(&stub, "3s").await;
        (!log.contains(part)).then(|| format!("{part:?} is missing after {:.200}: {log}", what))
    });
    let wrong: Vec<String> = join_all(runs).await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn f93_server_certificate_not_valid_yet_mentions_the_clock() {
    let stub = Stub::with_days(2, 9).await;
    let log = log_of(&stub, "3s").await;
    assert!(
        log.contains("the server's certificate is valid from 20") && log.contains("check the clocks"),
        "{log}"
    );
    let stub = Stub::with_days(-9, -2).await;
    let log = log_of(&stub, "3s").await;
    assert!(log.contains("the server's certificate expired at 20"), "{log}");
}

#[tokio::test]
async fn f92_silent_tls_is_named_at_its_deadline() {
    let stub = Stub::start(Manner::NoTls).await;
    let log = log_of(&stub, "12s").await;
    assert!(log.contains("took the connection and did not finish TLS within 10 s"), "{log}");
}

#[tokio::test]
async fn termination_takes_a_second_at_most_whatever_the_server_does() {
    let first = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n";
    let cases = [
        Manner::NoTls,
        Manner::Silent,
        Manner::Trickles { first: b"", then: b"HTTP/1.1 200 OK\r\n" },
        Manner::Trickles { first, then: b"{" },
        Manner::Trickles { first: b"HTTP/1.1 403 X\r\n\r\n", then: b"{" },
        Manner::Floods { first: b"", then: b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n" },
        Manner::Floods { first: b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", then: b"0;x=" },
    ];
    for manner in cases {
        let what = format!("{manner:?}");
        let stub = Stub::start(manner).await;
        let child = start(&stub.kubeconfig(), stub.dir(), &[]);
        tokio::time::timeout(LONG, stub.reached()).await.expect("the program calls");
        let pid = Pid::from_child(&child);
        let signalled = Instant::now();
        kill_process(pid, Signal::TERM).expect("it runs");
        assert_eq!(ended(child).await, Some(0), "{what}");
        // A second, and what a busy machine adds.
        assert!(signalled.elapsed() < Duration::from_secs(3), "{what}: {:?}", signalled.elapsed());
    }
}
