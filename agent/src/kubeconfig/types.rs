//! A kubeconfig as the agent needs it.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

/// PEM text in the kubeconfig or in a file.
#[derive(Clone, PartialEq, Eq)]
pub enum Material {
    /// The file that holds it, read anew at each use.
    File(PathBuf),
    /// The text itself.
    Data(Zeroizing<Vec<u8>>),
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Data(_) => f.write_str("Data(..)"),
        }
    }
}

/// The credential of a kubeconfig's user.
#[derive(Clone, PartialEq, Eq)]
pub enum User {
    /// A bearer token in the file.
    Token(Zeroizing<String>),
    /// A bearer token in another file, read anew at each use.
    TokenFile(PathBuf),
    /// A client certificate and its key.
    Certificate {
        /// The certificate chain.
        certificate: Material,
        /// Its key.
        key: Material,
    },
    /// No credential.
    Anonymous,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token(..)"),
            Self::TokenFile(path) => f.debug_tuple("TokenFile").field(path).finish(),
            Self::Certificate { certificate, key } => {
                f.debug_struct("Certificate").field("certificate", certificate).field("key", key).finish()
            }
            Self::Anonymous => f.write_str("Anonymous"),
        }
    }
}

/// The checked content of the current context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubeconfig {
    /// The path of the file.
    pub path: PathBuf,
    /// The API server's URL: `https`, a host, perhaps a port and a path.
    pub server: String,
    /// The CA of the *server's* certificate. Another CA may sign clients.
    pub ca: Material,
    /// The name to expect in the server's certificate where it is not the URL's host.
    pub tls_server_name: Option<String>,
    /// The user of the current context.
    pub user: User,
}
