//! The log on standard error. A log that cannot be written never ends and never blocks the program.
//!
//! A thread of its own writes the lines: a write to a pipe whose reader does not read blocks for as long as the reader likes.
//! Lines that find no room or that the system refuses are dropped and counted. `certrotate status` shows the count, and so does
//! the log itself once it can be written again.
//!
//! The non-blocking writer of `tracing-appender` is no substitute. It does not count a line that the system refuses, and at the
//! end it prints with `println!`, which panics on a full standard output.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use crate::clock::{Clock as _, SystemClock};

/// The most lines that wait for the thread. The oldest is dropped for the next.
const MAX_WAITING: usize = 512;
/// The longest line in bytes: the kernel writes that much to a pipe in one piece (PIPE_BUF), so lines of processes do not mix.
const MAX_LINE: usize = 4096;
/// The longest wait at the end of the program for a log that is slow or stuck.
const FLUSH_PATIENCE: Duration = Duration::from_millis(250);
/// A write that blocks for this long is reported as stuck: the reader of a pipe does not read, or a disk hangs.
const STUCK: Duration = Duration::from_secs(2);
/// The longest wait for room in a log that another process made non-blocking.
const ROOM_PATIENCE: Duration = Duration::from_secs(2);
/// The pause between two writes to such a log.
const ROOM_PAUSE: Duration = Duration::from_millis(10);

/// The log of this process, from its start on.
static LOG: OnceLock<Log> = OnceLock::new();

/// The dropped lines of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    /// The number of dropped lines.
    pub(crate) lines: u64,
    /// Why the last one was dropped.
    pub(crate) why: Option<String>,
    /// The number of lines behind a write that has blocked for [`STUCK`] or longer.
    pub(crate) stuck: u64,
}

/// A log and its thread. Cheap to clone: a clone is the same log.
#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Signalled when a line is queued, and when one is finished.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<String>,
    /// When the thread began to write the current line.
    writing: Option<Instant>,
    losses: Losses,
    /// The losses that the log itself shows.
    reported: u64,
}

/// Starts the log of this process on standard error, or returns the one that was started before.
///
/// # Errors
///
/// The system starts no more threads.
pub(crate) fn start() -> io::Result<Log> {
    if let Some(log) = LOG.get() {
        return Ok(log.clone());
    }
    // Not through `std::io::Stderr`: it reports a descriptor that is not open for writing as written.
    let log = Log::start(|bytes| Ok(rustix::io::write(io::stderr(), bytes)?))?;
    Ok(LOG.get_or_init(|| log).clone())
}

/// Returns the lines that the log of this process has dropped.
pub(crate) fn losses() -> Losses {
    LOG.get().map(Log::losses).unwrap_or_default()
}

/// Writes a message of the program itself to standard error, after the lines of the log where there is one.
pub(crate) fn complain(message: &str) {
    let line = format!("certrotate: {message}\n");
    match LOG.get() {
        Some(log) => log.queue(&line),
        // There is no other place for the error of this write.
        None => drop(rustix::io::write(io::stderr(), line.as_bytes())),
    }
}

impl Log {
    /// Starts a log whose thread writes with `write`, which works like write(2).
    fn start(write: impl FnMut(&[u8]) -> io::Result<usize> + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let log = Self(Arc::clone(&shared));
        let mut sink = Sink { write, is_torn: false };
        thread::Builder::new().name("log".into()).spawn(move || {
            loop {
                let (line, unreported) = shared.next();
                let reported = match unreported.lines {
                    0 => Ok(()),
                    _ => sink.write(&marker(&unreported)),
                };
                let shown = if reported.is_ok() { unreported.lines } else { 0 };
                shared.finish(shown, reported.and_then(|()| sink.write(&line)));
            }
        })?;
        Ok(log)
    }

    fn queue(&self, text: &str) {
        let line = fit(text);
        let mut state = self.0.lock();
        if state.waiting.len() >= MAX_WAITING {
            state.waiting.pop_front();
            state.losses.lines = state.losses.lines.saturating_add(1);
            state.losses.why = Some("its reader does not keep up".to_owned());
        }
        state.waiting.push_back(line);
        drop(state);
        self.0.changed.notify_all();
    }

    /// Waits until all lines are written or dropped, but not for long.
    pub(crate) fn flush(&self) {
        let state = self.0.lock();
        let busy = |state: &mut State| state.writing.is_some() || !state.waiting.is_empty();
        drop(
            self.0
                .changed
                .wait_timeout_while(state, FLUSH_PATIENCE, busy)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    fn losses(&self) -> Losses {
        let state = self.0.lock();
        let is_stuck = state.writing.is_some_and(|since| since.elapsed() >= STUCK);
        let stuck = if is_stuck { 1 + state.waiting.len() as u64 } else { 0 };
        Losses { stuck, ..state.losses.clone() }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under the lock; and a state after a panic is as good as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a line, and returns it with the losses before it that the log does not show yet.
    fn next(&self) -> (String, Losses) {
        let mut state = self.lock();
        loop {
            if let Some(line) = state.waiting.pop_front() {
                state.writing = Some(Instant::now());
                let lines = state.losses.lines.saturating_sub(state.reported);
                return (line, Losses { lines, ..state.losses.clone() });
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Records the fate of a line, and that the log shows `shown` more losses.
    fn finish(&self, shown: u64, result: io::Result<()>) {
        let mut state = self.lock();
        state.writing = None;
        state.reported = state.reported.saturating_add(shown);
        if let Err(error) = result {
            state.losses.lines = state.losses.lines.saturating_add(1);
            state.losses.why = Some(text(&error));
        }
        drop(state);
        self.changed.notify_all();
    }
}

/// The place that takes the lines.
struct Sink<W> {
    write: W,
    /// Whether the last line was written in part.
    is_torn: bool,
}

impl<W: FnMut(&[u8]) -> io::Result<usize>> Sink<W> {
    /// Writes a line, on a line of its own even after a torn one.
    fn write(&mut self, line: &str) -> io::Result<()> {
        let line = if self.is_torn { format!("\n{line}") } else { line.to_owned() };
        let mut rest = line.as_bytes();
        let mut patience = ROOM_PATIENCE;
        while !rest.is_empty() {
            match (self.write)(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    self.is_torn = !rest.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !patience.is_zero() => {
                    patience = patience.saturating_sub(ROOM_PAUSE);
                    thread::sleep(ROOM_PAUSE);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Returns the line that stands in the log for lost ones.
fn marker(losses: &Losses) -> String {
    let why = losses.why.as_deref().unwrap_or("for an unknown reason");
    format!("{}  WARN {} log lines are lost here: {why}\n", SystemClock.wall(), losses.lines)
}

/// Returns the text of a system error without its number.
fn text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// Returns one line, ended, of bounded length, and without control characters: texts from outside cannot forge a line.
///
/// The escape character stays: the colours of the log begin with it, and the layer that sets them escapes it in all other texts.
fn fit(text: &str) -> String {
    let mut line = String::new();
    for letter in text.trim_end_matches('\n').chars() {
        if line.len() >= MAX_LINE - "\u{202e}…\n".len() {
            line.push('…');
            break;
        }
        if letter != '\u{1b}' && is_unprintable(letter) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{}", letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line.push('\n');
    line
}

/// Control characters, line and paragraph separators, and the characters that change the direction of text.
fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = LogWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LogWriter(self)
    }
}

/// Queues what one event writes as one line.
#[derive(Debug)]
pub(crate) struct LogWriter<'a>(&'a Log);

impl io::Write for LogWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.queue(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
