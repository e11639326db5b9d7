//! Where a signer's authority comes from: made by the control plane, or read from files that may be replaced at any time.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::{fmt, io};

use tracing::{info, warn};
use zeroize::Zeroizing;

use crate::base::error::Error;
use crate::base::files::open_regular;
use crate::base::sync::lock;
use crate::signing::pki::authority::Authority;

#[cfg(test)]
mod tests;

/// The largest CA file that is read.
const LARGEST: u64 = 1 << 20;

/// A CA certificate file and the file of its key, both PEM. The certificate file may hold more: intermediate certificates
/// follow each leaf, others are ignored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaFiles {
    /// `--cluster-signing-cert-file`.
    pub certificate: PathBuf,
    /// `--cluster-signing-key-file`.
    pub key: PathBuf,
}

/// Called with each authority before it signs.
type Trust = Arc<dyn Fn(&Authority) + Send + Sync>;

/// An authority that may be another one the next time.
#[derive(Clone)]
pub(crate) struct Source(Arc<Inner>);

struct Inner {
    files: Option<CaFiles>,
    trust: Option<Trust>,
    state: Mutex<State>,
}

struct State {
    current: Arc<Authority>,
    /// The stamps of the files at the last read.
    seen: Option<Stamps>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("files", &self.0.files).finish_non_exhaustive()
    }
}

impl Source {
    /// This one, until it is [`replaced`](Self::replace).
    pub(crate) fn made(authority: Arc<Authority>) -> Self {
        Self::new(authority, None, None, None)
    }

    /// Whatever the files hold; now they must hold something usable.
    pub(crate) fn files(files: CaFiles, trust: Option<Trust>) -> Result<Self, Error> {
        let seen = Stamps::of(&files);
        let authority = Arc::new(read(&files)?);
        if let Some(trust) = &trust {
            trust(&authority);
        }
        Ok(Self::new(authority, Some(files), trust, seen.ok()))
    }

    fn new(
        current: Arc<Authority>,
        files: Option<CaFiles>,
        trust: Option<Trust>,
        seen: Option<Stamps>,
    ) -> Self {
        Self(Arc::new(Inner { files, trust, state: Mutex::new(State { current, seen }) }))
    }

    /// Signs with another authority from now on.
    pub(crate) fn replace(&self, authority: Arc<Authority>) {
        lock(&self.0.state).current = authority;
    }

    /// The authority to sign with now. Files that have changed are read; what they hold counts only if it is a pair,
    /// so that a replacement that is half done, or wrong, leaves the old authority in place.
    pub(crate) fn current(&self) -> Arc<Authority> {
        let mut state = lock(&self.0.state);
        let Some(files) = &self.0.files else { return Arc::clone(&state.current) };
        let stamps = match Stamps::of(files) {
            Ok(stamps) if state.seen == Some(stamps) => return Arc::clone(&state.current),
            Ok(stamps) => Some(stamps),
            Err(_) if state.seen.is_none() => return Arc::clone(&state.current),
            Err(_) => None,
        };
        state.seen = stamps;
        match read(files) {
            Ok(new) => {
                if new.der() != state.current.der() {
                    info!(file = %files.certificate.display(), "a new CA signs from now on");
                }
                let new = Arc::new(new);
                if let Some(trust) = &self.0.trust {
                    trust(&new);
                }
                state.current = new;
            }
            Err(error) => warn!(%error, "the CA files are not usable; the CA that was read before goes on"),
        }
        Arc::clone(&state.current)
    }
}

/// Identifies one state of a file: device, inode, size, mtime and ctime.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamps {
    certificate: Stamp,
    key: Stamp,
}

impl Stamps {
    fn of(files: &CaFiles) -> io::Result<Self> {
        Ok(Self { certificate: stamp(&files.certificate)?, key: stamp(&files.key)? })
    }
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let meta = std::fs::metadata(path)?;
    let (modified, changed) = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
    Ok((meta.dev(), meta.ino(), meta.size(), modified, changed))
}

fn read(files: &CaFiles) -> Result<Authority, Error> {
    let certificate = text(&files.certificate)?;
    let key = text(&files.key)?;
    Authority::load(&certificate, key).map_err(|error| Error::CaFiles {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        why: error.to_string(),
    })
}

fn text(path: &Path) -> Result<Zeroizing<String>, Error> {
    let io = |source| Error::Io { what: "read", path: path.to_owned(), source };
    let file = open_regular(path).map_err(io)?;
    // Room for all of it at once: a string that grows leaves copies of a key behind.
    let room = file.metadata().map_err(io)?.len().min(LARGEST);
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(room).unwrap_or(0) + 1));
    file.take(LARGEST).read_to_string(&mut text).map_err(io)?;
    Ok(text)
}
