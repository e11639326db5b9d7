//! The real program where the system starts no more threads for its user (`ulimit -u`, TasksMax=): it reports that and does not panic.
//!
//! The kernel does not apply the limit to root, so root starts the program as another user.

#[path = "support/agent.rs"]
mod agent;

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use agent::Agent;
use certrotate_controlplane::{ControlPlane, Handle, Options};
use rustix::process::{Resource, Signal, geteuid, getrlimit};

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);
/// A user without other processes.
const USER: u32 = 64_999;

struct Bench {
    plane: Handle,
    dir: tempfile::TempDir,
}

impl Bench {
    /// A copy of the program and of its files, where the other user can read them.
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let plane = ControlPlane::start(Options::default()).await.expect("the control plane starts");
        let bench = Self { plane, dir };
        for (name, mode) in [(".", 0o755), ("node", 0o777)] {
            std::fs::create_dir_all(bench.path(name)).expect("the scratch is writable");
            bench.mode(name, mode);
        }
        std::fs::copy(env!("CARGO_BIN_EXE_certrotate"), bench.path("certrotate")).expect("there is room");
        bench.mode("certrotate", 0o755);
        for (name, text) in [("boot", bench.plane.bootstrap_kubeconfig()), ("ca", bench.plane.ca_pem())] {
            std::fs::write(bench.path(name), text).expect("the scratch is writable");
            bench.mode(name, 0o644);
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn mode(&self, name: &str, mode: u32) {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path(name), permissions).expect("it is ours");
    }

    /// A command of the program's user.
    fn as_user(name: &str) -> Command {
        let mut command = Command::new(name);
        if geteuid().is_root() {
            command.uid(USER).gid(USER);
        }
        command
    }

    /// Starts the program with a soft limit of the threads and processes of its user.
    fn start(&self, pki: &str, limit: Option<u32>) -> Agent {
        let limit = limit.map(|limit| format!("--nproc={limit}:"));
        let mut command = Self::as_user("prlimit");
        command.args(limit).arg("--core=0").arg(self.path("certrotate"));
        command.args(["run", "--node-name", "node-1", "--bootstrap-kubeconfig", "../boot"]);
        command.args(["--client-ca-file", "../ca", "--kubeconfig", "own", "--cert-dir", pki]);
        command.current_dir(self.path("node")).env("NO_COLOR", "1").env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Agent::start(command)
    }
}

/// Changes the soft limit of a running program.
fn limit(agent: &Agent, limit: &str) {
    let mut command = Bench::as_user("prlimit");
    command.arg(format!("--pid={}", agent.child.id())).arg(format!("--nproc={limit}:"));
    assert!(command.status().is_ok_and(|status| status.success()), "the limit can be changed");
}

#[tokio::test]
async fn running_agent_reports_the_lack_and_recovers() {
    let bench = Bench::new().await;
    let mut agent = bench.start("pki", None);
    let wrote = agent.line_within("wrote own", LONG).await;
    assert!(wrote.is_some(), "no certificate: {}", agent.log);
    limit(&agent, "1");
    agent.signal(Signal::HUP);
    let line = agent.line_within("resource temporarily unavailable", LONG).await;
    let line = line.unwrap_or_else(|| panic!("no thread is lacking: {}", agent.log));
    assert!(line.contains("raise the limits of processes"), "{line}");
    let usual = getrlimit(Resource::Nproc).current.map_or("unlimited".into(), |limit| limit.to_string());
    limit(&agent, &usual);
    agent.signal(Signal::HUP);
    agent.line_within("boot is usable again", LONG).await.unwrap_or_else(|| panic!("{}", agent.log));
    let (status, _) = agent.terminate(LONG).await.expect("it ends");
    assert_eq!(status.code(), Some(0), "{}", agent.log);
    assert!(!agent.log.contains("panicked"), "{}", agent.log);
}

#[tokio::test]
async fn start_with_few_threads_ends_without_a_panic() {
    let bench = Bench::new().await;
    for threads in 1..=7 {
        let mut agent = bench.start(&format!("pki-{threads}"), Some(threads));
        if agent.line_within("is live", Duration::from_secs(5)).await.is_some() {
            break;
        }
        let log = agent.log.clone();
        let status = match agent.end(Duration::from_millis(200)).await {
            Some(status) => status,
            // It waits for a thread.
            None => agent.terminate(LONG).await.expect("it ends").0,
        };
        assert!(matches!(status.code(), Some(0..=2 | 15)), "{threads}: {status}: {log}");
        assert!(!agent.log.contains("panicked"), "{threads}: {}", agent.log);
    }
}
