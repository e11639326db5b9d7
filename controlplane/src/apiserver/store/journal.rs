//! Keeps the objects of a directory across runs: one line per change, with a checksum, synced before the change is answered.
//!
//! The file only grows until most of its lines are superseded. Then it is written anew under a temporary name, and
//! renamed. A failed append is cut back, so that the next line begins where a line may begin. A line that cannot be read
//! is moved aside, into the file with `.unreadable` behind its name, and the log names its object.
//!
//! `docs/controlplane.md` says why this is no embedded database.

use std::fs;
use std::io;
use std::io::{BufWriter, Write};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing::{info, warn};

use crate::apiserver::object::Object;
use crate::apiserver::store::journal::disk::{Disk, FileDisk};
use crate::apiserver::store::journal::read::{Contents, read};
use crate::base::error::Error;
use crate::base::files::{append_private, open_regular};

mod disk;
mod read;
mod record;
#[cfg(test)]
mod tests;

pub(crate) use record::encode;

/// Superseded lines that the file may have before it is written anew.
const SLACK: usize = 10_000;
/// Versions that are left out when a line cannot be read: it may have had the newest one.
const VERSION_GAP: u64 = 1_000_000;

/// The open journal.
pub(crate) struct Journal<T> {
    path: PathBuf,
    disk: Box<dyn Disk>,
    lines: usize,
    /// The number of lines at which the superseded ones are counted next.
    next_look: usize,
    /// The file may have more than its last good line: it is written anew before the next one.
    is_damaged: bool,
    is_failing: bool,
    of: PhantomData<fn(T)>,
}

/// The state that an earlier run left.
pub(crate) struct Saved<T> {
    pub(crate) objects: Vec<T>,
    pub(crate) version: u64,
}

/// The objects that live now, and the version of the newest change.
type Live<T> = (Vec<Arc<T>>, u64);

impl<T: Object> Journal<T> {
    /// Reads the file, and keeps it open for appending. A file of an earlier format is converted; unreadable lines are
    /// moved aside.
    pub(crate) fn open(path: PathBuf) -> Result<(Self, Saved<T>), Error> {
        let failed = |what, source| Error::Journal { what, path: path.clone(), source };
        let contents = match open_regular(&path) {
            Ok(file) => read(file).map_err(|e| failed("read", e))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Contents::default(),
            Err(e) => return Err(failed("read", e)),
        };
        let Contents { objects, mut version, lines, unreadable, is_old, is_open_ended } = contents;
        if is_old {
            let old = with_suffix(&path, ".v1");
            fs::copy(&path, &old).map_err(|e| failed("copy", e))?;
            info!(file = %path.display(), copy = %old.display(), objects = objects.len(), "converted to the new format");
        }
        if !unreadable.is_empty() {
            let aside = with_suffix(&path, ".unreadable");
            let mut file =
                append_private(&aside).map_err(|e| failed("open the copy of unreadable lines of", e))?;
            for line in &unreadable {
                warn!(
                    file = %path.display(), line = line.number, object = %line.object, why = line.why, moved_to = %aside.display(),
                    "a line of the journal cannot be read; its change is lost, an earlier state of the object stays"
                );
                let bytes = [&line.bytes[..], b"\n"].concat();
                file.write_all(&bytes).map_err(|e| failed("move an unreadable line of", e))?;
            }
            file.sync_all().map_err(|e| failed("move an unreadable line of", e))?;
            version += VERSION_GAP;
        }
        let is_rewritten = is_old
            || is_open_ended
            || lines == 0
            || !unreadable.is_empty()
            || lines > 2 * objects.len() + SLACK;
        let mut disk = FileDisk::open(&path).map_err(|e| failed("open", e))?;
        if is_rewritten {
            rewrite(&mut disk, objects.iter(), version).map_err(|e| failed("write", e))?;
        }
        let lines = if is_rewritten { objects.len() + 1 } else { lines };
        Ok((Self::on(Box::new(disk), path, lines), Saved { objects, version }))
    }

    fn on(disk: Box<dyn Disk>, path: PathBuf, lines: usize) -> Self {
        Self {
            path,
            disk,
            lines,
            next_look: lines + SLACK,
            is_damaged: false,
            is_failing: false,
            of: PhantomData,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the last append failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing
    }

    /// Adds the lines of some changes, and syncs. On an error the file is as it was, or is written anew before the next
    /// append. `live` returns the objects without these changes.
    pub(crate) fn append(
        &mut self,
        (bytes, lines): (&[u8], usize),
        live: impl FnOnce() -> Live<T>,
    ) -> io::Result<()> {
        let appended = self.try_append((bytes, lines), live);
        self.is_failing = appended.is_err();
        appended
    }

    fn try_append(
        &mut self,
        (bytes, lines): (&[u8], usize),
        live: impl FnOnce() -> Live<T>,
    ) -> io::Result<()> {
        // This is rare, because `live` takes the lock of the store.
        if self.is_damaged || self.lines > self.next_look {
            self.next_look = self.lines + SLACK / 10;
            let (objects, version) = live();
            if self.is_damaged || self.lines > 2 * objects.len() + SLACK {
                self.is_damaged = true;
                rewrite(&mut *self.disk, objects.iter().map(Arc::as_ref), version)?;
                self.lines = objects.len() + 1;
                self.next_look = self.lines + SLACK;
                self.is_damaged = false;
            }
        }
        let written = self.disk.append(bytes);
        if written.is_ok() {
            // After a failed sync the content of the disk is unknown: the file is written anew, not synced again.
            self.is_damaged = true;
            self.disk.sync()?;
            self.is_damaged = false;
            self.lines += lines;
            return Ok(());
        }
        self.is_damaged = self.disk.cut_back().is_err();
        written
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn rewrite<'a, T: Object>(
    disk: &mut dyn Disk,
    objects: impl Iterator<Item = &'a T>,
    version: u64,
) -> io::Result<()> {
    let mut objects = Some(objects);
    disk.replace(&mut |file| {
        // Line by line: a hundred thousand objects in one piece would be felt.
        let mut file = BufWriter::with_capacity(1 << 16, file);
        file.write_all(&record::base(version))?;
        for object in objects.take().into_iter().flatten() {
            file.write_all(&record::put(object)?)?;
        }
        file.flush()
    })
}
