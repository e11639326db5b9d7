//! A running `certrotate`, with its log read line by line.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A running agent and its log; killed at the end.
pub(crate) struct Agent {
    pub(crate) child: Child,
    lines: UnboundedReceiver<String>,
    /// The lines that were read.
    pub(crate) log: String,
}

impl Drop for Agent {
    fn drop(&mut self) {
        // The child may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Agent {
    /// Starts a command. If its standard error is piped, a thread reads it.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().expect("it starts");
        let (sender, lines) = unbounded_channel();
        if let Some(log) = child.stderr.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(log).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Self { child, lines, log: String::new() }
    }

    /// Waits for a line that has this text, and returns it.
    pub(crate) async fn line_within(&mut self, text: &str, limit: Duration) -> Option<String> {
        let waiting = async {
            while let Some(line) = self.lines.recv().await {
                writeln!(self.log, "{line}").expect("a string takes everything");
                if line.contains(text) {
                    return Some(line);
                }
            }
            None
        };
        tokio::time::timeout(limit, waiting).await.ok().flatten()
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("it is ours and was not waited for");
    }

    /// Waits for the end of the process, and reads the rest of its log.
    pub(crate) async fn end(&mut self, limit: Duration) -> Option<ExitStatus> {
        Some(self.timed_end(limit).await?.0)
    }

    /// Sends SIGTERM: the exit status and the time that it took.
    pub(crate) async fn terminate(&mut self, limit: Duration) -> Option<(ExitStatus, Duration)> {
        self.signal(Signal::TERM);
        self.timed_end(limit).await
    }

    async fn timed_end(&mut self, limit: Duration) -> Option<(ExitStatus, Duration)> {
        let begun = Instant::now();
        let waiting = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("it is ours") {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let status = tokio::time::timeout(limit, waiting).await.ok()?;
        let took = begun.elapsed();
        // The reader ends with the pipe; a process that inherited it could hold it open.
        self.line_within("\u{0}", Duration::from_secs(1)).await;
        Some((status, took))
    }
}
