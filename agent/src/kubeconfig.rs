//! Kubeconfig files: the bootstrap one is read, the node's own is written.
//!
//! Read is what a node needs to reach its API server: `current-context`, and of its cluster and user the server,
//! the CA, the TLS server name, a token, a token file or a client certificate. What cannot be honoured
//! (`insecure-skip-tls-verify`, `proxy-url`, exec plugins, basic authentication, impersonation) is refused by name
//! rather than ignored, so that no connection is less safe than its file says. Relative paths are relative to the
//! file, as kubectl takes them.

mod error;
pub(crate) mod fuzz;
mod material;
mod raw;
mod write;
mod yaml;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub use error::{KubeconfigError, Problem};
pub use material::{Endpoint, MAX_MATERIAL, Secret};
pub use write::{Standing, ensure, standing};

use raw::{RawCluster, RawKubeconfig, RawUser};

/// The largest kubeconfig that is read, in bytes: 1 MiB.
pub const MAX_KUBECONFIG: u64 = 1 << 20;

/// PEM text that stands in the kubeconfig itself or in a file beside it.
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

/// How a kubeconfig's user proves who it is.
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
    /// Nothing.
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

/// What the current context of a kubeconfig says, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubeconfig {
    /// Where it was read.
    pub path: PathBuf,
    /// The API server's URL: `https`, a host, perhaps a port and a path.
    pub server: String,
    /// The CA of the *server's* certificate. It says nothing about who signs clients.
    pub ca: Material,
    /// The name to expect in the server's certificate where it is not the URL's host.
    pub tls_server_name: Option<String>,
    /// The user of the current context.
    pub user: User,
}

impl Kubeconfig {
    /// Reads the file, but none of the files that it names.
    ///
    /// # Errors
    ///
    /// The file is missing, unreadable, larger than [`MAX_KUBECONFIG`], not YAML, or says something that
    /// cannot be honoured; the error names file, field and remedy.
    pub fn read(path: &Path) -> Result<Self, KubeconfigError> {
        let fail = |problem| KubeconfigError::new(path, problem);
        let bytes = material::read_capped(path, MAX_KUBECONFIG).map_err(fail)?;
        Self::parse(path, &bytes)
    }

    /// What the bytes say that were read at `path`.
    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, KubeconfigError> {
        let fail = |problem| KubeconfigError::new(path, problem);
        let text = std::str::from_utf8(bytes).map_err(|_| fail(Problem::NotText))?;
        if text.trim().is_empty() {
            return Err(fail(Problem::Empty));
        }
        let raw: RawKubeconfig = yaml::read(text).map_err(fail)?;
        Self::check(path, raw).map_err(fail)
    }

    fn check(path: &Path, raw: RawKubeconfig) -> Result<Self, Problem> {
        let name = raw.current_context.filter(|name| !name.is_empty()).ok_or(Problem::NoCurrentContext)?;
        let context = raw
            .contexts
            .into_iter()
            .flatten()
            .find(|named| named.name == name)
            .and_then(|named| named.context)
            .ok_or(Problem::NoContext { name })?;
        let cluster = raw
            .clusters
            .into_iter()
            .flatten()
            .find(|named| named.name == context.cluster)
            .and_then(|named| named.cluster)
            .ok_or(Problem::NoCluster { name: context.cluster })?;
        let user = match context.user.filter(|name| !name.is_empty()) {
            None => RawUser::default(),
            Some(name) => raw
                .users
                .into_iter()
                .flatten()
                .find(|named| named.name == name)
                .ok_or(Problem::NoUser { name })?
                .user
                .unwrap_or_default(),
        };
        let base = path.parent().unwrap_or(Path::new(""));
        let (server, ca, tls_server_name) = check_cluster(base, cluster)?;
        Ok(Self { path: path.to_owned(), server, ca, tls_server_name, user: check_user(base, user)? })
    }
}

fn check_cluster(base: &Path, raw: RawCluster) -> Result<(String, Material, Option<String>), Problem> {
    let server = raw.server.filter(|server| !server.is_empty()).ok_or(Problem::NoServer)?;
    if !server.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some()) {
        return Err(Problem::BadServer { server });
    }
    if !server.starts_with("https://") {
        return Err(Problem::NotHttps { server });
    }
    if raw.insecure_skip_tls_verify == Some(true) {
        return Err(Problem::Insecure);
    }
    if raw.proxy_url.is_some_and(|url| !url.is_empty()) {
        return Err(Problem::Unsupported { field: "proxy-url" });
    }
    let ca = material(
        base,
        raw.certificate_authority,
        raw.certificate_authority_data,
        "certificate-authority-data",
    )?
    .ok_or(Problem::NoCa)?;
    let name = raw.tls_server_name.filter(|name| !name.is_empty());
    if let Some(name) = &name
        && rustls_pki_types::ServerName::try_from(name.as_str()).is_err()
    {
        return Err(Problem::BadServerName { name: name.clone() });
    }
    Ok((server, ca, name))
}

fn check_user(base: &Path, raw: RawUser) -> Result<User, Problem> {
    for (present, field) in [
        (raw.exec.is_some(), "exec"),
        (raw.auth_provider.is_some(), "auth-provider"),
        (raw.username.is_some(), "username"),
        (raw.impersonate.is_some(), "as"),
    ] {
        if present {
            return Err(Problem::Unsupported { field });
        }
    }
    let certificate =
        material(base, raw.client_certificate, raw.client_certificate_data, "client-certificate-data")?;
    let key = material(base, raw.client_key, raw.client_key_data, "client-key-data")?;
    // The order of client-go: a token file wins over a token, which wins over a certificate.
    if let Some(file) = raw.token_file.filter(|file| !file.is_empty()) {
        return Ok(User::TokenFile(base.join(file)));
    }
    if let Some(token) = raw.token.filter(|token| !token.is_empty()) {
        return match material::clean_token(&token) {
            Some(token) => Ok(User::Token(token)),
            None => Err(Problem::BadToken),
        };
    }
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(User::Certificate { certificate, key }),
        (None, None) => Ok(User::Anonymous),
        (Some(_), None) => Err(Problem::HalfPair { present: "client-certificate", missing: "client-key" }),
        (None, Some(_)) => Err(Problem::HalfPair { present: "client-key", missing: "client-certificate" }),
    }
}

/// The data where there is some, else the file: data wins, as with kubectl.
fn material(
    base: &Path,
    file: Option<String>,
    data: Option<Zeroizing<String>>,
    field: &'static str,
) -> Result<Option<Material>, Problem> {
    use base64::Engine as _;
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        let compact: Zeroizing<String> =
            Zeroizing::new(data.chars().filter(|char| !char.is_ascii_whitespace()).collect());
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(compact.as_bytes())
            .map_err(|_| Problem::NotBase64 { field })?;
        return Ok(Some(Material::Data(Zeroizing::new(bytes))));
    }
    Ok(file.filter(|file| !file.is_empty()).map(|file| Material::File(base.join(file))))
}
