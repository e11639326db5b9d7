//! A node's directory beside a control plane, and the real program run in it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use certrotate_controlplane::{ControlPlane, Handle, Options};

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
        let lines = log.lines().map(|line| redact(line, bench)).collect();
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

/// Without the time at its start, and with names in place of directories, numbers and digests.
fn redact(line: &str, bench: &Bench) -> String {
    let line = match line.split_once("Z ") {
        Some((time, rest)) if time.starts_with("20") => rest.trim_start(),
        _ => line,
    };
    let line = line
        .replace(&bench.dir.path().display().to_string(), "DIR")
        .replace(&bench.plane.address().to_string(), "ADDRESS");
    let mut text = String::new();
    for part in
        line.split_inclusive(|letter: char| !letter.is_ascii_hexdigit() || letter.is_ascii_uppercase())
    {
        let digits =
            part.trim_end_matches(|letter: char| !letter.is_ascii_hexdigit() || letter.is_ascii_uppercase());
        text.push_str(&if digits.len() >= 16 { part.replace(digits, "DIGEST") } else { part.to_owned() });
    }
    let mut after_in = false;
    let words = text.split(' ').map(|word| {
        let time = std::mem::replace(&mut after_in, word == "in");
        let bare = word.trim_end_matches([';', ',']);
        if time && bare.starts_with(|letter: char| letter.is_ascii_digit()) {
            word.replace(bare, "TIME")
        } else {
            without_date(word)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A file name without the time in it: `YYYY-MM-DD-hh-mm-ss`.
fn without_date(word: &str) -> String {
    let is_date = |start: &usize| {
        let pattern = "0000-00-00-00-00-00";
        let letters = word.as_bytes().get(*start..*start + pattern.len());
        letters.is_some_and(|letters| {
            letters.iter().zip(pattern.bytes()).all(|(letter, wanted)| match wanted {
                b'0' => letter.is_ascii_digit(),
                other => *letter == other,
            })
        })
    };
    match (0..word.len()).find(is_date) {
        Some(start) => format!("{}DATE{}", &word[..start], &word[start + 19..]),
        None => word.to_owned(),
    }
}
