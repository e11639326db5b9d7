//! Turns the signer's order into a certificate, spoiled where a fault asks for it.

use std::time::{Duration, SystemTime};

use rcgen::PublicKeyData as _;

use crate::ca::{self, Authority};
use crate::der;
use crate::error::Error;
use crate::faults::Spoil;
use crate::leaf::Leaf;
use crate::signer::{self, Order, Policy, Unable};
use crate::usages;

#[cfg(test)]
mod tests;

/// Signs what was ordered: the leaf, and behind it what the authority needs to lead to its root, PEM.
pub(crate) fn issue(
    authority: &Authority,
    order: &Order,
    policy: Policy,
    now: SystemTime,
    spoils: &[Spoil],
) -> Result<String, Unable> {
    let (not_before, not_after) = signer::validity(now, order.granted, policy, authority.validity())?;
    let leaf = Leaf {
        serial: ca::random().map_err(broken)?,
        subject: &order.request.subject,
        public_key: &order.request.public_key,
        names: &order.request.names,
        usages: &order.usages,
        not_before,
        not_after,
        ca: false,
    };
    let der = if spoils.is_empty() { authority.sign(&leaf) } else { spoiled(authority, &leaf, now, spoils) };
    Ok(ca::pem(&der.map_err(broken)?) + authority.chain())
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
    let other_key = ca::new_key()?.subject_public_key_info();
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
    foreign.as_ref().unwrap_or(authority).sign(&leaf)
}
