//! Every seeded bug shows where the ordinary checks look, and only while it is chosen.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use std::fmt::Debug;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use certrotate_core::config::Template;
use certrotate_core::disk::BundleHeader;
use certrotate_core::id::Generation;
use certrotate_core::judge::Refusal;
use certrotate_core::time::WallTime;
use certrotate_seeded_bugs::{Bug, with};
use certrotate_x509::{CertChain, Corrupt, PendingRequest, SecretKey, bundle, pending};

use kit::{Authority, HOUR, Node, at, wall};

// The kit and these tests use the buggy build under the name of the shipped crate.
extern crate certrotate_x509_seeded as certrotate_x509;

#[path = "../../../runtime/x509/tests/kit/mod.rs"]
mod kit;

/// Asserts that `look` gives the right value without the bug, another with it, and the right one again afterwards.
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

/// A pending file with this key and request, with a first line that is right.
fn pending_file(key: &str, request: &str) -> Vec<u8> {
    let template = Template::kubelet_client("node-1");
    let right =
        pending::encode(&PendingRequest::make(&template).unwrap(), Generation(1), WallTime::default());
    let right = str::from_utf8(&right).unwrap();
    let (first, rest) = right.split_once('\n').unwrap();
    let (start, _) = first.split_at(first.find("sha256=").unwrap() + "sha256=".len());
    let lines = rest.split("-----END CERTIFICATE REQUEST-----\n").last().unwrap();
    let content = format!("{key}{request}{lines}");
    let digest =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("{start}{content}").as_bytes());
    let digits: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{start}{digits}\n{content}").into_bytes()
}

#[test]
fn x5_shows_with_the_request_of_another_key() {
    let request = || PendingRequest::make(&Template::kubelet_client("node-1")).unwrap();
    let (one, other) = (request(), request());
    let own = pending_file(&one.key().to_pem(), one.csr_pem());
    assert!(pending::decode(&own).is_ok());
    let mixed = pending_file(&one.key().to_pem(), other.csr_pem());
    shows(Bug::X5, &Some(Corrupt::RequestKey), || pending::decode(&mixed).err());
    assert!(with(Bug::X5, || pending::decode(&mixed)).is_ok());
}
