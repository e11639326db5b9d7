//! Keeps the objects of a directory across runs: one JSON line per change, written before the change is told.
//!
//! It survives the death of the process, not that of the machine: nothing is synced, since a
//! control plane for trials and tests is not worth a disk flush per change.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{Csr, name};
use crate::dir::{self, append_private};
use crate::error::Error;
use crate::store::Kind;

#[cfg(test)]
mod tests;

/// A line longer than any object that the API takes.
const LONGEST_LINE: u64 = 16 << 20;
/// Lines that may be superfluous before the file is written anew.
const SLACK: usize = 10_000;

/// The open journal.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
}

/// What an earlier run left.
pub(crate) struct Kept {
    pub(crate) objects: Vec<Csr>,
    pub(crate) version: u64,
}

impl Journal {
    /// Reads what is there, writes it anew without what is superfluous, and stays open for more.
    pub(crate) fn open(path: PathBuf) -> Result<(Self, Kept), Error> {
        let io = |what, source| Error::Io { what, path: path.clone(), source };
        let kept = match File::open(&path) {
            Ok(file) => read(file, &path)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Kept { objects: Vec::new(), version: 0 },
            Err(e) => return Err(io("read", e)),
        };
        rewrite(&path, kept.objects.iter(), kept.version)?;
        let file = append_private(&path).map_err(|e| io("open", e))?;
        let lines = kept.objects.len() + 1;
        Ok((Self { path, file, lines }, kept))
    }

    /// Adds a change; when most of the file is superfluous it is first written anew from `objects`.
    pub(crate) fn append<'a, I: Iterator<Item = &'a Arc<Csr>>>(
        &mut self,
        kind: Kind,
        object: &Csr,
        live: usize,
        objects: impl FnOnce() -> I,
    ) -> io::Result<()> {
        if self.lines > 2 * live + SLACK {
            let version = version_of(object).saturating_sub(1);
            rewrite(&self.path, objects().map(Arc::as_ref), version).map_err(io::Error::other)?;
            self.file = append_private(&self.path)?;
            self.lines = live + 1;
        }
        let mut line = match kind {
            Kind::Deleted => json!({"deleted": name(object), "version": version_of(object)}),
            Kind::Added | Kind::Modified => json!({"object": object}),
        }
        .to_string();
        line.push('\n');
        self.lines += 1;
        self.file.write_all(line.as_bytes())
    }
}

fn rewrite<'a>(path: &Path, objects: impl Iterator<Item = &'a Csr>, version: u64) -> Result<(), Error> {
    let mut text = json!({"version": version}).to_string() + "\n";
    for object in objects {
        text.push_str(&json!({"object": object}).to_string());
        text.push('\n');
    }
    dir::write_private(path, text.as_bytes())
}

fn read(file: File, path: &Path) -> Result<Kept, Error> {
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
            // The process died in the middle of this line, before anybody was told of it.
            break;
        }
        let wrong =
            |why: String| Error::State { path: path.to_owned(), why: format!("line {number}: {why}") };
        let mut entry: Value = serde_json::from_slice(&line).map_err(|e| wrong(e.to_string()))?;
        if let Some(name) = entry["deleted"].as_str() {
            objects.remove(name);
        } else if entry.get("object").is_some() {
            let csr: Csr =
                serde_json::from_value(entry["object"].take()).map_err(|e| wrong(e.to_string()))?;
            version = version.max(version_of(&csr));
            objects.insert(name(&csr).to_owned(), csr);
        }
        version = version.max(entry["version"].as_u64().unwrap_or(0));
    }
    Ok(Kept { objects: objects.into_values().collect(), version })
}

fn version_of(csr: &Csr) -> u64 {
    csr.metadata.resource_version.as_deref().and_then(|v| v.parse().ok()).unwrap_or(0)
}
