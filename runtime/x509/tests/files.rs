//! Bundles and pending files.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use certrotate_core::config::Template;
use certrotate_core::disk::BundleHeader;
use certrotate_core::facts::{Attribute, Chain, San, Subject, Usages};
use certrotate_core::id::Generation;
use certrotate_core::time::{Span, WallTime};
use certrotate_x509::{
    CertChain, Corrupt, MAX_FILE, PendingHeader, PendingRequest, SecretKey, bundle, pending,
};
use proptest::prelude::*;

use kit::{NOW, Node};

mod kit;

const HEADER: BundleHeader = BundleHeader { generation: Generation(7), issued: NOW };

fn node_bundle(node: &Node) -> Vec<u8> {
    let (chain, _) = CertChain::read(node.issued(|_| {}).as_bytes(), None).unwrap();
    bundle::encode(&chain, node.pending.key(), HEADER).to_vec()
}

#[test]
fn a_bundle_is_read_back_as_it_was_written() {
    let node = Node::new();
    let pem = node.issued(|_| {}) + node.root.pem().trim_end();
    let ca = node.root.client_ca();
    let (chain, facts) = CertChain::read(pem.as_bytes(), Some(&ca)).unwrap();
    let file = bundle::encode(&chain, node.pending.key(), HEADER);
    let read = bundle::decode(&file, Some(&ca)).expect("our own bundle");
    assert_eq!((read.header, &read.chain, &read.facts), (HEADER, &chain, &facts));
    assert_eq!((read.facts.chain, read.key.pkcs8_der()), (Chain::Trusted, node.pending.key().pkcs8_der()));
    assert_eq!(bundle::encode(&read.chain, &read.key, read.header), file);
}

#[test]
fn the_first_line_of_a_bundle_names_its_generation_and_time() {
    let file = String::from_utf8(node_bundle(&Node::new())).unwrap();
    let line = file.lines().next().unwrap();
    assert!(line.starts_with("certrotate bundle v1 generation=7 issued=1795521600000 sha256="), "{line}");
    assert_eq!(file.lines().nth(1), Some("-----BEGIN CERTIFICATE-----"));
    assert!(file.ends_with("-----END PRIVATE KEY-----\n"));
}

#[test]
fn a_bundle_of_another_key_is_intact_and_core_refuses_it() {
    let node = Node::new();
    let (chain, facts) = CertChain::read(node.issued(|_| {}).as_bytes(), None).unwrap();
    let other = SecretKey::generate().unwrap();
    let read = bundle::decode(&bundle::encode(&chain, &other, HEADER), None).expect("intact");
    assert_eq!((read.key.digest(), read.facts.key), (other.digest(), facts.key));
    assert_ne!(read.key.digest(), read.facts.key);
}

#[test]
fn a_flipped_bit_anywhere_in_a_bundle_is_seen() {
    let file = node_bundle(&Node::new());
    every_flip(&file, |changed| bundle::decode(changed, None).is_err());
}

#[test]
fn a_flipped_bit_anywhere_in_a_pending_file_is_seen() {
    let file = pending::encode(&Node::new().pending, Generation(8), NOW);
    every_flip(&file, |changed| pending::decode(changed).is_err());
}

fn every_flip(file: &[u8], refused: impl Fn(&[u8]) -> bool) {
    let mut changed = file.to_vec();
    assert!(!refused(&changed));
    for at in 0..file.len() {
        for bit in 0..8 {
            changed[at] ^= 1 << bit;
            assert!(refused(&changed), "bit {bit} of byte {at}");
            changed[at] ^= 1 << bit;
        }
    }
}

#[test]
fn a_file_that_is_cut_anywhere_or_goes_on_is_seen() {
    let node = Node::new();
    let bundle = node_bundle(&node);
    let pending = pending::encode(&node.pending, Generation(8), NOW);
    for end in 0..bundle.len() {
        assert!(bundle::decode(&bundle[..end], None).is_err(), "bundle cut at {end}");
    }
    for end in 0..pending.len() {
        assert!(pending::decode(&pending[..end]).is_err(), "pending file cut at {end}");
    }
    assert_eq!(bundle::decode(&[&bundle[..], b"\n"].concat(), None).err(), Some(Corrupt::Digest));
    assert_eq!(pending::decode(&[&pending[..], b"\n"].concat()).err(), Some(Corrupt::Digest));
}

#[test]
fn one_kind_of_file_is_not_taken_for_the_other() {
    let node = Node::new();
    let pending = pending::encode(&node.pending, Generation(8), NOW);
    assert_eq!(bundle::decode(&pending, None).err(), Some(Corrupt::FirstLine));
    assert_eq!(pending::decode(&node_bundle(&node)).err(), Some(Corrupt::FirstLine));
}

#[test]
fn plain_pem_without_a_first_line_is_no_bundle() {
    let node = Node::new();
    let text = node.issued(|_| {}) + &node.pending.key().to_pem();
    assert_eq!(bundle::decode(text.as_bytes(), None).err(), Some(Corrupt::FirstLine));
    assert_eq!(bundle::decode(b"", None).err(), Some(Corrupt::Empty));
    assert_eq!(bundle::decode(&vec![0; MAX_FILE + 1], None).err(), Some(Corrupt::TooLarge));
}

#[test]
fn the_largest_chain_that_is_accepted_fits_into_a_bundle() {
    let node = Node::new();
    // A large extension in each of sixteen certificates, so that the chain has almost 64 KiB.
    let wide = |leaf: &mut rcgen::CertificateParams| {
        let content = vec![7; 2500];
        leaf.custom_extensions.push(rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], content));
    };
    let text = node.issued(wide).repeat(16);
    assert!((60 * 1024..64 * 1024).contains(&text.len()), "{}", text.len());
    let (chain, _) = CertChain::read(text.as_bytes(), None).unwrap();
    let file = bundle::encode(&chain, node.pending.key(), HEADER);
    assert!(file.len() <= MAX_FILE);
    assert_eq!(bundle::decode(&file, None).map(|read| read.chain), Ok(chain));
}

#[test]
fn debug_of_what_was_read_shows_no_key() {
    let node = Node::new();
    let read = bundle::decode(&node_bundle(&node), None).unwrap();
    let shown = format!("{read:?} {:?}", node.pending);
    let key = node.pending.key();
    let bytes = format!("{:?}", key.pkcs8_der());
    let hex: String = key.pkcs8_der().iter().map(|byte| format!("{byte:02x}")).collect();
    for secret in [key.to_pem().lines().nth(1).unwrap(), &bytes[1..bytes.len() - 1], &hex] {
        assert!(!shown.contains(secret));
    }
}

#[test]
fn the_lines_of_a_pending_file_are_plain_text() {
    let mut template = Template::kubelet_client("node-1");
    template.duration = Some(Span::from_hours(24));
    let request = PendingRequest::make(&template).unwrap();
    let file = String::from_utf8(pending::encode(&request, Generation(8), NOW).to_vec()).unwrap();
    assert!(file.starts_with("certrotate pending v1 generation=8 made=1795521600000 sha256="));
    assert!(file.contains(request.csr_pem()));
    let (_, lines) = file.split_once("-----END CERTIFICATE REQUEST-----\n").unwrap();
    insta::assert_snapshot!(lines, @r"
    signer: kubernetes.io/kube-apiserver-client-kubelet
    usages: digital signature, client auth
    expiration-seconds: 86400
    ");
}

fn sans() -> impl Strategy<Value = San> {
    prop_oneof![
        "[ -~]{0,20}".prop_map(San::Dns),
        "[ -~]{0,20}".prop_map(San::Email),
        "[ -~]{0,20}".prop_map(San::Uri),
        any::<std::net::IpAddr>().prop_map(San::Ip),
    ]
}

fn templates() -> impl Strategy<Value = Template> {
    let types = [Attribute::ORGANIZATIONAL_UNIT, Attribute::LOCALITY, "1.2.3.4"];
    let other = (prop::sample::select(types.to_vec()), "\\PC{1,40}")
        .prop_map(|(oid, text): (&str, String)| Attribute::new(oid, &text));
    let subject =
        ("\\PC{0,40}", prop::collection::vec("\\PC{1,40}", 0..4), prop::collection::vec(other, 0..4));
    let usages = prop::collection::vec(prop::sample::select(Usages::ALL), 0..17);
    let duration = prop::option::of(0..=i32::MAX as u64);
    (subject, prop::collection::vec(sans(), 0..5), usages, "\\PC{0,60}", duration).prop_map(
        |((common_name, organizations, others), sans, usages, signer, duration)| Template {
            subject: Subject { common_name, organizations, others },
            sans,
            duration: duration.map(Span::from_secs),
            ..Template::new(&signer, usages.iter().fold(Usages::NONE, |set, (usage, _)| set.with(*usage)))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_pending_file_is_read_back_as_it_was_written(
        template in templates(), generation: u32, made: i64,
    ) {
        let request = PendingRequest::make(&template).unwrap();
        let (generation, made) = (Generation(generation), WallTime::from_unix_ms(made));
        let file = pending::encode(&request, generation, made);
        let (header, read) = pending::decode(&file).expect("our own file");
        prop_assert_eq!(header, PendingHeader { generation, made });
        prop_assert_eq!(read.template(), &template);
        prop_assert_eq!((read.csr_pem(), read.request()), (request.csr_pem(), request.request()));
        prop_assert_eq!(read.key().pkcs8_der(), request.key().pkcs8_der());
    }
}
