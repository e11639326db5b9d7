//! Where words and JSON go, and the exit status.

use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use certrotate_model::replay::Run;
use serde_json::Value;

/// The exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Everything held.
    Held = 0,
    /// Something did not.
    Violated = 1,
    /// The request makes no sense, or its input is unreadable.
    Usage = 2,
}

/// A request that cannot be done, with the remedy.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

/// People read standard output; with `--json` it is for programs, and people read standard error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// A line for people. A closed output is no error: `| head` is a way to use this.
    pub(crate) fn line(self, text: impl Display) {
        let _ = if self.json {
            writeln!(std::io::stderr().lock(), "{text}")
        } else {
            writeln!(std::io::stdout().lock(), "{text}")
        };
    }

    /// The last line for programs.
    pub(crate) fn json(self, object: impl FnOnce() -> Value) {
        if self.json {
            let _ = writeln!(std::io::stdout().lock(), "{}", object());
        }
    }

    pub(crate) fn usage(self, Usage(text): &Usage) -> Exit {
        let _ = writeln!(std::io::stderr().lock(), "error: {text}");
        Exit::Usage
    }
}

/// A number with its thousands apart.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a trace, JSON Lines: for each process of the node a header, then a record for each step.
pub(crate) fn write_trace<'a>(path: &Path, runs: impl IntoIterator<Item = &'a Run>) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for (header, records) in runs {
        serde_json::to_writer(&mut file, header)?;
        file.write_all(b"\n")?;
        for record in records {
            serde_json::to_writer(&mut file, record)?;
            file.write_all(b"\n")?;
        }
    }
    file.flush()
}
