//! Keys, certificates and the server of the toy.

use certrotate_core::api::{ApiFault, Call, CsrObject, Issued};
use certrotate_core::config::Template;
use certrotate_core::facts::{CertFacts, Chain, Usages};
use certrotate_core::id::{CertHandle, KeyDigest, KeyHandle, LeafDigest, RequestDigest};
use certrotate_core::input::MadeKey;
use certrotate_core::time::{Span, WallTime};

use super::{Key, Toy, bytes};

impl Toy {
    pub(super) fn make_key(&mut self, duration: Option<Span>) -> (KeyHandle, MadeKey) {
        let number = self.handle();
        let (key, digest, request) =
            (KeyHandle(number), KeyDigest(bytes(number)), RequestDigest(bytes(number + 5000)));
        let template = Template { duration, ..self.node.config().template().clone() };
        self.keys.insert(key, Key { digest, request, template });
        (key, MadeKey { key, key_digest: digest, request })
    }

    /// A certificate for a key, bad in some way as often as that.
    pub(super) fn issue(&mut self, key: KeyHandle, bad: u64) -> CertHandle {
        let Key { digest, template, .. } = &self.keys[&key];
        let (digest, template, wall) = (*digest, template.clone(), self.now.wall);
        let number = self.handle();
        let mut facts = CertFacts {
            leaf: LeafDigest(bytes(number)),
            key: digest,
            subject: template.subject,
            sans: template.sans,
            usages: template.usages,
            ca: false,
            not_before: WallTime::from_unix_ms(wall.unix_ms() - 1000),
            not_after: wall.plus(self.mood.lifetime),
            chain: Chain::Unchecked,
        };
        if self.chance(bad) {
            match self.draw(8) {
                0 => facts.subject.common_name.push('0'),
                1 => facts.ca = true,
                2 => facts.usages = Usages::CLIENT_AUTH,
                3 => facts.not_before = wall.plus(Span::from_mins(10)),
                4 => facts.not_before = wall.plus(Span::from_hours(24 * 365 * 170)),
                5 => facts.not_after = wall.plus(Span::from_secs(4)),
                6 => facts.not_after = WallTime::from_unix_ms(wall.unix_ms() - 500),
                _ => facts.chain = Chain::Untrusted,
            }
        }
        self.certs.insert(CertHandle(number), facts);
        CertHandle(number)
    }

    pub(super) fn serve(&mut self, call: &Call) -> Result<CsrObject, ApiFault> {
        if self.chance(self.mood.server) {
            let retry_after = [None, Some(Span::ZERO), Some(Span::from_hours(87_600))][self.draw(3) as usize];
            return Err([
                ApiFault::Unreachable,
                ApiFault::Unauthorized,
                ApiFault::NotFound,
                ApiFault::TooManyRequests { retry_after },
                ApiFault::Invalid,
                ApiFault::WatchEnded,
            ][self.draw(6) as usize]);
        }
        let request = match call {
            Call::Create { key } => {
                let Key { digest, request, template } = &self.keys[key];
                let (digest, request) = (*digest, *request);
                let object = CsrObject {
                    key: Some(digest),
                    signer: template.signer.clone(),
                    usages: template.usages,
                    approved: false,
                    denied: false,
                    failed: false,
                    certificate: None,
                };
                if self.objects.contains_key(&request) {
                    return Err(ApiFault::AlreadyExists);
                }
                self.objects.insert(request, object);
                request
            }
            Call::Get { request } | Call::Watch { request } => *request,
        };
        let mut object = self.objects.get(&request).cloned().ok_or(ApiFault::NotFound)?;
        if object.certificate.is_none() && !self.chance(self.mood.pending) {
            match (self.chance(self.mood.bad), self.draw(6)) {
                (true, 0) => object.denied = true,
                (true, 1) => object.failed = true,
                (true, 2) => object.key = None,
                (true, 3) => object.approved = true,
                (bad, _) => {
                    object.approved = true;
                    let digest = object.key.unwrap_or(KeyDigest([0; 32]));
                    let key = self.keys.iter().find(|(_, key)| key.digest == digest).map(|(key, _)| *key);
                    if let Some(key) = key {
                        let cert = self.issue(key, if bad { 100 } else { 0 });
                        let facts = self.certs[&cert].clone();
                        object.certificate = Some(Issued::Readable { cert, facts });
                    }
                }
            }
        }
        self.objects.insert(request, object.clone());
        Ok(object)
    }
}
