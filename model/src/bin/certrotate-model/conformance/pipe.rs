//! A driver in another process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use certrotate_core::config::Config;
use certrotate_model::conformance::{Driver, Outside, Promise};

use crate::conformance::protocol;

/// The longest line of a driver.
const MOST_BYTES: u64 = 1 << 20;
/// How many lines wait for a driver that does not read them.
const MOST_REPLIES: usize = 64;
/// How often the kit checks whether an ended driver has exited.
const EXIT_CHECK: Duration = Duration::from_millis(2);

/// A driver that is started for each run and killed at its end.
pub(super) struct Program {
    program: String,
    arguments: Vec<String>,
    deadline: Duration,
    not_started: Option<std::io::Error>,
}

/// What the reading thread found.
enum Line {
    Text(String),
    TooLong,
    NoText,
}

impl Program {
    pub(super) fn new(program: &str, arguments: &[String], deadline: Duration) -> Self {
        Self { program: program.into(), arguments: arguments.to_vec(), deadline, not_started: None }
    }

    /// Returns why the program was not started.
    pub(super) fn not_started(&self) -> Option<&std::io::Error> {
        self.not_started.as_ref()
    }

    fn start(&self) -> std::io::Result<Process> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let closed = || std::io::Error::other("the program has no standard input and output");
        let (stdin, stdout) =
            (child.stdin.take().ok_or_else(closed)?, child.stdout.take().ok_or_else(closed)?);
        let (send, lines) = sync_channel(MOST_REPLIES);
        let (replies, receive) = sync_channel(MOST_REPLIES);
        // They end when the process is gone: its pipes are closed then.
        std::thread::spawn(move || read_lines(stdout, &send));
        std::thread::spawn(move || write_lines(stdin, &receive));
        Ok(Process { child, lines, replies })
    }
}

impl Driver for Program {
    fn run(&mut self, config: Config, outside: &Outside) {
        let mut process = match self.start() {
            Ok(process) => process,
            Err(error) => {
                outside.broken(Promise::Responds, "it did not start");
                self.not_started = Some(error);
                return;
            }
        };
        if let Err(detail) = process.serve(&config, outside, self.deadline) {
            outside.broken(Promise::Responds, detail);
        }
    }
}

/// A running driver.
struct Process {
    child: Child,
    lines: Receiver<Line>,
    replies: SyncSender<String>,
}

impl Process {
    /// Answers requests until the process ends, is to be killed, or breaks the protocol.
    fn serve(&mut self, config: &Config, outside: &Outside, deadline: Duration) -> Result<(), String> {
        self.reply(&protocol::greeting(config).to_string())?;
        for number in 1_u64.. {
            let seconds = deadline.as_secs();
            let line = match self.lines.recv_timeout(deadline) {
                Ok(Line::Text(line)) => line,
                Ok(Line::TooLong) => return Err(format!("line {number} has more than {MOST_BYTES} bytes")),
                Ok(Line::NoText) => return Err(format!("line {number} is not UTF-8")),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("it wrote no line {number} within {seconds} s"));
                }
                Err(RecvTimeoutError::Disconnected) => return self.exited(deadline),
            };
            let reply = protocol::answer(&line, outside)
                .map_err(|error| format!("line {number} is no request: {error}"))?;
            let has_exited = outside.has_exited();
            if outside.is_over() && !has_exited {
                return Ok(());
            }
            if let Some(reply) = reply {
                self.reply(&reply.to_string())?;
            }
        }
        Ok(())
    }

    fn reply(&self, line: &str) -> Result<(), String> {
        // A process that has exited reads nothing: its closed output says so.
        match self.replies.try_send(format!("{line}\n")) {
            Err(std::sync::mpsc::TrySendError::Full(_)) => {
                Err(format!("it left {MOST_REPLIES} replies unread"))
            }
            Ok(()) | Err(std::sync::mpsc::TrySendError::Disconnected(_)) => Ok(()),
        }
    }

    /// Its output is closed. A process that goes on without one is not conforming.
    fn exited(&mut self, deadline: Duration) -> Result<(), String> {
        let began = Instant::now();
        while began.elapsed() < deadline {
            match self.child.try_wait() {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => std::thread::sleep(EXIT_CHECK),
                Err(error) => return Err(format!("its exit status cannot be read: {error}")),
            }
        }
        Err("it closed its standard output and runs on".into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have exited. Waiting for a killed process is short.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_lines(stdout: ChildStdout, lines: &SyncSender<Line>) {
    let mut reader = BufReader::new(stdout);
    loop {
        let mut bytes = Vec::new();
        match reader.by_ref().take(MOST_BYTES + 1).read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = if bytes.len() as u64 > MOST_BYTES {
            Line::TooLong
        } else {
            String::from_utf8(bytes).map_or(Line::NoText, Line::Text)
        };
        let is_text = matches!(line, Line::Text(_));
        // A kit that has closed the channel reads no more lines of this run.
        if lines.send(line).is_err() || !is_text {
            return;
        }
    }
}

fn write_lines(mut stdin: ChildStdin, replies: &Receiver<String>) {
    for line in replies {
        if stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}
