use std::time::UNIX_EPOCH;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::Pem;

use super::*;
use crate::base::time::seconds_down;
use crate::signing::criteria::{KUBELET_CLIENT, LEGACY_UNKNOWN, Rules};
use crate::signing::signer::{Decision, LONG};
use crate::testing::{node_csr, strings};

const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn authority() -> Authority {
    Authority::create(now(), 24 * HOUR).unwrap()
}

/// Signs a node's request with these usages for as long as `signer` and the request say.
fn issued(signer: &str, usages: &[&str], requested: Option<i32>, policy: Policy) -> (Authority, Pem) {
    let mut csr = node_csr("foo", "u", &[]);
    crate::base::csr::push_condition(&mut csr, "Approved", "", "");
    csr.spec.signer_name = signer.to_owned();
    csr.spec.usages = Some(strings(usages));
    csr.spec.expiration_seconds = requested;
    let Decision::Sign(order) = signer::decide(&csr, Rules::of(signer).unwrap(), policy) else {
        panic!("{csr:?}");
    };
    let authority = authority();
    let text = issue(&authority, &order, policy, now(), &[]).unwrap();
    let blocks: Vec<_> = Pem::iter_from_buffer(text.as_bytes()).map(Result::unwrap).collect();
    assert_eq!(blocks.len(), 1, "the leaf only");
    (authority, blocks.into_iter().next().unwrap())
}

fn plain() -> Policy {
    Policy { longest: HOUR, backdate: Duration::ZERO, long: Duration::ZERO }
}

fn span(leaf: &X509Certificate<'_>) -> (i64, i64) {
    let start = seconds_down(now());
    let validity = leaf.validity();
    (validity.not_before.timestamp() - start, validity.not_after.timestamp() - start)
}

#[test]
fn sig_001_what_the_signer_without_promises_issues() {
    let policy = Policy { longest: HOUR, backdate: 5 * MINUTE, long: LONG };
    let usages = ["signing", "key encipherment", "server auth", "client auth"];
    let (authority, block) = issued(LEGACY_UNKNOWN, &usages, Some(3 * 3600), policy);
    let leaf = block.parse_x509().unwrap();
    assert_eq!(span(&leaf), (-300, 3600));
    assert_eq!(leaf.subject().to_string(), "O=system:nodes, CN=system:node:foo");
    let key_usage = leaf.key_usage().unwrap().unwrap().value;
    assert!(key_usage.digital_signature() && key_usage.key_encipherment());
    assert_eq!(key_usage.flags.count_ones(), 2);
    let extended = leaf.extended_key_usage().unwrap().unwrap().value;
    assert!(extended.server_auth && extended.client_auth && !extended.any && extended.other.is_empty());
    assert!(!leaf.basic_constraints().unwrap().unwrap().value.ca);
    assert_eq!(leaf.issuer().as_raw(), authority.subject());
}

#[test]
fn ca_001_a_certificate_names_its_authority_and_its_key() {
    let (authority, block) = issued(KUBELET_CLIENT, &["digital signature", "client auth"], None, plain());
    let leaf = block.parse_x509().unwrap();
    assert_eq!(span(&leaf), (0, 3600));
    let ca = Pem::iter_from_buffer(authority.pem().as_bytes()).next().unwrap().unwrap();
    let ca = ca.parse_x509().unwrap();
    leaf.verify_signature(Some(ca.public_key())).unwrap();
    let own = ca.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    });
    let named = leaf.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0),
        _ => None,
    });
    assert!(own.is_some() && own == named);
}

#[test]
fn serial_numbers_are_random_and_positive() {
    let serial = || {
        let (_, block) = issued(KUBELET_CLIENT, &["digital signature", "client auth"], None, plain());
        block.parse_x509().unwrap().raw_serial().to_vec()
    };
    let (one, other) = (serial(), serial());
    assert_ne!(one, other);
    assert!(one[0] & 0x80 == 0 && one.len() <= 17, "at most 128 bits");
}

#[test]
fn w44_an_ended_authority_issues_nothing_and_says_so() {
    let mut csr = node_csr("foo", "u", &[]);
    crate::base::csr::push_condition(&mut csr, "Approved", "", "");
    let Decision::Sign(order) = signer::decide(&csr, Rules::KubeletClient, plain()) else { panic!() };
    let late = now() + 25 * HOUR;
    let refused = issue(&authority(), &order, plain(), late, &[]).unwrap_err();
    assert!(matches!(refused, Unable::Ended { .. }), "{refused}");
}
