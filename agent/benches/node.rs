//! Prints what a node costs: time to the first certificate, memory, size, syncs. Measured on the real program
//! against the embedded control plane on loopback; nothing is asserted. The scratch directory is in `TMPDIR`.
//!
//! `cargo bench -p certrotate --bench node`. To compare builds of the program in one run, alternating:
//! `-- --program OLD --program NEW`

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use certrotate::node::{Node, NodeOptions};
use certrotate_controlplane::{ControlPlane, Options};
use certrotate_core::disk::{DiskCommand, Name};
use certrotate_core::input::Action;
use tokio::sync::oneshot;

const STARTS: usize = 30;

/// The measured programs.
fn programs() -> Vec<PathBuf> {
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.windows(2).filter(|pair| pair[0] == "--program");
    let given: Vec<PathBuf> = given.map(|pair| PathBuf::from(&pair[1])).collect();
    if given.is_empty() { vec![PathBuf::from(env!("CARGO_BIN_EXE_certrotate"))] } else { given }
}

fn main() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let (bootstrap, stop) = control_plane(scratch.path().join("plane"));
    let programs = programs();

    println!("{:<58}{:>14}{:>10}", "what", "measured", "aim");
    let mut times = vec![(Vec::new(), Vec::new()); programs.len()];
    for number in 0..STARTS {
        for (program, (visible, ended)) in programs.iter().zip(&mut times) {
            let (seen, end) = first_certificate(scratch.path(), program, &bootstrap, number);
            visible.push(seen);
            ended.push(end);
        }
    }
    for (program, (mut visible, mut ended)) in programs.iter().zip(times) {
        println!("{}", program.display());
        visible.sort();
        ended.sort();
        row("process start to visible certificate, median of 30", &millis(visible[STARTS / 2]), "");
        row("  fastest", &millis(visible[0]), "");
        row("process start to certificate on disk and exit, median", &millis(ended[STARTS / 2]), "10 ms");
        row("  fastest", &millis(ended[0]), "");
        let (steady, peak) = memory(scratch.path(), program, &bootstrap);
        let megabytes = |kib: u64| format!("{:.1} MB", kib as f64 / 1024.0);
        row("resident memory of `run` with a certificate", &megabytes(steady), "9.3 MB");
        row("  at its highest", &megabytes(peak), "");
        let size = stripped(scratch.path(), program) as f64 / 1e6;
        row("program, stripped", &format!("{size:.1} MB"), "11 MB");
    }

    let (syncs, before_switch, critical) = syncs_of_a_rotation(scratch.path(), &bootstrap);
    row("syncs in a rotation", &syncs.to_string(), "5");
    row("  of them between certificate in hand and switch", &before_switch.to_string(), "2");
    row("  of them between certificate in hand and served", &critical.to_string(), "3");
    drop(stop);
}

fn row(what: &str, measured: &str, aim: &str) {
    println!("{what:<58}{measured:>14}{aim:>10}");
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// A control plane on a thread of its own; it ends when the sender is dropped.
fn control_plane(dir: PathBuf) -> (PathBuf, oneshot::Sender<()>) {
    let (ready, path) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let options = Options {
                dir: Some(dir),
                cluster_signing_duration: Duration::from_secs(10),
                ..Options::default()
            };
            let plane = ControlPlane::start(options).await.expect("the control plane starts");
            ready
                .send(plane.bootstrap_kubeconfig_path().expect("it has a directory"))
                .expect("the receiver waits");
            // An error means that the sender is dropped: stop then, too.
            let _ = stopped.await;
            plane.shutdown().await;
        });
    });
    (path.recv().expect("the control plane starts"), stop)
}

fn run(program: &Path, dir: &Path, bootstrap: &Path, more: &[&str]) -> Child {
    Command::new(program)
        .args(["run", "--node-name", "bench-node", "--bootstrap-kubeconfig"])
        .arg(bootstrap)
        .arg("--cert-dir")
        .arg(dir)
        .args(more)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

/// Returns the times until the current link is there, and until the end of the program.
fn first_certificate(
    scratch: &Path,
    program: &Path,
    bootstrap: &Path,
    number: usize,
) -> (Duration, Duration) {
    let dir = scratch.join(format!("start-{number}"));
    // Another program may have used the directory.
    let _ = std::fs::remove_dir_all(&dir);
    let start = Instant::now();
    let mut child = run(program, &dir, bootstrap, &["--once"]);
    let link = dir.join("kubelet-client-current.pem");
    while !link.exists() && child.try_wait().expect("it was started").is_none() {
        std::thread::sleep(Duration::from_micros(100));
    }
    let visible = start.elapsed();
    let status = child.wait().expect("it was started");
    let ended = start.elapsed();
    assert!(status.success(), "no certificate: {status}");
    (visible, ended)
}

fn memory(scratch: &Path, program: &Path, bootstrap: &Path) -> (u64, u64) {
    let dir = scratch.join("memory");
    let _ = std::fs::remove_dir_all(&dir);
    let mut child = run(program, &dir, bootstrap, &[]);
    while !dir.join("kubelet-client-current.pem").exists() {
        std::thread::yield_now();
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("Linux tells");
    child.kill().expect("it is ours");
    child.wait().expect("it was started");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).expect("Linux tells");
        line.split_whitespace().nth(1).expect("a number").parse().expect("a number")
    };
    (field("VmRSS:"), field("VmHWM:"))
}

fn stripped(scratch: &Path, program: &Path) -> u64 {
    let copy = scratch.join("stripped");
    let done = Command::new("strip").arg("-o").arg(&copy).arg(program).status();
    assert!(done.is_ok_and(|status| status.success()), "strip (binutils) is needed");
    std::fs::metadata(copy).expect("it was made").len()
}

/// Syncs from the start of a renewal to its end, and from the first write of the bundle to the switch and to the end.
fn syncs_of_a_rotation(scratch: &Path, bootstrap: &Path) -> (usize, usize, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (sender, mut actions) = tokio::sync::mpsc::unbounded_channel();
        let mut options = NodeOptions::new("bench-node", scratch.join("syncs"));
        options.bootstrap_kubeconfig = Some(bootstrap.to_owned());
        let observer = Box::new(move |seen: certrotate::driver::ObservedStep<'_>| {
            for action in &seen.step.actions {
                // After the benchmark the receiver is closed.
                let _ = sender.send(action.clone());
            }
        });
        let node = Node::new(&options, observer).expect("the options are good");
        let running = tokio::spawn(node.run());
        let (mut lives, mut syncs, mut before_answer, mut at_switch) = (0, 0, 0, 0);
        while let Some(action) = actions.recv().await {
            match action {
                Action::MakeKey { .. } => syncs = 0,
                Action::Call { .. } => before_answer = syncs,
                Action::Disk { command: DiskCommand::Rename { to: Name::Current, .. }, .. } => {
                    at_switch = syncs
                }
                Action::Disk { command: DiskCommand::SyncFile { .. } | DiskCommand::SyncDir, .. } => {
                    syncs += 1
                }
                Action::GoLive { .. } => {
                    lives += 1;
                    if lives == 2 {
                        break;
                    }
                }
                Action::Disk { .. }
                | Action::Cancel { .. }
                | Action::Withdraw { .. }
                | Action::Report(_)
                | Action::Exit(_) => {}
            }
        }
        running.abort();
        (syncs, at_switch - before_answer, syncs - before_answer)
    })
}
