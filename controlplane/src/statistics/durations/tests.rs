use std::time::UNIX_EPOCH;

use k8s_openapi::ByteString;

use super::*;
use crate::signing::criteria::KUBELET_CLIENT;
use crate::signing::pki::authority::Authority;
use crate::testing::node_csr;

const START: i64 = 1_700_000_000;

/// A request for so many seconds, unissued.
fn asked(signer: &str, seconds: Option<i32>) -> Csr {
    let mut csr = node_csr("n", "u", &[]);
    csr.spec.signer_name = signer.to_owned();
    csr.spec.expiration_seconds = seconds;
    csr
}

fn with(csr: &Csr, pem: &str) -> Csr {
    let mut new = csr.clone();
    new.status.get_or_insert_with(Default::default).certificate = Some(ByteString(pem.into()));
    new
}

/// A certificate that lives so many seconds.
fn living(seconds: i64) -> String {
    let now = UNIX_EPOCH + Duration::from_secs(START as u64);
    let authority = Authority::create(now, Duration::from_secs(1_000_000)).unwrap();
    authority.client_identity("u", &[], (START, START + seconds)).unwrap().certificate
}

fn counts(old: &Csr, new: &Csr) -> Vec<(String, u64, u64)> {
    let mut durations = Durations::default();
    durations.changed(old, new);
    durations.0.into_iter().map(|(label, counts)| (label, counts.requested, counts.honored)).collect()
}

#[test]
fn durations_are_counted_and_compared_as_kubernetes_does() {
    let kubelet = || KUBELET_CLIENT.to_owned();
    let other = || OTHER.to_owned();
    let table = [
        ("REG-010", "example.com/x", 3600, "garbage".to_owned(), other(), 0),
        ("REG-011", KUBELET_CLIENT, 3600, living(3600), kubelet(), 1),
        ("REG-012", "example.com/x", 3600, living(3600), other(), 1),
        ("REG-014", "example.com/x", 3600, living(66 * 60), other(), 1),
        ("REG-016", "example.com/x", 1000, living(650), other(), 0),
        ("REG-018", "example.com/x", 1000, living(1350), other(), 0),
        ("just within", "example.com/x", 1000, living(1349), other(), 1),
    ];
    for (id, signer, wanted, pem, label, honored) in table {
        let old = asked(signer, Some(wanted));
        assert_eq!(counts(&old, &with(&old, &pem)), [(label, 1, honored)], "{id}");
    }
}

#[test]
fn only_the_first_certificate_of_a_request_with_a_duration_counts() {
    let (one, other) = (living(3600), living(7200));
    let old = asked(KUBELET_CLIENT, Some(3600));
    assert_eq!(counts(&with(&old, &one), &with(&old, &other)), []);
    assert_eq!(counts(&old, &old), []);
    let without = asked(KUBELET_CLIENT, None);
    assert_eq!(counts(&without, &with(&without, &one)), []);
}
