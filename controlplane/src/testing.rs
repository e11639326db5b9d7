//! Requests and objects for unit tests.

use k8s_openapi::ByteString;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

use crate::api::Csr;
use crate::criteria::KUBELET_CLIENT;

/// A PKCS#10 request, PEM, with at most two organisations.
pub(crate) fn request(common_name: &str, organizations: &[&str], names: Vec<SanType>) -> Vec<u8> {
    let mut subject = DistinguishedName::new();
    // rcgen keeps one value per attribute type; a second type of the same OID gives a second organisation.
    let types = [DnType::OrganizationName, DnType::CustomDnType(vec![2, 5, 4, 10])];
    for (kind, organization) in types.into_iter().zip(organizations) {
        subject.push(kind, *organization);
    }
    subject.push(DnType::CommonName, common_name);
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.subject_alt_names = names;
    let key = KeyPair::generate().expect("there is chance");
    let request = params.serialize_request(&key).expect("the parameters are complete");
    request.pem().expect("it is short").into_bytes()
}

/// What a kubelet asks for `node`, as stored for the user with these groups.
pub(crate) fn node_csr(node: &str, username: &str, groups: &[&str]) -> Csr {
    let mut csr = Csr::default();
    csr.metadata.name = Some(format!("csr-of-{node}"));
    csr.metadata.uid = Some("uid".to_owned());
    csr.metadata.resource_version = Some("1".to_owned());
    csr.spec.request = ByteString(request(&format!("system:node:{node}"), &["system:nodes"], vec![]));
    csr.spec.signer_name = KUBELET_CLIENT.to_owned();
    csr.spec.usages = Some(strings(&["digital signature", "client auth"]));
    csr.spec.username = Some(username.to_owned());
    csr.spec.groups = Some(strings(groups));
    csr
}

/// Owned strings.
pub(crate) fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|t| (*t).to_owned()).collect()
}
