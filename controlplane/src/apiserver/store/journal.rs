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

use crate::apiserver::object::{Object, Size};
use crate::apiserver::store::journal::disk::{Disk, FileDisk, NotReplaced};
use crate::apiserver::store::journal::read::{Contents, read};
use crate::base::error::Error;
use crate::base::files::{append_private, open_regular, remove_temporary};

mod disk;
mod read;
mod record;
#[cfg(test)]
mod tests;

pub(crate) use record::encode;

/// Superseded lines that the file may have before it is written anew.
const SLACK: usize = 10_000;
/// Superseded bytes that the file may have before it is written anew.
const SLACK_BYTES: u64 = 64 << 20;
/// Versions that are left out when a line cannot be read: it may have had the newest one.
const VERSION_GAP: u64 = 1_000_000;

/// The open journal.
pub(crate) struct Journal<T> {
    path: PathBuf,
    disk: Box<dyn Disk>,
    size: Length,
    slack_bytes: u64,
    /// After a failed try the file is not written anew before it has this many bytes.
    postponed_to: u64,
    /// The file may have more than its last good line, or its name may lead to another: it is written anew before the next one.
    is_damaged: bool,
    is_failing: bool,
    of: PhantomData<fn(T)>,
}

/// Lines and bytes of a file.
#[derive(Clone, Copy, Debug, Default)]
struct Length {
    lines: usize,
    bytes: u64,
}

impl Length {
    /// Whether most of a file is superseded, of which so many objects are live, with so many bytes.
    fn is_mostly_superseded(self, (objects, bytes): (usize, u64), slack_bytes: u64) -> bool {
        self.lines > 2 * objects + SLACK || self.bytes > 2 * bytes + slack_bytes
    }
}

/// The live objects, without the changes that are being appended.
pub(crate) trait Source<T> {
    /// The number of objects, and the bytes of their JSON form.
    fn size(&self) -> (usize, u64);

    /// The objects, and the version of the newest change.
    fn objects(&self) -> (Vec<Arc<T>>, u64);
}

/// The state that an earlier run left.
pub(crate) struct Saved<T> {
    pub(crate) objects: Vec<T>,
    pub(crate) version: u64,
}

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
        let mut disk = FileDisk::open(&path).map_err(|e| failed("open", e))?;
        remove_temporary(&path).map_err(|e| failed("remove the temporary file beside", e))?;
        let mut size = Length { lines, bytes: disk.length() };
        let is_required = is_old || is_open_ended || lines == 0 || !unreadable.is_empty();
        let json = objects.iter().map(|object| Size::of(object).json as u64).sum();
        if is_required || size.is_mostly_superseded((objects.len(), json), SLACK_BYTES) {
            match rewrite(&mut disk, objects.iter(), version) {
                Ok(written) => size = written,
                // The file is good, only long.
                Err(NotReplaced::Unchanged(error)) if !is_required => {
                    warn_of_failed_compaction(&path, &error)
                }
                Err(error) => return Err(failed("write", error.into_error())),
            }
        }
        Ok((Self::on(Box::new(disk), path, size), Saved { objects, version }))
    }

    fn on(disk: Box<dyn Disk>, path: PathBuf, size: Length) -> Self {
        Self {
            path,
            disk,
            size,
            slack_bytes: SLACK_BYTES,
            postponed_to: 0,
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
    /// append.
    pub(crate) fn append(&mut self, lines: (&[u8], usize), live: &impl Source<T>) -> io::Result<()> {
        let appended = self.compact_if_due(live).and_then(|()| self.try_append(lines));
        self.is_failing = appended.is_err();
        appended
    }

    /// Writes the file anew if it must be, if most of it is superseded, or if soon there is no room to do it.
    fn compact_if_due(&mut self, live: &impl Source<T>) -> io::Result<()> {
        if self.is_damaged {
            return self.compact(live);
        }
        let (objects, bytes) = live.size();
        let is_tight = || {
            let needed = bytes + bytes / 4;
            self.size.bytes > needed + self.slack_bytes / 16
                && self.disk.room().is_some_and(|room| room < needed + self.slack_bytes / 4)
        };
        let is_due = self.size.is_mostly_superseded((objects, bytes), self.slack_bytes) || is_tight();
        if !is_due || self.size.bytes < self.postponed_to {
            return Ok(());
        }
        match self.compact(live) {
            Err(error) if !self.is_damaged => {
                warn_of_failed_compaction(&self.path, &error);
                self.postponed_to = self.size.bytes + self.slack_bytes / 8;
                Ok(())
            }
            compacted => compacted,
        }
    }

    fn compact(&mut self, live: &impl Source<T>) -> io::Result<()> {
        let (objects, version) = live.objects();
        match rewrite(&mut *self.disk, objects.iter().map(Arc::as_ref), version) {
            Ok(size) => {
                (self.size, self.postponed_to, self.is_damaged) = (size, 0, false);
                Ok(())
            }
            Err(error) => {
                self.is_damaged |= matches!(error, NotReplaced::Unknown(_));
                Err(error.into_error())
            }
        }
    }

    fn try_append(&mut self, (bytes, lines): (&[u8], usize)) -> io::Result<()> {
        let written = self.disk.append(bytes);
        let synced = written.and_then(|()| {
            // After a failed sync the content of the disk is unknown: the file is written anew, not synced again.
            self.is_damaged = true;
            self.disk.sync()
        });
        match synced {
            Ok(()) => {
                self.is_damaged = false;
                self.size.lines += lines;
                self.size.bytes += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Also after a failed sync: a restart must not find a change that is answered with an error.
                self.is_damaged |= self.disk.cut_back().is_err();
                Err(error)
            }
        }
    }
}

fn warn_of_failed_compaction(path: &Path, error: &io::Error) {
    warn!(
        file = %path.display(), %error,
        "the superseded lines of the journal cannot be removed, so that it grows; this is tried again: free space"
    );
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
) -> Result<Length, NotReplaced> {
    let (mut objects, mut size) = (Some(objects), Length::default());
    disk.replace(&mut |file| {
        // Line by line: a hundred thousand objects in one piece would be felt.
        let mut file = BufWriter::with_capacity(1 << 16, file);
        let lines = objects.take().into_iter().flatten().map(record::put);
        for line in [Ok(record::base(version))].into_iter().chain(lines) {
            let line = line?;
            file.write_all(&line)?;
            size.lines += 1;
            size.bytes += line.len() as u64;
        }
        file.flush()
    })?;
    Ok(size)
}
