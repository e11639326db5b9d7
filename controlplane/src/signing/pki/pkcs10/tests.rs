use rcgen::SanType;

use super::*;
use crate::testing::request;

#[test]
fn subject_key_and_names_are_read() {
    let names = vec![
        SanType::DnsName("a.example".try_into().unwrap()),
        SanType::Rfc822Name("a@b.example".try_into().unwrap()),
        SanType::URI("spiffe://x".try_into().unwrap()),
        SanType::IpAddress("10.0.0.1".parse().unwrap()),
    ];
    let read = read(&request("someone", &["one", "two"], names)).unwrap();
    assert_eq!(read.common_name, "someone");
    assert_eq!(read.organizations, ["one", "two"]);
    let expected = [
        AlternativeName::Dns("a.example".to_owned()),
        AlternativeName::Email("a@b.example".to_owned()),
        AlternativeName::Uri("spiffe://x".to_owned()),
        AlternativeName::Ip(vec![10, 0, 0, 1]),
    ];
    assert_eq!(read.names, expected);
}

#[test]
fn a_request_changed_after_signing_is_refused() {
    let pem = request("system:node:aaaa", &["system:nodes"], vec![]);
    let mut der = Pem::iter_from_buffer(&pem).next().unwrap().unwrap().contents;
    let at = der.windows(4).position(|w| w == b"aaaa").unwrap();
    der[at] = b'b';
    let changed = crate::signing::pki::authority::pem(&der).replace("CERTIFICATE", "CERTIFICATE REQUEST");
    assert!(read(changed.as_bytes()).unwrap_err().contains("signature does not verify"));
}

#[test]
fn what_is_no_request_is_refused() {
    let pem = String::from_utf8(request("x", &[], vec![])).unwrap();
    let other = pem.replace("CERTIFICATE REQUEST", "CERTIFICATE");
    for bad in ["", "nonsense", &other, &pem[..pem.len() / 2]] {
        assert_eq!(read(bad.as_bytes()).unwrap_err(), "PEM block type must be CERTIFICATE REQUEST");
    }
    let empty = "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n";
    assert_eq!(read(empty.as_bytes()).unwrap_err(), "malformed certificate request");
}

#[test]
fn a_request_that_was_good_once_does_not_make_another_good() {
    let good = request("n", &["o"], vec![]);
    for _ in 0..2 {
        assert!(read(&good).is_ok());
    }
    let block = Pem::iter_from_buffer(&good).next().unwrap().unwrap();
    let mut der = block.contents;
    let last = der.len() - 1;
    der[last] ^= 1;
    let bent = crate::signing::pki::authority::pem(&der).replace("CERTIFICATE", "CERTIFICATE REQUEST");
    for _ in 0..2 {
        assert!(read(bent.as_bytes()).unwrap_err().contains("signature"));
    }
}
