//! Files whose first line and digest hold, but with other bytes than `encode` writes.

use certrotate_core::id::Generation;
use certrotate_core::time::WallTime;

use super::*;
use crate::error::{KeyError, ReadError};

fn key_text() -> Zeroizing<String> {
    SecretKey::generate().expect("the system has random bytes").to_pem()
}

fn certificate_text() -> String {
    let signer = rcgen::KeyPair::generate().expect("the system has random bytes");
    rcgen::CertificateParams::default().self_signed(&signer).expect("the defaults are good").pem()
}

fn refused(parts: &[&str]) -> Corrupt {
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    let file = header::seal(header::BUNDLE, Generation(1), WallTime::default(), &parts);
    decode(&file, None).expect_err("it is refused")
}

#[test]
fn the_one_key_is_last() {
    let (certificate, key) = (certificate_text(), key_text());
    assert_eq!(refused(&[&key, &certificate]), Corrupt::KeyBlock);
    assert_eq!(refused(&[&certificate]), Corrupt::KeyBlock);
    assert_eq!(refused(&[]), Corrupt::KeyBlock);
    assert_eq!(refused(&[&key]), Corrupt::Pem(ReadError::Nothing));
    assert!(matches!(refused(&[&certificate, &key, &key]), Corrupt::Pem(ReadError::Kind { .. })));
}

#[test]
fn a_key_that_is_not_pkcs_8_or_is_damaged_is_refused() {
    let (certificate, key) = (certificate_text(), key_text());
    let sec1 = key.replace("PRIVATE", "EC PRIVATE");
    assert_eq!(refused(&[&certificate, &sec1]), Corrupt::KeyBlock);
    let damaged = pem::write(pem::PKCS8_KEY, b"no key");
    assert_eq!(refused(&[&certificate, &damaged]), Corrupt::Key(KeyError::Unreadable));
}

#[test]
fn the_same_content_in_another_form_is_refused() {
    let (certificate, key) = (certificate_text(), key_text());
    assert_eq!(refused(&[&certificate, &key, "\n"]), Corrupt::Form);
    assert_eq!(refused(&[&certificate, &key.replace('\n', "\r\n")]), Corrupt::Form);
    assert_eq!(refused(&[&certificate, key.trim_end()]), Corrupt::Form);
}

#[test]
fn text_between_the_blocks_is_refused() {
    let (certificate, key) = (certificate_text(), key_text());
    assert!(matches!(refused(&[&certificate, "text\n", &key]), Corrupt::Pem(ReadError::Text { .. })));
}
