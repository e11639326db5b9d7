use super::*;
use crate::apiserver::kinds::csr::CSRS;
use crate::apiserver::kinds::lease::{LEASES, Lease};
use crate::base::csr::Csr;

fn csr(body: &[u8]) -> Result<Csr, String> {
    decode(&CSRS, body).and_then(|document| serde_json::from_value(document).map_err(|e| e.to_string()))
}

/// One length-delimited field.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(content);
    out
}

fn body(object: &[u8]) -> Vec<u8> {
    let kind = [field(1, b"certificates.k8s.io/v1"), field(2, b"CertificateSigningRequest")].concat();
    [MAGIC.to_vec(), field(1, &kind), field(2, object), field(3, b""), field(4, b"")].concat()
}

#[test]
fn an_approval_as_kubectl_sends_it_is_read() {
    let seconds = [&[1 << 3][..], &[0x80, 0x97, 0xad, 0x8e, 0x06]].concat();
    let condition = [
        field(1, b"Approved"),
        field(2, b"KubectlApprove"),
        field(3, &[b'm'; 200]),
        field(4, &seconds),
        field(5, b""),
        field(6, b"True"),
    ]
    .concat();
    let label = [field(1, b"key"), field(2, b"value")].concat();
    let meta =
        [field(1, b"node"), field(2, b""), field(5, b"uid"), field(6, b"7"), field(11, &label)].concat();
    let duration = [&[8 << 3][..], &[0x80, 0xa3, 0x05]].concat();
    let spec = [field(1, b"PEM"), field(5, b"client auth"), field(7, b"example.com/s"), duration].concat();
    let object = [field(1, &meta), field(2, &spec), field(3, &field(1, &condition))].concat();

    let csr = csr(&body(&object)).unwrap();
    assert_eq!(csr.metadata.name.as_deref(), Some("node"));
    assert_eq!(csr.metadata.generate_name, None);
    assert_eq!(csr.metadata.resource_version.as_deref(), Some("7"));
    assert_eq!(csr.metadata.labels.unwrap()["key"], "value");
    assert_eq!(csr.spec.request.0, b"PEM");
    assert_eq!(csr.spec.expiration_seconds, Some(86_400));
    let condition = &csr.status.unwrap().conditions.unwrap()[0];
    assert_eq!((condition.type_.as_str(), condition.status.as_str()), ("Approved", "True"));
    assert_eq!(condition.last_update_time.as_ref().unwrap().0.as_second(), 1_640_713_088);
    assert_eq!(condition.last_transition_time, None);
}

#[test]
fn a_body_cut_anywhere_is_refused_or_read_but_never_panics() {
    let spec = field(2, &field(7, b"example.com/s"));
    let whole = body(&spec);
    assert_eq!(csr(&whole).unwrap().spec.signer_name, "example.com/s");
    let refused = (0..whole.len()).filter(|end| csr(&whole[..*end]).is_err()).count();
    assert!(refused > MAGIC.len(), "{refused} of {} cuts were refused", whole.len());
}

#[test]
fn another_kind_is_refused() {
    let kind = [field(1, b"v1"), field(2, b"DeleteOptions")].concat();
    let body = [MAGIC.to_vec(), field(1, &kind)].concat();
    assert!(csr(&body).unwrap_err().contains("not certificates.k8s.io/v1"));
    assert!(csr(b"{}").unwrap_err().contains("magic"));
}

#[test]
fn a_lease_as_client_go_sends_it_is_read_with_its_microseconds() {
    let time = [&[1 << 3][..], &[0x80, 0x97, 0xad, 0x8e, 0x06], &[2 << 3], &[0xe8, 0x07]].concat();
    let spec = [field(1, b"me"), vec![2 << 3, 15], field(4, &time)].concat();
    let kind = [field(1, b"coordination.k8s.io/v1"), field(2, b"Lease")].concat();
    let object = [field(1, &field(3, b"kube-system")), field(2, &spec)].concat();
    let body = [MAGIC.to_vec(), field(1, &kind), field(2, &object)].concat();
    let lease: Lease = serde_json::from_value(decode(&LEASES, &body).unwrap()).unwrap();
    let spec = lease.spec.unwrap();
    assert_eq!((spec.holder_identity.as_deref(), spec.lease_duration_seconds), (Some("me"), Some(15)));
    assert_eq!(spec.renew_time.unwrap().0.subsec_nanosecond(), 1000);
    assert_eq!(lease.metadata.namespace.as_deref(), Some("kube-system"));
}

#[test]
fn an_access_review_and_the_options_of_a_deletion_are_read() {
    let api = crate::apiserver::kinds::review::REVIEWS
        .iter()
        .find(|api| api.kind.as_str() == "SelfSubjectAccessReview")
        .unwrap();
    let attributes =
        [field(2, b"create"), field(3, b"certificates.k8s.io"), field(5, b"certificatesigningrequests")];
    let kind = [field(1, b"authorization.k8s.io/v1"), field(2, b"SelfSubjectAccessReview")].concat();
    let object = field(2, &field(1, &attributes.concat()));
    let body = [MAGIC.to_vec(), field(1, &kind), field(2, &object)].concat();
    assert_eq!(decode(api, &body).unwrap()["spec"]["resourceAttributes"]["verb"], "create");
    let kind = [field(1, b"certificates.k8s.io/v1"), field(2, b"DeleteOptions")].concat();
    let object = [field(2, &field(1, b"some-uid")), field(5, b"All")].concat();
    let body = [MAGIC.to_vec(), field(1, &kind), field(2, &object)].concat();
    let options = delete_options(&body).unwrap();
    assert_eq!(
        (&options["preconditions"]["uid"], &options["dryRun"][0]),
        (&json!("some-uid"), &json!("All"))
    );
}
