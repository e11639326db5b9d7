//! Another program that reads the current link, without recovery.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use certrotate_core::id::{Generation, LeafDigest};
use certrotate_x509::bundle;

use crate::CURRENT_LINK;

/// The state of the current link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Raw {
    /// The name does not exist.
    Absent,
    /// A link to a missing file.
    Dangling(PathBuf),
    /// No whole bundle in a file of mode 0600; the text says why.
    Broken(String),
    /// A whole bundle.
    Whole(Generation, LeafDigest),
}

/// Opens and reads the current link, as any program would.
#[must_use]
pub fn raw(directory: &Path) -> Raw {
    let path = directory.join(CURRENT_LINK);
    match look(&path, None) {
        Raw::Absent => match fs::read_link(&path) {
            Err(_) => Raw::Absent,
            // The node may have made the name after the failed read: only a link that still leads
            // nowhere is dangling.
            Ok(target) => match look(&path, None) {
                Raw::Absent => Raw::Dangling(target),
                other => other,
            },
        },
        other => other,
    }
}

/// Opens the link once and reads it once. `known` caches the result for the last bytes.
fn look(path: &Path, mut known: Option<&mut (Vec<u8>, Raw)>) -> Raw {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Raw::Absent,
        Err(error) => return Raw::Broken(format!("cannot be opened: {error}")),
    };
    let mut bytes = Vec::new();
    if let Err(error) = file.read_to_end(&mut bytes) {
        return Raw::Broken(format!("cannot be read: {error}"));
    }
    match file.metadata() {
        Ok(metadata) if metadata.permissions().mode() & 0o7777 == 0o600 => {}
        Ok(metadata) => {
            return Raw::Broken(format!("has mode {:04o}", metadata.permissions().mode() & 0o7777));
        }
        Err(error) => return Raw::Broken(format!("cannot be looked at: {error}")),
    }
    match &mut known {
        Some(known) if known.0 == bytes => known.1.clone(),
        Some(known) => {
            let seen = decode(&bytes);
            **known = (bytes, seen.clone());
            seen
        }
        None => decode(&bytes),
    }
}

fn decode(bytes: &[u8]) -> Raw {
    match bundle::decode(bytes, None) {
        Err(why) => Raw::Broken(format!("of {} bytes: {why}", bytes.len())),
        Ok(found) if found.key.digest() != found.facts.key => {
            Raw::Broken("key and certificate are of two generations".to_owned())
        }
        Ok(found) => Raw::Whole(found.header.generation, found.facts.leaf),
    }
}

/// A program that reads the current link repeatedly. Once the link exists, the reader must never
/// find it missing, partial or mixed.
#[derive(Debug)]
pub struct Reader {
    ended: Arc<AtomicBool>,
    reads: Arc<AtomicU64>,
    wrong: Arc<Mutex<Option<String>>>,
    thread: JoinHandle<()>,
}

impl Reader {
    /// Starts to read.
    #[must_use]
    pub fn start(directory: &Path) -> Self {
        let (ended, reads, wrong) = (Arc::default(), Arc::default(), Arc::default());
        let thread = {
            let directory = directory.to_owned();
            let (ended, reads, wrong) = (Arc::clone(&ended), Arc::clone(&reads), Arc::clone(&wrong));
            thread::spawn(move || read_on(&directory, &ended, (&reads, &wrong)))
        };
        Self { ended, reads, wrong, thread }
    }

    /// Waits until the reader has begun and finished one more read, or has stopped.
    ///
    /// On a node, hours lie between two renewals: a reader that followed the current link opens its
    /// bundle long before the node removes the bundle. Here time jumps from one renewal to the
    /// next, so the test must wait.
    pub fn catch_up(reads: &AtomicU64) {
        let begun = reads.load(Ordering::Relaxed);
        while reads.load(Ordering::Relaxed) < begun.saturating_add(2) {
            thread::yield_now();
        }
    }

    /// The number of reads, for [`Reader::catch_up`].
    #[must_use]
    pub fn looks(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.reads)
    }

    /// Finishes one more read, stops, and returns the number of reads.
    ///
    /// # Errors
    ///
    /// The first violation that the reader saw.
    pub fn end(self) -> Result<u64, String> {
        Self::catch_up(&self.reads);
        self.ended.store(true, Ordering::Relaxed);
        if self.thread.join().is_err() {
            return Err("the reader panicked".to_owned());
        }
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner).take();
        wrong.map_or_else(|| Ok(self.reads.load(Ordering::Relaxed)), Err)
    }
}

fn read_on(directory: &Path, ended: &AtomicBool, (reads, wrong): (&AtomicU64, &Mutex<Option<String>>)) {
    let path = directory.join(CURRENT_LINK);
    let mut known = (Vec::new(), Raw::Absent);
    let mut latest = None;
    while !ended.load(Ordering::Relaxed) {
        let complaint = match (look(&path, Some(&mut known)), latest) {
            (Raw::Absent, None) => None,
            (Raw::Whole(generation, _), earlier) => {
                latest = Some(generation);
                earlier
                    .filter(|earlier| generation < *earlier)
                    .map(|earlier| format!("S13: a reader saw generation {generation} after {earlier}"))
            }
            (other, _) => Some(format!("S3: a reader saw the current link {other:?}")),
        };
        if let Some(complaint) = complaint {
            *wrong.lock().unwrap_or_else(PoisonError::into_inner) = Some(complaint);
            // Release every thread that waits for another read.
            reads.store(u64::MAX, Ordering::Relaxed);
            return;
        }
        reads.fetch_add(1, Ordering::Relaxed);
    }
}
