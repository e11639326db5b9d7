//! A node's directory beside a control plane, and the real program run in it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use certrotate_controlplane::{ControlPlane, Handle, Options};

use crate::redact::redact;

/// A node's directory beside a control plane.
pub(crate) struct Bench {
    pub(crate) plane: Handle,
    pub(crate) dir: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let options = Options { dir: Some(dir.path().join("plane")), ..Options::default() };
        Self { plane: ControlPlane::start(options).await.expect("the control plane starts"), dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs `certrotate run` with this bench's bootstrap kubeconfig, for `node-1` in `pki`; `args`
    /// come last and override these values.
    pub(crate) async fn run(&self, args: &[&str]) -> Outcome {
        let bootstrap = self.plane.bootstrap_kubeconfig_path().expect("it has a directory");
        let (bootstrap, pki) = (bootstrap.display().to_string(), self.path("pki").display().to_string());
        let mut all = vec!["run"];
        for (flag, value) in [
            ("--bootstrap-kubeconfig", bootstrap.as_str()),
            ("--cert-dir", pki.as_str()),
            ("--node-name", "node-1"),
        ] {
            if !args.contains(&flag) {
                all.extend([flag, value]);
            }
        }
        all.extend(args);
        let output = program(env!("CARGO_BIN_EXE_certrotate"), &all, self.dir.path()).await;
        Outcome::new(output, self)
    }

    /// `run --once`, which gives up after `seconds`.
    pub(crate) async fn once(&self, seconds: u32, args: &[&str]) -> Outcome {
        let timeout = format!("{seconds}s");
        self.run(&[&["--once", "--timeout", &timeout], args].concat()).await
    }

    /// The live bundle's bytes, through the link.
    pub(crate) fn live(&self) -> Vec<u8> {
        std::fs::read(self.path("pki/kubelet-client-current.pem")).expect("the current link exists")
    }

    /// Returns the target of the current link.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.path("pki")
            .join(std::fs::read_link(self.path("pki/kubelet-client-current.pem")).expect("it is a link"))
    }
}

pub(crate) async fn program(name: &str, args: &[&str], dir: &Path) -> Output {
    let mut command = Command::new(name);
    command.args(args).current_dir(dir).stdin(Stdio::null()).env("NO_COLOR", "1");
    let waiting = tokio::task::spawn_blocking(move || command.output());
    tokio::time::timeout(Duration::from_secs(60), waiting)
        .await
        .expect("it ends")
        .expect("waiting does not panic")
        .expect("it starts")
}

/// How a run ended and what it said, without what differs from run to run.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) lines: Vec<String>,
}

impl Outcome {
    pub(crate) fn new(output: Output, bench: &Bench) -> Self {
        let log = String::from_utf8(output.stderr).expect("the log is text");
        assert!(!log.contains("PRIVATE KEY") && !log.contains(bench.plane.bootstrap_token()), "{log}");
        let (dir, address) = (bench.dir.path().display().to_string(), bench.plane.address().to_string());
        let names = [(dir.as_str(), "DIR"), (address.as_str(), "ADDRESS")];
        let lines = log.lines().map(|line| redact(line, &names)).collect();
        Self { code: output.status.code(), lines }
    }

    /// The lines of warnings and errors, each once.
    pub(crate) fn trouble(&self) -> String {
        let mut text = format!("exit status {}", self.code.expect("no signal ended it"));
        let mut told = vec![];
        for line in &self.lines {
            if !line.starts_with("INFO") && !told.contains(&line) {
                told.push(line);
                write!(text, "\n{line}").expect("a string takes everything");
            }
        }
        text
    }
}
