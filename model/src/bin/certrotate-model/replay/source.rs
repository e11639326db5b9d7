//! What is to be replayed, and how to tell it from its beginning.

use std::io::Read as _;
use std::path::Path;

use certrotate_core::trace::{FORMAT, TraceHeader, TraceRecord};
use certrotate_model::replay::Run;
use certrotate_model::scenario::Scenario;
use certrotate_model::scenario::text::from_hex;
use certrotate_model::simulate;

use crate::output::Usage;

/// The most bytes that are read of a file: a trace of a hundred thousand steps.
const MOST_BYTES: u64 = 64 << 20;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// Four hexadecimal digits a line
    Text,
    /// Any bytes, two a transition
    Bytes,
    /// JSON Lines
    Trace,
}

/// What is to be replayed.
pub(crate) enum Source {
    Scenario(Scenario),
    Trace(Vec<Run>),
}

/// The scenario of a seed.
pub(crate) fn seed(seed: u64, transitions: usize) -> Source {
    Source::Scenario(simulate::scenario(seed, transitions))
}

/// The scenario of bytes in hexadecimal.
pub(crate) fn hex(digits: &str) -> Result<Source, Usage> {
    let bytes = from_hex(digits).ok_or_else(|| {
        Usage(
            "these are not bytes in hexadecimal; give an even number of digits, as a failure prints them"
                .into(),
        )
    })?;
    Ok(Source::Scenario(Scenario::decode(&bytes)))
}

/// A file, `hex:BYTES` or `seed:S`.
pub(crate) fn named(name: &str, transitions: usize) -> Result<Source, Usage> {
    if let Some(digits) = name.strip_prefix("hex:") {
        return hex(digits);
    }
    match name.strip_prefix("seed:") {
        Some(number) => match number.parse() {
            Ok(number) => Ok(seed(number, transitions)),
            Err(_) => Err(Usage(format!("{number:?} is no seed; give a whole number, as in seed:17"))),
        },
        None => file(Path::new(name), None),
    }
}

/// What is in a file.
pub(crate) fn file(path: &Path, form: Option<Form>) -> Result<Source, Usage> {
    let shown = path.display();
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| Usage(format!("{shown} cannot be read: {error}")))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Usage(format!("{shown} has more than {MOST_BYTES} bytes; cut it to the part you mean")));
    }
    let text = || str::from_utf8(&bytes).map_err(|_| Usage(format!("{shown} is no text; say --as bytes")));
    match form.unwrap_or_else(|| guess(&bytes)) {
        Form::Bytes => Ok(Source::Scenario(Scenario::decode(&bytes))),
        Form::Text => Scenario::from_text(text()?)
            .map(Source::Scenario)
            .map_err(|error| Usage(format!("{shown}: {error}"))),
        Form::Trace => trace(text()?).map(Source::Trace).map_err(|error| Usage(format!("{shown}: {error}"))),
    }
}

/// A trace begins with a brace, a scenario with digits or with words for people.
fn guess(bytes: &[u8]) -> Form {
    let Ok(text) = str::from_utf8(bytes) else { return Form::Bytes };
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next().unwrap_or_default();
    let digits = first.bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
    if first.starts_with("{\"") {
        Form::Trace
    } else if digits == 4 || first.is_empty() && text.contains('#') {
        Form::Text
    } else {
        Form::Bytes
    }
}

/// JSON Lines: a header for each process, then its records.
fn trace(text: &str) -> Result<Vec<Run>, String> {
    let mut runs: Vec<Run> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let record = match serde_json::from_str::<TraceRecord>(line) {
            Ok(record) => record,
            Err(error) => {
                let header: TraceHeader = serde_json::from_str(line).map_err(|_| {
                    format!(
                        "line {}: neither a header nor a record of a trace ({error}); say --as if it is none",
                        index + 1
                    )
                })?;
                if header.format != FORMAT {
                    return Err(format!(
                        "line {}: format {} is not {FORMAT}; replay it with certrotate-model {}",
                        index + 1,
                        header.format,
                        header.core
                    ));
                }
                runs.push((header, Vec::new()));
                continue;
            }
        };
        let Some((_, records)) = runs.last_mut() else {
            return Err("line 1: a record without a header; a trace begins with its configuration".into());
        };
        records.push(record);
    }
    Ok(runs)
}
