//! `certrotate status`, the real program beside a real agent: what it prints, and its exit status.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use certrotate_controlplane::{ControlPlane, Handle, Options};
use serde_json::Value;

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(60);

struct Bench {
    plane: Handle,
    dir: tempfile::TempDir,
}

/// A running agent, killed at the end.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        // The process may have exited before.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Bench {
    async fn new(lifetime: Duration) -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let options = Options {
            dir: Some(dir.path().join("plane")),
            cluster_signing_duration: lifetime,
            backdate: Duration::ZERO,
            ..Options::default()
        };
        Self { plane: ControlPlane::start(options).await.expect("the control plane starts"), dir }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_certrotate"));
        command.args(args).arg("--cert-dir").arg(self.dir.path().join("pki")).stdin(Stdio::null());
        command
    }

    fn run(&self) -> Agent {
        let bootstrap = self.plane.bootstrap_kubeconfig_path().expect("it has a directory");
        let mut command = self.command(&["run", "--node-name", "node-1"]);
        let command = command
            .arg("--bootstrap-kubeconfig")
            .arg(bootstrap)
            .arg("--kubeconfig")
            .arg(self.dir.path().join("kubeconfig"));
        Agent(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"))
    }

    async fn ask(&self, args: &[&str]) -> Output {
        let mut command = self.command(args);
        let output = tokio::task::spawn_blocking(move || command.output());
        output.await.expect("waiting does not panic").expect("it starts")
    }

    /// The status in JSON, and the exit status.
    async fn status(&self) -> (Value, Option<i32>) {
        let output = self.ask(&["status", "--json"]).await;
        let text = String::from_utf8(output.stdout).expect("it is text");
        assert!(!text.contains("PRIVATE") && !text.contains(self.plane.bootstrap_token()), "{text}");
        (serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")), output.status.code())
    }

    /// Asks until the answer is as wanted. The agent's part of it comes with no event that others hear of.
    async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> (Value, Option<i32>) {
        let looking = async {
            loop {
                let (status, exit) = self.status().await;
                if wanted(&status) {
                    return (status, exit);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let found = tokio::time::timeout(LONG, looking).await;
        match found {
            Ok(found) => found,
            Err(_) => panic!("{what}: {:?}", self.status().await),
        }
    }
}

fn name_of(plane: &Handle) -> String {
    let stats = plane.stats();
    stats.csrs.iter().find(|csr| csr.condition == "Pending").expect("one is pending").name.clone()
}

#[tokio::test]
async fn f46_operator_command_is_shown_in_every_stage() {
    let bench = Bench::new(Duration::from_secs(3600)).await;
    let (status, exit) = bench.status().await;
    assert_eq!((&status["verdict"], exit), (&"none".into(), Some(4)), "{status}");
    assert_eq!(status["agent"]["state"], "stopped");

    bench.plane.faults().pause_approving(true);
    let agent = bench.run();
    let pending = |status: &Value| status["request"]["conditions"] == serde_json::json!(["Pending"]);
    let (status, exit) = bench.until("a request that is pending", pending).await;
    let name = name_of(&bench.plane);
    assert_eq!(exit, Some(4));
    assert_eq!(status["request"]["command"], format!("kubectl certificate approve {name}"));
    assert_eq!(status["request"]["generation"], 1);
    assert_eq!(
        (&status["agent"]["state"], &status["agent"]["pid"]),
        (&"running".into(), &agent.0.id().into())
    );
    assert_eq!(status["bootstrap_fallback"]["usable"], true, "{status}");

    bench.plane.faults().clear();
    let (status, exit) = bench.until("a valid certificate", |status| status["verdict"] == "valid").await;
    assert_eq!(exit, Some(0));
    assert_eq!(status["identity"]["subject"], "O=system:nodes, CN=system:node:node-1");
    assert!(status["renewal"]["why"].as_str().expect("text").contains("between 70 and 90 %"), "{status}");
    assert_eq!((&status["request"], &status["pending"]), (&Value::Null, &Value::Null), "{status}");
    let serial = status["identity"]["serial"].clone();

    // The agent is killed: the address of its socket is gone with it, and the status comes from the
    // disk.
    drop(agent);
    let (status, exit) = bench.status().await;
    assert_eq!((&status["verdict"], exit), (&"valid".into(), Some(0)), "{status}");
    assert_eq!((&status["identity"]["serial"], &status["agent"]["state"]), (&serial, &"stopped".into()));
    assert_eq!(status["bootstrap_fallback"]["usable"], Value::Null, "no option names it");
}

#[tokio::test]
async fn f46_denied_renewal_is_degraded_until_the_next_certificate() {
    let bench = Bench::new(Duration::from_secs(10)).await;
    let _agent = bench.run();
    bench.until("a valid certificate", |status| status["verdict"] == "valid").await;
    bench.plane.faults().deny_all(true);
    let denied = |status: &Value| status["request"]["conditions"] == serde_json::json!(["Denied"]);
    let (status, exit) = bench.until("a denial", denied).await;
    assert_eq!((&status["verdict"], exit), (&"degraded".into(), Some(3)), "{status}");
    assert!(status["request"]["command"].as_str().expect("text").contains("kill -USR1"), "{status}");
    assert!(status["notes"][0].as_str().expect("text").contains("was denied"), "{status}");

    let (status, exit) = bench.until("the end", |status| status["verdict"] == "expired").await;
    assert_eq!((exit, &status["identity"]["left_seconds"]), (Some(4), &0.into()), "{status}");
    bench.plane.faults().clear();
    let (status, exit) =
        bench.until("a valid certificate again", |status| status["verdict"] == "valid").await;
    assert_eq!((exit, &status["request"]), (Some(0), &Value::Null), "{status}");
}

#[tokio::test]
async fn f87_refused_bootstrap_credential_is_no_fallback() {
    let bench = Bench::new(Duration::from_secs(3600)).await;
    let path = bench.plane.bootstrap_kubeconfig_path().expect("it has a directory");
    let text =
        bench.plane.bootstrap_kubeconfig().replace(bench.plane.bootstrap_token(), "abcdef.0123456789abcdef");
    std::fs::write(&path, text).expect("it is ours");
    let _agent = bench.run();
    let refused = |status: &Value| status["bootstrap_fallback"]["usable"] == false;
    let (status, exit) = bench.until("a refusal", refused).await;
    let what = status["bootstrap_fallback"]["what"].as_str().expect("text");
    assert!(what.contains("does not accept the bootstrap credential"), "{what}");
    assert_eq!(exit, Some(4));
}

#[tokio::test]
async fn table_is_the_default_and_missing_directory_is_status_4() {
    let bench = Bench::new(Duration::from_secs(3600)).await;
    std::fs::write(bench.dir.path().join("pki"), "no directory").expect("the scratch is writable");
    let output = bench.ask(&["status"]).await;
    let text = String::from_utf8(output.stdout).expect("it is text");
    assert!(
        text.starts_with("status      NONE\n            there is no certificate directory yet\n"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(4));
    assert!(Path::new(&bench.dir.path().join("pki")).is_file(), "it is as it was");
}
