//! The errors of a kubeconfig. Each names the file, the field and the remedy.

use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};

use crate::files::FileError;

/// The most characters of a path in a message: as long as Linux takes one.
const LONGEST_PATH: usize = 4096;
/// The most characters of a name in a message.
const LONGEST_NAME: usize = 200;

/// Why a kubeconfig, or a file that it names, is unusable.
#[derive(Debug)]
pub struct KubeconfigError {
    /// The kubeconfig.
    pub path: PathBuf,
    /// The problem.
    pub problem: Problem,
}

/// A problem of a kubeconfig.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// It was not read.
    Unread(FileError),
    /// It is empty.
    Empty,
    /// It is not UTF-8.
    NotText,
    /// It is not YAML of a kubeconfig's shape.
    NotYaml {
        /// Line and column, from 1.
        place: Option<(usize, usize)>,
    },
    /// It exceeds the budget of the YAML reader: its nesting, its entries or its aliases.
    TooComplex,
    /// `current-context` is missing or empty.
    NoCurrentContext,
    /// There is no context of the name in `current-context`.
    NoContext {
        /// That name.
        name: String,
    },
    /// There is no cluster of the name in the context.
    NoCluster {
        /// That name.
        name: String,
    },
    /// There is no user of the name in the context.
    NoUser {
        /// That name.
        name: String,
    },
    /// The cluster has no `server`.
    NoServer,
    /// `server` is not a URL.
    BadServer {
        /// What it is.
        server: String,
    },
    /// `server` has a port that does not exist.
    BadPort {
        /// The port.
        port: String,
    },
    /// `server` is not `https`.
    NotHttps {
        /// What it is.
        server: String,
    },
    /// `tls-server-name` is neither a DNS name nor an IP address.
    BadServerName {
        /// What it is.
        name: String,
    },
    /// `insecure-skip-tls-verify` is set.
    Insecure,
    /// The cluster has no CA.
    NoCa,
    /// A field that is not supported is set.
    Unsupported {
        /// Which.
        field: &'static str,
    },
    /// A `…-data` field is not base64.
    NotBase64 {
        /// Which.
        field: &'static str,
    },
    /// A client certificate without key, or a key without certificate.
    HalfPair {
        /// The field that is there.
        present: &'static str,
        /// The field that is not.
        missing: &'static str,
    },
    /// The token has characters that no HTTP header takes.
    BadToken,
    /// The user has no credential at all.
    NoCredential,
    /// A named file is unusable.
    File {
        /// The field that names it.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// The problem of that file.
        problem: Box<Self>,
    },
    /// PEM text that holds no usable certificate.
    NoCertificate {
        /// The field that holds or names it.
        field: &'static str,
    },
    /// PEM text that holds no usable key.
    NoKey {
        /// The field that holds or names it.
        field: &'static str,
    },
    /// The client certificate is for another key.
    NotAPair,
    /// The existing kubeconfig differs from the one to write.
    NotOurs {
        /// The current link, which it should name.
        link: PathBuf,
    },
    /// It cannot be written.
    Unwritable {
        /// Why.
        error: io::ErrorKind,
    },
}

impl KubeconfigError {
    pub(crate) fn new(path: &Path, problem: Problem) -> Self {
        Self { path: path.to_owned(), problem }
    }

    /// Whether the kubeconfig, or the file with its credential, is not there: someone withdrew the credential.
    pub(crate) fn is_credential_missing(&self) -> bool {
        match &self.problem {
            Problem::Unread(FileError::Missing) => true,
            Problem::File { field, problem, .. } => {
                *field != "certificate-authority" && matches!(**problem, Problem::Unread(FileError::Missing))
            }
            _ => false,
        }
    }
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        Self::Unread(error)
    }
}

/// Returns a path for a message, escaped: a kubeconfig may name one with line ends or terminal
/// sequences.
struct OneLine<'a>(&'a Path);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        printable(f, &self.0.to_string_lossy(), LONGEST_PATH)
    }
}

/// A name in a message, in quotes. Of a URL, the part that can hold a password is left out.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        match self.0.rsplit_once('@') {
            Some((_, rest)) => {
                f.write_str("…@")?;
                printable(f, rest, LONGEST_NAME)?;
            }
            None => printable(f, self.0, LONGEST_NAME)?,
        }
        f.write_char('"')
    }
}

fn printable(f: &mut fmt::Formatter<'_>, text: &str, longest: usize) -> fmt::Result {
    let mut letters = text.chars();
    for letter in letters.by_ref().take(longest) {
        if matches!(letter, '"' | '\'' | '\\') {
            f.write_char(letter)?;
        } else {
            write!(f, "{}", letter.escape_debug())?;
        }
    }
    if letters.next().is_some() { f.write_char('…') } else { Ok(()) }
}

impl fmt::Display for KubeconfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kubeconfig {}: {}", OneLine(&self.path), self.problem)
    }
}

impl std::error::Error for KubeconfigError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(error) => error.fmt(f),
            Self::Empty => f.write_str("it is empty; put it there again"),
            Self::NotText => f.write_str("it is not UTF-8 text; give the right file"),
            Self::NotYaml { place: Some((line, column)) } => {
                write!(f, "it is not a kubeconfig at line {line}, column {column}; correct it there")
            }
            Self::NotYaml { place: None } => f.write_str("it is not a kubeconfig; give the right file"),
            Self::TooComplex => f.write_str(
                "it is nested too deeply, has too many entries or too many aliases for a kubeconfig; give the right file",
            ),
            Self::NoCurrentContext => {
                f.write_str("current-context is missing; set it, for example with kubectl config use-context")
            }
            Self::NoContext { name } => {
                write!(
                    f,
                    "current-context names {}, which is not among contexts; add it or name another",
                    Quoted(name)
                )
            }
            Self::NoCluster { name } => {
                write!(
                    f,
                    "the context's cluster {} is not among clusters; add it or name another",
                    Quoted(name)
                )
            }
            Self::NoUser { name } => {
                write!(f, "the context's user {} is not among users; add it or name another", Quoted(name))
            }
            Self::HalfPair { present, missing } => write!(f, "{present} is set without {missing}; set both"),
            Self::File { field, path, problem } => write!(f, "{field} {}: {problem}", OneLine(path)),
            Self::NotOurs { link } => write!(
                f,
                "it is there already and its client-certificate and client-key do not both name {}; move it away or give another path",
                OneLine(link)
            ),
            Self::Unwritable { error } => {
                let remedy = match error {
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free space there",
                    io::ErrorKind::ReadOnlyFilesystem => "mount that file system writable",
                    _ => "make its directory writable",
                };
                write!(f, "it cannot be written ({error}); {remedy} or give another path")
            }
            Self::NoServer
            | Self::BadServer { .. }
            | Self::BadPort { .. }
            | Self::NotHttps { .. }
            | Self::BadServerName { .. }
            | Self::Insecure
            | Self::NoCa
            | Self::Unsupported { .. }
            | Self::NotBase64 { .. }
            | Self::BadToken
            | Self::NoCredential
            | Self::NoCertificate { .. }
            | Self::NoKey { .. }
            | Self::NotAPair => self.fmt_field(f),
        }
    }
}

impl Problem {
    /// The problems of a single field.
    fn fmt_field(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer => f.write_str("the cluster has no server; set it to the API server's https URL"),
            Self::BadServer { server } => {
                write!(f, "server {} is not a URL; set it to the API server's https URL", Quoted(server))
            }
            Self::NotHttps { server } => {
                write!(f, "server {} is not https; a certificate is of use over https only", Quoted(server))
            }
            Self::BadPort { port } => {
                write!(f, "server has the port {}; a port is a number from 1 to 65535", Quoted(port))
            }
            Self::BadServerName { name } => {
                write!(
                    f,
                    "tls-server-name {} is neither a DNS name nor an IP address; correct or remove it",
                    Quoted(name)
                )
            }
            Self::Insecure => f.write_str(
                "insecure-skip-tls-verify is set, which would give the token to any server; remove it and set certificate-authority-data",
            ),
            Self::NoCa => f.write_str(
                "the cluster has neither certificate-authority nor certificate-authority-data; set one to the CA of the API server",
            ),
            Self::Unsupported { field } => {
                write!(f, "{field} is set, which certrotate does not support; remove it or give another kubeconfig")
            }
            Self::NotBase64 { field } => write!(f, "{field} is not base64; encode the PEM text again"),
            Self::BadToken => {
                f.write_str("token has characters that an HTTP header cannot carry; put the token there again")
            }
            Self::NoCredential => f.write_str(
                "the user has neither token, tokenFile nor client-certificate; add a bootstrap token",
            ),
            Self::NoCertificate { field } => {
                write!(f, "{field} holds no usable PEM certificate; put it there again")
            }
            Self::NoKey { field } => write!(f, "{field} holds no usable PEM private key; put it there again"),
            Self::NotAPair => {
                f.write_str("client-certificate is not for client-key; give the two that belong together")
            }
            Self::Unread(_)
            | Self::Empty
            | Self::NotText
            | Self::NotYaml { .. }
            | Self::TooComplex
            | Self::NoCurrentContext
            | Self::NoContext { .. }
            | Self::NoCluster { .. }
            | Self::NoUser { .. }
            | Self::HalfPair { .. }
            | Self::File { .. }
            | Self::NotOurs { .. }
            | Self::Unwritable { .. } => f.write_str("it cannot be used; give another"),
        }
    }
}
