//! Reads the files that a kubeconfig names. It reads them at each use, since each may be replaced
//! at any time.

use certrotate_x509::pair;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::error::{KubeconfigError, Problem};
use super::types::{Kubeconfig, Material, User};
use crate::files;

/// The largest CA bundle, certificate, key or token file that is read, in bytes: 1 MiB.
pub const MAX_MATERIAL: u64 = 1 << 20;

/// The address of the server, and the means to verify it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The API server's URL.
    pub server: String,
    /// The CA certificates of the server, just read.
    pub roots: Vec<CertificateDer<'static>>,
    /// The name to expect in the server's certificate where it is not the URL's host.
    pub tls_server_name: Option<String>,
}

impl Endpoint {
    /// Describes it for the log.
    pub(crate) fn describe(&self) -> String {
        let count = self.roots.len();
        format!(
            "server {}, {count} CA {}",
            self.server,
            if count == 1 { "certificate" } else { "certificates" }
        )
    }
}

/// The credential of a kubeconfig's user.
pub enum Secret {
    /// A bearer token.
    Token(Zeroizing<String>),
    /// A client certificate and its key.
    Certificate {
        /// The chain, the leaf first.
        chain: Vec<CertificateDer<'static>>,
        /// The key.
        key: PrivateKeyDer<'static>,
    },
}

impl Secret {
    /// Returns a copy: the key's type has no `Clone`, so that no copy is made unseen.
    pub(crate) fn duplicate(&self) -> Self {
        match self {
            Self::Token(token) => Self::Token(token.clone()),
            Self::Certificate { chain, key } => {
                Self::Certificate { chain: chain.clone(), key: key.clone_key() }
            }
        }
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Token(ours), Self::Token(theirs)) => ours == theirs,
            (Self::Certificate { chain: ours, key }, Self::Certificate { chain: theirs, key: other }) => {
                ours == theirs && key == other
            }
            (Self::Token(_), Self::Certificate { .. }) | (Self::Certificate { .. }, Self::Token(_)) => false,
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Token(_) => f.write_str("Token(..)"),
            Self::Certificate { chain, .. } => write!(f, "Certificate(chain of {})", chain.len()),
        }
    }
}

impl Kubeconfig {
    /// Returns the address of the server and the CA certificates to verify it.
    ///
    /// # Errors
    ///
    /// The CA cannot be read or holds no certificate.
    pub fn endpoint(&self) -> Result<Endpoint, KubeconfigError> {
        let fail = |problem| KubeconfigError::new(&self.path, problem);
        let field = field(&self.ca, "certificate-authority", "certificate-authority-data");
        let pem = read_material(&self.ca, field).map_err(fail)?;
        let roots = ca_certificates(&pem)
            .ok_or_else(|| fail(in_file(&self.ca, field, Problem::NoCertificate { field })))?;
        Ok(Endpoint { server: self.server.clone(), roots, tls_server_name: self.tls_server_name.clone() })
    }

    /// Reads the credential of the user.
    ///
    /// # Errors
    ///
    /// There is no credential, or a named file is unusable.
    pub fn secret(&self) -> Result<Secret, KubeconfigError> {
        self.read_secret().map_err(|problem| KubeconfigError::new(&self.path, problem))
    }

    fn read_secret(&self) -> Result<Secret, Problem> {
        match &self.user {
            User::Anonymous => Err(Problem::NoCredential),
            User::Token(token) => Ok(Secret::Token(token.clone())),
            User::TokenFile(path) => {
                let in_token_file = |problem| Problem::File {
                    field: "tokenFile",
                    path: path.clone(),
                    problem: Box::new(problem),
                };
                let bytes = files::read(path, MAX_MATERIAL).map_err(|error| in_token_file(error.into()))?;
                let text = std::str::from_utf8(files::without_bom(&bytes))
                    .map_err(|_| in_token_file(Problem::NotText))?;
                if text.trim().is_empty() {
                    return Err(in_token_file(Problem::Empty));
                }
                clean_token(text).map(Secret::Token).ok_or_else(|| in_token_file(Problem::BadToken))
            }
            User::Certificate { certificate, key } => {
                let cert_field = field(certificate, "client-certificate", "client-certificate-data");
                let key_field = field(key, "client-key", "client-key-data");
                let (chain, _) =
                    pair::chain(&read_material(certificate, cert_field)?, None).map_err(|_| {
                        in_file(certificate, cert_field, Problem::NoCertificate { field: cert_field })
                    })?;
                let chain = chain.ders().to_vec();
                let secret = pair::secret(&read_material(key, key_field)?)
                    .map_err(|_| in_file(key, key_field, Problem::NoKey { field: key_field }))?;
                let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(secret.pkcs8_der().to_vec()));
                crate::tls::signer(&der, chain.clone()).map_err(|_| Problem::NotAPair)?;
                Ok(Secret::Certificate { chain, key: der })
            }
        }
    }
}

/// Returns a token for a header: without the white space around it, visible ASCII only.
pub(super) fn clean_token(text: &str) -> Option<Zeroizing<String>> {
    let token = text.trim();
    let good = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    good.then(|| Zeroizing::new(token.to_owned()))
}

pub(super) fn field(material: &Material, file: &'static str, data: &'static str) -> &'static str {
    match material {
        Material::File(_) => file,
        Material::Data(_) => data,
    }
}

fn in_file(material: &Material, field: &'static str, problem: Problem) -> Problem {
    match material {
        Material::File(path) => Problem::File { field, path: path.clone(), problem: Box::new(problem) },
        Material::Data(_) => problem,
    }
}

fn read_material(material: &Material, field: &'static str) -> Result<Zeroizing<Vec<u8>>, Problem> {
    match material {
        Material::Data(bytes) => Ok(bytes.clone()),
        Material::File(path) => {
            files::read(path, MAX_MATERIAL).map_err(|error| in_file(material, field, error.into()))
        }
    }
}

/// Every CA certificate in the text that can be used; `None` if there is none. The others are skipped, as in client-go (Go's
/// `CertPool.AppendCertsFromPEM`).
fn ca_certificates(text: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let is_usable = |der: &CertificateDer<'static>| rustls::RootCertStore::empty().add(der.clone()).is_ok();
    let found: Vec<_> =
        certrotate_x509::plain_certificates(files::without_bom(text)).into_iter().filter(is_usable).collect();
    (!found.is_empty()).then_some(found)
}
