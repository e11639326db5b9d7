//! Turns the signer's decision into a certificate, spoiled where a fault asks for it.

use std::time::{Duration, SystemTime};

use rcgen::PublicKeyData as _;

use crate::api::Csr;
use crate::ca::{self, Authority};
use crate::der;
use crate::error::Error;
use crate::faults::Spoil;
use crate::leaf::Leaf;
use crate::pkcs10::Request;
use crate::signer::{self, Policy};
use crate::usages;

/// Signs `request`, the PKCS#10 of `csr`, for `granted`: one PEM block, the leaf only.
pub(crate) fn issue(
    authority: &Authority,
    (csr, request): (&Csr, &Request),
    (granted, policy): (Duration, Policy),
    now: SystemTime,
    spoils: &[Spoil],
) -> Result<String, Error> {
    let validity = signer::validity(now, granted, policy.backdate, authority.not_after());
    let (not_before, not_after) = validity.map_err(Error::Crypto)?;
    let usages = signer::extensions(csr).map_err(Error::Crypto)?;
    let mut leaf = Leaf {
        serial: ca::random()?,
        subject: &request.subject,
        public_key: &request.public_key,
        names: &request.names,
        usages: &usages,
        not_before,
        not_after,
        ca: false,
    };
    if spoils.is_empty() {
        return Ok(ca::pem(&authority.sign(&leaf)?));
    }
    let other_key = ca::new_key()?.subject_public_key_info();
    let other_subject = der::name("system:node:somebody-else", &["system:nodes".to_owned()]);
    let other_usages = usages::parse(["key encipherment", "server auth"]).map_err(Error::Crypto)?;
    let mut foreign = None;
    for spoil in spoils {
        match *spoil {
            Spoil::WrongKey => leaf.public_key = &other_key,
            Spoil::WrongSubject => leaf.subject = &other_subject,
            Spoil::WrongUsage => leaf.usages = &other_usages,
            Spoil::CaTrue => leaf.ca = true,
            Spoil::Expired(ago) => {
                let end = now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH);
                leaf.not_after = der::seconds_down(end);
                leaf.not_before = leaf.not_before.min(leaf.not_after - 60);
            }
            Spoil::NotYetValid(ahead) => {
                leaf.not_before = der::seconds_up(now + ahead);
                leaf.not_after = leaf.not_after.max(leaf.not_before + 60);
            }
            Spoil::ShortLived(life) => leaf.not_after = der::seconds_up(now + life),
            Spoil::ForeignCa => foreign = Some(Authority::create(now, Duration::from_secs(24 * 60 * 60))?),
        }
    }
    Ok(ca::pem(&foreign.as_ref().unwrap_or(authority).sign(&leaf)?))
}
