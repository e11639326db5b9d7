//! Requests and objects for unit tests.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::ByteString;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

use crate::apiserver::access::authenticator::Authenticator;
use crate::apiserver::http::context::Context;
use crate::apiserver::store::objects::Store;
use crate::base::clock::Clock;
use crate::base::csr::Csr;
use crate::faults::handle::Faults;
use crate::signing::criteria::KUBELET_CLIENT;
use crate::signing::pki::authority::Authority;
use crate::statistics::requests::Recorder;

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

/// The CSR of a kubelet for `node`, as stored for the user with these groups.
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

/// The state of a control plane without TLS and without controllers.
pub(crate) fn context() -> Arc<Context> {
    let lifetime = Duration::from_secs(60 * 60);
    let authority = Authority::create(SystemTime::now(), lifetime).expect("the system gives random bytes");
    let store = Arc::new(Store::new(Vec::new(), 0, None));
    let (_, stop) = tokio::sync::watch::channel(false);
    Arc::new(Context {
        clock: Clock::system(),
        faults: Faults::new(Arc::<Store>::clone(&store)),
        store,
        leases: Arc::new(Store::new(Vec::new(), 0, None)),
        authenticator: Authenticator::new(authority.der()).expect("the authority is a trust anchor"),
        recorder: Recorder::default(),
        stop,
    })
}
