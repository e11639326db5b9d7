//! Why the control plane could not start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::{fmt, io};

/// Why [`crate::ControlPlane::start`] or a helper of [`crate::Handle`] failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be used.
    Io {
        /// The failed action, as a verb phrase.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Other users can change the directory.
    Unsafe {
        /// The directory or file.
        path: PathBuf,
        /// The defect, with the remedy.
        why: String,
    },
    /// Another control plane runs on the same directory.
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The saved state of an earlier run cannot be used.
    State {
        /// The file.
        path: PathBuf,
        /// The defect.
        why: String,
    },
    /// The file that keeps the objects could not be used.
    Journal {
        /// The failed action, as a verb phrase.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The files of a certificate authority cannot be used.
    CaFiles {
        /// The certificate's.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
        /// The defect.
        why: String,
    },
    /// The kept certificate authority has expired.
    CaExpired,
    /// The port could not be bound.
    Bind {
        /// The requested address.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// An option has a value that cannot work.
    Option {
        /// The option as the command line calls it.
        name: &'static str,
        /// The defect, with the remedy.
        why: String,
    },
    /// Making or reading a key or certificate failed.
    Crypto(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { what, path, source } => {
                write!(f, "cannot {what} {}: {source}", path.display())
            }
            Self::Unsafe { path, why } => write!(f, "{} {why}", path.display()),
            Self::Locked { dir } => {
                write!(f, "another control plane uses {}: stop it or choose another directory", dir.display())
            }
            Self::State { path, why } => write!(
                f,
                "{} is not usable ({why}): restore it, or remove the directory to start with a new CA",
                path.display()
            ),
            Self::Journal { what, path, source } => write!(
                f,
                "cannot {what} {}, which keeps the objects: {source} (free space or mend the disk, or move the file away \
                 to start without objects and with the same CA)",
                path.display()
            ),
            Self::CaFiles { certificate, key, why } => write!(
                f,
                "{} and {} are not usable as a CA ({why}): give a CA certificate and its key, both PEM",
                certificate.display(),
                key.display()
            ),
            Self::CaExpired => f.write_str(
                "the kept certificate authority has expired: remove the directory to start with a new one",
            ),
            Self::Bind { address, source } => {
                write!(f, "cannot listen on {address}: {source} (choose another port, or 0 for any)")
            }
            Self::Option { name, why } => write!(f, "{name}: {why}"),
            Self::Crypto(why) => write!(f, "key or certificate: {why}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::Journal { source, .. } | Self::Bind { source, .. } => {
                Some(source)
            }
            Self::Unsafe { .. }
            | Self::Locked { .. }
            | Self::State { .. }
            | Self::CaFiles { .. }
            | Self::CaExpired
            | Self::Option { .. }
            | Self::Crypto(_) => None,
        }
    }
}
