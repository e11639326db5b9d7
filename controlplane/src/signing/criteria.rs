//! The rules of each signer for a request (`pkg/apis/certificates/helpers.go`, `pkg/controller/certificates/signer/signer.go`):
//! one set of criteria for the approver, the signer and admission.

use crate::signing::pki::pkcs10::{AlternativeName, Request};

#[cfg(test)]
mod tests;

/// The signer of kubelet client certificates.
pub(crate) const KUBELET_CLIENT: &str = "kubernetes.io/kube-apiserver-client-kubelet";
/// The signer of kubelet serving certificates.
pub(crate) const KUBELET_SERVING: &str = "kubernetes.io/kubelet-serving";
/// The signer of other API clients.
pub(crate) const API_CLIENT: &str = "kubernetes.io/kube-apiserver-client";
/// The signer without promises; the v1 API takes no new requests for it.
pub(crate) const LEGACY_UNKNOWN: &str = "kubernetes.io/legacy-unknown";

/// Names under this are Kubernetes' own.
const RESERVED: &str = "kubernetes.io/";
const NODE_PREFIX: &str = "system:node:";

/// The rules of a signer for the subject, the names and the usages of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Rules {
    /// A node's client certificate: `O=system:nodes`, `CN=system:node:…`, no other name, client auth.
    KubeletClient,
    /// A node's serving certificate: the same subject, at least one DNS name or IP address, server auth.
    KubeletServing,
    /// Any client of the API: any subject and names, client auth and no server auth.
    ApiClient,
    /// Whatever was approved.
    Any,
}

impl Rules {
    /// The rules of a signer of Kubernetes' own; `None` for other names.
    #[must_use]
    pub fn of(signer: &str) -> Option<Self> {
        match signer {
            KUBELET_CLIENT => Some(Self::KubeletClient),
            KUBELET_SERVING => Some(Self::KubeletServing),
            API_CLIENT => Some(Self::ApiClient),
            LEGACY_UNKNOWN => Some(Self::Any),
            _ => None,
        }
    }

    /// Whether a signer may have this name and these rules: those of Kubernetes' own names are fixed.
    pub(crate) fn fit(self, signer: &str) -> Result<(), String> {
        match Self::of(signer) {
            Some(rules) if rules == self => Ok(()),
            Some(rules) => Err(format!("{signer} has rules of its own ({rules:?}); leave the rules out")),
            None if signer.starts_with(RESERVED) => {
                Err(format!("{signer:?} is no signer that Kubernetes knows; choose a domain of your own"))
            }
            None => Ok(()),
        }
    }

    /// The rule of `signer` that a request breaks, as kube-controller-manager words it.
    pub(crate) fn check(self, signer: &str, request: &Request, usages: &[String]) -> Result<(), String> {
        match self {
            Self::KubeletClient => node_client(request, usages).map_err(str::to_owned),
            Self::KubeletServing => node_serving(request, usages).map_err(str::to_owned),
            Self::ApiClient => api_client(signer, usages),
            Self::Any => Ok(()),
        }
    }
}

/// The node client criteria.
pub(crate) fn node_client(request: &Request, usages: &[String]) -> Result<(), &'static str> {
    use AlternativeName::{Dns, Email, Ip, Uri};
    node_organization(request)?;
    if let Some(name) = request.names.first() {
        return Err(match name {
            Dns(_) => "DNS subjectAltNames are not allowed",
            Email(_) => "Email subjectAltNames are not allowed",
            Ip(_) => "IP subjectAltNames are not allowed",
            Uri(_) => "URI subjectAltNames are not allowed",
        });
    }
    node_name(request)?;
    if usages_are(usages, "client auth") {
        Ok(())
    } else {
        Err("usages did not match [key encipherment digital signature client auth]")
    }
}

/// The node serving criteria.
fn node_serving(request: &Request, usages: &[String]) -> Result<(), &'static str> {
    use AlternativeName::{Dns, Email, Ip, Uri};
    node_organization(request)?;
    if !request.names.iter().any(|name| matches!(name, Dns(_) | Ip(_))) {
        return Err("DNS or IP subjectAltName is required");
    }
    if request.names.iter().any(|name| matches!(name, Email(_))) {
        return Err("Email subjectAltNames are not allowed");
    }
    if request.names.iter().any(|name| matches!(name, Uri(_))) {
        return Err("URI subjectAltNames are not allowed");
    }
    if !usages_are(usages, "server auth") {
        return Err("usages did not match [key encipherment digital signature server auth]");
    }
    node_name(request)
}

fn node_organization(request: &Request) -> Result<(), &'static str> {
    if request.organizations == ["system:nodes"] {
        Ok(())
    } else {
        Err("subject organization is not system:nodes")
    }
}

fn node_name(request: &Request) -> Result<(), &'static str> {
    // An empty node name passes, as in Kubernetes.
    if request.common_name.starts_with(NODE_PREFIX) {
        Ok(())
    } else {
        Err("subject common name does not begin with system:node: ")
    }
}

/// Digital signature and `auth`, perhaps key encipherment, and nothing else; in any order.
fn usages_are(usages: &[String], auth: &str) -> bool {
    let has = |usage: &str| usages.iter().any(|u| u == usage);
    let is_allowed = |u: &String| matches!(u.as_str(), "digital signature" | "key encipherment") || u == auth;
    usages.iter().all(is_allowed) && has("digital signature") && has(auth)
}

/// Client auth, and beside it only key usages of a client.
fn api_client(signer: &str, usages: &[String]) -> Result<(), String> {
    if !usages.iter().any(|u| u == "client auth") {
        return Err(format!("expected {signer:?} CSR to have \"client auth\" usage"));
    }
    let other = usages
        .iter()
        .find(|u| !matches!(u.as_str(), "client auth" | "digital signature" | "key encipherment"));
    other.map_or(Ok(()), |usage| Err(format!("unexpected usage {usage:?} for signer {signer:?}")))
}
