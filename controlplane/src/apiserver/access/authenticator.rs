//! Who is asking, judged once per request as kube-apiserver does: a connection that outlives its
//! certificate answers 401, its handshake does not fail.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use http::HeaderValue;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::apiserver::access::token::{TokenUse, split};
use crate::apiserver::user::{AUTHENTICATED, User};
use crate::base::error::Error;
use crate::base::sync::lock;
use crate::signing::pki::pkcs10;

/// The extra field in which kube-apiserver records the client certificate of a request.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// The judgement on one request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Known.
    User(User),
    /// Nothing was presented.
    Anonymous,
    /// The presented credential is refused, for this reason.
    Refused(String),
}

/// The verdict, and what statistics want to know about the certificate that was presented.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) serial: Option<String>,
    /// The client certificate had expired.
    pub(crate) expired: bool,
}

struct Token {
    secret: digest::Digest,
    good_for: TokenUse,
}

/// Knows the client CAs and the bootstrap tokens.
pub(crate) struct Authenticator {
    /// Anchors are never removed: certificates of an older authority stay valid until they expire.
    anchors: RwLock<Vec<TrustAnchor<'static>>>,
    tokens: Mutex<BTreeMap<String, Token>>,
}

impl Authenticator {
    pub(crate) fn new(ca: &CertificateDer<'_>) -> Result<Self, Error> {
        let this = Self { anchors: RwLock::default(), tokens: Mutex::default() };
        this.trust(ca)?;
        Ok(this)
    }

    /// Accepts client certificates of this authority too.
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

    /// Takes in a token of the form `id.secret`; false if it is none.
    pub(crate) fn add_token(&self, token: &str, good_for: TokenUse) -> bool {
        let Some((id, secret)) = split(token) else {
            return false;
        };
        let secret = digest::digest(&digest::SHA256, secret.as_bytes());
        lock(&self.tokens).insert(id.to_owned(), Token { secret, good_for });
        true
    }

    /// Forgets a token; false if there is none of this id.
    pub(crate) fn remove_token(&self, id: &str) -> bool {
        lock(&self.tokens).remove(id).is_some()
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
            let judged = self.certificate(leaf, intermediates, now, &mut judgement);
            judgement.verdict = judged.map_or_else(Verdict::Refused, Verdict::User);
        }
        if !matches!(judgement.verdict, Verdict::User(_))
            && let Some(value) = authorization
        {
            judgement.verdict = self.bearer(value, now).map_or_else(Verdict::Refused, Verdict::User);
        }
        judgement
    }

    fn certificate(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: SystemTime,
        judgement: &mut Judgement,
    ) -> Result<User, String> {
        let (_, parsed) =
            X509Certificate::from_der(leaf).map_err(|_| "the client certificate is malformed".to_owned())?;
        judgement.serial = Some(serial(&parsed));
        let (start, end) =
            (at(parsed.validity().not_before.timestamp()), at(parsed.validity().not_after.timestamp()));
        judgement.expired = now > end;
        if judgement.expired {
            return Err(format!("the client certificate expired at {}: renew it", rfc3339(end)));
        }
        if now < start {
            return Err(format!(
                "the client certificate is not valid before {}: check the clocks",
                rfc3339(start)
            ));
        }
        if !self.chains(leaf, intermediates, now) {
            let why =
                "the client certificate is not signed by this control plane's CA for client authentication";
            return Err(why.to_owned());
        }
        user(leaf, &parsed).ok_or_else(|| "the client certificate has no common name".to_owned())
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

    fn bearer(&self, value: &HeaderValue, now: SystemTime) -> Result<User, String> {
        let unknown = || "the bearer token is not a bootstrap token of this control plane".to_owned();
        let (scheme, token) =
            value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(unknown)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err("the scheme of the authorization is not Bearer".to_owned());
        }
        let (id, secret) = split(token.trim()).ok_or_else(unknown)?;
        let tokens = lock(&self.tokens);
        let stored = tokens.get(id).ok_or_else(unknown)?;
        // Digests are compared, so that timing says nothing about the secret.
        if stored.secret.as_ref() != digest::digest(&digest::SHA256, secret.as_bytes()).as_ref() {
            return Err(unknown());
        }
        // The client has proved the secret here, so it may get the details.
        let good_for = &stored.good_for;
        if now >= good_for.end {
            return Err(format!(
                "the bootstrap token {id} expired at {}: create a new one",
                rfc3339(good_for.end)
            ));
        }
        if !good_for.authentication {
            return Err(format!("the bootstrap token {id} is not meant for authentication"));
        }
        let own = [crate::apiserver::user::BOOTSTRAPPERS.to_owned(), AUTHENTICATED.to_owned()];
        let groups = good_for.groups.iter().cloned().chain(own).collect();
        Ok(User { name: format!("system:bootstrap:{id}"), groups, ..User::default() })
    }
}

/// Common name and organisations are user name and groups (`CommonNameUserConversion`).
fn user(leaf: &CertificateDer<'_>, certificate: &X509Certificate<'_>) -> Option<User> {
    let name = pkcs10::common_names(certificate.subject()).ok()?.pop().filter(|n| !n.is_empty())?;
    let mut groups = pkcs10::organizations(certificate.subject()).ok()?;
    if !groups.iter().any(|g| g == AUTHENTICATED) {
        groups.push(AUTHENTICATED.to_owned());
    }
    let digest = digest::digest(&digest::SHA256, leaf);
    let hex: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    let extra = [(CREDENTIAL_ID.to_owned(), vec![format!("X509SHA256={hex}")])].into();
    Some(User { name, uid: None, groups, extra, serial: Some(serial(certificate)) })
}

fn rfc3339(at: SystemTime) -> String {
    crate::base::time::api_time(at).0.to_string()
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

#[cfg(test)]
mod tests;
