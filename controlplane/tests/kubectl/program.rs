//! The real kubectl, and its output without the parts that differ from run to run.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// One kubectl with one kubeconfig.
pub(crate) struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    home: PathBuf,
    /// The name of the server in the transcript.
    server: String,
}

/// A command that goes on until it is stopped.
pub(crate) struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    seen: String,
}

impl Kubectl {
    pub(crate) fn new(program: PathBuf, kubeconfig: PathBuf, home: PathBuf, server: String) -> Self {
        Self { program, kubeconfig, home, server }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(&self.program);
        // Nothing of the machine's: no other kubeconfig, and a cache of its own.
        command.env_clear().env("HOME", &self.home).env("TZ", "UTC").env("PATH", "/usr/bin:/bin");
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(words(line));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end: a transcript of it.
    pub(crate) fn run(&self, line: &str) -> String {
        self.run_with(line, "")
    }

    /// The same with something on standard input.
    pub(crate) fn run_with(&self, line: &str, input: &str) -> String {
        let mut child = self.command(line).spawn().expect("kubectl starts");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("kubectl reads");
        let output = child.wait_with_output().expect("kubectl ends");
        let mut text = format!("$ kubectl {line}\n");
        text.push_str(&String::from_utf8_lossy(&output.stdout));
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        if !output.status.success() {
            text.push_str(&format!("[exit status {}]\n", output.status.code().unwrap_or(-1)));
        }
        self.scrubbed(&text)
    }

    /// Starts a command that goes on.
    pub(crate) fn start(&self, line: &str) -> Running {
        let mut child = self.command(line).spawn().expect("kubectl starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Running { child, lines, seen: format!("$ kubectl {line}\n") }
    }

    /// Removes the random parts: UIDs, digests, certificates, the port, kubectl's clock.
    fn scrubbed(&self, text: &str) -> String {
        let text = text.replace(&self.server, "https://SERVER");
        let mut out = String::new();
        for line in text.lines() {
            let line = match line.split_once("X509SHA256=") {
                Some((start, rest)) => {
                    format!(
                        "{start}X509SHA256=DIGEST{}",
                        rest.trim_start_matches(|c: char| c.is_ascii_hexdigit())
                    )
                }
                None => line.to_owned(),
            };
            let line = after(&line, "uid: ", "UID");
            let line = after(&line, "\"uid\": ", "\"UID\"");
            let line = after(&line, "certificate: ", "CERTIFICATE");
            let line = after(&line, "\"certificate\": ", "\"CERTIFICATE\"");
            // kubectl writes this one with its own clock.
            let line = after(&line, "lastUpdateTime: ", "TIME");
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

impl Running {
    /// Reads on until a line ends like this.
    pub(crate) fn until(&mut self, end: &str) {
        for line in self.lines.by_ref() {
            let line = line.expect("kubectl writes text");
            self.seen.push_str(line.trim_end());
            self.seen.push('\n');
            if line.trim_end().ends_with(end) {
                return;
            }
        }
        panic!("kubectl ended before {end:?}:\n{}", self.seen);
    }

    /// Stops it and returns its output.
    pub(crate) fn stop(mut self) -> String {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        std::mem::take(&mut self.seen)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has stopped already unless a test failed in between.
        let _ended = self.child.kill();
    }
}

/// Replaces the text after `label`, if the line has it.
fn after(line: &str, label: &str, stand_in: &str) -> String {
    match line.find(label) {
        Some(index) => format!("{}{label}{stand_in}", &line[..index]),
        None => line.to_owned(),
    }
}

/// Words of a command line; single quotes hold one together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
