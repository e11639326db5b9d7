use k8s_openapi::ByteString;

use super::*;
use crate::ca::Authority;
use crate::testing::node_csr;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn issued(node: &str, end: u64) -> Csr {
    let authority = Authority::create(at(1000), Duration::from_secs(1_000_000)).unwrap();
    let nodes = ["system:nodes".to_owned()];
    let name = format!("system:node:{node}");
    let identity = authority.client_identity(&name, &nodes, (1000, i64::try_from(end).unwrap())).unwrap();
    let mut csr = node_csr(node, "u", &[]);
    let pem = identity.certificate.into_bytes();
    csr.status.get_or_insert_with(Default::default).certificate = Some(ByteString(pem));
    csr
}

#[test]
fn a_name_is_held_to_the_latest_end_of_its_certificates() {
    let names = Names::default();
    names.note(&issued("a", 2000), at(1000));
    names.note(&issued("a", 3000), at(1000));
    names.note(&issued("a", 2500), at(1000));
    assert_eq!(names.held_until("system:node:a"), Some(at(3000)));
    assert_eq!(names.held_until("system:node:b"), None);
}

#[test]
fn what_has_no_certificate_or_garbage_holds_nothing() {
    let names = Names::default();
    names.note(&node_csr("a", "u", &[]), at(1000));
    let mut csr = node_csr("a", "u", &[]);
    csr.status.get_or_insert_with(Default::default).certificate = Some(ByteString(b"garbage".to_vec()));
    names.note(&csr, at(1000));
    assert_eq!(names.held_until("system:node:a"), None);
}

#[test]
fn what_has_ended_does_not_gather() {
    let names = Names::default();
    for round in 0..50 {
        names.note(&issued(&format!("n{round}"), 2000 + round), at(2000 + round));
    }
    assert!(lock(&names.0).len() < 20, "{}", lock(&names.0).len());
}
