//! The status socket of the real agent in a hostile environment: its name is taken, descriptors are short, the agent is stopped.

#[path = "support/socket.rs"]
mod socket;

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use certrotate_controlplane::{ControlPlane, Handle, Options};
use rustix::process::{Pid, Resource, Rlimit, Signal, geteuid, getrlimit, kill_process, prlimit};
use serde_json::Value;
use socket::socket_name;

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);
/// The name that the squatter binds, and the file that shows that it has.
const SQUAT: &str = "CERTROTATE_TEST_SQUAT";
/// The user of the squatter.
const OTHER_USER: u32 = 65534;

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

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let options = Options { dir: Some(dir.path().join("plane")), ..Options::default() };
        let bench =
            Self { plane: ControlPlane::start(options).await.expect("the control plane starts"), dir };
        std::fs::create_dir(bench.pki()).expect("the scratch is writable");
        std::fs::set_permissions(bench.pki(), std::fs::Permissions::from_mode(0o700)).expect("it is ours");
        bench
    }

    fn pki(&self) -> PathBuf {
        self.dir.path().join("pki")
    }

    fn name(&self) -> String {
        socket_name(&self.pki())
    }

    fn run(&self) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_certrotate"));
        let bootstrap = self.plane.bootstrap_kubeconfig_path().expect("it has a directory");
        command.args(["run", "--node-name", "node-1", "--cert-dir"]).arg(self.pki());
        command.arg("--bootstrap-kubeconfig").arg(bootstrap).stdin(Stdio::null()).stderr(Stdio::null());
        Program(command.spawn().expect("it starts"))
    }

    async fn ask(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_certrotate"));
        command.arg("status").args(args).arg("--cert-dir").arg(self.pki());
        let waiting = tokio::task::spawn_blocking(move || command.output());
        let output = tokio::time::timeout(LONG, waiting).await.expect("status ends");
        output.expect("waiting does not panic").expect("it starts")
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> (Value, Option<i32>) {
        let start = Instant::now();
        loop {
            let output = self.ask(&["--json"]).await;
            let status: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            if wanted(&status) {
                return (status, output.status.code());
            }
            assert!(start.elapsed() < LONG, "{what}: {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn is_valid(status: &Value) -> bool {
    status["verdict"] == "valid"
}

/// Whether the certificate is there, and the agent is known not to answer for it.
fn is_silent(status: &Value) -> bool {
    status["verdict"] == "degraded" && status["agent"]["state"] == "silent"
}

#[tokio::test]
async fn f143_taken_name_is_degraded_until_the_agent_has_it() {
    let bench = Bench::new().await;
    let address = SocketAddr::from_abstract_name(bench.name()).expect("a name");
    let squatter = UnixListener::bind_addr(&address).expect("the agent is not there yet");
    let _agent = bench.run();
    let (status, exit) = bench.until("a silent agent", is_silent).await;
    assert_eq!(exit, Some(3), "{status}");
    drop(squatter);
    let (status, exit) = bench.until("an agent that answers", is_valid).await;
    assert_eq!((exit, &status["agent"]["state"]), (Some(0), &"running".into()), "{status}");
}

#[tokio::test]
async fn file_that_blocks_does_not_make_status_hang() {
    let bench = Bench::new().await;
    let fifo = bench.dir.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.expect("coreutils are there").success());
    let start = Instant::now();
    let output = bench.ask(&["--bootstrap-kubeconfig", fifo.to_str().expect("text")]).await;
    assert!(start.elapsed() < LONG / 2, "it has a deadline");
    assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "it says what it waited for");
    assert_ne!(output.status.code(), Some(0));
}

/// Not a test: the process of another user in [`f143_name_taken_by_another_user_is_reported`].
#[test]
#[ignore = "it is a part of another test"]
fn squat() {
    let Ok(names) = std::env::var(SQUAT) else { return };
    let (name, ready) = names.split_once(' ').expect("two names");
    let address = SocketAddr::from_abstract_name(name).expect("a name");
    let listener = UnixListener::bind_addr(&address).expect("the agent is not there yet");
    std::fs::write(ready, "").expect("the place is writable for all");
    loop {
        // It accepts and never answers.
        std::mem::forget(listener.accept());
    }
}

#[tokio::test]
async fn f143_name_taken_by_another_user_is_reported() {
    if !geteuid().is_root() {
        eprintln!("SKIPPED: only root can start a process of another user");
        return;
    }
    let bench = Bench::new().await;
    // A copy of this program, where the other user can execute it.
    let place = tempfile::tempdir().expect("a scratch directory");
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o777)).expect("it is ours");
    let copy = place.path().join("squatter");
    std::fs::copy(std::env::current_exe().expect("it has a path"), &copy).expect("there is room");
    let ready = place.path().join("ready");
    let mut squatter = Command::new(&copy);
    squatter
        .args(["--exact", "squat", "--ignored"])
        .env(SQUAT, format!("{} {}", bench.name(), ready.display()));
    squatter.uid(OTHER_USER).gid(OTHER_USER).stdout(Stdio::null()).stderr(Stdio::null());
    let squatter = Program(squatter.spawn().expect("it starts"));
    let start = Instant::now();
    while !ready.exists() {
        assert!(start.elapsed() < LONG, "the squatter starts");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let _agent = bench.run();
    let (status, exit) = bench.until("a silent agent", is_silent).await;
    assert_eq!(exit, Some(3), "{status}");
    let because = status["because"][0].as_str().expect("text");
    assert!(because.contains(&format!("user {OTHER_USER}, who may not answer for it")), "{because}");
    drop(squatter);
    let (_, exit) = bench.until("an agent that answers", is_valid).await;
    assert_eq!(exit, Some(0));
}

#[tokio::test]
async fn stopped_process_with_a_full_backlog_is_reported_in_time() {
    let bench = Bench::new().await;
    let agent = bench.run();
    bench.until("a certificate", is_valid).await;
    let pid = Pid::from_child(&agent.0);
    kill_process(pid, Signal::STOP).expect("it runs");
    let address = SocketAddr::from_abstract_name(bench.name()).expect("a name");
    // As many connections as fit: one more would block, so a thread makes it.
    let filling = std::thread::spawn(move || {
        let mut clients = Vec::new();
        while let Ok(client) = UnixStream::connect_addr(&address) {
            clients.push(client);
        }
        clients.len()
    });
    let start = Instant::now();
    let (status, exit) = bench.until("a silent agent", is_silent).await;
    assert_eq!(exit, Some(3), "{status}");
    assert!(start.elapsed() < Duration::from_secs(20), "status has a deadline: {:?}", start.elapsed());
    kill_process(pid, Signal::CONT).expect("it is there");
    bench.until("an agent that answers", is_valid).await;
    // The end of the agent ends the last connection, and with it the thread.
    drop(agent);
    filling.join().expect("no panic");
}

#[tokio::test]
async fn shortage_of_descriptors_is_survived() {
    let bench = Bench::new().await;
    let agent = bench.run();
    bench.until("a certificate", is_valid).await;
    let pid = Pid::from_child(&agent.0);
    let usual = getrlimit(Resource::Nofile);
    let used = std::fs::read_dir(format!("/proc/{}/fd", agent.0.id())).expect("it runs").count() as u64;
    // No descriptor is free below the limit, so that accept fails.
    let short = Rlimit { current: Some(used.min(3)), maximum: usual.maximum };
    prlimit(Some(pid), Resource::Nofile, short).expect("it is ours");
    let (status, _) = bench.until("a silent agent", is_silent).await;
    assert!(status["agent"]["pid"] == agent.0.id(), "{status}");
    prlimit(Some(pid), Resource::Nofile, usual).expect("it is ours");
    let (status, _) = bench.until("an agent that answers", is_valid).await;
    assert!(status["agent"]["pid"] == agent.0.id(), "the same process: {status}");
}
