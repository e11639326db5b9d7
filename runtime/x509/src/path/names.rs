//! Name constraints (RFC 5280, section 4.2.1.10), as Go applies them: to the alternative names of DNS names, addresses,
//! e-mails and URIs. Go ignores a non-critical constraint on any other kind, and rejects a critical one.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, GeneralSubtree, NameConstraints, ParsedExtension};

/// Whether the issuer's constraints permit every alternative name of the certificates below it.
pub(super) fn permits(issuer: &X509Certificate<'_>, below: &[&X509Certificate<'_>]) -> bool {
    let constraints = match issuer.name_constraints() {
        Ok(None) => return true,
        Ok(Some(constraints)) => constraints.value,
        Err(_) => return false,
    };
    below.iter().all(|certificate| {
        let names = certificate.extensions().iter().filter_map(|it| match it.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        });
        names.flatten().all(|name| is_permitted(name, constraints))
    })
}

fn is_permitted(name: &GeneralName<'_>, constraints: &NameConstraints<'_>) -> bool {
    let matches = |trees: &Option<Vec<GeneralSubtree<'_>>>| -> Vec<bool> {
        trees.iter().flatten().filter_map(|tree| is_within(name, &tree.base)).collect()
    };
    let (permitted, excluded) =
        (matches(&constraints.permitted_subtrees), matches(&constraints.excluded_subtrees));
    !excluded.contains(&true) && (permitted.is_empty() || permitted.contains(&true))
}

/// Whether Go reads names of this kind.
pub(super) const fn is_supported(name: &GeneralName<'_>) -> bool {
    matches!(
        name,
        GeneralName::DNSName(_)
            | GeneralName::IPAddress(_)
            | GeneralName::RFC822Name(_)
            | GeneralName::URI(_)
    )
}

/// Whether Go reads all of these constraints.
pub(super) fn are_supported(constraints: &NameConstraints<'_>) -> bool {
    let trees = constraints.permitted_subtrees.iter().chain(&constraints.excluded_subtrees);
    trees.flatten().all(|tree| is_supported(&tree.base))
}

/// Whether a name is in a subtree; `None` if the subtree is for names of another kind.
fn is_within(name: &GeneralName<'_>, base: &GeneralName<'_>) -> Option<bool> {
    match (name, base) {
        (GeneralName::DNSName(name), GeneralName::DNSName(base)) => Some(is_below(name, base)),
        (GeneralName::IPAddress(address), GeneralName::IPAddress(base)) => Some(is_in_net(address, base)),
        (GeneralName::RFC822Name(address), GeneralName::RFC822Name(base)) => {
            let Some((_, domain)) = address.rsplit_once('@') else { return Some(false) };
            Some(if base.contains('@') { address == base } else { is_below(domain, base) })
        }
        (GeneralName::URI(uri), GeneralName::URI(base)) => {
            Some(host(uri).is_some_and(|host| is_below(host, base)))
        }
        _ => None,
    }
}

/// Whether a domain is the base or below it; a base with a leading dot stands for what is below alone.
fn is_below(domain: &str, base: &str) -> bool {
    let (domain, parent) = (domain.to_ascii_lowercase(), base.to_ascii_lowercase());
    if let Some(parent) = parent.strip_prefix('.') {
        return domain.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'));
    }
    parent.is_empty()
        || domain.strip_suffix(&parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether an address is in a net: address bytes, then as many bytes of a mask.
fn is_in_net(address: &[u8], net: &[u8]) -> bool {
    let (base, mask) = net.split_at(net.len() / 2);
    address.len() == base.len()
        && address.iter().zip(base).zip(mask).all(|((byte, base), mask)| byte & mask == base & mask)
}

/// The host of a URI.
fn host(uri: &str) -> Option<&str> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = host.split(':').next()?;
    (!host.is_empty()).then_some(host)
}

#[cfg(test)]
mod tests;
