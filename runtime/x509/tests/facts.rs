//! The facts of certificates, also of unusual ones.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests too")]

use certrotate_core::facts::{Attribute, Chain, PathFault, San, Usages};
use certrotate_core::time::WallTime;
use certrotate_x509::{CertChain, ClientCa, ReadError};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber,
};
use time::{Date, Month, OffsetDateTime};

use kit::{Authority, DAY, HOUR, Node, at, wall};

mod kit;

fn usages(change: impl FnOnce(&mut CertificateParams)) -> Usages {
    let pem = Node::new().issued(|leaf| {
        leaf.key_usages.clear();
        leaf.extended_key_usages.clear();
        change(leaf);
    });
    CertChain::read(pem.as_bytes(), None).expect("it is readable").1.usages
}

fn midnight(year: i32) -> OffsetDateTime {
    Date::from_calendar_date(year, Month::January, 1).unwrap().midnight().assume_utc()
}

#[test]
fn every_key_usage_is_read() {
    use KeyUsagePurpose as K;
    let known = [
        (K::DigitalSignature, Usages::DIGITAL_SIGNATURE),
        (K::ContentCommitment, Usages::CONTENT_COMMITMENT),
        (K::KeyEncipherment, Usages::KEY_ENCIPHERMENT),
        (K::DataEncipherment, Usages::DATA_ENCIPHERMENT),
        (K::KeyAgreement, Usages::KEY_AGREEMENT),
        (K::KeyCertSign, Usages::CERT_SIGN),
        (K::CrlSign, Usages::CRL_SIGN),
        (K::EncipherOnly, Usages::ENCIPHER_ONLY),
        (K::DecipherOnly, Usages::DECIPHER_ONLY),
    ];
    for (usage, expected) in known {
        assert_eq!(usages(|leaf| leaf.key_usages.push(usage)), expected);
    }
    let all = usages(|leaf| leaf.key_usages = known.map(|(usage, _)| usage).to_vec());
    assert_eq!(all, known.iter().fold(Usages::NONE, |set, (_, usage)| set.with(*usage)));
}

#[test]
fn every_extended_key_usage_is_read_including_unknown_ones() {
    use ExtendedKeyUsagePurpose as E;
    let known = [
        (E::Any, Usages::ANY),
        (E::ServerAuth, Usages::SERVER_AUTH),
        (E::ClientAuth, Usages::CLIENT_AUTH),
        (E::CodeSigning, Usages::CODE_SIGNING),
        (E::EmailProtection, Usages::EMAIL_PROTECTION),
        (E::TimeStamping, Usages::TIMESTAMPING),
        (E::OcspSigning, Usages::OCSP_SIGNING),
        (E::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 99]), Usages::OTHER),
    ];
    for (usage, expected) in known {
        let twice = vec![usage.clone(), usage];
        assert_eq!(usages(|leaf| leaf.extended_key_usages = twice), expected);
    }
    assert_eq!(usages(|_| {}), Usages::NONE);
}

#[test]
fn undefined_key_usage_bits_are_kept() {
    // A BIT STRING of nine bits and one more.
    let odd = CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![0x03, 0x03, 0x06, 0x80, 0x40]);
    let found = usages(|leaf| leaf.custom_extensions.push(odd));
    assert_eq!(found, Usages::DIGITAL_SIGNATURE.with(Usages::OTHER));
}

#[test]
fn every_kind_of_name_is_read() {
    let node = Node::new();
    let pem = node.issued(|leaf| {
        leaf.subject_alt_names = vec![
            SanType::DnsName("node-1.example".try_into().unwrap()),
            SanType::Rfc822Name("node@example".try_into().unwrap()),
            SanType::URI("spiffe://example".try_into().unwrap()),
            SanType::IpAddress([10, 0, 0, 1].into()),
            SanType::IpAddress(std::net::Ipv6Addr::LOCALHOST.into()),
            SanType::OtherName((vec![1, 2, 3], "x".into())),
        ];
    });
    let (_, facts) = CertChain::read(pem.as_bytes(), None).unwrap();
    let expected = [
        San::Dns("node-1.example".into()),
        San::Email("node@example".into()),
        San::Uri("spiffe://example".into()),
        San::Ip([10, 0, 0, 1].into()),
        San::Ip(std::net::Ipv6Addr::LOCALHOST.into()),
        San::Other,
    ];
    assert_eq!(facts.sans, expected);
}

#[test]
fn other_subject_attributes_are_read_with_their_type() {
    let node = Node::new();
    let pem = node.issued(|leaf| {
        leaf.distinguished_name = DistinguishedName::new();
        leaf.distinguished_name.push(DnType::CountryName, "CH");
        let wide = DnValue::BmpString("system:nodes".try_into().unwrap());
        leaf.distinguished_name.push(DnType::OrganizationName, wide);
        leaf.distinguished_name.push(DnType::CommonName, "");
    });
    let (_, facts) = CertChain::read(pem.as_bytes(), None).unwrap();
    assert_eq!((facts.subject.common_name.as_str(), facts.subject.organizations.len()), ("", 0));
    let unreadable =
        |oid: &str, text: Option<&str>| Attribute { oid: oid.into(), text: text.map(str::to_owned) };
    let others = [
        Attribute::new(Attribute::COUNTRY, "CH"),
        unreadable(Attribute::ORGANIZATION, None),
        unreadable(Attribute::COMMON_NAME, Some("")),
    ];
    assert_eq!(facts.subject.others, others);
}

#[test]
fn serial_and_summary_are_for_people() {
    let node = Node::new();
    let pem = node.issued(|leaf| leaf.serial_number = Some(SerialNumber::from(vec![0xfe, 0x01])));
    let (chain, _) = CertChain::read(pem.as_bytes(), None).unwrap();
    assert_eq!(chain.leaf_serial_hex(), "fe01");
    insta::assert_snapshot!(
        chain.leaf_summary(),
        @"serial fe01, O=system:nodes, CN=system:node:node-1, valid from 2026-11-24T11:55:00Z until 2026-11-24T13:00:00Z"
    );
}

#[test]
fn summary_has_the_leaf_validity_and_facts_have_the_narrowest() {
    let node = Node::new();
    let short = node.root.below("short", |ca| (ca.not_before, ca.not_after) = (at(-60), at(60)));
    let pem = node.issued_by(&short, |_| {}) + &short.pem();
    let (chain, facts) = CertChain::read(pem.as_bytes(), None).unwrap();
    let summary = chain.leaf_summary();
    assert_eq!((summary.not_before, summary.not_after), (wall(-300), wall(HOUR)));
    assert_eq!((facts.not_before, facts.not_after), (wall(-60), wall(60)));
}

#[test]
fn without_a_client_ca_no_path_is_looked_for() {
    let pem = Node::new().issued(|_| {});
    let (_, facts) = CertChain::read(pem.as_bytes(), None).unwrap();
    assert_eq!(facts.chain, Chain::Unchecked);
}

#[test]
fn ca_renewed_with_its_key_counts_with_both_validities() {
    let key = KeyPair::generate().unwrap();
    let again = || KeyPair::try_from(key.serialized_der()).unwrap();
    let old = Authority::root_with("root", |ca| ca.not_after = at(60), again());
    let new = Authority::root_with("root", |ca| ca.not_before = at(-30), again());
    let node = Node { root: old, ..Node::new() };
    let leaf = node.issued(|_| {});
    let file = format!("# old\n{}# new\n{}", node.root.pem(), new.pem());
    let ca = ClientCa::read(file.as_bytes()).unwrap();
    let (_, facts) = CertChain::read(leaf.as_bytes(), Some(&ca)).unwrap();
    assert_eq!(facts.chain, Chain::Trusted);
    assert_eq!((facts.not_before, facts.not_after), (wall(-300), wall(HOUR)));
}

#[test]
fn the_path_does_not_depend_on_the_present() {
    let node = Node::new();
    let ca = node.root.client_ca();
    for days in [-300, 300] {
        let pem =
            node.issued(|leaf| (leaf.not_before, leaf.not_after) = (at(days * DAY), at(days * DAY + 60)));
        assert_eq!(CertChain::read(pem.as_bytes(), Some(&ca)).unwrap().1.chain, Chain::Trusted);
    }
}

#[test]
fn times_far_away_are_read_without_a_panic() {
    let node = Node::new();
    let ca = node.root.client_ca();
    for (from, to) in [(1, 2), (1949, 1950), (1950, 1969), (1969, 2050), (2049, 2051), (9998, 9999)] {
        let pem = node.issued(|leaf| (leaf.not_before, leaf.not_after) = (midnight(from), midnight(to)));
        let (_, facts) = CertChain::read(pem.as_bytes(), None).expect("it is readable");
        let start = WallTime::from_unix_secs(midnight(from).unix_timestamp());
        let end = WallTime::from_unix_secs(midnight(to).unix_timestamp());
        assert_eq!((facts.not_before, facts.not_after), (start, end));
        let chain = CertChain::read(pem.as_bytes(), Some(&ca)).unwrap().1.chain;
        assert_eq!(chain, Chain::Trusted, "{from} to {to}");
    }
}

#[test]
fn an_unknown_critical_extension_is_the_reason() {
    let node = Node::new();
    let mut odd = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![0x05, 0x00]);
    odd.set_criticality(true);
    let pem = node.issued(|leaf| leaf.custom_extensions.push(odd));
    let (_, facts) = CertChain::read(pem.as_bytes(), Some(&node.root.client_ca())).unwrap();
    assert_eq!(facts.chain, Chain::Rejected(PathFault::CriticalExtension));
}

#[test]
fn repeated_or_malformed_extension_makes_certificate_unreadable() {
    let node = Node::new();
    let key_usage = |content: &[u8]| CustomExtension::from_oid_content(&[2, 5, 29, 15], content.to_vec());
    let twice = node.issued(|leaf| leaf.custom_extensions.push(key_usage(&[0x03, 0x02, 0x07, 0x80])));
    let broken = node.issued(|leaf| {
        leaf.key_usages.clear();
        leaf.custom_extensions.push(key_usage(&[0x03, 0x7f]));
    });
    for pem in [twice, broken] {
        assert_eq!(CertChain::read(pem.as_bytes(), None), Err(ReadError::Der { block: 1 }));
    }
}

#[test]
fn chain_is_written_anew_without_the_text_around_it() {
    let node = Node::new();
    let (leaf, root) = (node.issued(|_| {}), node.root.pem());
    let plain = format!("{leaf}{root}");
    let spaced = leaf.replace("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE----- ");
    let texts = [
        leaf.replace('\n', "\r\n") + "\n\n" + root.trim_end(),
        format!("subject=node\n{leaf}# issued by the corporate CA\n{root}end"),
        format!("{spaced}\t\n{root}"),
    ];
    for text in texts {
        let (chain, facts) = CertChain::read(text.as_bytes(), None).expect(&text);
        assert_eq!(str::from_utf8(chain.pem()), Ok(plain.replace('\r', "").as_str()), "{text}");
        assert_eq!(chain.ders().len(), 2);
        assert_eq!(facts.key, node.pending.key_digest());
    }
}

#[test]
fn blocks_that_client_go_skips_are_skipped() {
    let node = Node::new();
    let (leaf, root, key) = (node.issued(|_| {}), node.root.pem(), node.pending.key().to_pem());
    let headed = root.replacen("-----\n", "-----\nKey: Value\n\n", 1);
    let trusted = root.replace("CERTIFICATE", "TRUSTED CERTIFICATE");
    let (chain, _) = CertChain::read(format!("{headed}{trusted}{}{leaf}", *key).as_bytes(), None).unwrap();
    assert_eq!(str::from_utf8(chain.pem()), Ok(leaf.replace('\r', "").as_str()));
    assert_eq!(CertChain::read(headed.as_bytes(), None), Err(ReadError::Nothing));
    let ca = ClientCa::read(format!("{}{headed}{root}", *key).as_bytes()).unwrap();
    assert_eq!(format!("{ca:?}"), "ClientCa { certificates: 1, .. }");
}

#[test]
fn certificates_in_one_block_are_read_as_several() {
    let node = Node::new();
    let (chain, _) = CertChain::read((node.issued(|_| {}) + &node.root.pem()).as_bytes(), None).unwrap();
    let text = der_block(&chain.ders().iter().flat_map(|der| der.to_vec()).collect::<Vec<_>>());
    assert_eq!(CertChain::read(text.as_bytes(), None).map(|(read, _)| read), Ok(chain));
    let ca = ClientCa::read(text.as_bytes()).unwrap();
    assert_eq!(format!("{ca:?}"), "ClientCa { certificates: 2, .. }");
}

#[test]
fn unreadable_certificate_after_the_leaf_is_left_out() {
    let node = Node::new();
    let (leaf, garbage) = (node.issued(|_| {}), der_block(b"no certificate"));
    let text = format!("{leaf}{garbage}{}", node.root.pem());
    let (chain, facts) = CertChain::read(text.as_bytes(), Some(&node.root.client_ca())).unwrap();
    assert_eq!((chain.ders().len(), facts.chain), (2, Chain::Trusted));
    assert_eq!(CertChain::read((garbage + &leaf).as_bytes(), None), Err(ReadError::Der { block: 1 }));
}

fn der_block(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::prelude::BASE64_STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[test]
fn client_ca_file_without_a_readable_certificate_is_refused() {
    let (root, node) = (Authority::root("root").pem(), Node::new());
    let read = |text: &str| ClientCa::read(text.as_bytes()).map(|ca| format!("{ca:?}"));
    assert_eq!(read(&root.repeat(2)).as_deref(), Ok("ClientCa { certificates: 2, .. }"));
    assert_eq!(read("# nothing\n"), Err(ReadError::Nothing));
    assert_eq!(read(&root.repeat(257)), Err(ReadError::TooMany { most: 256 }));
    assert_eq!(read(&node.pending.key().to_pem()), Err(ReadError::Nothing));
    assert_eq!(read(&(root + &der_block(b"no certificate"))), Err(ReadError::Der { block: 2 }));
}
