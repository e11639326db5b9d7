use rcgen::{CertificateParams, KeyPair};

use super::*;

/// A certificate, its key in PKCS#8, and the digest of that.
fn made() -> (String, String, SecretKey) {
    let signer = KeyPair::generate().expect("the system has random bytes");
    let certificate = CertificateParams::default().self_signed(&signer).expect("the defaults are good").pem();
    let key = SecretKey::from_pkcs8_der(&signer.serialize_der()).expect("it is a key");
    (certificate, key.to_pem().to_string(), key)
}

fn refused(certificates: &str, key: &str) -> PairError {
    read(certificates.as_bytes(), key.as_bytes(), None).expect_err("it is no pair")
}

#[test]
fn one_file_has_both_in_any_order_with_text_around_them() {
    let (certificate, pkcs8, key) = made();
    for text in [format!("{certificate}{pkcs8}"), format!("a line\n{pkcs8}between\n{certificate}after\n")] {
        let pair = read(text.as_bytes(), text.as_bytes(), None).expect("it is a pair");
        assert_eq!((pair.key.digest(), pair.facts.key), (key.digest(), key.digest()));
        assert_eq!(pair.chain.pem(), certificate.as_bytes(), "no text and no key is in the chain");
    }
}

#[test]
fn a_bundle_of_ours_is_a_pair_too() {
    let (certificate, _, key) = made();
    let (chain, _) = CertChain::read(certificate.as_bytes(), None).expect("it is a chain");
    let header = certrotate_core::disk::BundleHeader {
        generation: certrotate_core::id::Generation(7),
        issued: certrotate_core::time::WallTime::from_unix_secs(1),
    };
    let file = crate::bundle::encode(&chain, &key, header);
    let pair = read(&file, &file, None).expect("it is a pair");
    assert_eq!((pair.key.digest(), pair.chain), (key.digest(), chain));
}

#[test]
fn split_pair_has_certificates_in_the_first_file_only() {
    let (certificate, pkcs8, key) = made();
    let pair = read(certificate.as_bytes(), pkcs8.as_bytes(), None).expect("it is a pair");
    assert_eq!(pair.key.digest(), key.digest());
    assert_eq!(refused(&pkcs8, &certificate), PairError::NoCertificate);
}

#[test]
fn incomplete_pair_is_refused_with_the_missing_part() {
    let (certificate, pkcs8, _) = made();
    assert_eq!(refused("", &pkcs8), PairError::NoCertificate);
    assert_eq!(refused(&certificate, "no key"), PairError::NoKey);
    assert_eq!(refused(&certificate[..200], &pkcs8), PairError::NoCertificate);
    let damaged = pem::write(pem::PKCS8_KEY, b"no key");
    assert_eq!(refused(&certificate, &damaged), PairError::Key(KeyError::Unreadable));
    let full = pkcs8.clone() + &" ".repeat(MAX_TEXT - pkcs8.len());
    assert!(read(certificate.as_bytes(), full.as_bytes(), None).is_ok());
    let large = ReadError::TooLarge { size: MAX_TEXT + 1, most: MAX_TEXT };
    assert_eq!(refused(&certificate, &(full + " ")), PairError::Pem(large));
}

#[test]
fn label_and_headers_of_a_key_do_not_matter() {
    let (certificate, pkcs8, key) = made();
    let headed = pkcs8.replacen("-----\n", "-----\nKey: Value\n\n", 1);
    let renamed = pkcs8.replace("PRIVATE KEY", "EC PRIVATE KEY");
    let parameters =
        format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{pkcs8}");
    let headed_certificate = certificate.replacen("-----\n", "-----\nKey: Value\n\n", 1);
    for text in [headed, renamed, parameters] {
        for certificate in [&certificate, &headed_certificate] {
            let pair = read(certificate.as_bytes(), text.as_bytes(), None).expect(&text);
            assert_eq!((pair.key.digest(), pair.facts.key), (key.digest(), key.digest()), "{text}");
        }
    }
}

#[test]
fn pair_key_is_read_in_the_form_of_a_kubelet_or_openssl() {
    let (certificate, _, _) = made();
    for label in [pem::SEC1_KEY, pem::PKCS1_KEY] {
        let text = pem::write(label, b"no key");
        assert_eq!(refused(&certificate, &text), PairError::Key(KeyError::Unreadable), "{label} is tried");
    }
}

#[test]
fn every_error_says_what_is_missing() {
    let errors = [
        PairError::Pem(ReadError::TooLarge { size: 2, most: 1 }),
        PairError::NoCertificate,
        PairError::Certificates(ReadError::TooMany { most: 16 }),
        PairError::NoKey,
        PairError::Key(KeyError::Unreadable),
    ];
    insta::assert_snapshot!(errors.map(|error| error.to_string()).join("\n"));
}
