//! Lines for a person: what happened when, and a progress line while nothing does.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use crate::summary::Summary;

/// How often the progress is shown where it cannot be drawn over.
const PLAIN: Duration = Duration::from_secs(5);

/// Writes to standard output; with control codes only where that is a terminal.
#[derive(Debug)]
pub(crate) struct Timeline {
    start: Instant,
    terminal: bool,
    progress: Instant,
    drawn: bool,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { start: now, terminal: io::stdout().is_terminal(), progress: now, drawn: false }
    }

    pub(crate) fn title(&mut self, text: &str) {
        self.line(text);
    }

    pub(crate) fn event(&mut self, what: &str, text: &str) {
        let time = self.start.elapsed().as_secs_f64();
        self.line(&format!("{time:8.3}s  {what:<13}  {text}"));
    }

    /// An event that stands out.
    pub(crate) fn strong(&mut self, what: &str, text: &str) {
        let time = self.start.elapsed().as_secs_f64();
        if self.terminal {
            self.line(&format!("{time:8.3}s  \x1b[1;32m{what:<13}\x1b[0m  {text}"));
        } else {
            self.event(what, text);
        }
    }

    pub(crate) fn progress(&mut self, text: &str) {
        if self.terminal {
            // A reader that has gone away is noticed by the shell, not by us.
            let _ = write!(io::stdout(), "\r\x1b[K{:8.1}s  {text}", self.start.elapsed().as_secs_f64());
            let _ = io::stdout().flush();
            self.drawn = true;
        } else if self.progress.elapsed() >= PLAIN {
            self.progress = Instant::now();
            self.event("…", text);
        }
    }

    pub(crate) fn finish(&mut self, summary: &Summary) {
        self.line("");
        for line in summary.to_string().lines() {
            self.line(line);
        }
    }

    fn line(&mut self, text: &str) {
        let clear = if self.drawn { "\r\x1b[K" } else { "" };
        self.drawn = false;
        let _ = writeln!(io::stdout(), "{clear}{text}");
    }
}
