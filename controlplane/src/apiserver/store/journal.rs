//! Keeps the objects of a directory across runs: one JSON line per change, written before the change is announced.
//!
//! It survives the death of the process, not that of the machine: nothing is synced, since a
//! control plane for trials and tests is not worth a disk flush per change.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::apiserver::change::ChangeKind;
use crate::apiserver::object::{Object, key, version_of};
use crate::base::error::Error;
use crate::base::files::{append_private, write_private_with};

#[cfg(test)]
mod tests;

/// A line longer than any object that the API takes.
const LONGEST_LINE: u64 = 16 << 20;
/// Lines that may be superfluous before the file is written anew.
const SLACK: usize = 10_000;

/// The open journal.
pub(crate) struct Journal<T> {
    path: PathBuf,
    file: File,
    lines: usize,
    of: PhantomData<T>,
}

/// The state that an earlier run left.
pub(crate) struct Saved<T> {
    pub(crate) objects: Vec<T>,
    pub(crate) version: u64,
}

/// One line; an absent field is omitted.
#[derive(Deserialize, Serialize)]
struct Line<T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
}

impl<T: Object> Journal<T> {
    /// Reads the file, rewrites it without superseded lines, and keeps it open for appending.
    pub(crate) fn open(path: PathBuf) -> Result<(Self, Saved<T>), Error> {
        let io = |what, source| Error::Io { what, path: path.clone(), source };
        let saved = match File::open(&path) {
            Ok(file) => read(file, &path)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Saved { objects: Vec::new(), version: 0 },
            Err(e) => return Err(io("read", e)),
        };
        rewrite(&path, saved.objects.iter(), saved.version)?;
        let file = append_private(&path).map_err(|e| io("open", e))?;
        let lines = saved.objects.len() + 1;
        Ok((Self { path, file, lines, of: PhantomData }, saved))
    }

    /// Adds a change; when most of the file is superfluous it is first written anew from `objects`.
    pub(crate) fn append<'a, I: Iterator<Item = &'a Arc<T>>>(
        &mut self,
        kind: ChangeKind,
        object: &T,
        live: usize,
        objects: impl FnOnce() -> I,
    ) -> io::Result<()> {
        if self.lines > 2 * live + SLACK {
            let version = version_of(object).saturating_sub(1);
            rewrite(&self.path, objects().map(Arc::as_ref), version).map_err(io::Error::other)?;
            self.file = append_private(&self.path)?;
            self.lines = live + 1;
        }
        let line = match kind {
            ChangeKind::Deleted => line::<T>(None, Some(key(object).into_owned()), Some(version_of(object))),
            ChangeKind::Added | ChangeKind::Modified => line(Some(object), None, None),
        }?;
        self.lines += 1;
        self.file.write_all(&line)
    }
}

fn line<T: Object>(object: Option<&T>, deleted: Option<String>, version: Option<u64>) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Line { object, deleted, version })?;
    line.push(b'\n');
    Ok(line)
}

fn rewrite<'a, T: Object>(
    path: &Path,
    objects: impl Iterator<Item = &'a T>,
    version: u64,
) -> Result<(), Error> {
    write_private_with(path, |file| {
        // Line by line: a hundred thousand objects in one piece would be felt.
        let mut file = BufWriter::new(file);
        file.write_all(&line::<T>(None, None, Some(version))?)?;
        objects.map(|object| line(Some(object), None, None)).try_for_each(|line| file.write_all(&line?))?;
        file.flush()
    })
}

fn read<T: Object>(file: File, path: &Path) -> Result<Saved<T>, Error> {
    let mut reader = BufReader::new(file);
    let mut objects = BTreeMap::new();
    let mut version = 0;
    for number in 1.. {
        let mut line = Vec::new();
        let read = (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line);
        if read.map_err(|source| Error::Io { what: "read", path: path.to_owned(), source })? == 0 {
            break;
        }
        if line.last() != Some(&b'\n') {
            // The process died in the middle of this line, before any client saw the change.
            break;
        }
        let wrong =
            |why: String| Error::State { path: path.to_owned(), why: format!("line {number}: {why}") };
        let entry: Line<T> = serde_json::from_slice(&line).map_err(|e| wrong(e.to_string()))?;
        if let Some(key) = entry.deleted {
            objects.remove(&key);
        } else if let Some(object) = entry.object {
            version = version.max(version_of(&object));
            objects.insert(key(&object).into_owned(), object);
        }
        version = version.max(entry.version.unwrap_or(0));
    }
    Ok(Saved { objects: objects.into_values().collect(), version })
}
