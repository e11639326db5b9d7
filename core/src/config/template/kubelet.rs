//! The two certificates of a kubelet. Only this file of core knows rules of Kubernetes.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::Template;
use crate::facts::{San, Usages};
use crate::time::Span;

/// `certificates.k8s.io` refuses less (Kubernetes `pkg/apis/certificates/validation/validation.go`).
const SHORTEST: Span = Span::from_secs(600);

impl Template {
    /// Returns the template of a node's client certificate, as the kubelet requests it: CN `system:node:NAME`,
    /// O `system:nodes`, digital signature and client auth (an EC key does not encipher), signer
    /// `kubernetes.io/kube-apiserver-client-kubelet` (Kubernetes `pkg/kubelet/certificate/kubelet.go`).
    #[must_use]
    pub fn kubelet_client(node: &str) -> Self {
        kubelet(node, "kubernetes.io/kube-apiserver-client-kubelet", Usages::CLIENT_AUTH)
    }

    /// Returns the template of a node's serving certificate, as the kubelet requests it: subject as
    /// [`Template::kubelet_client`], digital signature and server auth, signer `kubernetes.io/kubelet-serving`.
    ///
    /// Kubernetes demands a DNS name or an address, and refuses e-mail addresses and URIs (`pkg/apis/certificates/helpers.go`).
    #[must_use]
    pub fn kubelet_serving(node: &str, dns_names: &[&str], addresses: &[IpAddr]) -> Self {
        let names = dns_names.iter().map(|&name| San::Dns(String::from(name)));
        let sans = names.chain(addresses.iter().copied().map(San::Ip)).collect::<Vec<_>>();
        Self { sans, ..kubelet(node, "kubernetes.io/kubelet-serving", Usages::SERVER_AUTH) }
    }
}

fn kubelet(node: &str, signer: &str, purpose: Usages) -> Template {
    let mut common_name = String::from("system:node:");
    common_name.push_str(node);
    let template = Template::new(signer, Usages::DIGITAL_SIGNATURE.with(purpose));
    Template { shortest_duration: SHORTEST, ..template }
        .with_common_name(&common_name)
        .with_organization("system:nodes")
}
