//! Issues the certificate that the signer ordered, with the defects that faults inject.

use std::time::{Duration, SystemTime};

use rcgen::PublicKeyData as _;

use crate::base::error::Error;
use crate::base::random::random;
use crate::base::time::{seconds_down, seconds_up};
use crate::faults::spoil::Spoil;
use crate::signing::pki::authority::Authority;
use crate::signing::pki::leaf::Leaf;
use crate::signing::pki::{authority, der, usages};
use crate::signing::signer;
use crate::signing::signer::{Order, Policy, Unable};

#[cfg(test)]
mod tests;

/// Issues the certificate: the leaf, then the intermediates up to the authority's root, PEM.
pub(crate) fn issue(
    authority: &Authority,
    order: &Order,
    policy: Policy,
    now: SystemTime,
    spoils: &[Spoil],
) -> Result<String, Unable> {
    let (not_before, not_after) = signer::validity(now, order.granted, policy, authority.validity())?;
    let leaf = Leaf {
        serial: random().map_err(broken)?,
        subject: &order.request.subject,
        public_key: &order.request.public_key,
        names: &order.request.names,
        usages: &order.usages,
        not_before,
        not_after,
        ca: false,
    };
    let der = if spoils.is_empty() { authority.sign(&leaf) } else { spoiled(authority, &leaf, now, spoils) };
    Ok(authority::pem(&der.map_err(broken)?) + authority.chain())
}

fn broken(error: Error) -> Unable {
    Unable::Broken(error.to_string())
}

fn spoiled(
    authority: &Authority,
    leaf: &Leaf<'_>,
    now: SystemTime,
    spoils: &[Spoil],
) -> Result<Vec<u8>, Error> {
    let other_key = authority::new_key()?.subject_public_key_info();
    let other_subject = der::name("system:node:somebody-else", &["system:nodes".to_owned()]);
    let other_usages = usages::parse(["key encipherment", "server auth"]).map_err(Error::Crypto)?;
    let mut leaf = leaf.clone();
    let mut foreign = None;
    for spoil in spoils {
        match *spoil {
            Spoil::WrongKey => leaf.public_key = &other_key,
            Spoil::WrongSubject => leaf.subject = &other_subject,
            Spoil::WrongUsage => leaf.usages = &other_usages,
            Spoil::CaTrue => leaf.ca = true,
            Spoil::Expired(ago) => {
                let end = now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH);
                leaf.not_after = seconds_down(end);
                leaf.not_before = leaf.not_before.min(leaf.not_after - 60);
            }
            Spoil::NotYetValid(ahead) => {
                leaf.not_before = seconds_up(now + ahead);
                leaf.not_after = leaf.not_after.max(leaf.not_before + 60);
            }
            Spoil::ShortLived(life) => leaf.not_after = seconds_up(now + life),
            Spoil::ForeignCa => foreign = Some(Authority::create(now, Duration::from_secs(24 * 60 * 60))?),
        }
    }
    foreign.as_ref().unwrap_or(authority).sign(&leaf)
}
