//! Every bad certificate of invariant S2 ("only acceptable identities"), judged by core: the
//! refusal names the expected and the found values.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use certrotate_core::judge::Refusal;
use certrotate_x509::{CertChain, ReadError, SecretKey};
use insta::assert_snapshot;
use rcgen::{BasicConstraints, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};

use kit::{Authority, DAY, HOUR, Node, at, good, name, wall};

mod kit;

/// Why a chain cannot be read; core then calls it unreadable.
fn unreadable(node: &Node, pem: impl AsRef<[u8]>) -> ReadError {
    assert_eq!(node.judge(&pem), Err(Refusal::Unreadable));
    CertChain::read(pem.as_ref(), None).expect_err("it is refused")
}

fn der_block(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

#[test]
fn a_good_certificate_is_accepted() {
    let node = Node::new();
    let facts = node.judge(node.issued(|_| {})).expect("it is good");
    assert_eq!((facts.not_before, facts.not_after), (wall(-300), wall(HOUR)));
}

#[test]
fn key_encipherment_in_addition_is_accepted() {
    let node = Node::new();
    let pem = node.issued(|leaf| leaf.key_usages.push(KeyUsagePurpose::KeyEncipherment));
    assert!(node.judge(pem).is_ok());
}

#[test]
fn another_key_is_refused() {
    let node = Node::new();
    let other = SecretKey::generate().unwrap();
    let pem = node.root.issue(other.spki_der(), &good()).pem();
    let text = node.refused(pem).replace(&format!("{:.16}", other.digest()), "[theirs]");
    assert_snapshot!(text, @"it is for another key: expected SHA-256 [ours]…, found [theirs]…");
}

#[test]
fn another_node_is_refused_though_its_name_begins_with_ours() {
    let node = Node::new();
    let pem = node.issued(|leaf| leaf.distinguished_name = name("system:nodes", "system:node:node-10"));
    assert_snapshot!(node.refused(pem), @"its subject is wrong: expected O=system:nodes, CN=system:node:node-1, found O=system:nodes, CN=system:node:node-10");
}

#[test]
fn our_name_in_another_case_is_refused() {
    let node = Node::new();
    let pem = node.issued(|leaf| leaf.distinguished_name = name("system:nodes", "system:node:Node-1"));
    assert_snapshot!(node.refused(pem), @"its subject is wrong: expected O=system:nodes, CN=system:node:node-1, found O=system:nodes, CN=system:node:Node-1");
}

#[test]
fn another_group_is_refused() {
    let node = Node::new();
    let pem = node.issued(|leaf| leaf.distinguished_name = name("system:masters", "system:node:node-1"));
    assert_snapshot!(node.refused(pem), @"its subject is wrong: expected O=system:nodes, CN=system:node:node-1, found O=system:masters, CN=system:node:node-1");
}

#[test]
fn a_group_in_addition_is_refused() {
    let node = Node::new();
    // rcgen keeps one value for each type; the number is that of an organization too.
    let again = DnType::CustomDnType(vec![2, 5, 4, 10]);
    let pem = node.issued(|leaf| leaf.distinguished_name.push(again, "system:masters"));
    assert_snapshot!(node.refused(pem), @"its subject is wrong: expected O=system:nodes, CN=system:node:node-1, found O=system:nodes, O=system:masters, CN=system:node:node-1");
}

#[test]
fn a_second_common_name_is_refused() {
    let node = Node::new();
    let again = DnType::CustomDnType(vec![2, 5, 4, 3]);
    let pem = node.issued(|leaf| leaf.distinguished_name.push(again, "system:node:node-2"));
    assert_snapshot!(node.refused(pem), @"its subject is wrong: expected O=system:nodes, CN=system:node:node-1, found O=system:nodes, CN=system:node:node-2, CN=system:node:node-1");
}

#[test]
fn a_name_that_was_not_asked_for_is_refused() {
    let node = Node::new();
    let names = vec![
        SanType::DnsName("node-1.example".try_into().unwrap()),
        SanType::IpAddress([10, 0, 0, 1].into()),
        SanType::OtherName((vec![1, 2, 3], "x".into())),
    ];
    let pem = node.issued(|leaf| leaf.subject_alt_names = names);
    assert_snapshot!(node.refused(pem), @"its subject alternative names are wrong: expected none, found DNS:node-1.example, IP:10.0.0.1, another kind");
}

#[test]
fn a_missing_usage_is_refused() {
    let node = Node::new();
    assert_snapshot!(node.refused(node.issued(|leaf| leaf.key_usages.clear())), @"a usage is missing: expected digital signature, client auth, found client auth");
    assert_snapshot!(node.refused(node.issued(|leaf| leaf.extended_key_usages.clear())), @"a usage is missing: expected digital signature, client auth, found digital signature");
}

#[test]
fn a_usage_that_was_not_asked_for_is_refused() {
    let node = Node::new();
    let server = ExtendedKeyUsagePurpose::ServerAuth;
    assert_snapshot!(node.refused(node.issued(|leaf| leaf.extended_key_usages.push(server))), @"a usage was not requested: expected digital signature, client auth, found digital signature, server auth, client auth");
    let unknown = ExtendedKeyUsagePurpose::Other(vec![1, 2, 3]);
    assert_snapshot!(node.refused(node.issued(|leaf| leaf.extended_key_usages.push(unknown))), @"a usage was not requested: expected digital signature, client auth, found digital signature, client auth, other");
    let sign = KeyUsagePurpose::KeyCertSign;
    assert_snapshot!(node.refused(node.issued(|leaf| leaf.key_usages.push(sign))), @"a usage was not requested: expected digital signature, client auth, found digital signature, cert sign, client auth");
}

#[test]
fn a_ca_is_refused() {
    let node = Node::new();
    let pem = node.issued(|leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_snapshot!(node.refused(pem), @"it is a CA: expected basicConstraints CA:FALSE, found CA:TRUE");
}

#[test]
fn an_expired_certificate_is_refused() {
    let node = Node::new();
    let pem = node.issued(|leaf| (leaf.not_before, leaf.not_after) = (at(-HOUR), at(1)));
    assert_snapshot!(node.refused(pem), @"it has expired: expected an end after 2026-11-24T12:00:01Z (local clock), found 2026-11-24T12:00:01Z");
}

#[test]
fn a_certificate_that_is_not_valid_yet_is_refused() {
    let node = Node::new();
    let pem = node.issued(|leaf| leaf.not_before = at(2));
    assert_snapshot!(node.refused(pem), @"it is not valid yet: expected a start before 2026-11-24T12:00:01Z (local clock), found 2026-11-24T12:00:02Z");
}

#[test]
fn certificate_with_too_little_lifetime_left_is_refused() {
    // Judged with a start long before, as one is that was found rather than taken.
    let node = Node::new();
    let pem = node.issued(|leaf| (leaf.not_before, leaf.not_after) = (at(-HOUR), at(60)));
    let (_, facts) = CertChain::read(pem.as_bytes(), Some(&node.root.client_ca())).unwrap();
    let config = certrotate_core::config::ConfigSpec::new(node.pending.template().clone());
    let key = node.pending.key_digest();
    let refusal = certrotate_core::judge::judge_issued(
        &config,
        &key,
        &facts,
        wall(1),
        wall(-HOUR),
        certrotate_core::time::Span::ZERO,
    );
    assert_snapshot!(refusal.expect_err("it is refused"), @"it expires too soon: expected 6m6s at least of its lifetime of 1h1m, found 59s left; lifetime_left sets this limit");
}

#[test]
fn a_foreign_ca_is_refused_also_under_the_name_of_ours() {
    let node = Node::new();
    let foreign = Authority::root("root");
    assert_snapshot!(node.refused(node.issued_by(&foreign, |_| {})), @"it was issued by another CA: expected a path to the client CA, found none");
}

#[test]
fn chain_whose_only_trusted_certificate_is_not_the_leaf_is_refused() {
    let node = Node::new();
    let (foreign, ours) = (Authority::root("foreign"), node.root.below("intermediate", |_| {}));
    let decoy = node.issued(|_| {});
    let pem = [node.issued_by(&foreign, |_| {}), ours.pem(), decoy].concat();
    assert_snapshot!(node.refused(pem), @"it was issued by another CA: expected a path to the client CA, found none");
}

#[test]
fn an_answer_that_brings_its_own_root_is_refused() {
    let node = Node::new();
    let foreign = Authority::root("foreign");
    let pem = node.issued_by(&foreign, |_| {}) + &foreign.pem();
    assert_snapshot!(node.refused(pem), @"it was issued by another CA: expected a path to the client CA, found none");
}

#[test]
fn an_intermediate_counts_with_its_end() {
    let node = Node::new();
    let short = node.root.below("intermediate", |ca| ca.not_after = at(60));
    let facts = node.judge(node.issued_by(&short, |_| {}) + &short.pem()).expect("it is good for a minute");
    assert_eq!(facts.not_after, wall(60));
    let over = node.root.below("intermediate", |ca| ca.not_after = at(0));
    assert_snapshot!(node.refused(node.issued_by(&over, |_| {}) + &over.pem()), @"it has expired: expected an end after 2026-11-24T12:00:01Z (local clock), found 2026-11-24T12:00:00Z");
}

#[test]
fn root_expiry_counts_without_the_root_in_the_answer() {
    let mut node = Node::new();
    node.root = Authority::root_with("root", |ca| ca.not_after = at(60), KeyPair::generate().unwrap());
    let facts = node.judge(node.issued(|_| {})).expect("it is good for a minute");
    assert_eq!((facts.not_before, facts.not_after), (wall(-300), wall(60)));
    node.root = Authority::root_with("root", |ca| ca.not_after = at(0), KeyPair::generate().unwrap());
    assert_snapshot!(node.refused(node.issued(|_| {})), @"it has expired: expected an end after 2026-11-24T12:00:01Z (local clock), found 2026-11-24T12:00:00Z");
}

#[test]
fn a_missing_intermediate_is_refused() {
    let node = Node::new();
    let intermediate = node.root.below("intermediate", |_| {});
    assert_snapshot!(node.refused(node.issued_by(&intermediate, |_| {})), @"it was issued by another CA: expected a path to the client CA, found none");
}

#[test]
fn an_issuer_that_is_no_ca_is_refused() {
    let node = Node::new();
    let leaf = node.root.below("system:node:node-2", |ca| ca.is_ca = IsCa::NoCa);
    assert_snapshot!(node.refused(node.issued_by(&leaf, |_| {}) + &leaf.pem()), @"its path to the client CA is not accepted: expected CA:TRUE and keyCertSign in each issuer, found an issuer without");
}

#[test]
fn intermediate_without_cert_sign_is_refused_unless_a_path_avoids_it() {
    // RFC 5280, section 6.1.4 (n).
    let node = Node::new();
    let key = KeyPair::generate().unwrap();
    let signs_nothing = node.root.below_with("intermediate", &key, |ca| {
        ca.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    });
    let pem = node.issued_by(&signs_nothing, |_| {}) + &signs_nothing.pem();
    assert_snapshot!(node.refused(&pem), @"its path to the client CA is not accepted: expected CA:TRUE and keyCertSign in each issuer, found an issuer without");
    let proper = node.root.below_with("intermediate", &key, |_| {});
    assert!(node.judge(pem + &proper.pem()).is_ok());
}

#[test]
fn an_intermediate_without_key_usage_may_sign() {
    let node = Node::new();
    let free = node.root.below("intermediate", |ca| ca.key_usages.clear());
    assert!(node.judge(node.issued_by(&free, |_| {}) + &free.pem()).is_ok());
}

#[test]
fn bytes_after_the_certificate_are_refused() {
    let node = Node::new();
    let mut der = node.root.issue(node.spki(), &good()).der().to_vec();
    assert!(node.judge(der_block("CERTIFICATE", &der)).is_ok());
    der.push(0);
    assert_eq!(unreadable(&node, der_block("CERTIFICATE", &der)), ReadError::TrailingBytes { block: 1 });
}

#[test]
fn a_key_in_the_answer_is_never_kept() {
    let node = Node::new();
    let (leaf, key) = (node.issued(|_| {}), SecretKey::generate().unwrap().to_pem());
    for text in [format!("{leaf}{}", *key), format!("{}{leaf}", *key)] {
        assert!(node.judge(&text).is_ok());
        let (chain, _) = CertChain::read(text.as_bytes(), None).unwrap();
        assert!(!str::from_utf8(chain.pem()).unwrap().contains("PRIVATE"));
    }
}

#[test]
fn too_many_certificates_are_refused() {
    let node = Node::new();
    let (leaf, root) = (node.issued(|_| {}), node.root.pem());
    assert!(node.judge(leaf.clone() + &root.repeat(15)).is_ok());
    assert_eq!(unreadable(&node, leaf.clone() + &root.repeat(16)), ReadError::TooMany { most: 16 });
    assert_eq!(unreadable(&node, leaf + &root.repeat(60)), ReadError::TooMany { most: 16 });
}

#[test]
fn too_many_bytes_are_refused() {
    let node = Node::new();
    let leaf = node.issued(|_| {});
    let fill = |size: usize| leaf.clone() + &"\n".repeat(size - leaf.len());
    assert!(node.judge(fill(1024 * 1024)).is_ok());
    let large = ReadError::TooLarge { size: 1_048_577, most: 1_048_576 };
    assert_eq!(unreadable(&node, fill(1024 * 1024 + 1)), large);
}

#[test]
fn no_certificate_at_all_is_refused() {
    let node = Node::new();
    assert_eq!(unreadable(&node, ""), ReadError::Nothing);
    assert_eq!(unreadable(&node, "\r\n\n"), ReadError::Nothing);
    assert_eq!(unreadable(&node, der_block("CERTIFICATE", b"no DER")), ReadError::Der { block: 1 });
    let csr = node.pending.csr_pem();
    assert_eq!(unreadable(&node, csr), ReadError::Nothing);
    let cut = node.issued(|_| {});
    assert_eq!(unreadable(&node, &cut[..cut.len() - 3]), ReadError::Nothing);
}

#[test]
fn a_year_of_our_ca_is_enough_for_a_leaf_of_an_hour() {
    let node = Node::new();
    let intermediate = node.root.below("intermediate", |ca| ca.not_after = at(30 * DAY));
    let facts = node.judge(node.issued_by(&intermediate, |_| {}) + &intermediate.pem());
    assert_eq!(facts.map(|facts| facts.not_after), Ok(wall(HOUR)));
}
