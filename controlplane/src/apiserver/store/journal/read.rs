//! Reads a journal, of today's format or of the one before it.

use std::collections::BTreeMap;
use std::io;
use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;

use crate::apiserver::object::{Object, key, version_of};
use crate::apiserver::store::journal::record::{Record, decode, guess_key};
use crate::base::budgets::{QUOTE_BYTES, cut};

/// The most that is read as one line. An object has at most 1.5 MiB; one of the earlier format could have twelve times that.
const LONGEST_LINE: u64 = 32 << 20;

/// What a file has.
#[derive(Debug)]
pub(super) struct Contents<T> {
    /// In the order of their keys.
    pub(super) objects: Vec<T>,
    pub(super) version: u64,
    pub(super) lines: usize,
    pub(super) unreadable: Vec<Unreadable>,
    /// The file has the format of version 0.1: JSON lines without checksums.
    pub(super) is_old: bool,
    /// The last line has no line feed, so that no other may follow it.
    pub(super) is_open_ended: bool,
}

impl<T> Default for Contents<T> {
    fn default() -> Self {
        Self {
            objects: Vec::new(),
            version: 0,
            lines: 0,
            unreadable: Vec::new(),
            is_old: false,
            is_open_ended: false,
        }
    }
}

/// A line that cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) number: usize,
    /// The key of its object, as far as that can be read.
    pub(super) object: String,
    pub(super) why: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// A line of the earlier format; an absent field is omitted.
#[derive(Deserialize)]
struct OldLine<T> {
    object: Option<T>,
    deleted: Option<String>,
    version: Option<u64>,
}

/// Reads every line that can be read.
pub(super) fn read<T: Object>(file: impl Read) -> io::Result<Contents<T>> {
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut contents = Contents::default();
    let mut objects = BTreeMap::new();
    let mut line = Vec::new();
    contents.is_old = reader.fill_buf()?.first() == Some(&b'{');
    loop {
        line.clear();
        if (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let has_end = line.pop_if(|byte| *byte == b'\n').is_some();
        contents.lines += 1;
        let record = if contents.is_old { decode_old(&line, has_end) } else { decode(&line) };
        match record {
            Ok(Record::Base(version)) => contents.version = contents.version.max(version),
            Ok(Record::Put(object)) => {
                contents.version = contents.version.max(version_of(&*object));
                objects.insert(key(&*object).into_owned(), *object);
            }
            Ok(Record::Deleted { key, version }) => {
                contents.version = contents.version.max(version);
                objects.remove(&key);
            }
            Err(why) => contents.unreadable.push(Unreadable {
                number: contents.lines,
                object: format!("{:?}", cut(&guess_key(&line), QUOTE_BYTES)),
                why: if has_end { why } else { "it is cut off" },
                bytes: line.clone(),
            }),
        }
        contents.is_open_ended = !has_end;
    }
    contents.objects = objects.into_values().collect();
    Ok(contents)
}

fn decode_old<T: Object>(line: &[u8], has_end: bool) -> Result<Record<T>, &'static str> {
    if !has_end {
        return Err("it is cut off");
    }
    let line: OldLine<T> = serde_json::from_slice(line).map_err(|_| "it is no JSON of an object")?;
    match line {
        OldLine { deleted: Some(key), version, .. } => {
            Ok(Record::Deleted { key, version: version.unwrap_or(0) })
        }
        OldLine { object: Some(object), .. } => Ok(Record::Put(Box::new(object))),
        OldLine { version: Some(version), .. } => Ok(Record::Base(version)),
        _ => Err("it says nothing"),
    }
}
