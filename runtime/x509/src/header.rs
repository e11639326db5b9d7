//! The first line of a file of ours: its kind, generation, time, and SHA-256 of all the rest of the file.

use certrotate_core::id::{Generation, LeafDigest};
use certrotate_core::time::WallTime;
use zeroize::Zeroizing;

use crate::MAX_FILE;
use crate::digest::sha256;
use crate::error::Corrupt;

/// The longest first line, in bytes: 64 digits, two numbers and some words.
const MAX_LINE: usize = 256;

/// The kind of the file, and the name of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    name: &'static str,
    time: &'static str,
}

pub(crate) const BUNDLE: Kind = Kind { name: "bundle", time: "issued" };
pub(crate) const PENDING: Kind = Kind { name: "pending", time: "made" };

/// Returns the first line and `parts`, in a buffer that never grows.
pub(crate) fn seal(
    kind: Kind,
    generation: Generation,
    time: WallTime,
    parts: &[&[u8]],
) -> Zeroizing<Vec<u8>> {
    let start = start(kind, generation, time);
    let all: Vec<&[u8]> = [&[start.as_bytes()], parts].concat();
    let line = format!("{start}{}\n", LeafDigest(sha256(&all)));
    let size = line.len() + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut file = Zeroizing::new(Vec::with_capacity(size));
    file.extend_from_slice(line.as_bytes());
    for part in parts {
        file.extend_from_slice(part);
    }
    file
}

/// Checks size, first line and digest of `file`. Returns the content of the line, and the rest of
/// the file.
pub(crate) fn open(kind: Kind, file: &[u8]) -> Result<(Generation, WallTime, &[u8]), Corrupt> {
    if file.is_empty() {
        return Err(Corrupt::Empty);
    }
    if file.len() > MAX_FILE {
        return Err(Corrupt::TooLarge);
    }
    let end = file.iter().take(MAX_LINE).position(|byte| *byte == b'\n').ok_or(Corrupt::FirstLine)?;
    let (line, rest) = (&file[..end], &file[end + 1..]);
    let line = str::from_utf8(line).map_err(|_| Corrupt::FirstLine)?;
    let (generation, time) = fields(line).ok_or(Corrupt::FirstLine)?;
    let start = start(kind, generation, time);
    let digits = line.strip_prefix(start.as_str()).ok_or(Corrupt::FirstLine)?;
    if digits != format!("{}", LeafDigest(sha256(&[start.as_bytes(), rest]))) {
        return Err(Corrupt::Digest);
    }
    Ok((generation, time, rest))
}

/// The first line up to the digest. The digest covers it too, else a changed generation would go unseen.
fn start(kind: Kind, generation: Generation, time: WallTime) -> String {
    let Kind { name, time: label } = kind;
    format!("certrotate {name} v1 generation={generation} {label}={} sha256=", time.unix_ms())
}

/// Returns generation and time. The caller checks the form of the line by writing it again.
fn fields(line: &str) -> Option<(Generation, WallTime)> {
    let mut words = line.split(' ').skip(3);
    let generation = words.next()?.strip_prefix("generation=")?.parse().ok()?;
    let (_, time) = words.next()?.split_once('=')?;
    Some((Generation(generation), WallTime::from_unix_ms(time.parse().ok()?)))
}

#[cfg(test)]
mod tests;
