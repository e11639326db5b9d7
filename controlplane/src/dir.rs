//! The directory of a control plane: a lock, private files, and the state that survives a restart.

use std::fs::{DirBuilder, File, Metadata, TryLockError};
use std::io;
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::apiserver::access::token::new_token;
use crate::base::error::Error;
use crate::base::files::{append_private, open_regular, write_private};
use crate::base::time::{seconds_down, seconds_up};
use crate::options::Options;
use crate::signing::pki::authority::{Authority, ClientIdentity};

#[cfg(test)]
mod tests;

const STATE: &str = "controlplane.json";
const SUCCESSORS: &str = "signing-ca.crt";
const SUCCESSOR_KEY: &str = "signing-ca.key";
const LARGEST_STATE: u64 = 1 << 20;
/// An admin certificate with less than this is replaced at the start.
const ADMIN_LEFT: i64 = 24 * 60 * 60;
const ADMIN_LIFE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The state that survives a restart: one file, so that it is never half old and half new.
#[derive(Deserialize, Serialize)]
struct State {
    ca_certificate: String,
    ca_key: String,
    admin_certificate: String,
    admin_key: String,
    admin_not_after: i64,
    token: String,
    /// Seconds since the epoch.
    token_end: u64,
    port: u16,
}

impl Drop for State {
    fn drop(&mut self) {
        for secret in [&mut self.ca_key, &mut self.admin_key, &mut self.token] {
            secret.zeroize();
        }
    }
}

/// The secrets of a run, new or saved.
pub(crate) struct Secrets {
    pub(crate) authority: Authority,
    pub(crate) admin: ClientIdentity,
    admin_not_after: i64,
    pub(crate) token: Zeroizing<String>,
    pub(crate) token_end: SystemTime,
    /// Port of the last run; 0: none.
    pub(crate) port: u16,
}

impl Secrets {
    /// Takes the secrets of `saved`, and replaces the expired ones.
    fn resume(saved: Option<&State>, path: &Path, options: &Options) -> Result<Self, Error> {
        let now = options.clock.now();
        let unusable = |e: Error| Error::State { path: path.to_owned(), why: e.to_string() };
        let authority = match saved {
            Some(state) => {
                let key = Zeroizing::new(state.ca_key.clone());
                Authority::load(&state.ca_certificate, key).map_err(unusable)?
            }
            None => Authority::create(now, options.ca_lifetime)?,
        };
        if seconds_down(now) >= authority.validity().1 {
            return Err(Error::CaExpired);
        }
        let saved_admin = saved.filter(|state| state.admin_not_after > seconds_down(now) + ADMIN_LEFT);
        let (admin, admin_not_after) = match saved_admin {
            Some(state) => {
                let key = Zeroizing::new(state.admin_key.clone());
                let certificate = state.admin_certificate.clone();
                (ClientIdentity { certificate, key }, state.admin_not_after)
            }
            None => {
                let start = now.checked_sub(options.backdate).unwrap_or(UNIX_EPOCH);
                let span = (seconds_down(start), seconds_up(now + ADMIN_LIFE));
                let groups = [crate::apiserver::user::MASTERS.to_owned()];
                (authority.client_identity("certrotate-admin", &groups, span)?, span.1)
            }
        };
        let end = |state: &State| UNIX_EPOCH + Duration::from_secs(state.token_end);
        let (token, token_end) = match saved.filter(|state| now < end(state)) {
            Some(state) => (Zeroizing::new(state.token.clone()), end(state)),
            None => (Zeroizing::new(new_token()?), now + options.token_ttl),
        };
        let port = saved.map_or(0, |state| state.port);
        Ok(Self { authority, admin, admin_not_after, token, token_end, port })
    }

    /// Secrets that nothing keeps.
    pub(crate) fn new(options: &Options) -> Result<Self, Error> {
        Self::resume(None, Path::new(""), options)
    }
}

/// Refuses a directory that other users can write to: they could put another file behind any name in it. The rules are
/// those of `certrotate run`.
fn check_safe(path: &Path, dir: &Metadata) -> Result<(), Error> {
    let (owner, ours) = (dir.uid(), rustix::process::geteuid().as_raw());
    let mode = dir.mode() & 0o7777;
    let shown = path.display();
    let why = if owner != 0 && owner != ours {
        format!(
            "belongs to user {owner}, neither to root nor to the user this runs as ({ours}): run chown {ours} {shown}, or \
             choose another directory"
        )
    } else if mode & 0o022 != 0 {
        format!(
            "may be written by group or others (mode {mode:04o}): run chmod go-w {shown}, or choose another directory"
        )
    } else {
        return Ok(());
    };
    Err(Error::Unsafe { path: path.to_owned(), why })
}

/// A locked directory; the lock ends with the value.
pub(crate) struct Dir {
    path: PathBuf,
    _lock: File,
}

impl Dir {
    /// Creates it (0700) where it is missing, refuses one that other users can change, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let io = |what, source| Error::Io { what, path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| io("create", e))?;
        check_safe(path, &File::open(path).and_then(|dir| dir.metadata()).map_err(|e| io("open", e))?)?;
        let file = path.join("lock");
        let lock = append_private(&file).map_err(|source| match source.raw_os_error() {
            Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => {
                Error::Unsafe { path: file, why: "is a symbolic link: remove it".to_owned() }
            }
            _ => Error::Io { what: "open", path: file, source },
        })?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { dir: path.to_owned() }),
            Err(TryLockError::Error(e)) => Err(io("lock", e)),
        }
    }

    /// The path that was opened.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the secrets of the last run, the expired ones replaced; new ones without a last run.
    pub(crate) fn secrets(&self, options: &Options) -> Result<Secrets, Error> {
        let path = self.path.join(STATE);
        let saved = match open_regular(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(source) => {
                return Err(Error::Io { what: "read", path, source });
            }
            Ok(file) => {
                let mut text = Zeroizing::new(Vec::new());
                let read = file.take(LARGEST_STATE).read_to_end(&mut text);
                read.map_err(|source| Error::Io { what: "read", path: path.clone(), source })?;
                let state: State = serde_json::from_slice(&text)
                    // The parser's message could quote a secret.
                    .map_err(|e| Error::State {
                        path: path.clone(),
                        why: format!("malformed at line {}", e.line()),
                    })?;
                Some(state)
            }
        };
        Secrets::resume(saved.as_ref(), &path, options)
    }

    /// Keeps the secrets and the port for the next run.
    pub(crate) fn keep(&self, secrets: &Secrets, port: u16) -> Result<(), Error> {
        let since = secrets.token_end.duration_since(UNIX_EPOCH).unwrap_or_default();
        let state = State {
            ca_certificate: secrets.authority.pem().to_owned(),
            ca_key: secrets.authority.key_pem().to_string(),
            admin_certificate: secrets.admin.certificate.clone(),
            admin_key: secrets.admin.key.to_string(),
            admin_not_after: secrets.admin_not_after,
            token: secrets.token.to_string(),
            token_end: since.as_secs(),
            port,
        };
        let text = serde_json::to_vec(&state).map(Zeroizing::new);
        let text = text.map_err(|e| Error::Crypto(format!("cannot write the state: {e}")))?;
        self.write(STATE, &text)
    }

    /// The CAs that signed after the first one, PEM, the newest first, and the key of the newest; `None` before a roll-over.
    pub(crate) fn successors(&self) -> Result<Option<(String, Zeroizing<String>)>, Error> {
        let read = |name: &str| {
            let path = self.path.join(name);
            let text = open_regular(&path).and_then(|file| io::read_to_string(file.take(LARGEST_STATE)));
            match text {
                Ok(text) => Ok(Some(Zeroizing::new(text))),
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(source) => Err(Error::Io { what: "read", path, source }),
            }
        };
        let certificates = read(SUCCESSORS)?;
        Ok(certificates.zip(read(SUCCESSOR_KEY)?).map(|(certificates, key)| (certificates.to_string(), key)))
    }

    /// Keeps a CA that signs from now on, before it does.
    pub(crate) fn succeed(&self, new: &Authority) -> Result<(), Error> {
        let older = self.successors()?.map_or_else(String::new, |(certificates, _)| certificates);
        // The certificates come first: that of the older key is among them, so that it signs on after a crash here.
        self.write(SUCCESSORS, format!("{}{older}", new.pem()).as_bytes())?;
        self.write(SUCCESSOR_KEY, new.key_pem().as_bytes())
    }

    /// Writes `ca.crt`: the CAs that clients may meet, the first one and those that followed.
    pub(crate) fn write_cas(&self, first: &Authority) -> Result<(), Error> {
        let followed = self.successors()?.map_or_else(String::new, |(certificates, _)| certificates);
        self.write("ca.crt", format!("{}{followed}", first.pem()).as_bytes())
    }

    /// Writes a private file.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        write_private(&self.path.join(name), content)
    }
}
