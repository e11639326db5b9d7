//! The control plane under attack: a child process with a limit of its memory.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

/// Limit of writable private memory (`RLIMIT_DATA`). An allocation above it fails and ends the child.
pub(crate) const MEMORY: u64 = 1 << 30;
/// Open files of the child: the default of most systems.
const FILES: u64 = 1_024;
/// Bound of a start.
const START_TIME: Duration = Duration::from_secs(60);
/// Most lines of the log that are kept.
const LINES_KEPT: usize = 10_000;

/// The running child.
pub(crate) struct Child {
    process: std::process::Child,
    log: Arc<Log>,
    dir: PathBuf,
}

/// What the child has written to standard error.
#[derive(Default)]
struct Log {
    lines: AtomicU64,
    text: Mutex<Vec<String>>,
}

impl Child {
    /// Starts `program` on `dir` and waits until it is ready.
    pub(crate) fn start(program: &Path, dir: &Path) -> Self {
        let own = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(FILES), ..own }).unwrap();
        let mut process = Command::new(program)
            .args(["controlplane", "--approve", "manual", "--dir"])
            .arg(dir)
            .env("RUST_BACKTRACE", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The clients need more files than the child may have.
        setrlimit(Resource::Nofile, Rlimit { current: own.maximum, maximum: own.maximum }).unwrap();
        let pid = Pid::from_child(&process);
        let memory = Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) };
        prlimit(Some(pid), Resource::Data, memory).unwrap();
        let log = Arc::<Log>::default();
        keep(&log, process.stderr.take().unwrap());
        let (ready, is_ready) = mpsc::channel();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || {
            let mut line = String::new();
            // If the child exits first, the sender is dropped, and the receiver sees that.
            if output.read_line(&mut line).is_ok() && line.contains("ready at") {
                let _ = ready.send(());
            }
            // The rest is read, too, so that the child can write it.
            let _ = std::io::copy(&mut output, &mut std::io::sink());
        });
        let child = Self { process, log, dir: dir.to_owned() };
        assert!(is_ready.recv_timeout(START_TIME).is_ok(), "no start: {:?}", child.last_lines(20));
        child
    }

    /// Returns a value of a kubeconfig in the directory of the child.
    pub(crate) fn kubeconfig(&self, file: &str, key: &str) -> String {
        let text = std::fs::read_to_string(self.dir.join(file)).unwrap();
        let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("{key}: "))).unwrap();
        line.to_owned()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Returns the peak of resident memory since the last call, in bytes.
    pub(crate) fn take_peak(&self) -> u64 {
        let of = |file: &str| format!("/proc/{}/{file}", self.process.id());
        // A child that exited has no memory.
        let status = std::fs::read_to_string(of("status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        if kib.is_some() {
            std::fs::write(of("clear_refs"), "5").unwrap();
        }
        kib.unwrap_or(0) << 10
    }

    pub(crate) fn log_lines(&self) -> u64 {
        self.log.lines.load(Ordering::Relaxed)
    }

    pub(crate) fn last_lines(&self, most: usize) -> Vec<String> {
        let text = self.log.text.lock().unwrap();
        text[text.len().saturating_sub(most)..].to_vec()
    }

    /// Ends the child as a power cut would: no handler runs.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Reads the log on a thread of its own.
fn keep(log: &Arc<Log>, stderr: std::process::ChildStderr) {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            log.lines.fetch_add(1, Ordering::Relaxed);
            let mut text = log.text.lock().unwrap();
            if text.len() < LINES_KEPT {
                text.push(line);
            }
        }
    });
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have exited.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
