//! The real program, killed at random moments on its way to the first certificate: one request in all.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use certrotate_controlplane::{ControlPlane, Options};

const KILLS: u64 = 20;

fn run(dir: &Path, bootstrap: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_certrotate"))
        .args(["run", "--node-name", "node-1", "--bootstrap-kubeconfig"])
        .arg(bootstrap)
        .arg("--cert-dir")
        .arg(dir.join("pki"))
        .arg("--kubeconfig")
        .arg(dir.join("kubeconfig"))
        .args(more)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Moments from the first instruction to long after the request was made, the same on every run.
fn moment(number: u64) -> Duration {
    let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20;
    if number % 4 == 3 { Duration::from_millis(mixed % 3000) } else { Duration::from_micros(mixed % 30_000) }
}

#[tokio::test]
async fn f38_twenty_random_kills_make_one_request() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let dir = scratch.path();
    let plane = ControlPlane::start(Options { dir: Some(dir.join("plane")), ..Options::default() })
        .await
        .expect("the control plane starts");
    plane.faults().pause_approving(true);
    let bootstrap = plane.bootstrap_kubeconfig_path().expect("it has a directory");

    for number in 0..KILLS {
        let mut child = run(dir, &bootstrap, &[]);
        // The moment is what is tested: there is no event to wait for.
        tokio::time::sleep(moment(number)).await;
        child.kill().expect("it is ours to kill");
        child.wait().expect("it was started");
        assert!(plane.stats().csrs_created <= 1, "after kill {number}");
    }

    plane.faults().pause_approving(false);
    let child = run(dir, &bootstrap, &["--once", "--timeout", "60s"]);
    let output = tokio::task::spawn_blocking(move || child.wait_with_output())
        .await
        .expect("waiting does not panic")
        .expect("it was started");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let stats = plane.stats();
    assert_eq!(stats.csrs_created, 1, "{:?}\n{log}", stats.csrs);
    let pem = std::fs::read_to_string(dir.join("pki/kubelet-client-current.pem")).expect("the link is there");
    assert!(pem.contains("BEGIN CERTIFICATE") && pem.contains("PRIVATE KEY"), "a whole bundle");
    plane.shutdown().await;
}
