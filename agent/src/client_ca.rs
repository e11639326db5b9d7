//! The client CA file, which is replaced while the agent runs: a rotation of the CA puts the new CA into it first.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use certrotate_x509::ClientCa;

use crate::files::{self, FileError};
use crate::last_good::LastGood;
use crate::offload::Offload;

/// The largest client CA file that is read, in bytes.
const MAX_CA_FILE: u64 = 1 << 20;

/// The client CAs in a file, read again at each use. Cheap to clone.
///
/// Every verdict on a chain uses the present content: the scan of the certificate directory, and an issued certificate.
#[derive(Clone, Debug)]
pub struct ClientCaFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    offload: Offload,
    content: LastGood<Content>,
}

#[derive(Debug)]
struct Content {
    /// The bytes, to recognise a change.
    pem: Vec<u8>,
    ca: Arc<ClientCa>,
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.pem == other.pem
    }
}

impl ClientCaFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    ///
    /// The problem of the file, with its remedy.
    pub fn open(path: &Path) -> Result<Self, String> {
        Self::open_by(path, Offload::default())
    }

    /// As [`ClientCaFile::open`]; `offload` reads the file.
    pub(crate) fn open_by(path: &Path, offload: Offload) -> Result<Self, String> {
        let file = Self(Arc::new(Inner { path: path.to_owned(), offload, content: LastGood::default() }));
        let content = flatten(file.0.offload.run(file.read()))?;
        file.0.content.accept(content, &file, describe);
        Ok(file)
    }

    /// Returns the CAs in the file now; the last good ones if the file cannot be used, for instance because it is being
    /// written. It blocks, at most for a deadline.
    #[must_use]
    pub fn fresh(&self) -> Option<Arc<ClientCa>> {
        self.take(flatten(self.0.offload.run(self.read())))
    }

    /// As [`ClientCaFile::fresh`], without blocking the event loop.
    pub(crate) async fn fresh_async(&self) -> Option<Arc<ClientCa>> {
        self.take(flatten(self.0.offload.run_async(self.read()).await))
    }

    fn take(&self, read: Result<Content, String>) -> Option<Arc<ClientCa>> {
        let content = match read {
            Ok(content) => Some(self.0.content.accept(content, self, describe)),
            Err(problem) => self.0.content.fall_back(&problem, self),
        };
        content.map(|content| Arc::clone(&content.ca))
    }

    /// Returns the last good CAs.
    pub(crate) fn last(&self) -> Option<Arc<ClientCa>> {
        self.0.content.get().map(|content| Arc::clone(&content.ca))
    }

    /// Describes the last good content, for the log.
    pub(crate) fn describe(&self) -> String {
        self.0.content.get().map_or_else(|| "not read yet".to_owned(), |content| describe(&content))
    }

    /// Returns the work that reads the file.
    fn read(&self) -> impl FnOnce() -> Result<Content, String> + Send + use<> {
        let (path, has_good) = (self.0.path.clone(), self.0.content.get().is_some());
        move || {
            let pem = files::read(&path, MAX_CA_FILE).map_err(|error| error.to_string())?.to_vec();
            // A cut block is skipped like text, as Go does. After a good version it means that the file is being written.
            if is_cut_off(&pem) && has_good {
                return Err("its last PEM block is cut off; write it to the end".to_owned());
            }
            let ca = ClientCa::read(files::without_bom(&pem)).map_err(|error| error.to_string())?;
            Ok(Content { pem, ca: Arc::new(ca) })
        }
    }
}

fn flatten(read: Result<Result<Content, String>, FileError>) -> Result<Content, String> {
    read.unwrap_or_else(|error| Err(error.to_string()))
}

fn describe(content: &Content) -> String {
    let count = content.pem.windows(BEGIN.len()).filter(|part| *part == BEGIN).count();
    format!("{count} {}", if count == 1 { "certificate" } else { "certificates" })
}

/// Whether a block begins after the end of all others.
fn is_cut_off(pem: &[u8]) -> bool {
    let last = |mark: &[u8]| pem.windows(mark.len()).rposition(|part| part == mark);
    last(BEGIN) > last(END)
}

const END: &[u8] = b"-----END CERTIFICATE-----";
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

impl fmt::Display for ClientCaFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client CA file {}", self.0.path.display())
    }
}
