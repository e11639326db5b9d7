//! The node's name by default, with the real program on a host without a name of its own.

use std::process::{Command, Output};
use std::time::Duration;

use certrotate_controlplane::{ControlPlane, Handle, Options};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

struct Bench {
    plane: Handle,
    dir: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let options = Options { dir: Some(dir.path().join("plane")), ..Options::default() };
        Self { plane: ControlPlane::start(options).await.expect("the control plane starts"), dir }
    }

    /// Runs a script on a host of its own name. `$RUN` is `certrotate run` with this bench's directories.
    async fn script(&self, script: &str) -> Output {
        let bootstrap = self.plane.bootstrap_kubeconfig_path().expect("it has a directory");
        let run = format!(
            "{} run --cert-dir pki --bootstrap-kubeconfig {}",
            env!("CARGO_BIN_EXE_certrotate"),
            bootstrap.display()
        );
        let mut command = Command::new("unshare");
        // A user namespace gives everyone the right to name the host in it.
        command.args(["--map-root-user", "--uts", "sh", "-c", script]).env("RUN", run);
        command.current_dir(self.dir.path()).env("NO_COLOR", "1");
        let waiting = tokio::task::spawn_blocking(move || command.output());
        let output = tokio::time::timeout(LONG, waiting).await.expect("it ends");
        output.expect("waiting does not panic").expect("unshare was there before")
    }

    fn subject(&self) -> Option<String> {
        let bundle = std::fs::read_to_string(self.dir.path().join("pki/kubelet-client-current.pem")).ok()?;
        let end = "-----END CERTIFICATE-----\n";
        let (from, to) = (bundle.find("-----BEGIN CERTIFICATE-----")?, bundle.rfind(end)? + end.len());
        let (chain, _) = certrotate_x509::CertChain::read(&bundle.as_bytes()[from..to], None).ok()?;
        Some(chain.leaf_summary().subject.common_name.clone())
    }
}

/// Whether this system lets us name a host. Containers often do not.
fn can_name_a_host() -> bool {
    let can = Command::new("unshare").args(["--map-root-user", "--uts", "hostname", "localhost"]).output();
    let can = can.is_ok_and(|output| output.status.success());
    if !can {
        eprintln!("SKIPPED: unshare --uts is not permitted or not installed");
    }
    can
}

fn log(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn f141_no_certificate_is_requested_for_a_host_called_localhost() {
    if !can_name_a_host() {
        return;
    }
    for name in ["localhost", "localhost.localdomain", "LOCALHOST"] {
        let bench = Bench::new().await;
        let output = bench.script(&format!("hostname {name}; exec $RUN --once --timeout 1s")).await;
        let log = log(&output);
        assert_eq!(output.status.code(), Some(2), "{log}");
        assert!(log.contains("which is no name of its own: waiting") && log.contains("--node-name"), "{log}");
        assert_eq!(bench.plane.stats().csrs_created, 0, "{log}");
    }
}

#[tokio::test]
async fn f141_host_that_gets_its_name_later_is_waited_for() {
    if !can_name_a_host() {
        return;
    }
    let bench = Bench::new().await;
    let script = "hostname localhost; $RUN --once --timeout 30s 2>log & agent=$!
        until grep -q waiting log; do sleep 0.05; done; hostname Node-7; wait $agent; rc=$?; cat log >&2; exit $rc";
    let output = bench.script(script).await;
    assert_eq!(output.status.code(), Some(0), "{}", log(&output));
    assert_eq!(bench.subject().as_deref(), Some("system:node:node-7"), "{}", log(&output));
}

#[tokio::test]
async fn term_ends_the_wait_for_a_host_name() {
    if !can_name_a_host() {
        return;
    }
    let bench = Bench::new().await;
    let script = "hostname localhost; $RUN 2>log & agent=$!
        until grep -q waiting log; do sleep 0.05; done; kill -TERM $agent; wait $agent";
    let output = bench.script(script).await;
    assert_eq!(output.status.code(), Some(0), "{}", log(&output));
}

#[tokio::test]
async fn name_that_is_given_or_in_the_certificate_is_used() {
    if !can_name_a_host() {
        return;
    }
    let bench = Bench::new().await;
    let output =
        bench.script("hostname localhost; exec $RUN --node-name localhost --once --timeout 30s").await;
    assert_eq!(output.status.code(), Some(0), "{}", log(&output));
    assert_eq!(bench.subject().as_deref(), Some("system:node:localhost"));
    // The node has that name already: a start must not let its certificate expire.
    let output = bench.script("hostname localhost; exec $RUN --once --timeout 30s").await;
    assert_eq!(output.status.code(), Some(0), "{}", log(&output));
    assert!(log(&output).contains("give every host a name of its own"), "{}", log(&output));
    assert_eq!(bench.plane.stats().csrs_created, 1);
}

#[tokio::test]
async fn f142_upper_case_node_name_is_lowered() {
    let bench = Bench::new().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_certrotate"));
    let bootstrap = bench.plane.bootstrap_kubeconfig_path().expect("it has a directory");
    command.args(["run", "--once", "--timeout", "30s", "--node-name", "NODE-1", "--cert-dir", "pki"]);
    command.arg("--bootstrap-kubeconfig").arg(bootstrap).current_dir(bench.dir.path());
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output.expect("no panic").expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{}", log(&output));
    assert_eq!(bench.subject().as_deref(), Some("system:node:node-1"));
}
