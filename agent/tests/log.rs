//! The real program with a log that cannot be written, and with a standard output that cannot: it neither panics nor hangs,
//! and counts the lines that it drops. And what `-v` adds to a log that can be written.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use certrotate_controlplane::{ControlPlane, Handle, Options};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

struct Bench {
    plane: Handle,
    dir: tempfile::TempDir,
}

/// A running program, killed at the end.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, signal).expect("it runs");
    }

    async fn end(&mut self) -> ExitStatus {
        let waiting = async {
            loop {
                if let Some(status) = self.0.try_wait().expect("it is ours") {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LONG, waiting).await.expect("it ends")
    }
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let options = Options { dir: Some(dir.path().join("plane")), ..Options::default() };
        Self { plane: ControlPlane::start(options).await.expect("the control plane starts"), dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `certrotate run` for `node-1` in `pki`, with these arguments as well.
    fn run(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_certrotate"));
        let bootstrap = self.plane.bootstrap_kubeconfig_path().expect("it has a directory");
        command.args(["run", "--node-name", "node-1", "--cert-dir"]).arg(self.path("pki"));
        command.arg("--bootstrap-kubeconfig").arg(bootstrap).args(args).stdin(Stdio::null());
        command
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let start = Instant::now();
        while start.elapsed() < LONG {
            let mut command = Command::new(env!("CARGO_BIN_EXE_certrotate"));
            command.args(["status", "--json", "--cert-dir"]).arg(self.path("pki"));
            last = serde_json::from_slice(&output(command).await.stdout).expect("JSON");
            if wanted(&last) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{what}: {last}")
    }
}

async fn output(mut command: Command) -> Output {
    let waiting = tokio::task::spawn_blocking(move || command.output());
    let output = tokio::time::timeout(LONG, waiting).await.expect("it ends");
    output.expect("waiting does not panic").expect("it starts")
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("Linux has it")
}

/// A pipe that takes no byte more. Its reader must stay open.
fn stuck_pipe() -> (std::io::PipeReader, std::io::PipeWriter) {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    rustix::io::ioctl_fionbio(&writer, true).expect("a pipe can be non-blocking");
    while writer.write(&[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).expect("a pipe can be blocking");
    (reader, writer)
}

fn has_certificate(status: &Value) -> bool {
    status["verdict"] == "valid"
}

fn has_lost_lines(status: &Value) -> bool {
    status["agent"]["lost_log_lines"].as_u64().is_some_and(|lines| lines > 0)
}

#[tokio::test]
async fn f140_full_log_device_does_not_end_the_first_start() {
    let bench = Bench::new().await;
    let mut command = bench.run(&["--once", "--timeout", "30s"]);
    command.stderr(full());
    assert_eq!(output_with(command).await.code(), Some(0));
    // And not a restart, with the certificate on disk.
    let mut command = bench.run(&["--once", "--timeout", "30s"]);
    command.stderr(full()).stdout(full());
    assert_eq!(output_with(command).await.code(), Some(0));
}

/// Runs a command whose output goes elsewhere.
async fn output_with(mut command: Command) -> ExitStatus {
    Program(command.spawn().expect("it starts")).end().await
}

#[tokio::test]
async fn f140_reader_that_goes_away_is_survived_and_status_counts_the_lines() {
    let bench = Bench::new().await;
    let mut agent = Program(bench.run(&[]).stderr(Stdio::piped()).spawn().expect("it starts"));
    drop(agent.0.stderr.take());
    let status = bench.until("lost lines", |status| has_certificate(status) && has_lost_lines(status)).await;
    assert_eq!(status["agent"]["log_fault"], "Broken pipe", "{status}");
    agent.signal(Signal::TERM);
    assert_eq!(agent.end().await.code(), Some(0));
}

#[tokio::test]
async fn f140_descriptor_that_is_not_open_for_writing_counts_as_lost() {
    let bench = Bench::new().await;
    let read_only = File::open("/dev/null").expect("it is there");
    let mut agent = Program(bench.run(&[]).stderr(read_only).spawn().expect("it starts"));
    let status = bench.until("lost lines", has_lost_lines).await;
    assert_eq!(status["agent"]["log_fault"], "Bad file descriptor", "{status}");
    agent.signal(Signal::TERM);
    assert_eq!(agent.end().await.code(), Some(0));
}

#[tokio::test]
async fn f140_reader_that_never_reads_stops_neither_the_agent_nor_its_end() {
    let bench = Bench::new().await;
    let (_reader, writer) = stuck_pipe();
    let mut agent = Program(bench.run(&["-vv"]).stderr(writer).spawn().expect("it starts"));
    let stuck = |status: &Value| {
        has_certificate(status) && status["agent"]["stuck_log_lines"].as_u64().is_some_and(|lines| lines > 0)
    };
    bench.until("a stuck log", stuck).await;
    let start = Instant::now();
    agent.signal(Signal::TERM);
    assert_eq!(agent.end().await.code(), Some(0));
    // It takes half a second on an idle machine.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn closed_descriptors_at_the_start_do_not_end_it() {
    let bench = Bench::new().await;
    let inner = bench.run(&["--once", "--timeout", "30s"]);
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$@\" <&- >&- 2>&-", "sh"]).arg(inner.get_program()).args(inner.get_args());
    assert_eq!(output(command).await.status.code(), Some(0));
}

#[tokio::test]
async fn f140_file_size_limit_of_the_log_does_not_end_it() {
    let bench = Bench::new().await;
    let inner = bench.run(&["--once", "--timeout", "30s"]);
    let log = bench.path("log");
    // A log at its limit: one block of 512 bytes, and the bundles of the certificate are larger than the rest.
    std::fs::write(&log, vec![b'.'; 16 << 10]).expect("the scratch is writable");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 32; exec \"$@\" 2>>\"$LOG\"", "sh"]).env("LOG", &log);
    command.arg(inner.get_program()).args(inner.get_args());
    assert_eq!(output(command).await.status.code(), Some(0), "no signal ended it");
    assert_eq!(std::fs::metadata(&log).expect("it is there").len(), 16 << 10);
}

#[tokio::test]
async fn last_lines_before_the_end_are_in_the_log() {
    let bench = Bench::new().await;
    let output = output(bench.run(&["--once", "--timeout", "30s", "-vv"])).await;
    let log = String::from_utf8(output.stderr).expect("text");
    assert!(log.trim_end().ends_with("stage: exited"), "{log}");
    let mut refused = bench.run(&["--kubeconfig"]);
    refused.arg(bench.plane.dir().expect("it has one").join("admin.kubeconfig"));
    let refused = self::output(refused).await;
    let message = String::from_utf8(refused.stderr).expect("text");
    assert!(message.contains("certrotate: "), "{message}");
    assert_eq!(refused.status.code(), Some(2));
}

#[tokio::test]
async fn commands_report_a_full_output_and_not_a_closed_pipe() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let missing = dir.path().join("none").display().to_string();
    let commands: [(&[&str], i32); 5] = [
        (&["version"], 0),
        (&["--help"], 0),
        (&["run", "--help"], 0),
        (&["status", "--cert-dir", &missing], 4),
        (&["status", "--json", "--cert-dir", &missing], 4),
    ];
    for (args, usual) in commands {
        let program = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_certrotate"));
            command.args(args).stdin(Stdio::null());
            command
        };
        let mut to_full = program();
        let full = to_full.stdout(full()).stderr(Stdio::piped()).spawn().expect("it starts");
        let full = full.wait_with_output().expect("it ends");
        assert_eq!(full.status.code(), Some(1), "{args:?}");
        let message = String::from_utf8_lossy(&full.stderr).into_owned();
        assert!(
            message.contains("certrotate: standard output cannot be written: No space left on device"),
            "{args:?}: {message}"
        );
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let closed = program().stdout(writer).stderr(Stdio::piped()).spawn().expect("it starts");
        let closed = closed.wait_with_output().expect("it ends");
        assert_eq!(closed.status.code(), Some(usual), "{args:?}");
        assert!(closed.stderr.is_empty(), "{args:?}: {}", String::from_utf8_lossy(&closed.stderr));
        let both = program().stdout(self::full()).stderr(self::full()).status().expect("it starts");
        assert_eq!(both.code(), Some(1), "{args:?}: no panic");
    }
    let bad = Command::new(env!("CARGO_BIN_EXE_certrotate")).arg("bogus").stderr(full()).status();
    assert_eq!(bad.expect("it starts").code(), Some(2));
}

#[tokio::test]
async fn control_plane_serves_although_its_output_cannot_be_written() {
    for output in ["full", "closed", "stuck"] {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let (reader, writer) =
            if output == "stuck" { stuck_pipe() } else { std::io::pipe().expect("a pipe") };
        let mut command = Command::new(env!("CARGO_BIN_EXE_certrotate"));
        command.args(["controlplane", "--dir"]).arg(dir.path().join("plane")).stdin(Stdio::null());
        match output {
            "full" => command.stdout(full()),
            _ => command.stdout(writer),
        };
        let _reader = (output == "stuck").then_some(reader);
        let mut plane = Program(command.stderr(Stdio::null()).spawn().expect("it starts"));
        let bootstrap = dir.path().join("plane/bootstrap.kubeconfig");
        let mut command = Command::new(env!("CARGO_BIN_EXE_certrotate"));
        command.args(["run", "--once", "--timeout", "30s", "--node-name", "node-1", "--cert-dir"]);
        command.arg(dir.path().join("pki")).arg("--bootstrap-kubeconfig").arg(&bootstrap);
        until_exists(&bootstrap).await;
        assert_eq!(self::output(command).await.status.code(), Some(0), "{output}");
        plane.signal(Signal::TERM);
        assert_eq!(plane.end().await.code(), Some(0), "{output}");
    }
}

async fn until_exists(path: &Path) {
    let waiting = async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect("it is written");
}

#[tokio::test]
async fn each_v_adds_to_the_log_of_a_successful_bootstrap() {
    let mut last = 0;
    for (flag, adds) in [
        ("--adopt", "is live until"),
        ("-v", "call: create node-csr-"),
        ("-vv", "action MakeKey"),
        ("-vvv", "frame=Headers"),
    ] {
        let bench = Bench::new().await;
        let output = output(bench.run(&["--once", "--timeout", "30s", flag])).await;
        let log = String::from_utf8(output.stderr).expect("text");
        assert!(log.contains(adds) && log.lines().count() > last, "{flag}: {log}");
        assert!(!log.contains(bench.plane.bootstrap_token()), "{flag}: the token is in the log");
        last = log.lines().count();
    }
}

#[tokio::test]
async fn deleted_and_recreated_request_is_in_the_log() {
    let bench = Bench::new().await;
    bench.plane.faults().pause_approving(true);
    let mut agent = Program(bench.run(&[]).stderr(Stdio::piped()).spawn().expect("it starts"));
    let mut changes = bench.plane.changes();
    for made in 1..=2 {
        let created = changes.wait_for(|_| bench.plane.stats().csrs_created == made);
        tokio::time::timeout(LONG, created).await.expect("it is created").expect("the plane runs");
        let name = bench.plane.stats().csrs[0].name.clone();
        // The deletion is seen by a watch that is open, or by the next poll.
        assert!(bench.plane.faults().forget(&name));
    }
    bench.plane.faults().clear();
    bench.until("a certificate", has_certificate).await;
    agent.signal(Signal::TERM);
    agent.end().await;
    let mut log = String::new();
    agent.0.stderr.take().expect("it is piped").read_to_string(&mut log).expect("text");
    let info = |text: &str| log.lines().filter(|line| line.contains("INFO") && line.contains(text)).count();
    assert_eq!(info("was deleted on the server; it is created again"), 2, "{log}");
    assert_eq!(info("was created again"), 2, "{log}");
}
