//! One line of the journal: `CHECKSUM put VERSION "KEY" OBJECT`, `CHECKSUM del VERSION "KEY"`, or `CHECKSUM base VERSION` at the
//! beginning of the file. The checksum is 64 bits of SHA-256 over the rest of the line, in hexadecimal. JSON has no raw line
//! feed, so that a damaged line ends where it should and harms no other.

use std::borrow::Cow;
use std::io;

use aws_lc_rs::digest;
use serde::Deserialize as _;
use serde::de::IgnoredAny;

use crate::apiserver::change::ChangeKind;
use crate::apiserver::object::{Object, key, version_of};
use crate::apiserver::store::event::Event;

/// What a line says.
#[derive(Debug, PartialEq)]
pub(super) enum Record<T> {
    /// Versions up to this one were used.
    Base(u64),
    Put(Box<T>),
    Deleted {
        key: String,
        version: u64,
    },
}

/// Appends the line of a change.
pub(crate) fn encode<T: Object>(event: &Event<T>, out: &mut Vec<u8>) -> io::Result<()> {
    out.extend(match event.kind {
        ChangeKind::Added | ChangeKind::Modified => put(&*event.object)?,
        ChangeKind::Deleted => {
            let key = serde_json::to_string(&*event.key)?;
            line(format!("del {} {key}", event.version).as_bytes())
        }
    });
    Ok(())
}

/// The first line of a file.
pub(super) fn base(version: u64) -> Vec<u8> {
    line(format!("base {version}").as_bytes())
}

/// The line of an object.
pub(super) fn put<T: Object>(object: &T) -> io::Result<Vec<u8>> {
    let mut rest = format!("put {} ", version_of(object)).into_bytes();
    serde_json::to_writer(&mut rest, &*key(object))?;
    rest.push(b' ');
    serde_json::to_writer(&mut rest, object)?;
    Ok(line(&rest))
}

fn line(rest: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(rest.len() + 18);
    line.extend_from_slice(checksum(rest).as_bytes());
    line.push(b' ');
    line.extend_from_slice(rest);
    line.push(b'\n');
    line
}

fn checksum(rest: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, rest);
    digest.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a line without its line feed; the error says what is wrong with it.
pub(super) fn decode<T: Object>(line: &[u8]) -> Result<Record<T>, &'static str> {
    let (sum, rest) = line.split_at_checked(17).ok_or("it is too short")?;
    if sum != format!("{} ", checksum(rest)).as_bytes() {
        return Err("its checksum does not fit");
    }
    let malformed = "it has another format";
    let text = std::str::from_utf8(rest).map_err(|_| malformed)?;
    let (kind, text) = text.split_once(' ').ok_or(malformed)?;
    let (version, text) = text.split_once(' ').unwrap_or((text, ""));
    let version = version.parse().map_err(|_| malformed)?;
    match kind {
        "base" => Ok(Record::Base(version)),
        "del" => Ok(Record::Deleted { key: serde_json::from_str(text).map_err(|_| malformed)?, version }),
        "put" => {
            let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
            values.next().and_then(Result::ok).ok_or(malformed)?;
            let object = text[values.byte_offset()..].trim_start();
            serde_json::from_str(object).map(|object| Record::Put(Box::new(object))).map_err(|_| malformed)
        }
        _ => Err(malformed),
    }
}

/// The key that a damaged line seems to be about.
pub(super) fn guess_key(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(8 << 10)]);
    let quoted = |text: &str| {
        let mut reader = serde_json::Deserializer::from_str(text);
        Cow::<str>::deserialize(&mut reader).map(Cow::into_owned).ok()
    };
    let start = text.match_indices(" \"").next().map(|(at, _)| &text[at + 1..]);
    let old = text.match_indices("\"name\":").next().map(|(at, _)| &text[at + 7..]);
    let found = if line.starts_with(b"{") { old } else { start.or(old) };
    found.and_then(quoted).unwrap_or_else(|| "unknown".to_owned())
}
