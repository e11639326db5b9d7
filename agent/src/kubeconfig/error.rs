//! The errors of a kubeconfig. Each names the file, the field and the remedy.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

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
    /// The file is missing.
    Missing,
    /// It cannot be read.
    Unreadable {
        /// Why.
        error: io::ErrorKind,
    },
    /// It is larger than it may be.
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
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
    pub(super) fn new(path: &Path, problem: Problem) -> Self {
        Self { path: path.to_owned(), problem }
    }
}

/// Returns a path for a message, escaped: a kubeconfig may name one with line ends or terminal
/// sequences.
struct OneLine<'a>(&'a Path);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.to_string_lossy().chars() {
            if letter.is_control() {
                write!(f, "{}", letter.escape_debug())?;
            } else {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
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
            Self::Missing => f.write_str("there is no such file; put it there or give another path"),
            Self::Unreadable { error } => write!(f, "it cannot be read ({error}); check its permissions"),
            Self::TooLarge { limit } => write!(f, "it is larger than {limit} bytes; give the right file"),
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
                    "current-context names {name:?}, which is not among contexts; add it or name another"
                )
            }
            Self::NoCluster { name } => {
                write!(f, "the context's cluster {name:?} is not among clusters; add it or name another")
            }
            Self::NoUser { name } => {
                write!(f, "the context's user {name:?} is not among users; add it or name another")
            }
            Self::HalfPair { present, missing } => write!(f, "{present} is set without {missing}; set both"),
            Self::File { field, path, problem } => write!(f, "{field} {}: {problem}", OneLine(path)),
            Self::NotOurs { link } => write!(
                f,
                "it is there already and its client-certificate and client-key do not both name {}; move it away or give another path",
                OneLine(link)
            ),
            Self::Unwritable { error } => {
                write!(f, "it cannot be written ({error}); make its directory writable or give another path")
            }
            Self::NoServer
            | Self::BadServer { .. }
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
                write!(f, "server {server:?} is not a URL; set it to the API server's https URL")
            }
            Self::NotHttps { server } => {
                write!(f, "server {server:?} is not https; a certificate is of use over https only")
            }
            Self::BadServerName { name } => {
                write!(f, "tls-server-name {name:?} is neither a DNS name nor an IP address; correct or remove it")
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
            Self::Missing
            | Self::Unreadable { .. }
            | Self::TooLarge { .. }
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
