//! Reads a kubeconfig: first its shape, then each field by its rules.

use std::path::Path;

use zeroize::Zeroizing;

use super::error::{KubeconfigError, Problem};
use super::material::clean_token;
use super::raw::{RawCluster, RawKubeconfig, RawUser};
use super::server::server_url;
use super::text::{decode, first_document};
use super::types::{Kubeconfig, Material, User};
use super::yaml;
use crate::files;

/// The largest kubeconfig that is read, in bytes: 1 MiB.
pub const MAX_KUBECONFIG: u64 = 1 << 20;

impl Kubeconfig {
    /// Reads the file, but none of the files that it names.
    ///
    /// # Errors
    ///
    /// The file is missing, unreadable, larger than [`MAX_KUBECONFIG`], not YAML, or says something that
    /// cannot be honoured; the error names file, field and remedy.
    pub fn read(path: &Path) -> Result<Self, KubeconfigError> {
        let fail = |problem| KubeconfigError::new(path, problem);
        let bytes = files::read(path, MAX_KUBECONFIG).map_err(|error| fail(error.into()))?;
        Self::parse(path, &bytes)
    }

    /// Parses the bytes of the file at `path`.
    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, KubeconfigError> {
        let fail = |problem| KubeconfigError::new(path, problem);
        let text = decode(bytes).ok_or_else(|| fail(Problem::NotText))?;
        if text.trim().is_empty() {
            return Err(fail(Problem::Empty));
        }
        let raw: RawKubeconfig = yaml::read(first_document(&text)).map_err(fail)?;
        Self::check(path, raw).map_err(fail)
    }

    fn check(path: &Path, raw: RawKubeconfig) -> Result<Self, Problem> {
        let name = raw.current_context.filter(|name| !name.is_empty()).ok_or(Problem::NoCurrentContext)?;
        let context = raw
            .contexts
            .into_iter()
            .flatten()
            .find(|named| named.name.as_deref() == Some(&name))
            .and_then(|named| named.context)
            .ok_or(Problem::NoContext { name })?;
        let name = context.cluster.unwrap_or_default();
        let cluster = raw
            .clusters
            .into_iter()
            .flatten()
            .find(|named| named.name.as_deref() == Some(&name))
            .and_then(|named| named.cluster)
            .ok_or(Problem::NoCluster { name })?;
        let user = match context.user.filter(|name| !name.is_empty()) {
            None => RawUser::default(),
            Some(name) => raw
                .users
                .into_iter()
                .flatten()
                .find(|named| named.name.as_deref() == Some(&name))
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
    let server = server_url(&server)?;
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
        (raw.username.is_some_and(|name| !name.is_empty()), "username"),
        (raw.password.is_some_and(|password| !password.is_empty()), "password"),
        (raw.impersonate.is_some_and(|user| !user.is_empty()), "as"),
        (raw.as_uid.is_some_and(|uid| !uid.is_empty()), "as-uid"),
        (raw.as_groups.is_some_and(|groups| !groups.is_empty()), "as-groups"),
        (raw.as_user_extra.is_some_and(|extra| !extra.is_empty()), "as-user-extra"),
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
        return match clean_token(&token) {
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

/// Returns the data, else the file: data takes precedence, as with kubectl.
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
