//! Every seeded bug shows where the ordinary checks look, and only while it is chosen. (`X5` needs a file that
//! only the crate itself can write; it is in `src/pending/tests.rs`.)
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use std::fmt::Debug;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use certrotate_core::disk::BundleHeader;
use certrotate_core::id::Generation;
use certrotate_core::judge::Refusal;
use certrotate_x509::seeded::{Bug, with};
use certrotate_x509::{CertChain, SecretKey, bundle, pending};

use kit::{Authority, HOUR, Node, at, wall};

mod kit;

/// That `look` gives this one thing as it should be and another with the bug, and the first again after that.
fn shows<T: PartialEq + Debug>(bug: Bug, right: &T, look: impl Fn() -> T) {
    assert_eq!(&look(), right, "without {bug:?}");
    assert_ne!(&with(bug, &look), right, "with {bug:?}");
    assert_eq!(&look(), right, "after {bug:?}");
}

fn der_block(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

#[test]
fn b24_shows_with_a_decoy_of_our_ca() {
    let node = Node::new();
    let foreign = Authority::root("foreign");
    let pem = node.issued_by(&foreign, |_| {}) + &node.issued(|_| {});
    shows(Bug::B24, &true, || matches!(node.judge(&pem), Err(Refusal::Chain { .. })));
}

#[test]
fn b25_shows_with_a_root_in_the_answer() {
    let node = Node::new();
    let foreign = Authority::root("foreign");
    let pem = node.issued_by(&foreign, |_| {}) + &foreign.pem();
    shows(Bug::B25, &true, || matches!(node.judge(&pem), Err(Refusal::Chain { .. })));
    let other = node.issued_by(&foreign, |_| {}) + &Authority::root("a third").pem();
    assert!(with(Bug::B25, || node.judge(&other)).is_err(), "the root must be the leaf's");
}

#[test]
fn x1_shows_with_an_intermediate_that_ends_before_the_leaf() {
    let node = Node::new();
    let short = node.root.below("intermediate", |ca| ca.not_after = at(60));
    let pem = node.issued_by(&short, |_| {}) + &short.pem();
    let end = || CertChain::read(pem.as_bytes(), None).unwrap().1.not_after;
    shows(Bug::X1, &wall(60), end);
    assert_eq!(with(Bug::X1, end), wall(HOUR));
}

#[test]
fn x2_shows_with_a_byte_after_the_certificate() {
    let node = Node::new();
    let chain = CertChain::read(node.issued(|_| {}).as_bytes(), None).unwrap().0;
    let long = der_block("CERTIFICATE", &[&chain.ders()[0], &[0][..]].concat());
    shows(Bug::X2, &true, || CertChain::read(long.as_bytes(), None).is_err());
}

#[test]
fn x3_shows_with_a_changed_first_line() {
    let node = Node::new();
    let chain = CertChain::read(node.issued(|_| {}).as_bytes(), None).unwrap().0;
    let header = BundleHeader { generation: Generation(7), issued: wall(0) };
    let bytes = bundle::encode(&chain, node.pending.key(), header);
    let changed = String::from_utf8(bytes.to_vec()).unwrap().replace("generation=7", "generation=8");
    shows(Bug::X3, &true, || bundle::decode(changed.as_bytes(), None).is_err());
    let bytes = pending::encode(&node.pending, Generation(7), wall(0));
    let changed = String::from_utf8(bytes.to_vec()).unwrap().replace("generation=7", "generation=8");
    shows(Bug::X3, &true, || pending::decode(changed.as_bytes()).is_err());
}

#[test]
fn x4_shows_with_two_keys() {
    let keys = [SecretKey::generate().unwrap(), SecretKey::generate().unwrap()];
    let text = keys[0].to_pem().to_string() + &keys[1].to_pem();
    shows(Bug::X4, &true, || SecretKey::from_pem(text.as_bytes()).is_err());
}
