//! Who is asking, judged once per request as kube-apiserver does: a connection that outlives its
//! certificate answers 401, its handshake does not fail.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;
use ring::digest;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::error::Error;
use crate::pkcs10;
use crate::sync::lock;

const AUTHENTICATED: &str = "system:authenticated";

/// An authenticated user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) groups: Vec<String>,
    /// Serial of the client certificate, if that is what convinced us.
    pub(crate) serial: Option<String>,
}

/// The judgement on one request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Known.
    User(User),
    /// Nothing was presented.
    Anonymous,
    /// What was presented is not good.
    Refused,
}

/// The verdict, and what statistics want to know about the certificate that was presented.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) serial: Option<String>,
    /// The client certificate had ended.
    pub(crate) expired: bool,
}

struct Token {
    secret: digest::Digest,
    end: SystemTime,
}

/// Knows the client CAs and the bootstrap tokens.
pub(crate) struct Authenticator {
    /// Only ever added to: what an older authority has signed is good to its end.
    anchors: RwLock<Vec<TrustAnchor<'static>>>,
    tokens: Mutex<BTreeMap<String, Token>>,
}

impl Authenticator {
    pub(crate) fn new(ca: &CertificateDer<'_>) -> Result<Self, Error> {
        let this = Self { anchors: RwLock::default(), tokens: Mutex::default() };
        this.trust(ca)?;
        Ok(this)
    }

    /// Lets in whoever shows a certificate of this authority too.
    pub(crate) fn trust(&self, ca: &CertificateDer<'_>) -> Result<(), Error> {
        let anchor = webpki::anchor_from_trusted_cert(ca)
            .map_err(|e| Error::Crypto(format!("the CA certificate is no trust anchor: {e}")))?
            .to_owned();
        let mut anchors = self.anchors.write().unwrap_or_else(PoisonError::into_inner);
        if !anchors.contains(&anchor) {
            anchors.push(anchor);
        }
        Ok(())
    }

    /// Takes in a token of the form `id.secret`.
    pub(crate) fn add_token(&self, token: &str, end: SystemTime) {
        if let Some((id, secret)) = split(token) {
            let secret = digest::digest(&digest::SHA256, secret.as_bytes());
            lock(&self.tokens).insert(id.to_owned(), Token { secret, end });
        }
    }

    /// Judges a request: the certificate first, then the token; one good credential is enough.
    pub(crate) fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        authorization: Option<&HeaderValue>,
        now: SystemTime,
    ) -> Judgement {
        let mut judgement = Judgement { verdict: Verdict::Anonymous, serial: None, expired: false };
        if let Some((leaf, intermediates)) = chain.split_first() {
            judgement.verdict = Verdict::Refused;
            if let Ok((_, parsed)) = X509Certificate::from_der(leaf) {
                judgement.serial = Some(serial(&parsed));
                judgement.expired = now > at(parsed.validity().not_after.timestamp());
                let early = now < at(parsed.validity().not_before.timestamp());
                if !judgement.expired && !early && self.chains(leaf, intermediates, now) {
                    judgement.verdict = user(&parsed).map_or(Verdict::Refused, Verdict::User);
                }
            }
        }
        if !matches!(judgement.verdict, Verdict::User(_))
            && let Some(value) = authorization
        {
            judgement.verdict = self.bearer(value, now).map_or(Verdict::Refused, Verdict::User);
        }
        judgement
    }

    fn chains(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: SystemTime,
    ) -> bool {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let Ok(leaf) = EndEntityCert::try_from(leaf) else {
            return false;
        };
        leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &self.anchors.read().unwrap_or_else(PoisonError::into_inner),
            intermediates,
            UnixTime::since_unix_epoch(since),
            KeyUsage::client_auth(),
            None,
            None,
        )
        .is_ok()
    }

    fn bearer(&self, value: &HeaderValue, now: SystemTime) -> Option<User> {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (id, secret) = split(token.trim())?;
        let tokens = lock(&self.tokens);
        let known = tokens.get(id)?;
        // Digests are compared, so that timing says nothing about the secret.
        let same = known.secret.as_ref() == digest::digest(&digest::SHA256, secret.as_bytes()).as_ref();
        (same && now < known.end).then(|| User {
            name: format!("system:bootstrap:{id}"),
            groups: vec![crate::authz::BOOTSTRAPPERS.to_owned(), AUTHENTICATED.to_owned()],
            serial: None,
        })
    }
}

/// Common name and organisations are user name and groups (`CommonNameUserConversion`).
fn user(certificate: &X509Certificate<'_>) -> Option<User> {
    let name = pkcs10::common_names(certificate.subject()).ok()?.pop().filter(|n| !n.is_empty())?;
    let mut groups = pkcs10::organizations(certificate.subject()).ok()?;
    if !groups.iter().any(|g| g == AUTHENTICATED) {
        groups.push(AUTHENTICATED.to_owned());
    }
    Some(User { name, groups, serial: Some(serial(certificate)) })
}

/// The serial number in upper-case hexadecimal, as `openssl x509 -serial` prints it.
fn serial(certificate: &X509Certificate<'_>) -> String {
    let bytes = certificate.raw_serial();
    let leading = bytes.iter().take_while(|b| **b == 0).count().min(bytes.len().saturating_sub(1));
    bytes[leading..].iter().map(|b| format!("{b:02X}")).collect()
}

fn at(unix_seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(unix_seconds).unwrap_or(0))
}

/// Id and secret of a bootstrap token (`[a-z0-9]{6}.[a-z0-9]{16}`).
fn split(token: &str) -> Option<(&str, &str)> {
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    token
        .split_once('.')
        .filter(|(id, secret)| id.len() == 6 && secret.len() == 16 && plain(id) && plain(secret))
}

/// A new random bootstrap token.
pub(crate) fn new_token() -> Result<String, Error> {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
    let bytes = crate::ca::random::<22>()?;
    let text: String = bytes.iter().map(|b| char::from(ALPHABET[usize::from(b % 32)])).collect();
    Ok(format!("{}.{}", &text[..6], &text[6..]))
}

#[cfg(test)]
mod tests;
